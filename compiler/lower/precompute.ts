/** `precompute: [mu, xs]`: outputs that are stored once per record, while nothing changes them. */

import { unknownName } from "../../grammar/diagnostics/names.js";
import { notPrecomputable } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { inputsOf } from "../check/batch-free.js";
import { splitIn } from "../check/data-of-train.js";
import { cannotCarryOut, type Frame, report } from "../check/frame.js";
import type { CheckedStage } from "../check/stages.js";
import type { CheckedTrain } from "../check/train.js";
import type { DatasetProgram } from "../plan/dataset.js";
import type { Forward } from "./forward.js";

/** Reports outputs that the stage may change: by learning, by an update of a state, by chance. */
export function checkPrecomputed(
  frame: Frame,
  train: CheckedTrain,
  stage: CheckedStage,
  { forward, trainable }: { readonly forward: Forward; readonly trainable: readonly string[] },
): void {
  const outputs = forward.outputs.map(({ name }) => name);
  const learns = new Set(trainable);
  const updated = new Set(forward.updates.map(({ name }) => name));
  const entries = [stage.member, train.declaration].flatMap(({ members }) =>
    [...members].flatMap((line) => (line.kind === "entry" ? [line] : [])),
  );
  const data = entries.find(({ key }) => key[0]?.text === "data")?.value ?? null;
  const split = splitIn(frame, data);
  const disturbed = disturbedFields((stage.data ?? train.data).program, split);
  for (const { expr, span } of stage.named.precompute) {
    const name =
      expr.kind === "name"
        ? expr.name
        : expr.kind === "member" && expr.object.kind === "name" && expr.object.name === "out"
          ? expr.member.text
          : null;
    const output = forward.outputs.find((each) => each.name === name);
    if (name === null) {
      const expected = "outputs of the model";
      const found = "another expression";
      report(frame, wrongType, { what: "`precompute`", expected, found }, span);
    } else if (output === undefined)
      report(frame, unknownName, { name, suggestion: suggest(name, outputs) }, span);
    else {
      const ids = new Set(inputsOf(forward.builder.nodes, output.value));
      const read = forward.builder.inputs.filter(({ value }) => ids.has(value.id));
      const reason = firstOf(read, (input) => {
        const field = input.startsWith("field:") ? input.slice("field:".length) : null;
        if (field !== null)
          return disturbed.has(field) ? `\`${field}\`, which a transform disturbs` : null;
        if (input.startsWith("random:")) return "random numbers";
        if (learns.has(input)) return `\`${input}\`, which learns`;
        return updated.has(input) ? `\`${input}\`, which the stage updates` : null;
      });
      if (reason === null) cannotCarryOut(frame, "`precompute`", span);
      else
        report(
          frame,
          notPrecomputable,
          { output: name, reason, stage: stage.member.name.text },
          span,
        );
    }
  }
}

function firstOf(
  inputs: Forward["builder"]["inputs"],
  reasonFor: (name: string) => string | null,
): string | null {
  for (const { name } of inputs) {
    const reason = reasonFor(name);
    if (reason !== null) return reason;
  }
  return null;
}

/** What gives the same for a record whenever it is read. */
const steady: readonly string[] = [
  "resize",
  "normalize",
  "standardize",
  "crop",
  "center_crop",
  "pad",
  "rescale",
  "rearrange",
  "tile",
  "to",
];

/** Fields that a transform changes at random in records of the split. */
const disturbedFields = ({ transforms }: DatasetProgram, of: string): ReadonlySet<string> =>
  new Set(
    transforms
      .filter(({ split, op }) => (split ?? of) === of && !steady.includes(op.kind))
      .flatMap(({ field, fields }) => [...(field === undefined ? [] : [field]), ...(fields ?? [])]),
  );
