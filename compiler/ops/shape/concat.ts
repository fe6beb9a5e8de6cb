/** Joining tensors along an axis. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, addDims, printDim, sameDim } from "../../ir/dim.js";
import { printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { concatenated } from "../kit/ndarray.js";
import { alignedExcept } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Tensors one after another along `axis`; all other extents must be equal. */
export const concat = defineOp({
  name: "concat",
  summary: "Tensors one after another along `axis`; all other extents must be equal.",
  reason: "Nothing simpler joins tensors.",
  surface: "public",
  inputs: { xs: "any" },
  variadic: "xs",
  attrs: { axis: attr.axis(0) },
  traits: ["layout"],

  infer({ xs, axis }) {
    const first = at(xs, 0);
    let extent: Dim = 0;
    for (const x of xs) {
      const expected = `${rankOf(first)} axes`;
      if (rankOf(x) !== rankOf(first))
        return reject(
          rankDiffers,
          { op: "concat", input: "xs", expected, actual: printType(x) },
          "xs",
        );
      for (const [i, dim] of x.shape.entries()) {
        const other = at(first.shape, i);
        if (i !== axis && !sameDim(dim, other))
          return reject(
            dimsDiffer,
            { what: `axis ${i} of \`concat\``, left: printDim(other), right: printDim(dim) },
            "xs",
          );
      }
      extent = addDims(extent, at(x.shape, axis));
    }
    return tensorType(first.dtype, first.shape.with(axis, extent));
  },

  sharding: ({ xs, axis }) => alignedExcept(at(xs, 0), [axis], xs.length),

  // Each input takes its own part of dy.
  vjp(b, { xs, axis, dy }) {
    let from = 0;
    return {
      xs: xs.map((x) => {
        const to = from + boundDim(at(x.type.shape, axis));
        const part = b.slice(dy, { axis, from, to });
        from = to;
        return part;
      }),
    };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { xs, axis }) =>
        o.node(
          "Concat",
          xs.map((x) => x.name),
          { axis },
        ),
    },
  ],

  reference: ({ xs, axis }) => concatenated(xs, axis),

  samples: [
    {
      why: "three parts of different length",
      xs: [
        [[1], [2]],
        [
          [3, 4],
          [5, 6],
        ],
        [[7], [8]],
      ],
      axis: 1,
    },
    { why: "the first axis by default", xs: [[[1, 2]], [[3, 4]]] },
    { why: "a single tensor, axis from the end", xs: [[[1, 2]]], axis: -1 },
  ],
});
