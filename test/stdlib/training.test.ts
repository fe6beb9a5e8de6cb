/** What the graphs of a small program compute, against formulas written out by hand. */

import { describe, expect, it } from "vitest";
import { createHost } from "../../cli/host.js";
import { analyze } from "../../compiler/compile.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { fixedNumbers } from "../ops/sample-graph.js";

const batch = 4;
const side = 6;

/** Normalizes pictures of three channels, averages them and adds them up with one weight per channel. */
const program = (optimizer: string): string => `
import { BatchNorm2d, Linear } from "saic:layers"
import { adamw, sgd } from "saic:optimizers"

dataset Pictures {
  source: synthetic(shapes, count: 64, size: ${side}, classes: [ring, disc], seed: 1)
  field image: image() -> u8[3, ${side}, ${side}]
  split random { train: 50%  val: 50%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: ${batch}  shuffle: true  last: drop }
}

block Net() {
  in  image: f32[B, 3, H, W]
  out y: f32[B]
  y = image |> BatchNorm2d(momentum: 0.3) as norm |> mean(axes: [2, 3]) |> Linear(1) as head |> squeeze(axis: 1)
}

train tiny {
  model: Net()
  data:  Pictures
  loss { total = average(y) }
  optimizer: ${optimizer}
  stage main for 1 epochs { }
}
`;

function graphsOf(optimizer: string): ReadonlyMap<string, Graph> {
  const source = createSource("tiny.pipe", program(optimizer));
  const { diagnostics, lowered } = analyze(source, createHost(), { overrides: [], train: null });
  expect(diagnostics).toEqual([]);
  return lowered?.graphs ?? new Map();
}

type Numbers = Readonly<Record<string, readonly number[]>>;

/** Runs the graph in `file`; inputs that are not given are filled with fixed numbers. */
function runGraph(graphs: ReadonlyMap<string, Graph>, file: string, given: Numbers): Numbers {
  const graph = graphs.get(file);
  if (graph === undefined) throw new Error(`no ${file} among ${[...graphs.keys()].join(", ")}`);
  const inputs = graph.inputs.map(({ name, value }) => {
    const shape = boundShape(value.type.shape);
    const numbers = given[name] ?? fixedNumbers(countOf(shape));
    return [name, ndarray(value.type.dtype, shape, numbers)] as const;
  });
  const results = interpret(graph, new Map(inputs));
  return Object.fromEntries([...results].map(([name, { data }]) => [name, [...data]]));
}

const close = (actual: readonly number[] | undefined, expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual?.[i]).toBeCloseTo(value, 10);
};

describe("a loss", () => {
  it("is the mean over the records, and so is its gradient", () => {
    const graphs = graphsOf("sgd(lr: 0.1)");
    const pixels = fixedNumbers(batch * 3 * side * side);
    const results = runGraph(graphs, "main/grad.onnx", {
      "field:image": pixels,
      "model.head.bias": [2],
    });
    close(results["weight:total"], [batch]);
    // The head's bias adds to every record alike, and a normalized channel has mean `bias`.
    close(results["gradient:model.head.bias"], [1]);
    const mean = runGraph(graphs, "main/grad.onnx", {
      "field:image": pixels,
      "model.head.bias": [5],
    });
    const [before = NaN, after = NaN] = [results["sum:total"]?.[0], mean["sum:total"]?.[0]];
    expect(after - before).toBeCloseTo(3 * batch, 10);
  });
});

describe("batch normalization", () => {
  it("moves its running statistics by the mean and the unbiased variance", () => {
    const pixels = fixedNumbers(batch * 3 * side * side);
    const results = runGraph(graphsOf("sgd(lr: 0.1)"), "main/grad.onnx", {
      "field:image": pixels,
      "model.norm.running_mean": [1, 2, 3],
      "model.norm.running_var": [4, 5, 6],
      "model.norm.num_batches_tracked": [7],
    });
    const area = side * side;
    const channels = [0, 1, 2].map((c) => pixels.filter((_, i) => Math.floor(i / area) % 3 === c));
    const means = channels.map((x) => x.reduce((sum, v) => sum + v, 0) / x.length);
    const variances = channels.map(
      (x, c) => x.reduce((sum, v) => sum + (v - at(means, c)) ** 2, 0) / (x.length - 1),
    );
    close(
      results["next:model.norm.running_mean"],
      means.map((mean, c) => 0.7 * (c + 1) + 0.3 * mean),
    );
    close(
      results["next:model.norm.running_var"],
      variances.map((variance, c) => 0.7 * (c + 4) + 0.3 * variance),
    );
    expect(results["next:model.norm.num_batches_tracked"]).toEqual([8]);
  });
});

/** Applies an optimizer three times to one parameter of three elements, with slots from zero. */
function updates(optimizer: string, slots: readonly string[], lr: number): readonly Numbers[] {
  const graphs = graphsOf(optimizer);
  const path = "model.norm.weight";
  let state: Numbers = {
    [path]: [1, -2, 0.5],
    ...Object.fromEntries(slots.map((slot) => [`${path}/${slot}`, [0, 0, 0]])),
  };
  return [1, 2, 3].map((step) => {
    const results = runGraph(graphs, "main/apply.onnx", {
      ...state,
      [`gradient:${path}`]: gradientAt(step),
      "schedule:lr": [lr],
      "count:0": [step],
    });
    state = Object.fromEntries(
      Object.keys(state).map((name) => [name, results[`next:${name}`] ?? []]),
    );
    return state;
  });
}

const gradientAt = (step: number): readonly number[] => [0.5 * step, -1, 0.25 - step];

describe("adamw", () => {
  it("decays, averages and corrects as Loshchilov and Hutter (2019) say", () => {
    const [lr, decay, b1, b2, eps] = [0.1, 0.2, 0.8, 0.95, 1e-3];
    const states = updates(
      `adamw(lr: ${lr}, betas: [${b1}, ${b2}], eps: ${eps}, weight_decay: ${decay})`,
      ["exp_avg", "exp_avg_sq"],
      lr,
    );
    for (const i of [0, 1, 2]) {
      let [p, m, v] = [at([1, -2, 0.5], i), 0, 0];
      for (const t of [1, 2, 3]) {
        const g = at(gradientAt(t), i);
        p -= lr * decay * p;
        m = b1 * m + (1 - b1) * g;
        v = b2 * v + (1 - b2) * g ** 2;
        p -= (lr * (m / (1 - b1 ** t))) / (Math.sqrt(v / (1 - b2 ** t)) + eps);
        const state = at(states, t - 1);
        expect(state["model.norm.weight"]?.[i]).toBeCloseTo(p, 10);
        expect(state["model.norm.weight/exp_avg"]?.[i]).toBeCloseTo(m, 10);
        expect(state["model.norm.weight/exp_avg_sq"]?.[i]).toBeCloseTo(v, 10);
      }
    }
  });
});

describe("sgd", () => {
  it.each([
    { momentum: 0.9, dampening: 0, nesterov: false, weight_decay: 0 },
    { momentum: 0.9, dampening: 0.4, nesterov: false, weight_decay: 0.1 },
    { momentum: 0.5, dampening: 0, nesterov: true, weight_decay: 0.1 },
  ])("with %o", ({ momentum, dampening, nesterov, weight_decay: decay }) => {
    const lr = 0.05;
    const states = updates(
      `sgd(lr: ${lr}, momentum: ${momentum}, dampening: ${dampening}, nesterov: ${nesterov}, weight_decay: ${decay})`,
      ["momentum_buffer"],
      lr,
    );
    for (const i of [0, 1, 2]) {
      let [p, m] = [at([1, -2, 0.5], i), 0];
      for (const t of [1, 2, 3]) {
        const d = at(gradientAt(t), i) + decay * p;
        // The first gradient fills the buffer undampened.
        m = t === 1 ? d : momentum * m + (1 - dampening) * d;
        p -= lr * (nesterov ? d + momentum * m : m);
        expect(at(states, t - 1)["model.norm.weight"]?.[i]).toBeCloseTo(p, 10);
      }
    }
  });

  it("has no buffer without momentum", () => {
    const states = updates("sgd(lr: 0.5, weight_decay: 0.1)", [], 0.5);
    expect(states[0]?.["model.norm.weight"]?.[0]).toBeCloseTo(1 - 0.5 * (0.5 + 0.1), 12);
  });
});
