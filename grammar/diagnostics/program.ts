/** Diagnostics about blocks, weights, trains, losses and datasets as a whole. */

import { diagnosticKind } from "../diagnostic.js";

export const outputNotAssigned = diagnosticKind({
  code: "block/output-not-assigned",
  severity: "error",
  message: (p: { port: string; block: string }) =>
    `\`${p.port}\` of \`${p.block}\` is never given a value`,
  explain: "Every `out` port is assigned exactly once.",
});

export const assignsNoOutput = diagnosticKind({
  code: "block/assigns-no-output",
  severity: "error",
  message: (p: { name: string; suggestion: string | null }) =>
    `\`${p.name}\` is no output of this block`,
  hint: (p) =>
    p.suggestion === null
      ? `write \`let ${p.name} = …\` for an intermediate value`
      : `did you mean \`${p.suggestion}\`?`,
  explain: "An assignment without `let` gives an `out` port its value.",
});

export const updatesNoState = diagnosticKind({
  code: "block/updates-no-state",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is no state of this block`,
  explain: "`name <- value` sets a `state` for the next step.",
});

export const stateNotUpdated = diagnosticKind({
  code: "block/state-not-updated",
  severity: "error",
  message: (p: { name: string }) => `the state \`${p.name}\` is never set`,
  hint: (p) =>
    `\`${p.name} <- …\` gives the next update its value; \`${p.name} <- ${p.name}\` keeps what a file gives`,
  explain: "Every `state` is set exactly once: what never changes is a `const` or a frozen weight.",
});

export const integerUpdate = diagnosticKind({
  code: "block/integer-update-of-batch",
  severity: "error",
  message: (p: { name: string; type: string }) =>
    `the update of \`${p.name}\`, which is ${p.type}, depends on the batch`,
  hint: () => "keep it as `f32`: floats become the mean over all parts of a batch",
  explain: `An update may see its batch in parts, on several devices or one after the other.
A float state becomes the mean of what the parts give; integers have no mean, so they may count updates but not what is in a batch.`,
});

export const outputCount = diagnosticKind({
  code: "block/output-count",
  severity: "error",
  message: (p: { expected: number; found: number }) =>
    `${p.expected} name${p.expected === 1 ? "" : "s"} for ${p.found} value${p.found === 1 ? "" : "s"}`,
  hint: () => "name each output; `_` discards one",
  explain: "Destructuring names every output of a call.",
});

export const pathTaken = diagnosticKind({
  code: "weights/path-taken",
  severity: "error",
  message: (p: { path: string }) => `two weights are called \`${p.path}\``,
  hint: () => "name the steps that own weights with `as`",
  explain: "Weight paths are the keys of checkpoints, so each is unique.",
});

export const globMatchesNothing = diagnosticKind({
  code: "weights/glob-matches-nothing",
  severity: "error",
  message: (p: { glob: string; suggestion: string | null }) => `\`${p.glob}\` matches no weight`,
  hint: (p) => (p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`),
  explain:
    "A glob is checked against the real weight paths: one that matches nothing is a mistake.",
});

export const unreachedParameter = diagnosticKind({
  code: "train/parameter-not-reached",
  severity: "error",
  message: (p: { path: string; stage: string }) =>
    `no loss reaches the parameter \`${p.path}\` in stage \`${p.stage}\``,
  hint: () => "use it, freeze it, or mark it `unused`",
  explain: "A parameter that no loss reaches would never learn.",
});

export const lossReachesNothing = diagnosticKind({
  code: "train/loss-reaches-nothing",
  severity: "error",
  message: (p: { loss: string; stage: string }) =>
    `the loss \`${p.loss}\` depends on no parameter that learns in stage \`${p.stage}\``,
  explain: "A loss term that no trainable parameter reaches changes nothing.",
});

export const noGradient = diagnosticKind({
  code: "train/no-gradient",
  severity: "error",
  message: (p: { op: string }) => `\`${p.op}\` has no gradient, and a loss needs one here`,
  hint: () => "use `stop_gradient` where no gradient is meant to flow",
  explain:
    "Gradients are derived at compile time; an op without one cannot stand between a parameter and a loss.",
});

export const noTotal = diagnosticKind({
  code: "train/no-total",
  severity: "error",
  message: (_p: Record<string, never>) => "several losses, but none is called `total`",
  hint: () => "name the one to minimize: `total = image + 0.3 * tile`",
  explain: "One loss is minimized: the only one, or the one called `total`.",
});

export const notALoss = diagnosticKind({
  code: "train/not-a-loss",
  severity: "error",
  message: (p: { name: string; found: string }) => `\`${p.name}\` is ${p.found}, not a loss`,
  hint: () => "`average(v)` makes a loss of a value per record",
  explain:
    "A loss carries a sum and a weight, so that batches and devices can be added up exactly.",
});

export const missingField = diagnosticKind({
  code: "train/input-without-field",
  severity: "error",
  message: (p: { port: string; dataset: string; suggestion: string | null }) =>
    `the model's input \`${p.port}\` is no field of \`${p.dataset}\``,
  hint: (p) => (p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`),
  explain: "The root block's inputs are fed by the dataset's fields of the same name.",
});

export const ambiguousName = diagnosticKind({
  code: "train/ambiguous-name",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is both an output of the model and a field`,
  hint: (p) => `write \`out.${p.name}\` or \`field.${p.name}\``,
  explain: "Losses and metrics see the model's outputs and the data's fields by name.",
});

export const noTrain = diagnosticKind({
  code: "train/none",
  severity: "error",
  message: (p: { file: string }) => `\`${p.file}\` declares no \`train\``,
  explain: "A program that is to be compiled or run declares one `train`.",
});

export const severalTrains = diagnosticKind({
  code: "train/several",
  severity: "error",
  message: (p: { names: readonly string[] }) => `several trains: ${p.names.join(", ")}`,
  hint: () => "choose one with `--train`",
  explain: "One train is compiled at a time.",
});

export const notCarriedOut = diagnosticKind({
  code: "lower/not-carried-out",
  severity: "error",
  message: (p: { what: string }) => `${p.what} is checked, but this version cannot carry it out`,
  hint: () => "`saic check` accepts it; `compile` and `run` do not",
  explain:
    "The language defines this form and it is sound as written, but this version cannot execute it. It is refused before anything runs, never ignored.",
});

export const unknownMetric = diagnosticKind({
  code: "train/unknown-metric",
  severity: "error",
  message: (p: { name: string; suggestion: string | null }) => `there is no metric \`${p.name}\``,
  hint: (p) => (p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`),
  explain:
    "Checkpoint policies and objectives name a metric of `val` or `test`, or a loss: `val.loss`.",
});

export const measuredElsewhere = diagnosticKind({
  code: "train/measured-elsewhere",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is not measured where this chooses by it`,
  hint: () => "give the metric to the train, or choose by it in the stage that measures it",
  explain:
    "Metrics that stand in a stage are measured while that stage trains: its own policies may name them, later stages may start from the best by them, and so may the train's checkpoints and objectives.",
});

export const testChooses = diagnosticKind({
  code: "train/test-chooses",
  severity: "error",
  message: (p: { name: string }) =>
    `\`${p.name}\` is measured on the test split, which may choose nothing`,
  hint: () => "choose by a metric of `val`",
  explain: "Weights picked by the test split would make its figures worthless.",
});

export const splitShares = diagnosticKind({
  code: "data/split-shares",
  severity: "error",
  message: (p: { sum: string }) => `the shares of a split must sum to 100%, found ${p.sum}`,
  explain: "Train, val and test share all records.",
});

export const tileOverlap = diagnosticKind({
  code: "data/tile-geometry",
  severity: "error",
  message: (p: { problem: string }) => p.problem,
  explain:
    "Tiles are squares of `size` pixels that overlap their neighbours by `overlap` < `size` pixels and fit the frame.",
});

export const tooDeep = diagnosticKind({
  code: "block/too-large",
  severity: "error",
  message: (p: { limit: string }) => `the program grows beyond ${p.limit}`,
  explain:
    "Counts are compile-time and calls acyclic; a limit keeps a mistyped count from filling the memory.",
});

export const unusedState = diagnosticKind({
  code: "block/unused-state",
  severity: "error",
  message: (p: { name: string; role: string }) =>
    `\`unused\` is for weights; \`${p.name}\` is a ${p.role}`,
  hint: () => "leave out `unused`: a state that nothing reads is no mistake",
  explain:
    "A weight that no loss reaches is a mistake unless it is `unused`. A state has no gradient, so that nothing needs to reach it.",
});

export const unusedNoWeights = diagnosticKind({
  code: "block/unused-without-weights",
  severity: "error",
  message: (p: { step: string }) => `\`unused\` stands before \`${p.step}\`, which owns no weights`,
  hint: () => "leave out `unused`, or the step",
  explain:
    "`unused` before a step keeps its weights although no loss reaches them; a step without weights has nothing to keep.",
});

export const settledAlready = diagnosticKind({
  code: "block/settings-given-already",
  severity: "error",
  message: (p: { block: string }) => `the settings of this \`${p.block}\` are given already`,
  hint: () => "leave out the parentheses, or pass the block itself without any",
  explain:
    "A block with its settings, bound to a name or given as a setting, is applied as it is: `x |> norm`.",
});
