/** The cross-entropy of labels under logits. */

import { reject } from "../../../grammar/diagnostic.js";
import {
  attributeRange,
  dimNotNumeric,
  dimsDiffer,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim, sameDim } from "../../ir/dim.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, sumOf, valueAt } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/**
 * `-sum of q log_softmax(logits)` per record, with classes as the last axis of the logits and
 * `q = weights * ((1 - smoothing) * one_hot(label) + smoothing / classes)`; zero where the label is
 * `ignore`. As PyTorch's `cross_entropy` without its average.
 */
export const softmaxCrossEntropy = defineOp({
  name: "softmax_cross_entropy",
  summary:
    "`-log_softmax(logits)` at each record's label, with classes as the last axis of the logits; `weights` per class, label `smoothing`, and zero where the label is `ignore`.",
  reason: "Stable, and its gradient is the softmax minus the labels: nothing larger is kept.",
  surface: "public",
  inputs: { logits: "float", labels: "int" },
  attrs: { weights: attr.floats([]), smoothing: attr.float(0), ignore: attr.int(-100) },

  infer({ logits, labels, weights, smoothing }) {
    const op = "softmax_cross_entropy";
    if (rankOf(logits) !== rankOf(labels) + 1) {
      const expected = `${rankOf(labels) + 1} axes, one more than \`labels\`,`;
      const actual = printType(logits);
      return reject(rankDiffers, { op, input: "logits", expected, actual }, "logits");
    }
    const classes = at(logits.shape, -1);
    if (typeof classes !== "number")
      return reject(dimNotNumeric, { op, dim: printDim(classes) }, "logits");
    for (const [axis, dim] of labels.shape.entries()) {
      const other = at(logits.shape, axis);
      if (!sameDim(dim, other))
        return reject(
          dimsDiffer,
          {
            what: `axis ${axis} of logits and labels`,
            left: printDim(other),
            right: printDim(dim),
          },
          "labels",
        );
    }
    if (weights.length > 0 && weights.length !== classes) {
      const actual = `a list of ${weights.length}`;
      const expected = `a list of ${classes} numbers`;
      return reject(attributeRange, { attribute: "weights", expected, actual }, "weights");
    }
    if (smoothing < 0 || smoothing > 1) {
      const actual = String(smoothing);
      const expected = "from 0 to 1";
      return reject(attributeRange, { attribute: "smoothing", expected, actual }, "smoothing");
    }
    return tensorType(logits.dtype, labels.shape);
  },

  sharding({ labels }) {
    const names = axisNames(labels);
    return shardingRule([[...names, "classes"], names], [names], { classes: "replicate" });
  },

  vjp: (b, { logits, labels, weights, smoothing, ignore, dy }) => ({
    logits: b.emit("softmax_cross_entropy_grad", [dy, logits, labels], {
      weights,
      smoothing,
      ignore,
    }),
    labels: null,
  }),

  flops: ({ logits }) => 5 * numelOf(logits),

  coarse: "SoftmaxCrossEntropy",
  formulations: [
    {
      name: "gather",
      onnx(o, { logits, labels, weights, smoothing, ignore }) {
        const { dtype } = logits.type;
        const classes = boundDim(at(logits.type.shape, -1));
        const i64 = (value: number): string => o.floats([value], [], "i64");
        const number = (value: number): string => o.floats([value], [], dtype);
        const index =
          labels.type.dtype === "i64"
            ? labels.name
            : o.node("Cast", [labels.name], { to: onnxDType("i64") });
        const ignored = o.node("Equal", [index, i64(ignore)]);
        const safe = o.node("Where", [ignored, i64(0), index]);
        const kept = o.node("Cast", [o.node("Not", [ignored])], { to: onnxDType(dtype) });
        const logs = o.node("LogSoftmax", [logits.name], { axis: -1 });
        const last = o.ints([-1]);
        const place = o.node("Unsqueeze", [safe, last]);
        const logit = o.node("Squeeze", [
          o.node("GatherElements", [logs, place], { axis: -1 }),
          last,
        ]);
        const perClass = weights.length > 0 ? o.floats(weights, [classes], dtype) : null;
        const picked =
          perClass === null ? logit : o.node("Mul", [logit, o.node("Gather", [perClass, safe])]);
        const terms = smoothing === 0 ? picked : o.node("Mul", [picked, number(1 - smoothing)]);
        let sum = terms;
        if (smoothing > 0) {
          const spread = (
            weights.length > 0 ? weights : Array.from({ length: classes }, () => 1)
          ).map((weight) => (weight * smoothing) / classes);
          const column = o.floats(spread, [classes, 1], dtype);
          const even = o.node("Squeeze", [o.node("MatMul", [logs, column]), last]);
          sum = o.node("Add", [terms, even]);
        }
        return o.node("Neg", [o.node("Mul", [sum, kept])]);
      },
    },
  ],

  reference({ logits, labels, weights, smoothing, ignore }) {
    const classes = at(logits.shape, -1);
    return generate(logits.dtype, labels.shape, (index) => {
      const label = valueAt(labels, index);
      if (label === ignore) return 0;
      const row = Array.from({ length: classes }, (_, c) => valueAt(logits, [...index, c]));
      const max = Math.max(...row);
      const log = max + Math.log(sumOf(row.map((value) => Math.exp(value - max))));
      const loss = (c: number): number => (weights[c] ?? 1) * (log - (row[c] ?? NaN));
      const even = smoothing === 0 ? 0 : sumOf(row.map((_, c) => loss(c))) / classes;
      return (1 - smoothing) * loss(label) + smoothing * even;
    });
  },

  samples: [
    { why: "a batch", logits: sampleArray([2, 3]), labels: [1, 0] },
    {
      why: "large logits do not overflow",
      logits: [
        [1000, -1000],
        [0, 500],
      ],
      labels: [1, 1],
    },
    {
      why: "several record axes",
      logits: sampleArray([2, 2, 2]),
      labels: [
        [0, 1],
        [1, 0],
      ],
    },
    {
      why: "an ignored label outside of the classes, one inside",
      logits: sampleArray([3, 3]),
      labels: [2, -100, 0],
    },
    { why: "an ignored class", logits: sampleArray([3, 3]), labels: [2, 0, 1], ignore: 0 },
    { why: "weights", logits: sampleArray([3, 3]), labels: [2, 0, 1], weights: [1, 0.5, 3] },
    { why: "smoothing", logits: sampleArray([2, 4]), labels: [3, 1], smoothing: 0.2 },
    {
      why: "all of them",
      logits: sampleArray([4, 3]),
      labels: [2, 0, 1, 255],
      weights: [1, 0.5, 3],
      smoothing: 0.1,
      ignore: 255,
    },
  ],
});
