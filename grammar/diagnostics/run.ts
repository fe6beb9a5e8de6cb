/** What stops a run or is worth a warning during one: the artifact, the environment, guards, checkpoints. */

import { diagnosticKind } from "../diagnostic.js";

const figure = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const some = (items: readonly string[]): string =>
  items
    .slice(0, 5)
    .map((item) => `\`${item}\``)
    .join(", ") + (items.length > 5 ? ` and ${items.length - 5} more` : "");

/** Batches come in parts, as memory did not suffice for whole ones. */
export const batchesInParts = diagnosticKind<{ batch: number; parts: number; micro: number }>({
  code: "run/batches-in-parts",
  severity: "warning",
  message: ({ batch, parts, micro }) =>
    `memory did not suffice: each batch of ${batch} comes as ${parts} micro-batches of ${micro}`,
  hint: () => "updates are the same up to rounding; `--fresh` tries whole batches again",
  explain:
    "`on_oom: halve_microbatch(min: k)` halves micro-batches and doubles how many make an update when the predicted memory is not there, or an allocation of ONNX Runtime fails. The run goes on at its last checkpoint, and keeps the size from then on.",
});

export const artifactMissing = diagnosticKind<{ folder: string; file: string }>({
  code: "artifact/missing",
  severity: "error",
  message: ({ folder, file }) => `\`${folder}\` is not an artifact: \`${file}\` cannot be read`,
  hint: () => "compile the program first; an artifact is the folder that `saic compile` writes",
  explain: "A run reads `plan.json` and the graphs it names from the artifact's folder.",
});

export const artifactInvalid = diagnosticKind<{ file: string; reason: string }>({
  code: "artifact/invalid",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` is not a plan this runtime understands: ${reason}`,
  hint: () => "compile the program again with this version of saic",
  explain: "`plan.json` has one versioned schema; nothing in it is guessed or skipped.",
});

export const artifactInconsistent = diagnosticKind<{ reason: string }>({
  code: "artifact/inconsistent",
  severity: "error",
  message: ({ reason }) => `the plan contradicts itself: ${reason}`,
  explain:
    "Every name that a graph, a schedule, a metric or a policy refers to must exist in the plan.",
});

export const graphMismatch = diagnosticKind<{ file: string; reason: string }>({
  code: "artifact/graph-mismatch",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` does not fit the plan: ${reason}`,
  hint: () => "the artifact's files do not belong together; compile the program again",
  explain: "The plan lists each graph's inputs and outputs; the graph must have exactly those.",
});

export const graphRejected = diagnosticKind<{ file: string; reason: string }>({
  code: "artifact/graph-rejected",
  severity: "error",
  message: ({ file, reason }) => `onnxruntime refuses \`${file}\`: ${reason}`,
  explain: "ONNX Runtime could not load the graph; its own words are in the message.",
});

export const dtypeUnsupported = diagnosticKind<{ name: string; dtype: string; executor: string }>({
  code: "run/dtype-unsupported",
  severity: "error",
  message: ({ name, dtype, executor }) =>
    `\`${name}\` is \`${dtype}\`, which the executor \`${executor}\` cannot pass in or out`,
  explain: "onnxruntime-node's public API has no tensors of this type at a graph's boundary.",
});

export const deviceUnavailable = diagnosticKind<{
  device: string;
  library: string;
  detail: string;
}>({
  code: "run/device-unavailable",
  severity: "error",
  message: ({ device, library, detail }) =>
    `the device \`${device}\` cannot be used: \`${library}\` ${detail}`,
  hint: ({ device }) =>
    `install what \`${device}\` needs (\`saic doctor\` lists it), or run with \`--device cpu\``,
  explain: "A device that was asked for is never replaced by another in silence.",
});

export const kernelsUnavailable = diagnosticKind<{ stage: string; detail: string }>({
  code: "run/kernels-unavailable",
  severity: "warning",
  message: ({ stage, detail }) => `the graph \`step\` makes the updates of \`${stage}\`: ${detail}`,
  explain:
    "Elementwise updates are made by kernels in WebAssembly, in place and in one pass over memory that the graphs share. Where that memory cannot be had, updates are made by the graph, with the same results and more passes.",
});

export const executorUnavailable = diagnosticKind<{ detail: string }>({
  code: "run/executor-unavailable",
  severity: "error",
  message: ({ detail }) => `the executor \`bound\` cannot be used: ${detail}`,
  hint: () => "`saic doctor` says what is missing; `--executor session` runs without it",
  explain:
    "The executor `bound` calls ONNX Runtime's C API through the package `koffi`. It is used where " +
    "both load and a small graph gives what it should; asked for by name, it is never replaced.",
});

export const executorFallback = diagnosticKind<{ detail: string }>({
  code: "run/executor-fallback",
  severity: "warning",
  message: ({ detail }) =>
    `the executor \`bound\` cannot be used, \`session\` runs instead: ${detail}`,
  hint: () => "results are the same, but every step copies the whole state; see `saic doctor`",
  explain:
    "Without `--executor`, a run falls back to onnxruntime-node's public API where its C API " +
    "cannot be called.",
});

/** What a run was predicted to need, and how large its batches are. */
export interface MemoryNeed {
  readonly needed: number;
  readonly graph: string;
  readonly peak: number;
  readonly state: number;
  readonly batch: number;
  readonly accumulate: number;
}

export const outOfMemory = diagnosticKind<{ doing: string; detail: string; need?: MemoryNeed }>({
  code: "run/out-of-memory",
  severity: "error",
  message: ({ doing, detail, need }) =>
    `out of memory while ${doing}: ${detail}` +
    (need === undefined
      ? ""
      : `; the run was predicted to need ${figure(need.needed)} ` +
        `(\`${need.graph}\` ${figure(need.peak)}, state ${figure(need.state)})`),
  hint: ({ need }) =>
    need === undefined || need.batch < 2
      ? "use a smaller batch or a smaller model, or give the process more memory"
      : `micro-batches need less: \`batch: ${Math.ceil(need.batch / 2)}\` with ` +
        `\`accumulate: ${2 * need.accumulate}\` makes updates of the same size; ` +
        "or give the process more memory",
  explain: "An allocation failed, or the system killed the training process.",
});

export const memoryPredicted = diagnosticKind<{
  needed: number;
  available: number;
  state: number;
  graph: string;
  peak: number;
  limit: string;
}>({
  code: "run/memory-predicted",
  severity: "error",
  message: ({ needed, available, state, graph, peak, limit }) =>
    `the run is predicted to need ${figure(needed)} (\`${graph}\` ${figure(peak)}, state ${figure(state)}), ` +
    `but only ${figure(available)} are available (${limit})`,
  hint: () => "use a smaller batch, free memory, or start anyway with `--ignore-memory`",
  explain:
    "Before the first update the predicted peak of the largest graph, a copy of the state and the process itself are held against the memory that the system and its control groups leave.",
});

export const processKilled = diagnosticKind<{ seen: string }>({
  code: "run/killed",
  severity: "error",
  message: ({ seen }) =>
    `the training process was killed by SIGKILL, ${seen}; out of memory is the usual cause`,
  hint: () =>
    "the run continues from its last checkpoint when it is started again; a smaller batch needs less memory",
  explain:
    "When memory runs out the system kills a process without a word; so may a person or a job scheduler.",
});

export const processDied = diagnosticKind<{ how: string }>({
  code: "run/process-died",
  severity: "error",
  message: ({ how }) => `the training process ended unexpectedly: ${how}`,
  hint: () =>
    "the run continues from its last checkpoint when it is started again; where memory is limited, native code that gets none ends a process so, and a smaller `batch` with `accumulate` needs less",
  explain: "The process that trains ended without a result and without saying why.",
});

export const cannotWrite = diagnosticKind<{ path: string; reason: string }>({
  code: "run/cannot-write",
  severity: "error",
  message: ({ path, reason }) => `\`${path}\` cannot be written: ${reason}`,
  hint: () => "what was written before is intact; the run continues once there is room",
  explain: "The disk is full, read-only, or the folder belongs to someone else.",
});

export const runLocked = diagnosticKind<{ folder: string; pid: number }>({
  code: "run/locked",
  severity: "error",
  message: ({ folder, pid }) => `\`${folder}\` is in use by process ${pid}`,
  hint: () => "wait for it or stop it; one run directory belongs to one process at a time",
  explain: "A lock left by a killed process never blocks; this holder is alive.",
});

export const noBatches = diagnosticKind<{ split: string; records: number; batch: number }>({
  code: "run/no-batches",
  severity: "error",
  message: ({ split, records, batch }) =>
    `the split \`${split}\` has ${records} records, not enough for one batch of ${batch}`,
  hint: () => "use a smaller `batch`, more data, or `last: pad`",
  explain: "With `last: drop` an epoch has as many updates as there are whole batches.",
});

export const splitChanged = diagnosticKind<{ split: string; detail: string }>({
  code: "run/split-changed",
  severity: "error",
  message: ({ split, detail }) =>
    `the data differ from those this run began with: split \`${split}\` ${detail}`,
  hint: () => "restore the data, or begin a new run with `--fresh`",
  explain: "A run that continues on other records would not be the run it says it is.",
});

export const lossNotFinite = diagnosticKind<{
  stage: string;
  update: number;
  loss: string;
  value: number;
}>({
  code: "run/loss-not-finite",
  severity: "error",
  message: ({ stage, update, loss, value }) =>
    `\`${loss}\` is ${value} at update ${update} of stage \`${stage}\``,
  hint: () => "lower the learning rate, clip gradients, or look for bad records",
  explain: "A loss that is not a number cannot be learned from. The last checkpoint stays.",
});

export const tracedNotFinite = diagnosticKind<{
  /** `update 3 of stage …`. */
  when: string;
  /** What gave the first bad value, and where it stands in the program; empty for inputs. */
  what: string;
  place: string;
  notFinite: number;
  count: number;
  file: string;
}>({
  code: "run/traced-not-finite",
  severity: "error",
  message: ({ when, what, place, notFinite, count }) =>
    `${when} went wrong in ${what}${place === "" ? "" : ` at ${place}`}: ` +
    `${notFinite} of its ${count} values are not finite`,
  hint: ({ file }) => `all values up to there are described in \`${file}\``,
  explain:
    "With `on_nan: stop(dump: true)` an update that went wrong is run again with every value in view, and the first that is not finite is named.",
});

export const stateNotFinite = diagnosticKind<{ stage: string; update: number; path: string }>({
  code: "run/state-not-finite",
  severity: "error",
  message: ({ stage, update, path }) =>
    `\`${path}\` holds values that are not finite after update ${update} of stage \`${stage}\``,
  hint: () => "lower the learning rate or clip gradients",
  explain: "State is looked over before it is saved: a checkpoint never holds such values.",
});

export const scheduleNotFinite = diagnosticKind<{
  schedule: string;
  update: number;
  value: number;
}>({
  code: "run/schedule-not-finite",
  severity: "error",
  message: ({ schedule, update, value }) =>
    `the schedule \`${schedule}\` is ${value} at update ${update}`,
  explain: "A schedule's expression divided by zero or left its domain.",
});

export const nothingLearned = diagnosticKind<{ stage: string; parameters: number }>({
  code: "run/nothing-learned",
  severity: "error",
  message: ({ stage, parameters }) =>
    `the first update of stage \`${stage}\` changed none of its ${parameters} trainable parameters`,
  hint: () => "the learning rate is zero at the first update, or no gradient arrives",
  explain:
    "After the first update the norm of the change of all trainable parameters is above zero.",
});

export const parameterIdle = diagnosticKind<{ path: string; updates: number }>({
  code: "run/parameter-idle",
  severity: "warning",
  message: ({ path, updates }) => `\`${path}\` did not change in the first ${updates} updates`,
  hint: () => "its gradient is exactly zero: a dead branch, an idle expert, or a mask",
  explain: "A trainable parameter that never moves is usually a mistake in the model.",
});

export const updatesSkipped = diagnosticKind<{ stage: string; skipped: number; above: number }>({
  code: "run/updates-skipped",
  severity: "warning",
  message: ({ stage, skipped, above }) =>
    `${skipped} updates of stage \`${stage}\` were skipped: the norm of their gradients was above ${above}`,
  hint: () => "lower the learning rate, or look for bad records",
  explain:
    "With `skip_above` an update whose gradients are too large leaves weights and slots as they were, and counts for no optimizer. Its step has `skipped` in the events.",
});

export const metricUndefined = diagnosticKind<{ metric: string; reason: string }>({
  code: "run/metric-undefined",
  severity: "warning",
  message: ({ metric, reason }) => `\`${metric}\` is undefined: ${reason}`,
  explain: "A metric over records of one class only has no value; it is reported as `null`.",
});

export const bestWithoutValidation = diagnosticKind<{ metric: string; rule: string }>({
  code: "run/best-without-validation",
  severity: "error",
  message: ({ metric, rule }) => `${rule} goes by \`${metric}\`, but the split \`val\` is empty`,
  hint: () => "give `val` a share of the data, or keep only the last checkpoint",
  explain: "Weights are chosen on the validation split, never on the test split.",
});

export const bestUndefined = diagnosticKind<{ metric: string }>({
  code: "run/best-undefined",
  severity: "warning",
  message: ({ metric }) => `\`${metric}\` was never defined; the last weights are taken`,
  explain: "No validation gave the metric that chooses the weights a value.",
});

export const threadsChanged = diagnosticKind<{ before: number; now: number }>({
  code: "run/threads-changed",
  severity: "warning",
  message: ({ before, now }) =>
    `the run began with ${before} threads and continues with ${now}: sums may round differently`,
  explain: "A run is reproduced bit for bit on one number of CPU threads.",
});

export const resultDamaged = diagnosticKind<{ file: string; reason: string }>({
  code: "run/result-damaged",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` is damaged: ${reason}`,
  hint: () => "remove the file to compute it again from the last checkpoint",
  explain: "The stored result of a finished run could not be read.",
});

export const checkpointMissing = diagnosticKind<{ folder: string }>({
  code: "checkpoint/missing",
  severity: "error",
  message: ({ folder }) => `\`${folder}\` holds no checkpoint`,
  hint: () => "a checkpoint is a folder with `model.safetensors`, such as `checkpoints/last`",
  explain: "Weights are read from a checkpoint's folder.",
});

export const checkpointDamaged = diagnosticKind<{ file: string; reason: string }>({
  code: "checkpoint/damaged",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` is damaged: ${reason}`,
  hint: () => "start again from another checkpoint with `--from`, or with `--fresh`",
  explain: "Every file of a checkpoint carries its length and SHA-256 in the manifest.",
});

export const checkpointOtherProgram = diagnosticKind<{
  folder: string;
  path: string;
  expected: string;
  found: string;
}>({
  code: "checkpoint/other-program",
  severity: "error",
  message: ({ folder, path, expected, found }) =>
    `\`${folder}\` belongs to another program: \`${path}\` is ${found}, expected ${expected}`,
  hint: () => "`--from` takes weights from another program's checkpoint",
  explain: "A run continues only from a checkpoint of the very same program.",
});

export const weightsMismatch = diagnosticKind<{
  file: string;
  missing: readonly string[];
  extra: readonly string[];
  differing: readonly string[];
}>({
  code: "checkpoint/weights-mismatch",
  severity: "error",
  message: ({ file, missing, extra, differing }) =>
    `the weights in \`${file}\` do not fit: ` +
    [
      missing.length > 0 ? `missing ${some(missing)}` : "",
      extra.length > 0 ? `unknown ${some(extra)}` : "",
      differing.length > 0 ? `different ${differing.slice(0, 5).join(", ")}` : "",
    ]
      .filter((part) => part !== "")
      .join("; "),
  explain:
    "`--from` starts from a checkpoint whose keys, shapes and types are exactly the model's.",
});

export const eventsMissing = diagnosticKind<{ file: string; expected: number; found: number }>({
  code: "checkpoint/events-missing",
  severity: "error",
  message: ({ file, expected, found }) =>
    `\`${file}\` has ${found} bytes, but the checkpoint was written after ${expected}`,
  hint: () => "the file was cut or removed; begin anew with `--fresh`",
  explain: "The events are the run's record: each step stands in them exactly once.",
});
