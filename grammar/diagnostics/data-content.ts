/** Findings about what data files hold: fits, skipped records, classes in splits, annotations. */

import { diagnosticKind } from "../diagnostic.js";

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** A data file that the source names is not there, or may not be read. */
export const fileMissing = diagnosticKind<{ file: string; reason: string }>({
  code: "data/file-missing",
  severity: "error",
  message: ({ file, reason }) => `the data file \`${file}\` cannot be read: ${reason}`,
  hint: () => "a relative path starts at the program's file, in a flag at the working directory",
  explain: `A source reads files that must exist before a run begins. Nothing is replaced by made-up data.`,
});

/** More pictures cannot be read than a field allows. */
export const tooManySkipped = diagnosticKind<{
  field: string;
  skipped: number;
  records: number;
  percent: number;
  first: string;
}>({
  code: "data/too-many-skipped",
  severity: "error",
  message: ({ field, skipped, records, percent }) =>
    `\`${field}\` cannot be read of ${skipped} of ${records} records, where at most ${percent}% may be left out`,
  hint: ({ first }) => `the first is ${first}`,
  explain: `\`on_error: skip(max: 1%)\` leaves out records whose picture cannot be read, up to a share. More of them are a sign of a wrong path or a broken disk.`,
});

/** Pictures that cannot be read were left out. */
export const recordsSkipped = diagnosticKind<{
  field: string;
  skipped: number;
  records: number;
  first: string;
}>({
  code: "data/records-skipped",
  severity: "warning",
  message: ({ field, skipped, records }) =>
    `${skipped} of ${records} records are left out, as \`${field}\` cannot be read of them`,
  hint: ({ first }) => `the first is ${first}`,
  explain: `With \`on_error: skip(…)\` records whose picture cannot be read are left out of all splits. They are found before the run begins, so that what it trains on never depends on when a file is met.`,
});

/** A class is not in every split although the split goes by classes. */
export const stratumMissing = diagnosticKind<{
  field: string;
  value: string;
  split: string;
  groups: number;
}>({
  code: "data/stratum-missing",
  severity: "error",
  message: ({ field, value, split, groups }) =>
    `\`${split}\` gets no record whose \`${field}\` is ${value}: ${groups === 1 ? "one group has" : `${groups} groups have`} it`,
  hint: () => "bring more records of that class, or leave `stratify` out",
  explain: `\`stratify\` promises every class in every split that has a share. Groups are never cut for it.`,
});

/** An annotation that refers to nothing, or cannot lie on its picture. */
export const annotationInvalid = diagnosticKind<{
  file: string;
  annotation: string;
  problem: string;
}>({
  code: "data/annotation-invalid",
  severity: "error",
  message: ({ file, annotation, problem }) =>
    `the annotation ${annotation} of \`${file}\`: ${problem}`,
  hint: () => "mend it, or take it out of the file",
  explain: `Annotations of a COCO file are read strictly: each is of a picture and a category of the file, its box is not empty, polygons have three points or more, and run lengths are of as many pixels as the picture.`,
});

/** A picture has more boxes than its field has room for. */
export const tooManyBoxes = diagnosticKind<{
  field: string;
  record: string;
  count: number;
  max: number;
}>({
  code: "data/too-many-boxes",
  severity: "error",
  message: ({ field, record, count, max }) =>
    `\`${record}\` has ${count} boxes, where \`${field}\` has room for ${max}`,
  hint: ({ count }) => `\`max: ${count}\` or more has room for them`,
  explain: `Boxes are never dropped to fit: a label that is left out would teach that nothing is there.`,
});

/** Categories that are annotated and count as no class. */
export const categoriesUncounted = diagnosticKind<{
  file: string;
  found: readonly {
    readonly name: string;
    readonly count: number;
    readonly suggestion: string | null;
  }[];
}>({
  code: "data/categories-uncounted",
  severity: "warning",
  message: ({ file, found }) =>
    `\`${file}\` has annotations that count as no class: ${found.map(({ name, count }) => `\`${name}\` (${count})`).join(", ")}`,
  hint: ({ found }) => {
    const near = found.find(({ suggestion }) => suggestion !== null);
    return near === undefined
      ? null
      : `if \`${near.name}\` is \`${near.suggestion ?? ""}\`, write \`names: (${near.suggestion ?? ""}: [${near.name}])\``;
  },
  explain: `The classes of a COCO source are listed; \`names\` says what its file calls them. Annotations of other categories are not read, which may be meant, or a misspelt name.`,
});

/** A run that goes on, whose training split now gives other statistics. */
export const fitChanged = diagnosticKind<{ fits: readonly string[] }>({
  code: "data/fit-changed",
  severity: "error",
  message: ({ fits }) =>
    `the training split gives other numbers for ${listed(fits)} than when the run began`,
  hint: () => "bring back the files as they were, or start afresh with `--fresh`",
  explain: `A run continues with the numbers that its data were rescaled by from the start; other ones would change what the model has learned to read.`,
});

/** A statistic over the training split met a number that is none. */
export const valueNotFinite = diagnosticKind<{ field: string; fit: string; record: string }>({
  code: "data/value-not-finite",
  severity: "error",
  message: ({ field, fit, record }) =>
    `\`${fit}\` cannot be fitted: \`${field}\` of the record \`${record}\` holds a number that is not finite`,
  hint: () => "mend the file, or leave the record out of it",
  explain: `One such number would make the limits, and with them every rescaled value, meaningless.`,
});

/** A count of groups is asked for where no data can be looked at. */
export const groupsUncounted = diagnosticKind<{ count: string }>({
  code: "data/groups-uncounted",
  severity: "error",
  message: ({ count }) => `\`${count}\` cannot be counted, as the data are out of reach`,
  hint: () => "compile where the data are, or write the number",
  explain: `The number of groups of a split is a size of the graphs, so that the records are found and dealt to splits before anything is compiled. \`saic check\` goes on without it.`,
});

/** Graphs were made for other data. */
export const groupsDiffer = diagnosticKind<{
  dataset: string;
  split: string;
  expected: number;
  found: number;
}>({
  code: "data/groups-differ",
  severity: "error",
  message: ({ dataset, split, expected, found }) =>
    `\`${dataset}.${split}\` has ${found} ${found === 1 ? "group" : "groups"}, and the program was compiled for ${expected}`,
  hint: () => "bring back the data as they were, or run the program anew",
  explain: `A program that reads the number of a split's groups has it in its graphs. Other data need other graphs, and make another run.`,
});

/** A count of groups of one split in a metric that measures another one too. */
export const groupsOfOtherSplit = diagnosticKind<{ count: string; split: string; metric: string }>({
  code: "data/groups-of-other-split",
  severity: "error",
  message: ({ count, split, metric }) =>
    `\`${metric}\` is also measured on \`${split}\`, whose groups \`${count}\` does not count`,
  hint: ({ count }) => `write it in \`metrics ${count.split(".").at(-2) ?? "val"} { … }\``,
  explain: `Groups are numbered within their split. A metric over the groups of one split would miscount those of another.`,
});
