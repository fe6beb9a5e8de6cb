/** Joining tensors along a new axis. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange, axisOutOfRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { sameShape } from "../../ir/dim.js";
import { printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { concatenated, reshaped } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** Tensors of one shape along a new axis, which is axis `axis` of the result. */
export const stack = defineOp({
  name: "stack",
  summary: "Tensors of one shape along a new axis, which is axis `axis` of the result.",
  reason: "Unlike `concat` it adds the axis itself.",
  surface: "public",
  inputs: { xs: "any" },
  variadic: "xs",
  attrs: { axis: attr.int(0) },
  traits: ["layout"],

  infer({ xs, axis }) {
    const first = at(xs, 0);
    const place = counted(axis, rankOf(first));
    if (place < 0 || place > rankOf(first))
      return reject(axisOutOfRange, { axis, type: printType(first), rank: rankOf(first) }, "axis");
    for (const x of xs)
      if (!sameShape(x.shape, first.shape)) {
        const expected = `of the shape of ${printType(first)}`;
        return reject(attributeRange, { attribute: "xs", expected, actual: printType(x) }, "xs");
      }
    return tensorType(first.dtype, first.shape.toSpliced(place, 0, xs.length));
  },

  sharding({ xs, axis }) {
    const first = at(xs, 0);
    const names: readonly string[] = axisNames(first);
    const result = names.toSpliced(counted(axis, rankOf(first)), 0, "stacked");
    return shardingRule(
      xs.map(() => names),
      [result],
      { stacked: "replicate" },
    );
  },

  // Each input takes its own part of dy.
  vjp(b, { xs, axis, dy }) {
    const place = counted(axis, rankOf(at(xs, 0).type));
    return {
      xs: xs.map((x, from) =>
        b.reshape(b.slice(dy, { axis: place, from, to: from + 1 }), x.type.shape),
      ),
    };
  },

  flops: () => 0,

  formulations: [
    {
      name: "concat",
      onnx(o, { xs, axis }) {
        const place = counted(axis, rankOf(at(xs, 0).type));
        const raised = xs.map((x) => o.node("Unsqueeze", [x.name, o.ints([place])]));
        return o.node("Concat", raised, { axis: place });
      },
    },
  ],

  reference({ xs, axis }) {
    const { shape } = at(xs, 0);
    const place = counted(axis, shape.length);
    return concatenated(
      xs.map((x) => reshaped(x, shape.toSpliced(place, 0, 1))),
      place,
    );
  },

  samples: [
    { why: "in front by default", xs: [sampleArray([2, 3]), sampleArray([2, 3], 1)] },
    { why: "at the end", xs: [sampleArray([2]), sampleArray([2], 1), [1, 2]], axis: -1 },
    { why: "numbers", xs: [1, 2] },
  ],
});

/** The new axis, counted in the result. */
const counted = (axis: number, rank: number): number => (axis < 0 ? axis + rank + 1 : axis);
