/** Attention. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { dimNotNumeric } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import {
  attentionFlops,
  attentionGradient,
  attentionOnnx,
  attentionReference,
  attentionTypes,
} from "../kit/attention.js";
import { generate } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { type ShardingRule, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** `softmax(scale q kT) v`, and the softmax; with `causal` no query sees a later key (Vaswani et al., 2017). */
export const scaledDotProduct = defineOp({
  name: "scaled_dot_product",
  summary:
    "`softmax(scale q kT) v`, and the softmax; with `causal` no query sees a later key. `q [..., T, D]`, `k [..., S, D]`, `v [..., S, E]`.",
  reason:
    "Its gradient takes one dot product of rows of the result where the softmax alone would pass over all scores.",
  surface: "public",
  inputs: { q: "float", k: "float", v: "float" },
  attrs: { scale: attr.float(), causal: attr.bool(false) },

  infer({ q, k, v, causal }) {
    const types = attentionTypes("scaled_dot_product", { q, k, v });
    if (isRejection(types)) return types;
    const symbolic = [at(q.shape, -2), at(k.shape, -2)].find((dim) => typeof dim !== "number");
    if (causal && symbolic !== undefined)
      return reject(dimNotNumeric, { op: "scaled_dot_product", dim: printDim(symbolic) }, "causal");
    return types;
  },

  sharding: ({ q, causal }) => attentionSharding(q, causal),

  vjp(b, scope) {
    const { q, k, v } = attentionGradient(b, scope);
    return { q, k, v };
  },

  flops: ({ q, k, v }) => attentionFlops({ q, k, v }),

  coarse: "Attention",
  formulations: [
    {
      name: "products",
      onnx(o, scope) {
        if (!scope.causal) return attentionOnnx(o, { ...scope, bias: null });
        const shape = [scope.q, scope.k].map((x) => boundDim(at(x.type.shape, -2)));
        const all = o.node("Expand", [
          o.floats([-Infinity], [], scope.q.type.dtype),
          o.ints(shape),
        ]);
        const later = o.node("Trilu", [all, o.floats([1], [], "i64")], { upper: 1 });
        return attentionOnnx(o, { ...scope, bias: later });
      },
    },
  ],

  reference(scope) {
    const shape = [at(scope.q.shape, -2), at(scope.k.shape, -2)];
    const later = generate(scope.q.dtype, shape, ([t, s]) =>
      scope.causal && (s ?? 0) > (t ?? 0) ? -Infinity : 0,
    );
    return attentionReference(scope, later);
  },

  samples: [
    {
      why: "heads of a batch",
      q: sampleArray([2, 2, 3, 2]),
      k: sampleArray([2, 2, 4, 2], 1),
      v: sampleArray([2, 2, 4, 3], 2),
      scale: 0.7,
    },
    {
      why: "causal",
      q: sampleArray([2, 3, 2]),
      k: sampleArray([2, 3, 2], 1),
      v: sampleArray([2, 3, 2], 2),
      scale: 0.5,
      causal: true,
    },
    {
      why: "causal, more keys than queries",
      q: sampleArray([2, 2]),
      k: sampleArray([4, 2], 1),
      v: sampleArray([4, 1], 2),
      scale: 1,
      causal: true,
    },
  ],
});

/** Batch axes, queries and values may be cut; every query needs all keys. */
function attentionSharding(q: TensorType, causal: boolean): ShardingRule {
  const lead = q.shape.slice(0, -2).map((_, axis) => `d${axis}`);
  return shardingRule(
    [
      [...lead, "t", "d"],
      [...lead, "s", "d"],
      [...lead, "s", "e"],
    ],
    [
      [...lead, "t", "e"],
      [...lead, "t", "s"],
    ],
    { s: "replicate", d: "replicate", e: "replicate", ...(causal && { t: "replicate" }) },
  );
}
