/** Findings about sequences, joins by keys, parquet files, rasters and pickles. */

import { diagnosticKind } from "../diagnostic.js";

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** Names shown, and a word for those that are not. */
const shown = (names: readonly string[], count: number): string =>
  count > names.length ? `${listed(names)} and ${count - names.length} more` : listed(names);

/** Folders that are no group of frames. */
export const foldersUnmatched = diagnosticKind<{
  root: string;
  pattern: string;
  folders: readonly string[];
  count: number;
}>({
  code: "data/folders-unmatched",
  severity: "warning",
  message: ({ root, pattern, folders, count }) =>
    `${count} ${count === 1 ? "folder" : "folders"} of \`${root}\` ${count === 1 ? "is" : "are"} no group \`${pattern}\`: ${shown(folders, count)}`,
  hint: () => "widen the pattern if their frames are meant, or move them away",
  explain: `The pattern of \`frames\` says how the folder of a group is called. What is called otherwise is not read.`,
});

/** Groups that are shorter than the window. */
export const sequencesShort = diagnosticKind<{
  root: string;
  length: number;
  groups: readonly string[];
  count: number;
}>({
  code: "data/sequences-short",
  severity: "warning",
  message: ({ root, length, groups, count }) =>
    `${count} ${count === 1 ? "group" : "groups"} of \`${root}\` ${count === 1 ? "has" : "have"} fewer than ${length} frames and no record: ${shown(groups, count)}`,
  hint: () => "a window never goes on into another group",
  explain: `A window ends with its record's frame and lies within one group. A group that is shorter than the window has no record.`,
});

/** No group is as long as the window. */
export const windowsMissing = diagnosticKind<{ root: string; length: number }>({
  code: "data/windows-missing",
  severity: "error",
  message: ({ root, length }) => `no group of \`${root}\` has ${length} frames, as a window needs`,
  hint: () => "make the window shorter, or its stride smaller",
  explain: `A window of \`length\` frames that are \`stride\` apart needs (length - 1) stride + 1 frames of one group.`,
});

/** A frame whose name tells no offset. */
export const offsetMissing = diagnosticKind<{ field: string; frame: string }>({
  code: "data/offset-missing",
  severity: "error",
  message: ({ field, frame }) => `the frame \`${frame}\` has no offset, which \`${field}\` reads`,
  hint: () => "its name must end in a signed number of seconds, as in `1465065608_+00960`",
  explain: `The offset of a frame is the signed number at the end of its name without the extension, in seconds.`,
});

/** A picture whose file of boxes is not there. */
export const boxesMissing = diagnosticKind<{ field: string; file: string; template: string }>({
  code: "data/boxes-missing",
  severity: "error",
  message: ({ field, file }) => `the annotation \`${file}\` of \`${field}\` is not there`,
  hint: ({ template }) =>
    `where it may be missing, say so by a field \`exists("${template}")\`, and mask by it`,
  explain: `Without its file a picture would count as free of boxes, which is a label that nobody gave. A field \`exists\` of the same template tells the two apart; then a missing file has no boxes.`,
});

/** Two records of a part have one key. */
export const keyDuplicate = diagnosticKind<{
  key: string;
  value: string;
  part: string;
  first: string;
  second: string;
}>({
  code: "data/key-duplicate",
  severity: "error",
  message: ({ key, value, part, first, second }) =>
    `\`${key}\` is \`${value}\` twice in \`${part}\`: ${first}, and ${second}`,
  hint: () => "a key names one record of each part",
  explain: `\`zip\` by a key joins one record of each part; where a key stands twice, nothing says which is meant.`,
});

/** A part has no such key. */
export const keyUnknown = diagnosticKind<{
  key: string;
  part: string;
  known: readonly string[];
  suggestion: string | null;
}>({
  code: "data/key-unknown",
  severity: "error",
  message: ({ key, part }) => `records of \`${part}\` have no \`${key}\` to be joined by`,
  hint: ({ known, suggestion }) =>
    suggestion === null ? `they have ${listed(known)}` : `did you mean \`${suggestion}\`?`,
  explain: `The key of a \`zip\` is a column, or a name that a pattern binds, of every part.`,
});

/** A part lacks keys that others have. */
export const keysMissing = diagnosticKind<{
  key: string;
  part: string;
  count: number;
  keys: number;
  examples: readonly string[];
}>({
  code: "data/keys-missing",
  severity: "error",
  message: ({ key, part, count, keys, examples }) =>
    `\`${part}\` lacks ${count} of ${keys} values of \`${key}\`: ${shown(examples, count)}`,
  hint: () =>
    "values are compared as text; `missing: drop` leaves out what is not in every part, with a warning",
  explain: `\`zip\` by a key joins the records of all parts that have the same key. A key that a part lacks is nearly always a misspelt column or a missing file.`,
});

/** Records were left out of a join. */
export const keysDropped = diagnosticKind<{
  key: string;
  dropped: number;
  keys: number;
  gaps: readonly {
    readonly part: string;
    readonly count: number;
    readonly examples: readonly string[];
  }[];
}>({
  code: "data/keys-dropped",
  severity: "warning",
  message: ({ key, dropped, keys, gaps }) =>
    `${dropped} of ${keys} values of \`${key}\` are left out, as not every part has them: ` +
    gaps
      .map(({ part, count, examples }) => `\`${part}\` lacks ${shown(examples, count)}`)
      .join("; "),
  hint: () => null,
  explain: `With \`missing: drop\` a \`zip\` keeps the records whose key is in every part.`,
});

/** A column is of another type than a field reads, or than in the first file. */
export const columnType = diagnosticKind<{
  column: string;
  file: string;
  expected: string;
  found: string;
}>({
  code: "data/column-type",
  severity: "error",
  message: ({ column, file, expected, found }) =>
    `the column \`${column}\` of \`${file}\` is \`${found}\`, not ${expected}`,
  hint: () => "change the field, or write the file anew",
  explain: `Columns of a parquet file have types. A field of floats reads columns of numbers, one of integers those of integers, \`bool\` those of truth values or of 0 and 1, and one with extents columns of lists; all files of a source have the same types in the columns that are read.`,
});

/** A list of a column has another length than its field. */
export const columnList = diagnosticKind<{
  column: string;
  file: string;
  row: number;
  expected: string;
  found: string;
}>({
  code: "data/column-list",
  severity: "error",
  message: ({ column, file, row, expected, found }) =>
    `row ${row} of \`${file}\` has ${found} in the column \`${column}\`, where \`${expected}\` is declared`,
  hint: () => "every list must have the declared length, and no element may be missing",
  explain: `Lists become tensors of one size: nothing is padded or cut unasked. Rows count from 0.`,
});

/** A raster with pixels that stand for nothing. */
export const rasterNodata = diagnosticKind<{
  file: string;
  field: string;
  value: string;
  count: number;
}>({
  code: "data/raster-nodata",
  severity: "error",
  message: ({ file, value, count }) =>
    `\`${file}\` has ${count} ${count === 1 ? "value" : "values"} of ${value}, which it says stands for no data`,
  hint: () => "`image(nodata: 0)` reads them as 0, `image(nodata: keep)` as they are",
  explain: `A raster may name a value for pixels that were not measured. Read as a measurement it would be an outlier, so that \`nodata\` says what becomes of it.`,
});
