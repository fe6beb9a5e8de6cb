/** The library's losses against formulas written out by hand, in f64. */

import { expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at } from "../../grammar/invariant.js";
import { fixedNumbers } from "../ops/sample-graph.js";
import { graphsOf } from "./train-steps.js";

const batch = 4;
const side = 2;
const perRecord = 3 * side * side;
const image = fixedNumbers(batch * perRecord);
const kinds = [2, 0, 1, 2];
const scale = 0.7;

/** The loss of `y = 0.7 * image`, f32[4, 3, 2, 2], or of its `logits`, the means f32[4, 3]. */
function lossOf(loss: string): number {
  const graph = graphsOf({
    model: `
block Net() {
  in image: f32[B, 3, H, W]
  out y: f32[B, 3, H, W]
  out logits: f32[B, 3]
  weight scale: f32[] = 1
  y = image * scale
  logits = mean(y, axes: [2, 3])
}`,
    loss,
    side,
    batch,
  }).get("main/grad.onnx");
  if (graph === undefined) throw new Error("there is no graph of gradients");
  const given: Readonly<Record<string, readonly number[]>> = {
    "field:image": image,
    "field:kind": kinds,
    "model.scale": [scale],
  };
  const inputs = graph.inputs.map(({ name, value }) => {
    const shape = boundShape(value.type.shape);
    return [
      name,
      ndarray(value.type.dtype, shape, given[name] ?? fixedNumbers(countOf(shape))),
    ] as const;
  });
  const results = interpret(graph, new Map(inputs));
  const numberOf = (name: string): number => results.get(name)?.data[0] ?? NaN;
  return numberOf("sum:total") / numberOf("weight:total");
}

const y = image.map((x) => scale * x);
const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const recordsOf = (values: readonly number[]): readonly (readonly number[])[] =>
  [0, 1, 2, 3].map((r) => values.slice(r * perRecord, (r + 1) * perRecord));
const logits = recordsOf(y).map((record) =>
  [0, 1, 2].map((c) => mean(record.slice(c * side * side, (c + 1) * side * side))),
);
const logProbabilities = logits.map((row) => {
  const total = Math.log(sum(row.map(Math.exp)));
  return row.map((x) => x - total);
});

/** PyTorch's definition: the sum over the records divided by the weights of their labels. */
function crossEntropy(weights: readonly number[], smoothing: number, ignore: number): number {
  const counted = [0, 1, 2, 3].filter((r) => kinds[r] !== ignore);
  const values = counted.map((r) => {
    const [row, label] = [at(logProbabilities, r), at(kinds, r)];
    const even = sum(row.map((x, c) => -x * at(weights, c))) / row.length;
    return (1 - smoothing) * at(weights, label) * -at(row, label) + smoothing * even;
  });
  return sum(values) / sum(counted.map((r) => at(weights, at(kinds, r))));
}

test.each([
  { settings: "", weights: [1, 1, 1], smoothing: 0, ignore: -1 },
  { settings: ", smoothing: 0.2", weights: [1, 1, 1], smoothing: 0.2, ignore: -1 },
  { settings: ", ignore: 2", weights: [1, 1, 1], smoothing: 0, ignore: 2 },
  { settings: ", weights: [1, 0.5, 3]", weights: [1, 0.5, 3], smoothing: 0, ignore: -1 },
  {
    settings: ", weights: [1, 0.5, 3], smoothing: 0.1, ignore: 0",
    weights: [1, 0.5, 3],
    smoothing: 0.1,
    ignore: 0,
  },
])("cross_entropy$settings", ({ settings, weights, smoothing, ignore }) => {
  expect(lossOf(`losses.cross_entropy(logits, kind${settings})`)).toBeCloseTo(
    crossEntropy(weights, smoothing, ignore),
    10,
  );
});

const distances = image.map((x) => Math.abs(scale * x - x));
const masks = image.map((x) => (x > 0 ? 1 : 0));
const overlaps = [0, 1, 2, 3].map((r) => {
  const [p, t] = [at(recordsOf(y.map(sigmoid)), r), at(recordsOf(masks), r)];
  return { common: sum(p.map((x, i) => x * at(t, i))), p: sum(p), t: sum(t) };
});

test.each([
  ["losses.mse(y, image)", mean(distances.map((d) => d * d))],
  ["losses.mae(y, image)", mean(distances)],
  [
    "losses.huber(y, image, delta: 0.2)",
    mean(distances.map((d) => (d < 0.2 ? d * d * 0.5 : 0.2 * (d - 0.1)))),
  ],
  [
    "losses.smooth_l1(y, image, beta: 0.2)",
    mean(distances.map((d) => (d < 0.2 ? (d * d * 0.5) / 0.2 : d - 0.1))),
  ],
  [
    "losses.focal(y, image > 0, alpha: 0.3, gamma: 1.5)",
    mean(
      y.map((x, i) => {
        const t = at(masks, i);
        const p = t === 1 ? sigmoid(x) : 1 - sigmoid(x);
        return (t === 1 ? 0.3 : 0.7) * (1 - p) ** 1.5 * -Math.log(p);
      }),
    ),
  ],
  [
    "losses.dice(y, image > 0, smooth: 0.5)",
    mean(overlaps.map(({ common, p, t }) => 1 - (2 * common + 0.5) / (p + t + 0.5))),
  ],
  [
    "losses.iou(y, image > 0, smooth: 0.5)",
    mean(overlaps.map(({ common, p, t }) => 1 - (common + 0.5) / (p + t - common + 0.5))),
  ],
  [
    "losses.kl_gaussian(y, image)",
    sum(image.map((v, i) => 0.5 * (at(y, i) ** 2 + Math.exp(v) - 1 - v))) / batch,
  ],
  [
    "losses.kl_divergence(log_softmax(logits), one_hot(kind, depth: 3, dtype: f32) * 0.75 + 0.25 * softmax(logits))",
    sum(
      logProbabilities.flatMap((row, r) =>
        row.map((logq, c) => {
          const p = (at(kinds, r) === c ? 0.75 : 0) + 0.25 * Math.exp(logq);
          return p * (Math.log(p) - logq);
        }),
      ),
    ) / batch,
  ],
  [
    "losses.kl_divergence(log_softmax(logits), one_hot(kind, depth: 3, dtype: f32))",
    mean(logProbabilities.map((row, r) => -at(row, at(kinds, r)))),
  ],
] as const)("%s", (loss, expected) => {
  expect(distances.some((d) => d < 0.2) && distances.some((d) => d > 0.2)).toBe(true);
  expect(lossOf(loss)).toBeCloseTo(expected, 10);
});
