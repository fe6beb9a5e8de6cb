/** Removing an axis of extent 1. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim } from "../../ir/dim.js";
import { tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reshaped } from "../kit/ndarray.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** Drops an axis, whose extent must be 1. */
export const squeeze = defineOp({
  name: "squeeze",
  summary: "Drops an axis, whose extent must be 1.",
  reason: "Unlike `reshape` it needs no other extent, and refuses to drop anything but a 1.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { axis: attr.axis() },
  traits: ["layout"],

  infer({ x, axis }) {
    const extent = at(x.shape, axis);
    if (extent !== 1)
      return reject(
        dimsDiffer,
        { what: `the extent of axis ${axis}`, left: printDim(extent), right: "1" },
        "axis",
      );
    return tensorType(x.dtype, x.shape.toSpliced(axis, 1));
  },

  sharding({ x, axis }) {
    const names = axisNames(x).map((name, i) => (i === axis ? null : name));
    return shardingRule([names], [names.toSpliced(axis, 1)]);
  },

  vjp: (b, { x, dy }) => ({ x: b.reshape(dy, x.type.shape) }),
  flops: () => 0,

  formulations: [
    { name: "kernel", onnx: (o, { x, axis }) => o.node("Squeeze", [x.name, o.ints([axis])]) },
  ],

  reference: ({ x, axis }) => reshaped(x, x.shape.toSpliced(axis, 1)),

  samples: [
    { why: "an inner axis", x: [[[1, 2]], [[3, 4]]], axis: 1 },
    { why: "the last axis", x: [[1], [2]], axis: -1 },
  ],
});
