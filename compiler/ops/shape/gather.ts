/** Picking parts of a tensor by index. */

import { at } from "../../../grammar/invariant.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";
import { wideIndex } from "../kit/wide-index.js";

/** The parts of `x` along `axis` that `index` names; the index's axes take that axis' place. */
export const gather = defineOp({
  name: "gather",
  summary:
    "The parts of `x` along `axis` that `index` names; the index's axes take that axis' place.",
  reason: "ONNX Runtime runs `Gather` as one kernel: an embedding is one.",
  surface: "public",
  inputs: { x: "any", index: "int" },
  attrs: { axis: attr.axis(0) },
  traits: ["layout"],

  infer: ({ x, index, axis }) =>
    tensorType(x.dtype, [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)]),

  sharding({ x, index, axis }) {
    const names = axisNames(x);
    const picked = index.shape.map((_, i) => `i${i}`);
    return shardingRule([names, picked], [names.toSpliced(axis, 1, ...picked)], {
      [at(names, axis)]: "replicate",
    });
  },

  // Each part's cotangent is added to its place. `scatter_add` has the index in front.
  vjp(b, { x, index, axis, dy }) {
    const count = rankOf(index.type);
    const rest = rankOf(x.type) - 1;
    const order = [...range(axis, count), ...range(0, axis), ...range(axis + count, rest - axis)];
    const size = boundDim(at(x.type.shape, axis));
    const sums = b.emit("scatter_add", [index, b.transpose(dy, order)], { size });
    return {
      x: b.transpose(sums, [...range(1, axis), 0, ...range(axis + 1, rest - axis)]),
      index: null,
    };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, index, axis }) => o.node("Gather", [x.name, wideIndex(o, index)], { axis }),
    },
  ],

  reference({ x, index, axis }) {
    const count = index.shape.length;
    const shape = x.shape.toSpliced(axis, 1, ...index.shape);
    return generate(x.dtype, shape, (place) => {
      const source = valueAt(index, place.slice(axis, axis + count));
      const row = source < 0 ? source + at(x.shape, axis) : source;
      return valueAt(x, place.toSpliced(axis, count, row));
    });
  },

  samples: [
    { why: "rows of a table, one twice", x: sampleArray([4, 3]), index: [2, 0, 2] },
    {
      why: "a matrix of indices on a middle axis",
      x: sampleArray([2, 3, 2]),
      index: [
        [2, 0],
        [1, 1],
      ],
      axis: 1,
    },
    { why: "a single index, from the end", x: sampleArray([3, 2]), index: -1, axis: 1 },
  ],
});

const range = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => from + i);
