/** Matrix products. */

import { reject } from "../../../grammar/diagnostic.js";
import {
  contractedDimsDiffer,
  notBroadcastable,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at, invariant } from "../../../grammar/invariant.js";
import { type Dim, printDim, productOf, sameDim } from "../../ir/dim.js";
import { type TensorType, numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { broadcastTo, generate, valueAt } from "../kit/ndarray.js";
import { axisNames, broadcastNames, shardingRule } from "../kit/sharding.js";

/** The matrix product over the last two axes; the axes before them broadcast. */
export const matmul = defineOp({
  name: "matmul",
  summary: "The matrix product over the last two axes; the axes before them broadcast.",
  reason: "ONNX Runtime runs `MatMul` as one kernel.",
  surface: "public",
  inputs: { a: "float", b: "float" },
  attrs: {},

  infer({ a, b }) {
    const expected = "at least two axes";
    if (rankOf(a) < 2)
      return reject(rankDiffers, { op: "matmul", input: "a", expected, actual: printType(a) }, "a");
    if (rankOf(b) < 2)
      return reject(rankDiffers, { op: "matmul", input: "b", expected, actual: printType(b) }, "b");
    const [left, right] = [at(a.shape, -1), at(b.shape, -2)];
    if (!sameDim(left, right))
      return reject(contractedDimsDiffer, { left: printDim(left), right: printDim(right) }, "b");
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (batch === null)
      return reject(notBroadcastable, { left: printType(a), right: printType(b) }, "b");
    return tensorType(a.dtype, [...batch, at(a.shape, -2), at(b.shape, -1)]);
  },

  // ...ik, ...kj -> ...ij: k leaves partial sums.
  sharding({ a, b }) {
    const batch = tensorType(a.dtype, batchOf(a, b));
    const namesOf = (x: TensorType): readonly (string | null)[] =>
      broadcastNames(tensorType(x.dtype, x.shape.slice(0, -2)), batch);
    return shardingRule(
      [
        [...namesOf(a), "i", "k"],
        [...namesOf(b), "k", "j"],
      ],
      [[...axisNames(batch), "i", "j"]],
      { k: "reduction" },
    );
  },

  // da = dy bT, db = aT dy, summed over the axes that broadcast.
  vjp(build, { a, b, dy }) {
    const da = build.sumTo(build.matmul(dy, build.transposeLast(b)), a.type.shape);
    if (rankOf(b.type) > 2 || rankOf(a.type) === 2)
      return { a: da, b: build.sumTo(build.matmul(build.transposeLast(a), dy), b.type.shape) };
    // One product over all rows: a batch of products and their sum would take half as long again.
    const rows = productOf(a.type.shape.slice(0, -1));
    const flat = build.reshape(a, [rows, at(a.type.shape, -1)]);
    const dflat = build.reshape(dy, [rows, at(dy.type.shape, -1)]);
    return { a: da, b: build.matmul(build.transposeLast(flat), dflat) };
  },

  flops: ({ a, b }) =>
    2 * numelOf(tensorType(a.dtype, [...batchOf(a, b), ...a.shape.slice(-2), at(b.shape, -1)])),

  formulations: [{ name: "kernel", onnx: (o, { a, b }) => o.node("MatMul", [a.name, b.name]) }],

  reference({ a, b }) {
    const [rows, inner, columns] = [at(a.shape, -2), at(a.shape, -1), at(b.shape, -1)];
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)) ?? [];
    const extents = batch.filter((dim) => typeof dim === "number");
    const left = broadcastTo(a, [...extents, rows, inner]);
    const right = broadcastTo(b, [...extents, inner, columns]);
    return generate(a.dtype, [...extents, rows, columns], (index) => {
      const [lead, i, j] = [index.slice(0, -2), at(index, -2), at(index, -1)];
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += valueAt(left, [...lead, i, k]) * valueAt(right, [...lead, k, j]);
      return sum;
    });
  },

  samples: [
    {
      why: "two matrices",
      a: [
        [1, 2, 3],
        [-1, 0.5, 2],
      ],
      b: [
        [1, 0],
        [2, -1],
        [0.5, 4],
      ],
    },
    {
      why: "a batch by one matrix",
      a: [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [-1, 0.5],
          [2, 1],
        ],
        [
          [0, 1],
          [1, 0],
        ],
      ],
      b: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    },
    {
      why: "batch axes broadcast",
      a: [[[[1, 2]]], [[[3, -4]]]],
      b: [
        [[1], [2]],
        [[0.5], [-1]],
      ],
    },
    { why: "one row, one column", a: [[2, 3]], b: [[4], [5]] },
  ],
});

function batchOf(a: TensorType, b: TensorType): readonly Dim[] {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  invariant(batch !== null, "the shape rule has run before");
  return batch;
}
