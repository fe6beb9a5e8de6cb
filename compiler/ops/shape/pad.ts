/** Padding with a constant. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { addDims } from "../../ir/dim.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { alignedExcept } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Puts `before` and `after` elements of `value` around `x`; both lists have one number per axis. */
export const pad = defineOp({
  name: "pad",
  summary:
    "Puts `before` and `after` elements of `value` around `x`; both lists have one number per axis.",
  reason: "ONNX Runtime runs `Pad` as one kernel.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { before: attr.intList(), after: attr.intList(), value: attr.float(0) },
  traits: ["layout"],

  infer({ x, before, after }) {
    for (const [attribute, counts] of [
      ["before", before],
      ["after", after],
    ] as const) {
      const expected = `${rankOf(x)} counts that are not negative`;
      const actual = `[${counts.join(", ")}]`;
      if (counts.length !== rankOf(x) || counts.some((count) => count < 0))
        return reject(attributeRange, { attribute, expected, actual }, attribute);
    }
    return tensorType(
      x.dtype,
      x.shape.map((dim, i) => addDims(dim, at(before, i) + at(after, i))),
    );
  },

  sharding: ({ x, before, after }) =>
    alignedExcept(
      x,
      before.flatMap((count, axis) => (count + at(after, axis) > 0 ? [axis] : [])),
    ),

  // dx is the part of dy that x fills.
  vjp(b, { x, before, after, dy }) {
    let inner = dy;
    for (const [axis, from] of before.entries()) {
      if (from + at(after, axis) === 0) continue;
      inner = b.slice(inner, { axis, from, to: from + boundDim(at(x.type.shape, axis)) });
    }
    return { x: inner };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, before, after, value }) =>
        o.node("Pad", [x.name, o.ints([...before, ...after]), o.floats([value], [], x.type.dtype)]),
    },
  ],

  reference({ x, before, after, value }) {
    const shape = x.shape.map((dim, i) => dim + at(before, i) + at(after, i));
    return generate(x.dtype, shape, (index) => {
      const source = index.map((place, axis) => place - at(before, axis));
      const inside = source.every((place, axis) => place >= 0 && place < at(x.shape, axis));
      return inside ? valueAt(x, source) : value;
    });
  },

  samples: [
    {
      why: "zeros around a matrix",
      x: [
        [1, 2],
        [3, 4],
      ],
      before: [1, 0],
      after: [0, 2],
    },
    { why: "another value", x: [1, 2], before: [2], after: [1], value: -3 },
    { why: "one axis of three", x: [[[1], [2]]], before: [0, 1, 0], after: [0, 0, 0] },
  ],
});
