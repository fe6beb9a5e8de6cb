/** Padding. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import { addDims } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { sampleArray } from "../kit/sample-array.js";
import { alignedExcept } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

type Mode = "constant" | "edge" | "reflect" | "circular";

/** Puts `before` and `after` elements around `x`, one count per axis: `value`, the edge again, a reflection without the edge, or the other end. */
export const pad = defineOp({
  name: "pad",
  summary:
    "Puts `before` and `after` elements around `x`, one count per axis: `value`, the edge again, a reflection without the edge, or the other end.",
  reason: "ONNX Runtime runs `Pad` as one kernel.",
  surface: "public",
  inputs: { x: "any" },
  attrs: {
    before: attr.intList(),
    after: attr.intList(),
    value: attr.float(0),
    mode: attr.choice(["constant", "edge", "reflect", "circular"], "constant"),
  },
  traits: ["layout"],

  infer({ x, before, after, mode }) {
    for (const [attribute, counts] of [
      ["before", before],
      ["after", after],
    ] as const) {
      const actual = `[${counts.join(", ")}]`;
      const expected = `${rankOf(x)} counts that are not negative`;
      if (counts.length !== rankOf(x) || counts.some((count) => count < 0))
        return reject(attributeRange, { attribute, expected, actual }, attribute);
      // A reflection reaches back to the other end at most, a circle once around.
      const wide = counts.some((count, axis) => {
        const extent = at(x.shape, axis);
        if (typeof extent !== "number") return mode === "circular" && count > 0;
        return (mode === "reflect" && count >= extent) || (mode === "circular" && count > extent);
      });
      if (wide) {
        const expected =
          mode === "reflect"
            ? "smaller than the extents, to be reflected"
            : "no larger than the extents, which must be numbers, to go around once";
        return reject(attributeRange, { attribute, expected, actual }, attribute);
      }
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

  // dx is the part of dy that x fills; what edges and reflections repeat is added, axis by axis.
  vjp(b, { x, before, after, mode, dy }) {
    let inner = dy;
    for (const [axis, from] of before.entries()) {
      const room = { axis, before: from, after: at(after, axis) };
      if (room.before + room.after > 0)
        inner = folded(b, inner, { ...room, mode, extent: boundDim(at(x.type.shape, axis)) });
    }
    return { x: inner };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx(o, { x, before, after, value, mode }) {
        if (mode === "circular") return circle(o, x, { before, after });
        const counts = o.ints([...before, ...after]);
        return mode === "constant"
          ? o.node("Pad", [x.name, counts, o.floats([value], [], x.type.dtype)])
          : o.node("Pad", [x.name, counts], { mode });
      },
    },
  ],

  reference({ x, before, after, value, mode }) {
    const shape = x.shape.map((dim, i) => dim + at(before, i) + at(after, i));
    return generate(x.dtype, shape, (index) => {
      const source = index.map((place, axis) =>
        sourceOf(place - at(before, axis), at(x.shape, axis), mode),
      );
      const inside = source.every((place, axis) => place >= 0 && place < at(x.shape, axis));
      return inside ? valueAt(x, source) : value;
    });
  },

  samples: [
    { why: "zeros around a matrix", x: sampleArray([2, 2]), before: [1, 0], after: [0, 2] },
    { why: "another value", x: [1, 2], before: [2], after: [1], value: -3 },
    { why: "one axis of three", x: [[[1], [2]]], before: [0, 1, 0], after: [0, 0, 0] },
    {
      why: "the edge on all sides",
      x: sampleArray([2, 3]),
      before: [1, 2],
      after: [2, 1],
      mode: "edge",
    },
    {
      why: "a reflection on all sides",
      x: sampleArray([3, 4]),
      before: [2, 1],
      after: [1, 3],
      mode: "reflect",
    },
    {
      why: "around a circle on all sides",
      x: sampleArray([3, 2, 4]),
      before: [2, 0, 1],
      after: [1, 0, 4],
      mode: "circular",
    },
    { why: "no room in a circle", x: [1, 2], before: [0], after: [0], mode: "circular" },
  ],
});

/** Both ends put on again, axis by axis: `Pad` wraps from opset 19 on. */
function circle(
  o: OnnxBuilder,
  x: OnnxOperand,
  { before, after }: { readonly before: readonly number[]; readonly after: readonly number[] },
): string {
  const padded = x.type.shape.reduce<string>((name, dim, axis) => {
    const [front, back] = [at(before, axis), at(after, axis)];
    if (front + back === 0) return name;
    const part = (from: number, to: number): readonly string[] =>
      to === from ? [] : [o.node("Slice", [name, o.ints([from]), o.ints([to]), o.ints([axis])])];
    const extent = boundDim(dim);
    return o.node("Concat", [...part(extent - front, extent), name, ...part(0, back)], { axis });
  }, x.name);
  return padded === x.name ? o.node("Identity", [x.name]) : padded;
}

const sourceOf = (place: number, extent: number, mode: Mode): number => {
  if (mode === "constant") return place;
  if (mode === "circular") return (place + extent) % extent;
  if (mode === "edge") return Math.min(Math.max(place, 0), extent - 1);
  return place < 0 ? -place : place >= extent ? 2 * (extent - 1) - place : place;
};

interface Room {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly extent: number;
  readonly mode: Mode;
}

/** The cotangent of one axis before it was padded. */
function folded(b: GraphBuilder, dy: Value, room: Room): Value {
  const { axis, before, after, extent, mode } = room;
  const end = before + extent;
  const inner = b.slice(dy, { axis, from: before, to: end });
  if (mode === "constant") return inner;
  /** Puts a part that came from `from` on back among zeros. */
  const placed = (part: Value, from: number): Value => {
    const count = boundDim(at(part.type.shape, axis));
    const only = (value: number): readonly number[] => dy.type.shape.map(() => 0).with(axis, value);
    return b.pad(part, only(from), only(extent - from - count));
  };
  const outer = [
    { from: 0, to: before, edge: 0, mirror: 1, round: extent - before },
    { from: end, to: end + after, edge: extent - 1, mirror: extent - 1 - after, round: 0 },
  ].filter(({ from, to }) => to > from);
  return outer.reduce((sum, { from, to, edge, mirror, round }) => {
    const part = b.slice(dy, { axis, from, to });
    const back =
      mode === "circular"
        ? placed(part, round)
        : mode === "edge"
          ? placed(b.sum(part, { axes: [axis], keep: true }), edge)
          : placed(b.emit("flip", [part], { axes: [axis] }), mirror);
    return b.add(sum, back);
  }, inner);
}
