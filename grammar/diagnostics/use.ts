/** Diagnostics of the commands that use a run after its training: eval, predict, export, runs, data. */

import { diagnosticKind } from "../diagnostic.js";

export const noRunDirectory = diagnosticKind<{ folder: string; reason: string }>({
  code: "use/no-run",
  severity: "error",
  message: ({ folder, reason }) => `\`${folder}\` is no run directory: ${reason}`,
  hint: () => "name a folder such as `runs/<train>/<id>` (`saic runs` lists them), or the program",
  explain:
    "A run directory holds `plan.json`, `checkpoints/` and, once the run has finished, `result.json`.",
});

export const neverRun = diagnosticKind<{ program: string; folder: string }>({
  code: "use/never-run",
  severity: "error",
  message: ({ program, folder }) => `\`${program}\` has no run: there is no \`${folder}\``,
  hint: ({ program }) =>
    `train it first with \`saic run ${program}\` and the same flags, or name a run directory`,
  explain:
    "A program with its flags has one run, whose directory is named by the plan's hash. The program has not been run as it stands now, or its run is in another folder.",
});

export const graphsGone = diagnosticKind<{ folder: string; artifact: string }>({
  code: "use/graphs-gone",
  severity: "error",
  message: ({ folder, artifact }) =>
    `the graphs of \`${folder}\` are gone: there is no \`${artifact}\``,
  hint: () =>
    "name the program in place of the run, which compiles it again, or put the folder back in its place",
  explain:
    "The graphs of a run lie in `.artifacts` beside the run directories of its train. A run directory that is moved takes them along only when that folder is moved too.",
});

export const weightsAbsent = diagnosticKind<{ folder: string; what: string; reason: string }>({
  code: "use/no-weights",
  severity: "error",
  message: ({ folder, what, reason }) => `\`${folder}\` has no ${what} weights: ${reason}`,
  explain:
    "`best` needs a `checkpoint: best(…)` that has been measured, `ema` a train with `ema`, and `last` a checkpoint at all.",
});

export const exportUnknown = diagnosticKind<{
  name: string;
  known: readonly string[];
  suggestion: string | null;
}>({
  code: "use/unknown-export",
  severity: "error",
  message: ({ name, known }) =>
    `the run has no export \`${name}\`, it has ${known.map((each) => `\`${each}\``).join(", ")}`,
  hint: ({ suggestion }) => (suggestion === null ? null : `did you mean \`${suggestion}\`?`),
  explain: "An export is named by its file, with or without `.onnx`.",
});

export const exportDiffers = diagnosticKind<{
  file: string;
  output: string;
  difference: number;
  tolerance: number;
  split: string;
}>({
  code: "use/export-differs",
  severity: "error",
  message: ({ file, output, difference, tolerance, split }) =>
    `\`${file}\` does not give what the run does: \`${output}\` differs by ${difference.toPrecision(3)} on records of \`${split}\`, more than ${tolerance}`,
  hint: () =>
    "the file has not been written; a wider `--tolerance` accepts it, `--no-check` does not compare",
  explain:
    "A model that is exported is run by ONNX Runtime on real records and held against the run's own graphs with the same weights. The difference is relative to the largest number of the output, or absolute where that is below 1.",
});

export const weightBeyond = diagnosticKind<{ file: string; weight: string; dtype: string }>({
  code: "use/weight-out-of-range",
  severity: "error",
  message: ({ file, weight, dtype }) =>
    `\`${weight}\` holds a number that \`${dtype}\` cannot: \`${file}\` has not been written`,
  hint: () => "`precision: bf16` has the range of `f32`",
  explain: "`f16` ends at 65504; a weight beyond would become infinite.",
});

export const fieldUnreadable = diagnosticKind<{ field: string; reason: string }>({
  code: "use/field-not-in-files",
  severity: "error",
  message: ({ field, reason }) => `the model reads \`${field}\`, which no file gives: ${reason}`,
  hint: () => "an `export` with `inputs` and `outputs` of its own may read less",
  explain:
    "`saic predict` reads the fields that the model needs as the dataset does. A label or another field that only the dataset knows is not in new files.",
});

export const nothingToPredict = diagnosticKind<{ path: string; wanted: string; passed: number }>({
  code: "use/nothing-to-predict",
  severity: "error",
  message: ({ path, passed }) =>
    `\`${path}\` holds nothing to predict for${passed === 0 ? "" : `; ${passed} other file${passed === 1 ? " was" : "s were"} passed over`}`,
  hint: ({ wanted }) => `the dataset reads ${wanted}`,
  explain: "Files are given by name, or by folders that are searched through and through.",
});

export const inputMissing = diagnosticKind<{ path: string; wanted: string }>({
  code: "use/input-missing",
  severity: "error",
  message: ({ path }) => `\`${path}\` does not exist`,
  hint: ({ wanted }) => `the dataset reads ${wanted}, from the working directory on`,
  explain: "Files to predict for are named on the command line, or the folders that hold them.",
});

export const inputNoFolder = diagnosticKind<{ path: string; wanted: string }>({
  code: "use/input-no-folder",
  severity: "error",
  message: ({ path }) => `\`${path}\` is a file`,
  hint: ({ wanted }) => `the dataset reads ${wanted}: name one, or the folder of its frames`,
  explain:
    "A record of frames is a window of the files of one folder. A file alone does not say what comes before it.",
});

export const fileSkipped = diagnosticKind<{ file: string; reason: string }>({
  code: "use/file-skipped",
  severity: "warning",
  message: ({ file, reason }) => `left out \`${file}\`: ${reason}`,
  explain: "`--on-error skip` leaves out what cannot be read, and says so for each file.",
});

export const outputUnsuited = diagnosticKind<{
  output: string;
  shape: string;
  format: string;
  wanted: string;
}>({
  code: "use/output-unsuited",
  severity: "error",
  message: ({ output, shape, format, wanted }) =>
    `\`${output}\` is \`${shape}\` for a record, which \`--format ${format}\` cannot hold: ${wanted}`,
  hint: () => "`--format json` writes outputs of any shape",
  explain:
    "A line of csv holds up to 1000 numbers; pictures are outputs of rows and columns, with at most one axis of channels before them.",
});

export const picturesClipped = diagnosticKind<{ output: string; files: number }>({
  code: "use/pictures-clipped",
  severity: "warning",
  message: ({ output, files }) =>
    `\`${output}\` leaves 0..1 in ${files} picture${files === 1 ? "" : "s"}, which ${files === 1 ? "is" : "are"} cut there`,
  hint: () => "a `predict` with `sigmoid` or `clip` brings it into range",
  explain: "A picture of numbers is written with 0 as black and 1 as white.",
});

export const notModelOfRun = diagnosticKind<{ file: string; reason: string }>({
  code: "use/foreign-model",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` is no model of a run: ${reason}`,
  hint: () => "name a model in its run directory, or the run directory itself",
  explain:
    "How files become inputs is written in the run's `plan.json`, which a model is read together with.",
});

export const recordsBad = diagnosticKind<{ bad: number; records: number }>({
  code: "use/records-bad",
  severity: "error",
  message: ({ bad, records }) =>
    `${bad} of ${records} records ${bad === 1 ? "has" : "have"} something wrong`,
  explain: "`saic data check` reads every field of every record and lists what cannot be read.",
});

export const conversionUnsuited = diagnosticKind<{ file: string; reason: string }>({
  code: "use/conversion-unsuited",
  severity: "error",
  message: ({ file, reason }) => `cannot convert \`${file}\`: ${reason}`,
  hint: () =>
    "arrays are converted between `.npz`, `.safetensors`, a `.npy` file of one array and a folder of `.npy` files",
  explain: "Every array is read back after it was written and compared, element by element.",
});

export const emptySplit = diagnosticKind<{ split: string; train: string }>({
  code: "use/empty-split",
  severity: "error",
  message: ({ split, train }) => `the data of \`${train}\` have no records in \`${split}\``,
  hint: () => "`--split` names one of `train`, `val` and `test`",
  explain: "There is nothing to measure on a split without records.",
});

export const recordValue = diagnosticKind<{ field: string; record: string; what: string }>({
  code: "use/record-value",
  severity: "error",
  message: ({ field, record, what }) => `\`${field}\` of record \`${record}\` ${what}`,
  explain:
    "Numbers that are none (nan, inf) spoil every update that reads them, and a label must be the index of a class.",
});

export const groupsOverlap = diagnosticKind<{
  property: string;
  groups: number;
  first: string;
  splits: readonly string[];
}>({
  code: "use/groups-overlap",
  severity: "warning",
  message: ({ property, groups, first, splits }) =>
    `${groups} value${groups === 1 ? "" : "s"} of \`${property}\` ${groups === 1 ? "is" : "are"} in several splits, such as \`${first}\` in ${splits.map((each) => `\`${each}\``).join(" and ")}`,
  hint: ({ property }) => `\`split by ${property}\` keeps them together`,
  explain:
    "Records of one group are alike: where they lie on both sides of a split, the test measures what has been seen.",
});

export const recordsRepeat = diagnosticKind<{
  field: string;
  count: number;
  first: string;
  second: string;
}>({
  code: "use/records-repeat",
  severity: "warning",
  message: ({ field, count, first, second }) =>
    `${count} record${count === 1 ? "" : "s"} outside of \`train\` ${count === 1 ? "has" : "have"} the same \`${field}\` as one in it, such as ${second} and ${first}`,
  explain:
    "Elements are compared before transforms, by their SHA-256. A copy of a training record in another split is no test.",
});

export const cacheNotOnDisk = diagnosticKind<{ dataset: string }>({
  code: "use/no-cache",
  severity: "error",
  message: ({ dataset }) => `\`${dataset}\` has no cache on disk`,
  hint: () => "`cache: disk(max: 20 GiB)` in its `loader` asks for one",
  explain: "`saic data cache` fills, shows and clears what a dataset keeps on disk between runs.",
});
