/** Matrix products. */

import { reject } from "../../../grammar/diagnostic.js";
import {
  contractedDimsDiffer,
  notBroadcastable,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at, invariant } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import { type Dim, printDim, productOf, sameDim } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { type TensorType, numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { type NdArray, broadcastTo, generate, reshaped, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, broadcastNames, shardingRule } from "../kit/sharding.js";

/** The matrix product over the last two axes; the axes before them broadcast. A vector is a row on the left, a column on the right. */
export const matmul = defineOp({
  name: "matmul",
  summary:
    "The matrix product over the last two axes; the axes before them broadcast. A vector is a row on the left, a column on the right.",
  reason: "ONNX Runtime runs `MatMul` as one kernel.",
  surface: "public",
  inputs: { a: "float", b: "float" },
  attrs: {},

  infer({ a, b }) {
    const expected = "at least one axis";
    if (rankOf(a) < 1)
      return reject(rankDiffers, { op: "matmul", input: "a", expected, actual: printType(a) }, "a");
    if (rankOf(b) < 1)
      return reject(rankDiffers, { op: "matmul", input: "b", expected, actual: printType(b) }, "b");
    const [left, right] = [at(a.shape, -1), at(b.shape, rankOf(b) === 1 ? -1 : -2)];
    if (!sameDim(left, right))
      return reject(contractedDimsDiffer, { left: printDim(left), right: printDim(right) }, "b");
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (batch === null)
      return reject(notBroadcastable, { left: printType(a), right: printType(b) }, "b");
    return tensorType(a.dtype, [...batch, ...rowsOf(a), ...columnsOf(b)]);
  },

  // ...ik, ...kj -> ...ij: k leaves partial sums.
  sharding({ a, b }) {
    const batch = tensorType(a.dtype, batchOf(a, b));
    const row = rowsOf(a).map(() => "i");
    const column = columnsOf(b).map(() => "j");
    const namesOf = (x: TensorType): readonly (string | null)[] =>
      broadcastNames(tensorType(x.dtype, x.shape.slice(0, -2)), batch);
    return shardingRule(
      [
        [...namesOf(a), ...row, "k"],
        [...namesOf(b), "k", ...column],
      ],
      [[...axisNames(batch), ...row, ...column]],
      { k: "reduction" },
    );
  },

  // da = dy bT, db = aT dy; a vector is a matrix of one row or column.
  vjp(build, scope) {
    const a = rankOf(scope.a.type) === 1 ? build.insertAxis(scope.a, 0) : scope.a;
    const b = rankOf(scope.b.type) === 1 ? build.insertAxis(scope.b, 1) : scope.b;
    const batch = batchOf(scope.a.type, scope.b.type);
    const dy = build.reshape(scope.dy, [...batch, at(a.type.shape, -2), at(b.type.shape, -1)]);
    const { da, db } = cotangents(build, { a, b, dy });
    return {
      a: build.reshape(da, scope.a.type.shape),
      b: build.reshape(db, scope.b.type.shape),
    };
  },

  flops: ({ a, b }) =>
    2 *
    numelOf(
      tensorType(a.dtype, [...batchOf(a, b), ...rowsOf(a), ...columnsOf(b), at(a.shape, -1)]),
    ),

  formulations: [
    {
      // A vector on the right as it is would be multiplied row by row, twenty times slower.
      name: "column",
      when: ({ b }) => rankOf(b) === 1,
      onnx(o, { a, b }) {
        const last = o.ints([-1]);
        const column = o.node("Unsqueeze", [b.name, last]);
        return o.node("Squeeze", [o.node("MatMul", [a.name, column]), last]);
      },
    },
    { name: "kernel", onnx: (o, { a, b }) => o.node("MatMul", [a.name, b.name]) },
  ],

  reference(scope) {
    const a = scope.a.shape.length === 1 ? reshaped(scope.a, [1, ...scope.a.shape]) : scope.a;
    const b = scope.b.shape.length === 1 ? reshaped(scope.b, [...scope.b.shape, 1]) : scope.b;
    const product = productReference(a, b);
    const shape = product.shape.filter(
      (_, axis) =>
        (axis !== product.shape.length - 2 || a === scope.a) &&
        (axis !== product.shape.length - 1 || b === scope.b),
    );
    return reshaped(product, shape);
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
    { why: "a vector on the left", a: [1, 2], b: sampleArray([2, 3]) },
    { why: "a vector on the right of a batch", a: sampleArray([2, 3, 2]), b: [0.5, -1] },
    { why: "a vector on the left of a batch", a: [1, -2], b: sampleArray([2, 2, 3]) },
    { why: "two vectors", a: [1, 2, 3], b: [0.5, -1, 2] },
  ],
});

function batchOf(a: TensorType, b: TensorType): readonly Dim[] {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  invariant(batch !== null, "the shape rule has run before");
  return batch;
}

/** The rows of the left side; a vector has none. */
const rowsOf = (a: TensorType): readonly Dim[] => a.shape.slice(0, -1).slice(-1);

/** The columns of the right side; a vector has none. */
const columnsOf = (b: TensorType): readonly Dim[] => (rankOf(b) === 1 ? [] : b.shape.slice(-1));

/** da = dy bT, db = aT dy, summed over the axes that broadcast. */
function cotangents(
  build: GraphBuilder,
  { a, b, dy }: { readonly a: Value; readonly b: Value; readonly dy: Value },
): { readonly da: Value; readonly db: Value } {
  const da = build.sumTo(build.matmul(dy, build.transposeLast(b)), a.type.shape);
  if (rankOf(b.type) > 2 || rankOf(a.type) === 2)
    return { da, db: build.sumTo(build.matmul(build.transposeLast(a), dy), b.type.shape) };
  // One product over all rows: a batch of products and their sum would take half as long again.
  const rows = productOf(a.type.shape.slice(0, -1));
  const flat = build.reshape(a, [rows, at(a.type.shape, -1)]);
  const dflat = build.reshape(dy, [rows, at(dy.type.shape, -1)]);
  return { da, db: build.matmul(build.transposeLast(flat), dflat) };
}

function productReference(a: NdArray, b: NdArray): NdArray {
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
}
