/** `lint/softmax-before-cross-entropy`: cross-entropy of logits that are none. */

import { diagnose } from "../../grammar/diagnostic.js";
import { softmaxBeforeCrossEntropy } from "../../grammar/diagnostics/lint.js";
import { confusedLosses } from "./probabilities.js";
import type { LintRule } from "./rule.js";

/** A logarithm of a softmax is not meant: it is a logit up to a shift, which changes nothing. */
const confusion = {
  takers: new Set(["softmax_cross_entropy", "log_softmax"]),
  makers: new Set(["softmax"]),
  through: new Set<string>(),
};

export const softmaxRule: LintRule = {
  code: "lint/softmax-before-cross-entropy",
  example: {
    wrong: "loss { total = cross_entropy(softmax(logits), kind) }",
    right: "loss { total = cross_entropy(logits, kind) }",
  },
  check: ({ train }) =>
    train === null
      ? []
      : confusedLosses(train, confusion).map(({ name, span, labels }) =>
          diagnose(softmaxBeforeCrossEntropy, { loss: name }, span, { labels }),
        ),
};
