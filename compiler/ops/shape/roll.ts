/** Rotation along an axis. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimNotNumeric } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim } from "../../ir/dim.js";
import { attr, defineOp } from "../define.js";
import { mapLanes } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { alignedExcept } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Elements moved by `shift` along `axis`; those that leave at one end come back at the other. */
export const roll = defineOp({
  name: "roll",
  summary:
    "Elements moved by `shift` along `axis`; those that leave at one end come back at the other.",
  reason: "Its gradient is a rotation back, without zeros to pad and add.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { shift: attr.int(), axis: attr.axis() },
  traits: ["layout"],

  infer({ x, axis }) {
    const extent = at(x.shape, axis);
    if (typeof extent !== "number")
      return reject(dimNotNumeric, { op: "roll", dim: printDim(extent) }, "axis");
    return x;
  },

  sharding: ({ x, axis }) => alignedExcept(x, [axis]),
  vjp: (b, { shift, axis, dy }) => ({ x: b.emit("roll", [dy], { shift: -shift, axis }) }),
  flops: () => 0,

  formulations: [
    {
      name: "concat",
      onnx(o, { x, shift, axis }) {
        const extent = boundDim(at(x.type.shape, axis));
        const cut = extent - forward(shift, extent);
        if (cut === extent) return o.node("Identity", [x.name]);
        const part = (from: number, to: number): string =>
          o.node("Slice", [x.name, o.ints([from]), o.ints([to]), o.ints([axis])]);
        return o.node("Concat", [part(cut, extent), part(0, cut)], { axis });
      },
    },
  ],

  reference: ({ x, shift, axis }) =>
    mapLanes(x, axis, (lane) => {
      const cut = lane.length - forward(shift, lane.length);
      return [...lane.slice(cut), ...lane.slice(0, cut)];
    }),

  samples: [
    { why: "forward", x: sampleArray([2, 5]), shift: 2, axis: 1 },
    { why: "backward, more than once around", x: sampleArray([3, 2]), shift: -4, axis: 0 },
    { why: "all the way around", x: [1, 2, 3], shift: 3, axis: 0 },
  ],
});

/** The shift as a number of places from 0 to `extent - 1`. */
const forward = (shift: number, extent: number): number => ((shift % extent) + extent) % extent;
