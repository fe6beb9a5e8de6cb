/** A part of an axis. */

import { reject } from "../../../grammar/diagnostic.js";
import {
  attributeRange,
  dimNotNumeric,
  sliceOutOfRange,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { addDims, ceilDivide, printDim } from "../../ir/dim.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { sliced } from "../kit/ndarray.js";
import { alignedExcept } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Beyond every extent; ONNX reads it so too. */
const toEnd = 2 ** 31 - 1;

/**
 * Elements `from` up to, not including, `to` of one axis, every `step`-th; negative ones count from
 * the end, and without `to` all that follow belong.
 */
export const slice = defineOp({
  name: "slice",
  summary:
    "Elements `from` up to, not including, `to` of one axis, every `step`-th; negative ones count from the end, and without `to` all that follow belong.",
  reason: "Nothing simpler takes a part of a tensor.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { axis: attr.axis(), from: attr.int(0), to: attr.int(toEnd), step: attr.int(1) },
  traits: ["layout"],

  infer({ x, axis, from, to, step }) {
    const extent = at(x.shape, axis);
    if (step < 1) {
      const actual = String(step);
      return reject(attributeRange, { attribute: "step", expected: "at least 1", actual }, "step");
    }
    if (typeof extent !== "number") {
      // Only what is cut off at either end is known of a symbolic extent.
      if (from < 0 || (to >= 0 && to !== toEnd))
        return reject(dimNotNumeric, { op: "slice", dim: printDim(extent) }, "axis");
      const rest = addDims(extent, (to === toEnd ? 0 : to) - from);
      const count = step === 1 ? rest : ceilDivide(rest, step);
      return tensorType(x.dtype, x.shape.with(axis, count));
    }
    const [start, end] = [counted(from, extent), counted(to, extent)];
    if (start < 0 || end > extent || start >= end)
      return reject(sliceOutOfRange, { from, to, extent }, "to");
    return tensorType(x.dtype, x.shape.with(axis, Math.ceil((end - start) / step)));
  },

  sharding: ({ x, axis }) => alignedExcept(x, [axis]),

  // dx is dy with zeros between its elements and around them.
  vjp(b, { x, axis, from, step, dy }) {
    const rank = rankOf(x.type);
    const extent = boundDim(at(x.type.shape, axis));
    const count = boundDim(at(dy.type.shape, axis));
    const start = counted(from, extent);
    const only = (place: number, value: number): readonly number[] =>
      Array.from({ length: place === axis ? rank : rank + 1 }, (_, i) => (i === place ? value : 0));
    let spread = dy;
    if (step > 1) {
      const zeros = Array.from({ length: rank + 1 }, () => 0);
      const gaps = b.pad(b.insertAxis(dy, axis + 1), zeros, only(axis + 1, step - 1));
      const joined = b.reshape(gaps, dy.type.shape.with(axis, count * step));
      spread = b.slice(joined, { axis, from: 0, to: (count - 1) * step + 1 });
    }
    const rest = extent - start - ((count - 1) * step + 1);
    return { x: b.pad(spread, only(axis, start), only(axis, rest)) };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx(o, { x, axis, from, to, step }) {
        const extent = at(x.type.shape, axis);
        const [start, end] =
          typeof extent === "number" ? [counted(from, extent), counted(to, extent)] : [from, to];
        const bounds = [start, end, axis, step];
        return o.node("Slice", [x.name, ...bounds.map((value) => o.ints([value]))]);
      },
    },
  ],

  reference({ x, axis, from, to, step }) {
    const extent = at(x.shape, axis);
    return sliced(x, axis, { from: counted(from, extent), to: counted(to, extent), step });
  },

  samples: [
    {
      why: "the middle of an axis",
      x: [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      axis: 1,
      from: 1,
      to: 3,
    },
    {
      why: "from the end",
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      axis: 0,
      from: -2,
      to: 3,
    },
    {
      why: "every second, with a rest",
      x: [[1, 2, 3, 4, 5, 6]],
      axis: -1,
      from: 1,
      to: 5,
      step: 2,
    },
    { why: "to the end", x: [[1, 2, 3, 4]], axis: 1, from: 1 },
  ],
});

const counted = (index: number, extent: number): number =>
  index < 0 ? index + extent : index === toEnd ? extent : index;
