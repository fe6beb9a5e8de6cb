/** `lint/batch-norm-with-accumulation`: statistics of a part of the batch that was meant. */

import type { Entry, StageLine, TrainMember } from "../../grammar/ast.js";
import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { batchNormWithAccumulation } from "../../grammar/diagnostics/lint.js";
import { evaluate } from "../check/frame.js";
import type { LintedTrain } from "./context.js";
import type { LintRule } from "./rule.js";

export const batchNormRule: LintRule = {
  code: "lint/batch-norm-with-accumulation",
  example: {
    wrong: "accumulate: 8",
    right: "accumulate: 8\nstage main for 2 epochs { freeze model.**.norm.** }",
  },
  check: ({ train }) => (train === null ? [] : check(train)),
};

/** Ops that normalize by statistics of the batch. */
const usesBatchStatistics: ReadonlySet<string> = new Set(["batch_norm"]);

function check({ checked, frame, stages }: LintedTrain): readonly Diagnostic[] {
  for (const { stage, nodes } of stages) {
    const found = nodes.find(({ op }) => usesBatchStatistics.has(op));
    const entry = accumulateIn(stage.member.members) ?? accumulateIn(checked.declaration.members);
    if (found === undefined || entry === null || entry.value === null) continue;
    const count = evaluate(frame, entry.value);
    if (count.kind !== "int" || count.value <= 1) continue;
    const { batch } = (stage.data ?? checked.data).program.loader;
    const params = { accumulate: count.value, batch, example: found.scope };
    return [diagnose(batchNormWithAccumulation, params, entry.value.span)];
  }
  return [];
}

const accumulateIn = (members: readonly (StageLine | TrainMember)[]): Entry | null =>
  members.find(
    (member): member is Entry =>
      member.kind === "entry" && member.key.length === 1 && member.key[0]?.text === "accumulate",
  ) ?? null;
