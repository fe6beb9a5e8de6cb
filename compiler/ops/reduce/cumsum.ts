/** Running sums. */

import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapLanes } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { sameExcept } from "../kit/sharding.js";

/** The sum of all elements up to each one along `axis`; `exclusive` leaves the element out, `reverse` counts from the end. */
export const cumsum = defineOp({
  name: "cumsum",
  summary:
    "The sum of all elements up to each one along `axis`; `exclusive` leaves the element out, `reverse` counts from the end.",
  reason: "ONNX Runtime runs `CumSum` as one kernel.",
  surface: "public",
  inputs: { x: "number" },
  attrs: { axis: attr.axis(-1), exclusive: attr.bool(false), reverse: attr.bool(false) },

  infer: ({ x }) => x,
  sharding: ({ x, axis }) => sameExcept(x, [axis]),

  // An element counts for all that come after it: the same sum from the other end.
  vjp: (b, { axis, exclusive, reverse, dy }) => ({
    x: b.emit("cumsum", [dy], { axis, exclusive, reverse: !reverse }),
  }),

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, axis, exclusive, reverse }) =>
        o.node("CumSum", [x.name, o.floats([axis], [], "i64")], {
          exclusive: Number(exclusive),
          reverse: Number(reverse),
        }),
    },
  ],

  reference: ({ x, axis, exclusive, reverse }) =>
    mapLanes(x, axis, (lane) => {
      let sum = 0;
      const running = (reverse ? lane.toReversed() : lane).map((value) => {
        const before = sum;
        sum += value;
        return exclusive ? before : sum;
      });
      return reverse ? running.toReversed() : running;
    }),

  samples: [
    { why: "the last axis by default", x: sampleArray([2, 4]) },
    {
      why: "another axis, without the element",
      x: sampleArray([3, 2, 2]),
      axis: 0,
      exclusive: true,
    },
    { why: "from the end", x: sampleArray([2, 4]), reverse: true },
    { why: "from the end, without the element", x: [1, 2, 3], exclusive: true, reverse: true },
  ],
});
