/** Every lint rule, in the order in which its findings are listed. */

import { batchNormRule } from "./batch-norm-with-accumulation.js";
import { bestRule } from "./best-by-loss.js";
import { decayRule } from "./decay-on-norms.js";
import { leakingRule } from "./leaking-transform.js";
import { seedRule } from "./missing-seed.js";
import { splitRule } from "./random-split-over-groups.js";
import type { LintRule } from "./rule.js";
import { scheduleRule } from "./schedule-against-stages.js";
import { sigmoidRule } from "./sigmoid-before-bce.js";
import { softmaxRule } from "./softmax-before-cross-entropy.js";
import { unusedRule } from "./unused-name.js";

export const lintRules: readonly LintRule[] = [
  unusedRule,
  splitRule,
  leakingRule,
  sigmoidRule,
  softmaxRule,
  decayRule,
  scheduleRule,
  seedRule,
  bestRule,
  batchNormRule,
];
