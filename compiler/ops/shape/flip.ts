/** Reversing axes. */

import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { alignedExcept } from "../kit/sharding.js";

/** Before the first element, as `Slice` counts with a negative step. */
const beforeFirst = -(2 ** 31);

/** `x` with its `axes` from end to start, by default all of them. */
export const flip = defineOp({
  name: "flip",
  summary: "`x` with its `axes` from end to start, by default all of them.",
  reason: "A `Slice` with negative steps, for any extent.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { axes: attr.axes([]) },
  traits: ["layout"],

  infer: ({ x }) => x,
  sharding: ({ x, axes }) => alignedExcept(x, axes),
  vjp: (b, { axes, dy }) => ({ x: b.emit("flip", [dy], { axes }) }),
  flops: () => 0,

  formulations: [
    {
      name: "slice",
      onnx(o, { x, axes }) {
        if (axes.length === 0) return o.node("Identity", [x.name]);
        const all = (value: number): string => o.ints(axes.map(() => value));
        return o.node("Slice", [x.name, all(-1), all(beforeFirst), o.ints(axes), all(-1)]);
      },
    },
  ],

  reference: ({ x, axes }) =>
    generate(x.dtype, x.shape, (index) =>
      valueAt(
        x,
        index.map((place, axis) => (axes.includes(axis) ? at(x.shape, axis) - 1 - place : place)),
      ),
    ),

  samples: [
    { why: "all axes by default", x: sampleArray([2, 3]) },
    { why: "one axis of three", x: sampleArray([2, 3, 2]), axes: [-2] },
    { why: "a scalar has none", x: 3 },
  ],
});
