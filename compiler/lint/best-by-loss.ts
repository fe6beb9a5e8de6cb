/** `lint/best-by-loss`: weights chosen by a loss where an objective judges a metric. */

import { diagnose } from "../../grammar/diagnostic.js";
import { bestByLoss } from "../../grammar/diagnostics/lint.js";
import type { LintedTrain } from "./context.js";
import type { LintRule } from "./rule.js";

export const bestRule: LintRule = {
  code: "lint/best-by-loss",
  example: {
    wrong: "checkpoint: [best(val.loss)]\nobjective test.accuracy >= 0.9",
    right: "checkpoint: [best(val.accuracy)]\nobjective test.accuracy >= 0.9",
  },
  check: ({ train }) => (train === null ? [] : check(train)),
};

function check({ checked: { checkpoint, objectives }, evaluation }: LintedTrain) {
  const { best } = checkpoint;
  if (best === null || evaluation === null) return [];
  const losses = new Set([
    "loss",
    ...evaluation.losses.flatMap(({ terms }) => terms.map(({ name }) => name)),
  ]);
  const isLoss = (metric: string): boolean => losses.has(metric.slice(metric.indexOf(".") + 1));
  if (!isLoss(best.metric) || objectives.some(({ name }) => isLoss(name))) return [];
  const [objective] = objectives;
  return objective === undefined
    ? []
    : [
        diagnose(bestByLoss, { chosen: best.metric, objective: objective.name }, best.span, {
          labels: [{ span: objective.span, text: "the objective" }],
        }),
      ];
}
