/** Diagnostics of `saic lint`: programs that are sound and probably not what was meant. */

import { diagnosticKind } from "../diagnostic.js";

const several = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

export const unusedName = diagnosticKind({
  code: "lint/unused-name",
  severity: "warning",
  message: (p: { what: string; name: string }) => `the ${p.what} \`${p.name}\` is never used`,
  hint: (p) =>
    p.what === "field" ? "remove it: every record reads it for nothing" : "remove it or use it",
  explain:
    "A name that nothing reads is left over or misspelt somewhere: a setting that is never used changes nothing, a field is read from disk for nothing. A name that begins with `_` is meant to be unused.",
});

export const randomSplitOverGroups = diagnosticKind({
  code: "lint/random-split-over-groups",
  severity: "warning",
  message: (p: { group: string; by: string; dataset: string }) =>
    `\`split random\` deals single records, but those of \`${p.dataset}\` belong together by \`${p.group}\``,
  hint: (p) => `write \`split by ${p.by}\`, so that no ${p.group} is in two splits`,
  explain:
    "Records of one frame, patient, event or camera resemble each other. Dealt at random, some land in train and their twins in val and test, and the metrics measure memory. `split by` keeps a group in one split.",
});

export const leakingTransform = diagnosticKind({
  code: "lint/leaking-transform",
  severity: "warning",
  message: (p: { transform: string }) =>
    `\`${p.transform}\` draws at random and changes the records of val and test too`,
  hint: () => "move it to `transform train { }`",
  explain:
    "A `transform` without a split applies to every split. Random changes are there to train with: in val and test they make the metrics noisy and measure other data than the real ones.",
});

export const sigmoidBeforeBce = diagnosticKind({
  code: "lint/sigmoid-before-bce",
  severity: "warning",
  message: (p: { loss: string }) =>
    `\`${p.loss}\` takes logits, but a sigmoid has made them probabilities`,
  hint: () => "give the loss the values before the sigmoid",
  explain:
    "Binary cross-entropy from logits applies the sigmoid itself, in a form that is stable. After another sigmoid all values lie between 0 and 1, so that the loss can neither fall to zero nor grow, and the gradient nearly vanishes.",
});

export const softmaxBeforeCrossEntropy = diagnosticKind({
  code: "lint/softmax-before-cross-entropy",
  severity: "warning",
  message: (p: { loss: string }) =>
    `\`${p.loss}\` takes logits, but a softmax has made them probabilities`,
  hint: () => "give the loss the values before the softmax",
  explain:
    "Cross-entropy from logits applies the softmax itself, in a form that is stable. After another softmax all values lie between 0 and 1, so that no class can ever be much more likely than another, and training stalls.",
});

export const decayOnNorms = diagnosticKind({
  code: "lint/decay-on-norms",
  severity: "warning",
  message: (p: { decay: number; count: number; example: string }) =>
    `the weight decay of ${p.decay} reaches ${p.count === 1 ? "a norm or bias" : `${p.count} norms and biases`}, such as \`${p.example}\``,
  hint: () => "add `group norms_and_biases { weight_decay: 0 }`",
  explain:
    "Weight decay keeps matrices small, which regularizes. Scales of norms and biases have no such role: pulling them to zero only disturbs them, and common recipes leave them out. An optimizer may have a weight decay by default.",
});

export const scheduleAgainstStages = diagnosticKind({
  code: "lint/schedule-against-stages",
  severity: "warning",
  message: (p: { problem: string }) => p.problem,
  hint: () => "shorten the segments, or give the last one no length: it takes the rest",
  explain:
    "A schedule runs over its stages. Segments that are longer together than the stages are cut off: what the last ones lead to is never reached. A last segment without a length for which nothing is left never runs.",
});

export const missingSeed = diagnosticKind({
  code: "lint/missing-seed",
  severity: "warning",
  message: (p: { owner: string }) => `${p.owner} has no \`seed\``,
  hint: () => "write `seed: 0`, which is what it has without",
  explain:
    "The seed decides the initial weights, the order of records and all random draws. Written down it is part of what is compared, varied and reported; left out it is easily forgotten when another result is to be repeated.",
});

export const bestByLoss = diagnosticKind({
  code: "lint/best-by-loss",
  severity: "warning",
  message: (p: { chosen: string; objective: string }) =>
    `\`best\` chooses by \`${p.chosen}\`, but the objective is about \`${p.objective}\``,
  hint: (p) => `write \`best(${p.objective.replace(/^\w+\./u, "val.")})\``,
  explain:
    "The weights that `best` keeps are those that are tested. Where an objective judges a metric, the weights with the least loss are often not those with the best metric: a loss also measures how sure a model is.",
});

export const batchNormWithAccumulation = diagnosticKind({
  code: "lint/batch-norm-with-accumulation",
  severity: "warning",
  message: (p: { accumulate: number; batch: number; example: string }) =>
    `with \`accumulate: ${p.accumulate}\` the batch norms, such as \`${p.example}\`, see ${several(p.batch, "record")} at a time and not ${p.accumulate * p.batch}`,
  hint: () => "use a norm that looks at single records, such as `GroupNorm`, or freeze the norms",
  explain:
    "Accumulating k batches equals one batch k times as large for everything that is per record. Batch norm is not: it takes its statistics from each batch alone, so that the result differs from that of the large batch.",
});

export const unusedAllow = diagnosticKind({
  code: "lint/unused-allow",
  severity: "warning",
  message: (p: { code: string }) => `this allows \`${p.code}\`, which is not found here`,
  hint: () => "remove the comment",
  explain:
    "`// lint: allow CODE` silences a rule on its line, or on the next one when it has a line to itself. One that silences nothing hides nothing today and a mistake tomorrow.",
});

export const unknownAllow = diagnosticKind({
  code: "lint/unknown-allow",
  severity: "warning",
  message: (p: { code: string; suggestion: string | null }) => `there is no rule \`${p.code}\``,
  hint: (p) => (p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`),
  explain: "`// lint: allow CODE` names rules of `saic lint`, with commas between several.",
});
