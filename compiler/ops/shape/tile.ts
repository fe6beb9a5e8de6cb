/** Repetition. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { multiplyDims } from "../../ir/dim.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { alignedExcept } from "../kit/sharding.js";

/** The whole of `x` again and again: `repeats` has one count per axis. */
export const tile = defineOp({
  name: "tile",
  summary: "The whole of `x` again and again: `repeats` has one count per axis.",
  reason: "ONNX Runtime runs `Tile` as one kernel; `expand` repeats axes of extent 1 only.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { repeats: attr.intList() },
  traits: ["layout"],

  infer({ x, repeats }) {
    if (repeats.length !== rankOf(x) || repeats.some((count) => count < 1)) {
      const expected = `${rankOf(x)} counts of at least 1`;
      const actual = `[${repeats.join(", ")}]`;
      return reject(attributeRange, { attribute: "repeats", expected, actual }, "repeats");
    }
    return tensorType(
      x.dtype,
      x.shape.map((dim, axis) => multiplyDims(dim, at(repeats, axis))),
    );
  },

  sharding: ({ x, repeats }) =>
    alignedExcept(
      x,
      repeats.flatMap((count, axis) => (count > 1 ? [axis] : [])),
    ),

  // The copies' cotangents add up.
  vjp(b, { x, repeats, dy }) {
    const split = x.type.shape.flatMap((dim, axis) => [at(repeats, axis), dim]);
    const axes = repeats.flatMap((count, axis) => (count > 1 ? [2 * axis] : []));
    const sums = b.sum(b.reshape(dy, split), { axes, keep: false });
    return { x: b.reshape(sums, x.type.shape) };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, repeats }) => o.node("Tile", [x.name, o.ints(repeats)]),
    },
  ],

  reference: ({ x, repeats }) =>
    generate(
      x.dtype,
      x.shape.map((dim, axis) => dim * at(repeats, axis)),
      (index) =>
        valueAt(
          x,
          index.map((place, axis) => place % at(x.shape, axis)),
        ),
    ),

  samples: [
    { why: "both axes", x: sampleArray([2, 3]), repeats: [3, 2] },
    { why: "one axis stays", x: sampleArray([2, 2]), repeats: [1, 2] },
    { why: "nothing is repeated", x: [1, 2], repeats: [1] },
  ],
});
