/** Diagnostics about losses, stages, policies and starting weights of a train. */

import { diagnosticKind } from "../diagnostic.js";

const didYouMean = (p: { readonly suggestion: string | null }): string | null =>
  p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`;

const lossForm =
  "A loss is a sum of c * S / W and c0: S and W are sums over the records of a batch, c and c0 are free of batch data. Only so does it add up over micro-batches and devices: S and W are summed first and divided once per update.";

export const lossNotLinear = diagnosticKind({
  code: "loss/not-linear",
  severity: "error",
  message: (p: { operator: string }) => `\`${p.operator}\` does not apply to the value of a loss`,
  hint: () =>
    "average the result instead: `average(f(x))`; a loss may only be added, and scaled by a factor",
  explain: lossForm,
});

export const lossOfBatch = diagnosticKind({
  code: "loss/batch-data",
  severity: "error",
  message: (p: { what: string; found: string }) =>
    `${p.what} is ${p.found} that depends on the batch and is no mean over its records`,
  hint: () =>
    "write `average(…)` or `ratio(sum, weight)`, or `per_batch(…)` for a value of the whole batch",
  explain: lossForm,
});

export const lossScalar = diagnosticKind({
  code: "loss/not-a-scalar",
  severity: "error",
  message: (p: { what: string; found: string }) => `${p.what} must be f32[], found ${p.found}`,
  explain: lossForm,
});

export const batchInLoss = diagnosticKind({
  code: "loss/batch-size",
  severity: "error",
  message: (_p: Record<string, never>) => "a loss cannot read the batch size `B`",
  hint: () => "`average(…)` divides by the number of records that count",
  explain:
    "The records of an update may be split over micro-batches and devices, and a batch may be padded: a loss that divides by its own `B` would change with them.",
});

export const runWideKey = diagnosticKind({
  code: "stage/key-of-the-run",
  severity: "error",
  message: (p: { key: string }) => `a stage cannot change \`${p.key}\`: a run has one`,
  hint: (p) => `give \`${p.key}\` in the train`,
  explain:
    "A stage overrides any key of its train but those that hold for the whole run: its model, its seed and its log.",
});

export const namedLossChosen = diagnosticKind({
  code: "stage/no-loss",
  severity: "error",
  message: (p: { stage: string; names: readonly string[] }) =>
    `\`${p.stage}\` does not say which loss it minimizes: ${p.names.map((name) => `\`${name}\``).join(", ")}`,
  hint: (p) => `write \`loss: ${p.names[0] ?? "name"}\` in the stage or the train`,
  explain:
    "Without a choice a stage minimizes the unnamed loss, or the only one. Where all of several losses have names, each stage names one.",
});

export const nothingToRestart = diagnosticKind({
  code: "stage/nothing-to-restart",
  severity: "error",
  message: (p: { reason: string }) => `\`restart schedule\` has no effect: ${p.reason}`,
  explain:
    "`restart schedule` begins the train's schedule anew at a stage; a stage with a schedule of its own, or a train without one, has nothing to restart.",
});

export const unknownPolicy = diagnosticKind({
  code: "train/unknown-policy",
  severity: "error",
  message: (p: {
    key: string;
    name: string;
    suggestion: string | null;
    forms: readonly string[];
  }) => `\`${p.key}\` has no form \`${p.name}\``,
  hint: (p) => didYouMean(p) ?? `its forms are ${p.forms.map((form) => `\`${form}\``).join(", ")}`,
  explain:
    "Policies are written as calls from a closed list; `saic explain` and the language reference name them.",
});

export const pathMatchesNothing = diagnosticKind({
  code: "train/path-matches-nothing",
  severity: "error",
  message: (p: { path: string; suggestion: string | null }) =>
    `\`${p.path}\` is no instance of the model`,
  hint: didYouMean,
  explain:
    "`recompute` names block instances by their paths, which are checked against the model as it is.",
});

export const notPrecomputable = diagnosticKind({
  code: "train/not-precomputable",
  severity: "error",
  message: (p: { output: string; reason: string; stage: string }) =>
    `\`${p.output}\` cannot be precomputed in stage \`${p.stage}\`: it depends on ${p.reason}`,
  explain:
    "`precompute` stores an output once per record, so it may depend only on frozen weights and on fields that no transform disturbs at random.",
});

export const contradictoryKeys = diagnosticKind({
  code: "train/contradiction",
  severity: "error",
  message: (p: { what: string; reason: string }) => `${p.what} ${p.reason}`,
  explain: "Two members of a train contradict each other, or one needs another that is not there.",
});

export const statisticsOfBatch = diagnosticKind({
  code: "train/batch-statistics",
  severity: "error",
  message: (p: { path: string; stage: string }) =>
    `\`on_oom\` would change results: \`${p.path}\` is set from statistics of each micro-batch in stage \`${p.stage}\``,
  hint: () =>
    "say `allow: batch_statistics`, freeze what normalizes by the batch, or use `GroupNorm`",
  explain:
    "Half a micro-batch gives the same update for all that is computed record by record. Statistics of a batch, as of batch normalization, are others in each half.",
});

export const sourceMissing = diagnosticKind({
  code: "weights/source-missing",
  severity: "error",
  message: (p: { path: string; target: string; suggestion: string | null }) =>
    `there is no weight \`${p.path}\` for \`${p.target}\` to start from`,
  hint: didYouMean,
  explain:
    "`copy` and `blend` read weights of the same model, which are checked by path and shape.",
});

export const sourceShape = diagnosticKind({
  code: "weights/source-shape",
  severity: "error",
  message: (p: { path: string; found: string; target: string; expected: string }) =>
    `\`${p.path}\` is ${p.found}, but \`${p.target}\` is ${p.expected}`,
  explain: "A weight starts as a copy of one of its own shape.",
});

export const slotTaken = diagnosticKind({
  code: "optimizer/slot-taken",
  severity: "error",
  message: (p: { name: string }) => `two slots of this rule are called \`${p.name}\``,
  hint: () => "give one of them another name with `as`",
  explain: "Slots are saved under the parameter's path and their own name, so each is unique.",
});
