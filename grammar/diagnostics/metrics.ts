/** Diagnostics about metrics, predictions and exports. */

import { diagnosticKind } from "../diagnostic.js";

export const metricWithoutValue = diagnosticKind({
  code: "metric/without-value",
  severity: "error",
  message: (p: { metric: string }) => `\`${p.metric}\` never assigns \`value\``,
  hint: () => "`value = …` is what the metric is; other names are further results",
  explain: "A metric's line `value = …` gives its result; `val.f1` is the value of `f1` on `val`.",
});

export const readsBatch = diagnosticKind({
  code: "metric/reads-batch",
  severity: "error",
  message: (p: { name: string }) =>
    `\`${p.name}\` is a value of one batch, and this line runs once after all of them`,
  hint: (p) => `accumulate it first: \`sum total: f32[] = ${p.name}\``,
  explain:
    "Lines that read an accumulator, and results, run once on what has been accumulated over all batches; values of a batch are gone by then.",
});

export const readsAccumulated = diagnosticKind({
  code: "metric/reads-accumulated",
  severity: "error",
  message: (p: { name: string; accumulator: string }) =>
    `\`${p.accumulator}\` is computed batch by batch, and \`${p.name}\` is complete only after the last`,
  hint: () => "use it in a line that is no accumulator",
  explain: "Accumulators are reduced over batches on their own; none may read another's total.",
});

export const axesDoNotFit = diagnosticKind({
  code: "metric/axes-do-not-fit",
  severity: "error",
  message: (p: { accumulator: string; expected: string; found: string; ambiguous: boolean }) =>
    p.ambiguous
      ? `${p.found} can be reduced to ${p.expected} in several ways`
      : `${p.found} has no axes ${p.expected} in this order`,
  hint: (p) =>
    p.ambiguous
      ? "reduce the other axes in the expression: `sum(x, axes: [1])`"
      : `give \`${p.accumulator}\` some axes of its expression, in their order`,
  explain:
    "An accumulator keeps the axes that its type names and reduces all others. The axes of the type are found among those of the expression in order; there must be one way to do so.",
});

export const countsPadding = diagnosticKind({
  code: "metric/counts-padding",
  severity: "error",
  message: (p: { accumulator: string }) =>
    `padded records would count in \`${p.accumulator}\`: its expression has no record axis and does not read \`valid\``,
  hint: () => "keep the record axis for the accumulator to reduce, or multiply by `valid`",
  explain:
    "The last batch of a split is filled up with records that do not count. Where the expression still has the record axis they are left out; where it has been reduced already, only `valid` tells them apart.",
});

export const withoutDirection = diagnosticKind({
  code: "metric/without-direction",
  severity: "error",
  message: (p: { metric: string }) =>
    `\`${p.metric}\` does not say whether more or less of it is better`,
  hint: () => "write `best(…, mode: max)` or `mode: min`, or `better max` in the metric",
  explain: "`best` needs a direction: the metric's own (`better max`) or a `mode`.",
});

export const notANumber = diagnosticKind({
  code: "metric/not-a-number",
  severity: "error",
  message: (p: { metric: string; found: string }) => `\`${p.metric}\` is ${p.found}, not a number`,
  explain: "Objectives and `best` compare numbers; a metric of several numbers is only reported.",
});

export const nothingDrawn = diagnosticKind({
  code: "predict/nothing-drawn",
  severity: "error",
  message: (p: { samples: number }) =>
    `nothing in the model is drawn: ${p.samples} samples are equal`,
  hint: () => "leave out `samples`, or use `dropout` or another draw in the model",
  explain: "`samples` runs what depends on random draws several times, with `sampling` on.",
});

export const exportInputMissing = diagnosticKind({
  code: "export/input-missing",
  severity: "error",
  message: (p: { input: string }) => `the outputs need the input \`${p.input}\``,
  hint: (p) => `add \`${p.input}\` to \`inputs\`, or leave \`inputs\` out`,
  explain: "The inputs of an exported model are the fields that its outputs depend on.",
});

export const exportInputUnread = diagnosticKind({
  code: "export/input-unread",
  severity: "error",
  message: (p: { input: string }) => `no output of the export reads \`${p.input}\``,
  explain: "The inputs of an exported model are the fields that its outputs depend on.",
});
