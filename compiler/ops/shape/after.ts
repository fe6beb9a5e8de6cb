/** A value that waits for another: what keeps a recomputation from becoming the first computation. */

import { shardingRule, axisNames } from "../kit/sharding.js";
import { sampleArray } from "../kit/sample-array.js";
import { defineOp } from "../define.js";

/** `x` itself, once `since` has been computed. */
export const after = defineOp({
  name: "after",
  summary: "`x` itself, once `since` has been computed.",
  reason: "Only data order the nodes of a graph, and equal expressions of equal inputs are merged.",
  surface: "internal",
  inputs: { x: "any", since: "float" },
  attrs: {},
  traits: ["layout"],

  infer: ({ x }) => x,
  sharding: ({ x, since }) =>
    shardingRule([axisNames(x), since.shape.map(() => null)], [axisNames(x)]),
  vjp: (_b, { dy }) => ({ x: dy, since: null }),
  flops: () => 0,

  formulations: [
    {
      // The axis depends on a number of `since`, which no optimizer sees to be 0. Nothing is copied.
      // A `Reshape` would do too, but ONNX Runtime merges it with the next one, and fails at that.
      name: "unsqueeze",
      onnx(o, { x, since }) {
        const flat = o.node("Reshape", [since.name, o.ints([-1])]);
        const one = o.node("Slice", [flat, o.ints([0]), o.ints([1]), o.ints([0])]);
        const truth = o.node("Cast", [o.node("IsNaN", [one])], { to: 7 });
        const first = o.node("Mul", [truth, o.ints([0])]);
        return o.node("Squeeze", [o.node("Unsqueeze", [x.name, first]), first]);
      },
    },
  ],

  reference: ({ x }) => x,

  samples: [
    { why: "the value", x: sampleArray([2, 3]), since: [[1], [2]] },
    { why: "whatever the other is", x: [1, 2], since: [Infinity, 0] },
    { why: "scalars", x: 3, since: 4 },
  ],
});
