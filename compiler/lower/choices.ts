/** Policies and objectives name numbers that are measured, and know which way is better. */

import type { MetricsMember } from "../../grammar/ast.js";
import { notANumber, withoutDirection } from "../../grammar/diagnostics/metrics.js";
import { testChooses, unknownMetric } from "../../grammar/diagnostics/program.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { type Frame, report } from "../check/frame.js";
import type { EvaluatedMetric } from "../check/metrics.js";
import type { MetricChoice } from "../check/policies.js";
import type { CheckedTrain } from "../check/train.js";
import { printType } from "../ir/type.js";
import type { Forward } from "./forward.js";

/** Reports what is not measured, what the test split would choose, and what has no direction. */
export function checkChoices(frame: Frame, train: CheckedTrain, forward: Forward): void {
  const ofStages = new Set(train.stages.flatMap(({ metrics }) => metrics.flatMap(namesIn)));
  const known = new Set([
    ...ofStages,
    ...forward.measured.metrics.map((metric) => `${metric.split}.${metric.name}`),
    ...["train", "val", "test"].flatMap((split) => [
      `${split}.loss`,
      ...forward.losses.map((loss) => `${split}.${loss.name}`),
    ]),
  ]);
  const check = (name: string, span: Span): boolean => {
    const metric = metricNamed(name, forward);
    const type = metric?.measure.kind === "result" ? metric.measure.value.type : null;
    if (!known.has(name))
      report(frame, unknownMetric, { name, suggestion: suggest(name, known) }, span);
    else if (type !== null && type.shape.length > 0)
      report(frame, notANumber, { metric: name, found: printType(type) }, span);
    else return true;
    return false;
  };
  for (const objective of train.objectives) check(objective.name, objective.span);
  const choices = [
    ...(train.checkpoint.best === null ? [] : [train.checkpoint.best]),
    ...train.stages.flatMap(({ named }) => named.choices),
  ];
  for (const choice of choices) {
    if (!check(choice.metric, choice.span)) continue;
    if (choice.metric.startsWith("test."))
      report(frame, testChooses, { name: choice.metric }, choice.span);
    else if (!ofStages.has(choice.metric) && directionOf(choice, forward) === null)
      report(frame, withoutDirection, { metric: choice.metric }, choice.span);
  }
}

/** `val.f1` for each line of a stage's metrics; what they measure is checked where they stand. */
const namesIn = ({ split, assigns }: MetricsMember): readonly string[] =>
  (split === null ? ["val", "test"] : [split.text]).flatMap((each) =>
    assigns.flatMap(({ names: [name] }) => (name === undefined ? [] : [`${each}.${name.text}`])),
  );

/** Whether more or less is better: as the policy says, as the metric says; losses are minimized. */
export const directionOf = (choice: MetricChoice, forward: Forward): "max" | "min" | null =>
  choice.mode ??
  metricNamed(choice.metric, forward)?.better ??
  (isLoss(choice.metric, forward) ? "min" : null);

const isLoss = (metric: string, forward: Forward): boolean =>
  /^(train|val)\.loss$/.test(metric) ||
  forward.losses.some(({ name }) => metric === `val.${name}` || metric === `train.${name}`);

const metricNamed = (name: string, { measured }: Forward): EvaluatedMetric | undefined =>
  measured.metrics.find((metric) => `${metric.split}.${metric.name}` === name);
