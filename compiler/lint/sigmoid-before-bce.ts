/** `lint/sigmoid-before-bce`: binary cross-entropy of logits that are none. */

import { diagnose } from "../../grammar/diagnostic.js";
import { sigmoidBeforeBce } from "../../grammar/diagnostics/lint.js";
import { confusedLosses } from "./probabilities.js";
import type { LintRule } from "./rule.js";

/**
 * Every form of binary cross-entropy from logits is built on softplus, the logarithm of a sigmoid,
 * of the logit or of its negative; focal losses scale it by the label's sign.
 */
const confusion = {
  takers: new Set(["softplus"]),
  makers: new Set(["sigmoid", "hardsigmoid"]),
  through: new Set(["neg", "mul"]),
};

export const sigmoidRule: LintRule = {
  code: "lint/sigmoid-before-bce",
  example: {
    wrong: "loss { total = bce_logits(sigmoid(logit), smoke) }",
    right: "loss { total = bce_logits(logit, smoke) }",
  },
  check: ({ train }) =>
    train === null
      ? []
      : confusedLosses(train, confusion).map(({ name, span, labels }) =>
          diagnose(sigmoidBeforeBce, { loss: name }, span, { labels }),
        ),
};
