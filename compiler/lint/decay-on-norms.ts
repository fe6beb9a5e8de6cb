/** `lint/decay-on-norms`: weight decay on what has one axis or none. */

import { diagnose, type Diagnostic, type Fix } from "../../grammar/diagnostic.js";
import { decayOnNorms } from "../../grammar/diagnostics/lint.js";
import type { Span } from "../../grammar/source.js";
import { settingsByWeight } from "../check/groups.js";
import type { CheckedOptimizer } from "../check/train.js";
import { asNumber, none } from "../check/value.js";
import type { Evaluation, LintedTrain } from "./context.js";
import type { LintRule } from "./rule.js";

const setting = "weight_decay";

export const decayRule: LintRule = {
  code: "lint/decay-on-norms",
  example: {
    wrong: "optimizer: adamw(lr: 1e-3, weight_decay: 0.05)",
    right:
      "optimizer: adamw(lr: 1e-3, weight_decay: 0.05)\ngroup norms_and_biases { weight_decay: 0 }",
  },
  check: ({ train }) => (train === null ? [] : check(train)),
};

function check({ checked, frame, evaluation }: LintedTrain): readonly Diagnostic[] {
  if (evaluation === null) return [];
  // Stages share the train's optimizer unless they change it.
  const optimizers = [
    ...new Map(checked.stages.map(({ optimizer: each }) => [each.span.start, each])),
  ];
  return optimizers.flatMap(([, optimizer]) => {
    const found = reachedBy(optimizer, { checked, frame }, evaluation);
    return found === null ? [] : [found];
  });
}

function reachedBy(
  optimizer: CheckedOptimizer,
  { checked, frame }: Pick<LintedTrain, "checked" | "frame">,
  { weights }: Evaluation,
): Diagnostic | null {
  const own = optimizer.settings.get(setting);
  const decay = asNumber(own?.meaning ?? none);
  if (own === undefined || decay === null || decay <= 0) return null;
  // A group that gives such weights a decay or a rule of their own means it.
  const { byWeight } = settingsByWeight(frame, checked.groups, optimizer, weights);
  const isMeant = (path: string): boolean => {
    const given = byWeight.get(path);
    return given !== undefined && (given.settings.has(setting) || given.optimizer !== null);
  };
  const reached = weights.filter(
    ({ path, unused, value }) => !unused && value.type.shape.length <= 1 && !isMeant(path),
  );
  const [first] = reached;
  if (first === undefined) return null;
  const params = { decay, count: reached.length, example: first.path };
  // Without the word in the call the decay is the optimizer's default.
  const span = within(own.span, optimizer.span) ? own.span : optimizer.span;
  return diagnose(decayOnNorms, params, span, { fix: groupAfter(optimizer.span) });
}

const within = (inner: Span, outer: Span): boolean =>
  inner.source === outer.source && inner.start >= outer.start && inner.end <= outer.end;

/** The group on a line of its own below the optimizer's, where it stands in the order of keys. */
function groupAfter({ source, start, end }: Span): Fix {
  const line = source.text.lastIndexOf("\n", start - 1) + 1;
  const indent = /^[ \t]*/u.exec(source.text.slice(line))?.[0] ?? "";
  const text = `\n${indent}group norms_and_biases { weight_decay: 0 }`;
  return { span: { source, start: end, end }, text };
}
