/** Ops on a symbolic batch: emitted once, run with several sizes, against the reference. */

import { expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { type Dim, namedDim } from "../../compiler/ir/dim.js";
import type { Attrs } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { tensorType } from "../../compiler/ir/type.js";
import { countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runOnnx } from "./run-onnx.js";
import { fixedNumbers, largestError } from "./sample-graph.js";

const B = namedDim("B");

type Shape = readonly Dim[];
type Row = readonly [op: string, inputs: readonly (Shape | { readonly labels: Shape })[], Attrs];

const image: Shape = [B, 4, 6, 5];

const rows: readonly Row[] = [
  ["gelu", [[B, 5]], {}],
  ["clip", [[B, 5]], { low: -0.3, high: 0.4 }],
  ["var", [[B, 5]], { axes: [1] }],
  ["var", [[B, 5]], { axes: [0, 1], correction: 0 }],
  ["prod", [[B, 5]], { axes: [1] }],
  ["cumsum", [[B, 5]], { axis: 0 }],
  ["top_k", [[B, 5]], { k: 2 }],
  ["matmul", [[B, 5], [5]], {}],
  ["split", [[B, 5]], { sizes: [2, 3] }],
  [
    "stack",
    [
      [B, 2],
      [B, 2],
    ],
    { axis: 1 },
  ],
  ["tile", [[B, 2]], { repeats: [2, 3] }],
  ["flip", [[B, 5]], {}],
  ["roll", [[B, 5]], { shift: 2, axis: 1 }],
  ["slice", [[5, B]], { axis: 1, from: 0, to: -1 }],
  ["pad", [image], { before: [0, 0, 1, 2], after: [0, 0, 3, 0], mode: "reflect" }],
  ["expand_like", [[5], [B, 5]], {}],
  ["gather", [[9, 5], { labels: [B, 3] }], {}],
  ["take_along", [[B, 5], { labels: [B, 2] }], {}],
  ["scatter_add", [{ labels: [B] }, [B, 5]], { size: 4 }],
  ["softmax_cross_entropy", [[B, 5], { labels: [B] }], { smoothing: 0.1, ignore: 1 }],
  ["layer_norm", [[B, 3, 5], [5], [5]], {}],
  ["rms_norm", [[B, 3, 5], [5]], {}],
  ["group_norm", [image, [4], [4]], { groups: 2 }],
  ["conv_transpose", [image, [4, 3, 2, 2]], { stride: 2 }],
  ["conv_transpose", [image, [4, 1, 3, 3]], { pads: 1, groups: 4 }],
  ["adaptive_avg_pool", [image], { height: 4, width: 2 }],
  ["resize", [image], { height: 9, width: 3 }],
  ["resize", [image], { height: 9, width: 3, mode: "bicubic" }],
  [
    "scaled_dot_product",
    [
      [B, 2, 3, 4],
      [B, 2, 3, 4],
      [B, 2, 3, 4],
    ],
    { scale: 0.5, causal: true },
  ],
  [
    "scaled_dot_product_biased",
    [
      [B, 3, 4],
      [B, 6, 4],
      [B, 6, 2],
      [3, 6],
    ],
    { scale: 0.5 },
  ],
];

/** The op on inputs whose batch is `batch`, which may be a name. */
function graphOf([op, inputs, attrs]: Row, batch: Dim): ReturnType<typeof finish> {
  const b = createGraphBuilder();
  const values = inputs.map((input, i) => {
    const shape = "labels" in input ? input.labels : input;
    const bound = shape.map((dim) => (dim === B ? batch : dim));
    return b.input(`x${i}`, tensorType("labels" in input ? "i64" : "f32", bound));
  });
  return finish(b, op, b.emitAll(op, values, attrs));
}

const finish = (
  b: ReturnType<typeof createGraphBuilder>,
  name: string,
  values: ReturnType<typeof b.emitAll>,
) =>
  b.finish(
    name,
    values.map((value, i) => ({ name: `y${i}`, value })),
  );

it.each(rows)("%s, row %#", async (...row) => {
  for (const batch of [2, 3]) {
    const bound = graphOf(row, batch);
    const inputs = new Map(
      bound.inputs.map(({ name, value }) => {
        const shape = value.type.shape.map(Number);
        const numbers = fixedNumbers(countOf(shape));
        const data =
          value.type.dtype === "i64" ? numbers.map((_, i) => (i * 3 + batch) % 4) : numbers;
        return [name, ndarray(value.type.dtype, shape, data)] as const;
      }),
    );
    const expected = interpret(bound, inputs);
    const actual = await runOnnx(graphOf(row, B), inputs);
    for (const [name, result] of expected) {
      const other = actual.get(name);
      expect(other?.shape, name).toEqual(result.shape);
      expect(other && largestError(other, result), `${at(row, 0)} ${name}`).toBeLessThan(1e-5);
    }
  }
});
