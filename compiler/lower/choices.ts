/** Policies and objectives name numbers that are measured, and know which way is better. */

import { notANumber, withoutDirection } from "../../grammar/diagnostics/metrics.js";
import {
  measuredElsewhere,
  testChooses,
  unknownMetric,
} from "../../grammar/diagnostics/program.js";
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
  const losses = ["train", "val", "test"].flatMap((split) => [
    `${split}.loss`,
    ...forward.losses.map((loss) => `${split}.${loss.name}`),
  ]);
  /** What is measured in some of the stages. */
  const measuredIn = (stages: CheckedTrain["stages"]): ReadonlySet<string> =>
    new Set([
      ...losses,
      ...[forward.measured, ...stages.flatMap((stage) => forward.measuredIn.get(stage) ?? [])]
        .flatMap(({ metrics }) => metrics)
        .map(({ split, name }) => `${split}.${name}`),
    ]);
  const everywhere = measuredIn(train.stages);
  const check = (name: string, span: Span, known: ReadonlySet<string> = everywhere): boolean => {
    const metric = metricNamed(name, forward);
    const type = metric?.measure.kind === "result" ? metric.measure.value.type : null;
    if (!known.has(name) && everywhere.has(name)) report(frame, measuredElsewhere, { name }, span);
    else if (!known.has(name))
      report(frame, unknownMetric, { name, suggestion: suggest(name, known) }, span);
    else if (type !== null && type.shape.length > 0)
      report(frame, notANumber, { metric: name, found: printType(type) }, span);
    else return true;
    return false;
  };
  const checkChoice = (choice: MetricChoice, known = everywhere): void => {
    if (!check(choice.metric, choice.span, known)) return;
    if (choice.metric.startsWith("test."))
      report(frame, testChooses, { name: choice.metric }, choice.span);
    else if (directionOf(choice, forward) === null)
      report(frame, withoutDirection, { metric: choice.metric }, choice.span);
  };
  for (const objective of train.objectives) check(objective.name, objective.span);
  if (train.checkpoint.best !== null) checkChoice(train.checkpoint.best);
  for (const [i, stage] of train.stages.entries())
    for (const choice of stage.named.choices)
      // A stage begins with what earlier ones measured.
      checkChoice(choice, measuredIn(choice === stage.start ? train.stages.slice(0, i) : [stage]));
}

/** Whether more or less is better: as the policy says, as the metric says; losses are minimized. */
export const directionOf = (choice: MetricChoice, forward: Forward): "max" | "min" | null =>
  choice.mode ??
  metricNamed(choice.metric, forward)?.better ??
  (isLoss(choice.metric, forward) ? "min" : null);

const isLoss = (metric: string, forward: Forward): boolean =>
  /^(train|val)\.loss$/.test(metric) ||
  forward.losses.some(({ name }) => metric === `val.${name}` || metric === `train.${name}`);

const metricNamed = (
  name: string,
  { measured, measuredIn }: Forward,
): EvaluatedMetric | undefined =>
  [measured, ...measuredIn.values()]
    .flatMap(({ metrics }) => metrics)
    .find((metric) => `${metric.split}.${metric.name}` === name);
