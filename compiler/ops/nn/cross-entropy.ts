/** The cross-entropy of labels under logits. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimNotNumeric, dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim, sameDim } from "../../ir/dim.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { generate, sumOf, valueAt } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** `-log_softmax(logits)` at each record's label; classes are the last axis of the logits. */
export const crossEntropy = defineOp({
  name: "cross_entropy",
  summary:
    "`-log_softmax(logits)` at each record's label; classes are the last axis of the logits.",
  reason: "Stable, and its gradient is the softmax minus the labels: nothing larger is kept.",
  surface: "public",
  inputs: { logits: "float", labels: "int" },
  attrs: {},

  infer({ logits, labels }) {
    if (rankOf(logits) !== rankOf(labels) + 1) {
      const expected = `${rankOf(labels) + 1} axes, one more than \`labels\`,`;
      const actual = printType(logits);
      return reject(
        rankDiffers,
        { op: "cross_entropy", input: "logits", expected, actual },
        "logits",
      );
    }
    const classes = at(logits.shape, -1);
    if (typeof classes !== "number")
      return reject(dimNotNumeric, { op: "cross_entropy", dim: printDim(classes) }, "logits");
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
    return tensorType(logits.dtype, labels.shape);
  },

  sharding({ labels }) {
    const names = axisNames(labels);
    return shardingRule([[...names, "classes"], names], [names], { classes: "replicate" });
  },

  // dlogits = (softmax(logits) - one_hot(labels)) * dy.
  vjp(b, { logits, labels, dy }) {
    const { dtype, shape } = logits.type;
    const weights = b.softmax(logits, shape.length - 1);
    const target = b.oneHot(labels, { depth: boundDim(at(shape, -1)), dtype });
    return {
      logits: b.mul(b.sub(weights, target), b.insertAxis(dy, shape.length - 1)),
      labels: null,
    };
  },

  flops: ({ logits }) => 5 * numelOf(logits),

  formulations: [
    {
      name: "gather",
      onnx(o, { logits, labels }) {
        const index =
          labels.type.dtype === "u8"
            ? o.node("Cast", [labels.name], { to: onnxDType("i64") })
            : labels.name;
        const logs = o.node("LogSoftmax", [logits.name], { axis: -1 });
        const last = o.ints([-1]);
        const column = o.node("Unsqueeze", [index, last]);
        const picked = o.node("GatherElements", [logs, column], { axis: -1 });
        return o.node("Neg", [o.node("Squeeze", [picked, last])]);
      },
    },
  ],

  reference({ logits, labels }) {
    const classes = at(logits.shape, -1);
    return generate(logits.dtype, labels.shape, (index) => {
      const row = Array.from({ length: classes }, (_, c) => valueAt(logits, [...index, c]));
      const max = Math.max(...row);
      const total = sumOf(row.map((value) => Math.exp(value - max)));
      return max + Math.log(total) - (row[valueAt(labels, index)] ?? NaN);
    });
  },

  samples: [
    {
      why: "a batch",
      logits: [
        [1, 2, 0.5],
        [0, -1, 3],
      ],
      labels: [1, 0],
    },
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
      logits: [
        [
          [1, 2],
          [0, 0.5],
        ],
        [
          [-1, 1],
          [2, 2],
        ],
      ],
      labels: [
        [0, 1],
        [1, 0],
      ],
    },
  ],
});
