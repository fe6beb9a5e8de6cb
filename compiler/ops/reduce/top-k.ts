/** The largest elements. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapLanes, type NdArray, sliced } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** The `k` largest elements along `axis`, in falling order, and their indices; of equal ones the first. */
export const topK = defineOp({
  name: "top_k",
  summary:
    "The `k` largest elements along `axis`, in falling order, and their indices; of equal ones the first.",
  reason: "ONNX Runtime runs `TopK` as one kernel.",
  surface: "public",
  inputs: { x: "number" },
  attrs: { k: attr.int(), axis: attr.axis(-1) },

  infer({ x, k, axis }) {
    const extent = at(x.shape, axis);
    const most = typeof extent === "number" ? extent : Infinity;
    if (k < 1 || k > most) {
      const expected = most === Infinity ? "at least 1" : `from 1 to ${most}`;
      return reject(attributeRange, { attribute: "k", expected, actual: String(k) }, "k");
    }
    const shape = x.shape.with(axis, k);
    return [tensorType(x.dtype, shape), tensorType("i64", shape)];
  },

  sharding({ x, axis }) {
    const names = axisNames(x);
    const kept = names.with(axis, "k");
    return shardingRule([names], [kept, kept], {
      [at(names, axis)]: "replicate",
      k: "replicate",
    });
  },

  // Each value's cotangent goes back to its place.
  vjp: (b, { x, axis, ys, dys }) => ({
    x:
      dys[0] === null || dys[0] === undefined
        ? null
        : b.emit("scatter_along", [at(ys, 1), dys[0]], {
            axis,
            size: boundDim(at(x.type.shape, axis)),
          }),
  }),

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, k, axis }) => o.nodes("TopK", [x.name, o.ints([k])], { axis }, 2),
    },
  ],

  reference({ x, k, axis }) {
    const order = (lane: readonly number[]): readonly number[] =>
      lane.map((_, i) => i).toSorted((i, j) => at(lane, j) - at(lane, i) || i - j);
    const first = (lanes: NdArray): NdArray => sliced(lanes, axis, { from: 0, to: k, step: 1 });
    const places = mapLanes(x, axis, order);
    return [
      first(mapLanes(x, axis, (lane) => order(lane).map((i) => at(lane, i)))),
      { ...first(places), dtype: "i64" },
    ];
  },

  samples: [
    { why: "the last axis by default", x: sampleArray([3, 5]), k: 2 },
    { why: "another axis", x: sampleArray([4, 3]), k: 3, axis: 0 },
    { why: "all of them", x: [0.5, -1, 3], k: 3 },
  ],
});
