/** Attention with a bias on the scores. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { sameShape } from "../../ir/dim.js";
import { printType, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import {
  attentionFlops,
  attentionGradient,
  attentionOnnx,
  attentionReference,
  attentionTypes,
} from "../kit/attention.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { sampleArray } from "../kit/sample-array.js";
import { broadcastNames, shardingRule } from "../kit/sharding.js";

/** `softmax(scale q kT + bias) v`, and the softmax; the bias broadcasts to `[..., T, S]`, minus infinity hides a key. */
export const scaledDotProductBiased = defineOp({
  name: "scaled_dot_product_biased",
  summary:
    "`softmax(scale q kT + bias) v`, and the softmax; the bias broadcasts to `[..., T, S]`, minus infinity hides a key.",
  reason: "As `scaled_dot_product`; masks and relative positions are biases.",
  surface: "public",
  inputs: { q: "float", k: "float", v: "float", bias: "float" },
  attrs: { scale: attr.float() },

  infer({ q, k, v, bias }) {
    const types = attentionTypes("scaled_dot_product_biased", { q, k, v });
    if (isRejection(types)) return types;
    const [, scores] = types;
    const common = broadcastShapes(scores.shape, bias.shape);
    if (common === null || !sameShape(common, scores.shape))
      return reject(notBroadcastable, { left: printType(scores), right: printType(bias) }, "bias");
    return types;
  },

  // Batch axes and queries may be cut; every query needs all keys.
  sharding({ q, k, bias }) {
    const lead = q.shape.slice(0, -2).map((_, axis) => `d${axis}`);
    const scores = tensorType(q.dtype, [...q.shape.slice(0, -1), at(k.shape, -2)]);
    const [t, s] = [`d${lead.length}`, `d${lead.length + 1}`];
    return shardingRule(
      [
        [...lead, t, "inner"],
        [...lead, s, "inner"],
        [...lead, s, "value"],
        broadcastNames(bias, scores),
      ],
      [
        [...lead, t, "value"],
        [...lead, t, s],
      ],
      { [s]: "replicate", inner: "replicate", value: "replicate" },
    );
  },

  vjp(b, scope) {
    const { q, k, v, scores } = attentionGradient(b, scope);
    return { q, k, v, bias: b.sumTo(scores, scope.bias.type.shape) };
  },

  flops: ({ q, k, v }) => attentionFlops({ q, k, v }),

  coarse: "Attention",
  formulations: [
    {
      name: "products",
      onnx: (o, scope) => attentionOnnx(o, { ...scope, bias: scope.bias.name }),
    },
  ],

  reference: (scope) => attentionReference(scope, scope.bias),

  samples: [
    {
      why: "a bias of its own for each score",
      q: sampleArray([2, 3, 2]),
      k: sampleArray([2, 4, 2], 1),
      v: sampleArray([2, 4, 2], 2),
      bias: sampleArray([2, 3, 4], 3),
      scale: 0.7,
    },
    {
      why: "a bias that broadcasts over heads and queries",
      q: sampleArray([2, 2, 3, 2]),
      k: sampleArray([2, 2, 3, 2], 1),
      v: sampleArray([2, 2, 3, 1], 2),
      bias: sampleArray([2, 1, 1, 3], 3),
      scale: 0.5,
    },
  ],
});
