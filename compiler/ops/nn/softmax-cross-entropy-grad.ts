/** The gradient of `softmax_cross_entropy`. */

import { reject } from "../../../grammar/diagnostic.js";
import { rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { numelOf, printType, rankOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, sumOf, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** The gradient of `softmax_cross_entropy` for the logits, from the cotangent `g` of its output. */
export const softmaxCrossEntropyGrad = defineOp({
  name: "softmax_cross_entropy_grad",
  summary:
    "The gradient of `softmax_cross_entropy` for the logits, from the cotangent `g` of its output.",
  reason: "A library computes it in one pass over the logits.",
  surface: "internal",
  inputs: { g: "float", logits: "float", labels: "int" },
  attrs: { weights: attr.floats([]), smoothing: attr.float(0), ignore: attr.int(-100) },

  infer({ g, logits }) {
    if (rankOf(logits) === rankOf(g) + 1) return logits;
    const op = "softmax_cross_entropy_grad";
    const [expected, actual] = [`${rankOf(g) + 1} axes`, printType(logits)];
    return reject(rankDiffers, { op, input: "logits", expected, actual }, "logits");
  },

  sharding({ labels }) {
    const names = axisNames(labels);
    const wide = [...names, "classes"];
    return shardingRule([names, wide, names], [wide], { classes: "replicate" });
  },

  vjp: null,
  flops: ({ logits }) => 8 * numelOf(logits),

  coarse: "SoftmaxCrossEntropyGrad",
  // dlogits = (softmax(logits) * sum(q) - q) * g, zero where the label is ignored.
  body(b, { g, logits, labels, weights, smoothing, ignore }) {
    const { dtype, shape } = logits.type;
    const classes = boundDim(at(shape, -1));
    const last = shape.length - 1;
    const wide = b.cast(labels, "i64");
    const kept = b.cast(b.emit("not_equal", [wide, b.constant(ignore, "i64")]), dtype);
    const hot = b.oneHot(wide, { depth: classes, dtype });
    const smooth = b.shift(b.scale(hot, 1 - smoothing), smoothing / classes);
    const share = b.softmax(logits, last);
    const pull = b.insertAxis(b.mul(g, kept), last);
    if (weights.length === 0) return b.mul(b.sub(share, smooth), pull);
    const q = b.mul(smooth, b.emit("vector", [], { values: weights, dtype }));
    const total = b.sum(q, { axes: [last], keep: true });
    return b.mul(b.sub(b.mul(share, total), q), pull);
  },
  formulations: [],

  reference({ g, logits, labels, weights, smoothing, ignore }) {
    const classes = at(logits.shape, -1);
    return generate(logits.dtype, logits.shape, (index) => {
      const [record, own] = [index.slice(0, -1), at(index, -1)];
      const label = valueAt(labels, record);
      if (label === ignore) return 0;
      const row = Array.from({ length: classes }, (_, c) => valueAt(logits, [...record, c]));
      const max = Math.max(...row);
      const exps = row.map((value) => Math.exp(value - max));
      const q = row.map(
        (_, c) => (weights[c] ?? 1) * ((c === label ? 1 - smoothing : 0) + smoothing / classes),
      );
      const share = at(exps, own) / sumOf(exps);
      return (share * sumOf(q) - at(q, own)) * valueAt(g, record);
    });
  },

  samples: [
    { why: "a batch", g: [1, -0.5], logits: sampleArray([2, 3]), labels: [1, 0] },
    {
      why: "several record axes",
      g: sampleArray([2, 2], 1),
      logits: sampleArray([2, 2, 2]),
      labels: [
        [0, 1],
        [1, 0],
      ],
    },
    {
      why: "all of the attributes",
      g: [1, 2, -1, 3],
      logits: sampleArray([4, 3]),
      labels: [2, 0, 1, 255],
      weights: [1, 0.5, 3],
      smoothing: 0.1,
      ignore: 255,
    },
  ],
});
