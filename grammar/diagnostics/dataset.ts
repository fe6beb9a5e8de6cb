/** Diagnostics about datasets as programs: templates, columns, arrays, extents, fits and what moves pixels. */

import { diagnosticKind } from "../diagnostic.js";

const didYouMean = (p: { readonly suggestion: string | null }): string | null =>
  p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`;

const listed = (names: readonly string[]): string =>
  names.length === 0 ? "nothing" : names.map((name) => `\`${name}\``).join(", ");

export const templateMalformed = diagnosticKind({
  code: "data/template-malformed",
  severity: "error",
  message: (p: { template: string; problem: string }) => `\`${p.template}\` ${p.problem}`,
  hint: () => "write a name in braces: `{t}.jpg`, `img/{index:04}.png`",
  explain:
    "A template or pattern is a path with names in braces. A name may be followed by a width with leading zeros, as in `{index:04}`.",
});

export const placeholderUnknown = diagnosticKind({
  code: "data/placeholder-unknown",
  severity: "error",
  message: (p: { name: string; known: readonly string[]; suggestion: string | null }) =>
    `\`{${p.name}}\` is not known here`,
  hint: (p) => didYouMean(p) ?? `known are ${listed(p.known)}`,
  explain:
    "A template's names are the columns of a table, the names that a pattern binds, `t` of a frame, or `index`.",
});

export const columnUnknown = diagnosticKind({
  code: "data/column-unknown",
  severity: "error",
  message: (p: {
    column: string;
    file: string;
    known: readonly string[];
    suggestion: string | null;
  }) => `\`${p.file}\` has no column \`${p.column}\``,
  hint: (p) => didYouMean(p) ?? `its columns are ${listed(p.known)}`,
  explain: "Columns are those of the file's first line, which is read where the file is there.",
});

export const columnValue = diagnosticKind({
  code: "data/column-value",
  severity: "error",
  message: (p: {
    column: string;
    file: string;
    line: number;
    /** Rows of a parquet file count from 0, lines of a text from 1. */
    unit?: "line" | "row";
    value: string;
    expected: string;
    suggestion: string | null;
  }) =>
    `${p.unit ?? "line"} ${p.line} of \`${p.file}\` has \`${p.value}\` in the column \`${p.column}\`, which is not ${p.expected}`,
  hint: didYouMean,
  explain:
    "The first records of a table are read when it is there: a column must hold what its field declares, and a class must be one of the list.",
});

export const columnClassMissing = diagnosticKind({
  code: "data/column-class-missing",
  severity: "error",
  message: (p: { column: string; file: string; name: string; found: readonly string[] }) =>
    `no record of \`${p.file}\` has \`${p.name}\` in the column \`${p.column}\``,
  hint: (p) => `found are ${listed(p.found)}`,
  explain:
    "A class or a split's word that no record has is nearly always misspelt; nothing would ever teach it.",
});

export const arrayUnknown = diagnosticKind({
  code: "data/array-unknown",
  severity: "error",
  message: (p: {
    name: string;
    file: string;
    known: readonly string[];
    suggestion: string | null;
  }) => `\`${p.file}\` has no array \`${p.name}\``,
  hint: (p) => didYouMean(p) ?? `it has ${listed(p.known)}`,
  explain:
    "The arrays of npz, safetensors and pickle files have names; an npy file's one array has the file's name without its extension.",
});

export const arrayDiffers = diagnosticKind({
  code: "data/array-differs",
  severity: "error",
  message: (p: { field: string; name: string; file: string; expected: string; found: string }) =>
    `\`${p.field}\` is declared \`${p.expected}\`, and a record of \`${p.name}\` in \`${p.file}\` is \`${p.found}\``,
  hint: () => "declare what the file holds; `to(f32)` in a transform converts it",
  explain:
    "An array's first axis is the record, the others and the type of its elements are the field's. Nothing is converted unasked.",
});

export const fileMalformed = diagnosticKind({
  code: "data/file-malformed",
  severity: "error",
  message: (p: { file: string; format: string; problem: string }) =>
    `\`${p.file}\` is not read as ${p.format}: ${p.problem}`,
  explain: "The heads of data files are read where they are there, and must be of their format.",
});

export const categoryUnknown = diagnosticKind({
  code: "data/category-unknown",
  severity: "error",
  message: (p: {
    name: string;
    file: string;
    known: readonly string[];
    suggestion: string | null;
  }) => `\`${p.file}\` has no category \`${p.name}\``,
  hint: (p) => didYouMean(p) ?? `its categories are ${listed(p.known)}`,
  explain:
    "The categories of a COCO file are named as the file spells them, its mistakes included.",
});

export const lengthsDiffer = diagnosticKind({
  code: "data/lengths-differ",
  severity: "error",
  message: (p: { first: string; firstLength: number; second: string; secondLength: number }) =>
    `\`${p.first}\` has ${p.firstLength} records and \`${p.second}\` has ${p.secondLength}`,
  hint: () => "join by a column with `by:`, or bring files of one length",
  explain: "`zip` by index joins record i of each part with record i of the others.",
});

export const severalParts = diagnosticKind({
  code: "data/several-parts",
  severity: "error",
  message: (p: { reader: string; parts: number }) =>
    `${p.parts} parts of the source can answer \`${p.reader}\``,
  hint: () => "name the parts, `zip(a: …, b: …)`, and write `a.image()`",
  explain: "A field of a `zip` is read from one part. Where several could be meant, name it.",
});

export const extentUnsettled = diagnosticKind({
  code: "data/extent-unsettled",
  severity: "error",
  message: (p: { field: string; type: string; fix: string }) =>
    `\`${p.field}\` is still \`${p.type}\` after its transforms`,
  hint: (p) => p.fix,
  explain:
    "`_` is an extent that only the files tell. Records of a batch have one size, so that a transform must settle it.",
});

export const labelsLeftBehind = diagnosticKind({
  code: "data/labels-left-behind",
  severity: "error",
  message: (p: {
    step: string;
    image: string;
    moved: readonly string[];
    labels: readonly string[];
  }) => `\`${p.step}\` moves the pixels of \`${p.image}\` and leaves ${listed(p.labels)} behind`,
  hint: (p) => {
    const names = [...p.moved, ...p.labels].join(", ");
    return `write \`${names} = (${names}) |> ${p.step}(…)\``;
  },
  explain:
    "What moves pixels at random moves boxes, masks and tiles by the same draw. Resizing and cropping every record alike needs no second name: those labels are made for the picture as it is then.",
});

export const partsDisagree = diagnosticKind({
  code: "data/parts-disagree",
  severity: "error",
  message: (p: { problem: string }) => p.problem,
  hint: () => null,
  explain:
    "`concat` puts the records of sources of one kind one after the other; all must agree on what a record is.",
});
