/** Merging trailing axes. */

import type { Dim } from "../../ir/dim.js";
import { productOf } from "../../ir/dim.js";
import { tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { countOf, reshaped } from "../kit/ndarray.js";
import { reshaping } from "../kit/reshape-factors.js";

/** Merges the axes from `from` to the last into one. */
export const flatten = defineOp({
  name: "flatten",
  summary: "Merges the axes from `from` to the last into one.",
  reason: "Unlike `reshape` it needs no extent at all.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { from: attr.axis(1) },
  traits: ["layout"],

  infer: ({ x, from }) => tensorType(x.dtype, merged(x.shape, from)),
  sharding: ({ x, from }) => reshaping(x.shape, merged(x.shape, from)),
  vjp: (b, { x, dy }) => ({ x: b.reshape(dy, x.type.shape) }),
  flops: () => 0,

  formulations: [
    {
      name: "reshape",
      onnx: (o, { x, from }) => o.node("Reshape", [x.name, o.shape(merged(x.type.shape, from))]),
    },
  ],

  reference: ({ x, from }) =>
    reshaped(x, [...x.shape.slice(0, from), countOf(x.shape.slice(from))]),

  samples: [
    {
      why: "all but the first by default",
      x: [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ],
    },
    { why: "only the last two", x: [[[[1, 2]], [[3, 4]]]], from: -2 },
    {
      why: "everything",
      x: [
        [1, 2],
        [3, 4],
      ],
      from: 0,
    },
  ],
});

const merged = (shape: readonly Dim[], from: number): readonly Dim[] => [
  ...shape.slice(0, from),
  productOf(shape.slice(from)),
];
