/** Findings about data: folders, files, annotations, fields, splits and transforms. */

import { diagnosticKind } from "../diagnostic.js";

const listed = (names: readonly string[]): string =>
  names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");

/** A folder that the source names is not there. */
export const folderMissing = diagnosticKind<{ folder: string; resolved: string }>({
  code: "data/folder-missing",
  severity: "error",
  message: ({ folder }) => `the folder \`${folder}\` does not exist`,
  hint: ({ resolved }) =>
    `looked in \`${resolved}\`; a relative path starts at the program's file, in a flag at the working directory`,
  explain: `A source reads from folders that must exist before a run begins. Nothing is created and nothing is replaced by made-up data.`,
});

/** A folder or pattern yields no picture. */
export const folderEmpty = diagnosticKind<{ folder: string; wanted: string }>({
  code: "data/folder-empty",
  severity: "error",
  message: ({ folder, wanted }) => `\`${folder}\` holds no file that matches \`${wanted}\``,
  hint: () => "check the folder, the file extension and its case",
  explain: `A source, and every class of an image folder, needs at least one picture. An empty one is nearly always a wrong path or extension.`,
});

/** Pictures in a format that is not read, or folders below a class folder. */
export const fileUnexpected = diagnosticKind<{ file: string; problem: string; wanted: string }>({
  code: "data/file-unexpected",
  severity: "error",
  message: ({ file, problem }) => `\`${file}\` ${problem}`,
  hint: ({ wanted }) => wanted,
  explain: `Records are never dropped in silence: a picture in a format that is not read, or a folder below a class folder, stops the run instead of shrinking the data.`,
});

/** A class of the list has no folder. */
export const classMissing = diagnosticKind<{
  name: string;
  root: string;
  found: readonly string[];
  nearest: string | null;
}>({
  code: "data/class-missing",
  severity: "error",
  message: ({ name, root }) => `class \`${name}\` has no folder in \`${root}\``,
  hint: ({ found, nearest }) =>
    nearest === null ? `folders found: ${listed(found)}` : `did you mean \`${nearest}\`?`,
  explain: `The class list and the folders must agree exactly: the list fixes each label's index, so a missing class would leave an output that nothing teaches.`,
});

/** A folder that the class list does not name. */
export const classUnlisted = diagnosticKind<{
  name: string;
  root: string;
  classes: readonly string[];
}>({
  code: "data/class-unlisted",
  severity: "error",
  message: ({ name, root }) => `folder \`${name}\` in \`${root}\` is not in the class list`,
  hint: ({ classes }) => `add it to the list or move it away; listed: ${listed(classes)}`,
  explain: `The class list and the folders must agree exactly: pictures of a folder outside of the list would be lost in silence.`,
});

/** The class list names one class twice. */
export const classDuplicate = diagnosticKind<{ name: string }>({
  code: "data/class-duplicate",
  severity: "error",
  message: ({ name }) => `class \`${name}\` is listed twice`,
  hint: () => "a class is one index: list each name once",
  explain: `A class's index is its place in the list, so each name stands there once.`,
});

/** The shape generator does not draw this class. */
export const shapeUnknown = diagnosticKind<{
  name: string;
  known: readonly string[];
  nearest: string | null;
}>({
  code: "data/shape-unknown",
  severity: "error",
  message: ({ name }) => `the generator \`shapes\` draws no \`${name}\``,
  hint: ({ known, nearest }) =>
    nearest === null ? `it draws ${listed(known)}` : `did you mean \`${nearest}\`?`,
  explain: `The classes of \`shapes\` are names of figures that it can draw.`,
});

/** A file pattern without exactly one name in braces, or two patterns that disagree on it. */
export const patternInvalid = diagnosticKind<{ pattern: string; problem: string }>({
  code: "data/pattern-invalid",
  severity: "error",
  message: ({ pattern, problem }) => `pattern \`${pattern}\` ${problem}`,
  hint: () => "write one name in braces, as in `images/{frame}.jpeg` and `xmls/{frame}.xml`",
  explain: `\`images\` names the frame by one part in braces; \`boxes\` repeats that part. \`*\` stands for any run of characters within one path segment of \`images\`.`,
});

/** Two pictures give one frame name. */
export const frameDuplicate = diagnosticKind<{ frame: string; first: string; second: string }>({
  code: "data/frame-duplicate",
  severity: "error",
  message: ({ frame, first, second }) =>
    `frame \`${frame}\` stands for both \`${first}\` and \`${second}\``,
  hint: () => "give the files distinct names, or narrow the pattern",
  explain: `A frame's name is its identity: boxes and splits go by it, so it must be unique.`,
});

/** Tiles do not fit the frame, or do not advance. */
export const tilesInvalid = diagnosticKind<{
  size: number;
  overlap: number;
  height: number;
  width: number;
}>({
  code: "data/tiles-invalid",
  severity: "error",
  message: ({ size, overlap, height, width }) =>
    `tiles of ${size} with overlap ${overlap} do not fit frames of ${height} x ${width}`,
  hint: () => "the overlap must be below the size, and the size at most the frame's shorter side",
  explain: `A frame holds floor((height - overlap) / (size - overlap)) rows of tiles, and columns likewise; both must be at least one.`,
});

/** A picture without its annotation file. */
export const annotationMissing = diagnosticKind<{ image: string; annotation: string }>({
  code: "data/annotation-missing",
  severity: "error",
  message: ({ image, annotation }) => `\`${image}\` has no annotation \`${annotation}\``,
  hint: () => "a frame without boxes still needs a file, with no `<object>` in it",
  explain: `Without its file a frame would count as free of boxes, which is a label that nobody gave.`,
});

/** An annotation that is no well-formed Pascal VOC. */
export const annotationMalformed = diagnosticKind<{ file: string; problem: string }>({
  code: "data/annotation-malformed",
  severity: "error",
  message: ({ file, problem }) => `\`${file}\` is not a Pascal VOC annotation: ${problem}`,
  hint: () => "expected `<annotation>` with one `<size>` and any number of `<object>`",
  explain: `Annotations are read strictly: well-formed XML, one \`<size>\` with whole \`<width>\` and \`<height>\`, and for each \`<object>\` a \`<name>\` and a \`<bndbox>\` of four finite numbers.`,
});

/** Picture, annotation and program disagree about a frame's size. */
export const frameSize = diagnosticKind<{
  file: string;
  expected: readonly [number, number];
  found: readonly [number, number];
}>({
  code: "data/frame-size",
  severity: "error",
  message: ({ file, expected, found }) =>
    `\`${file}\` says ${found[0]} x ${found[1]} (height x width), the dataset declares ${expected[0]} x ${expected[1]}`,
  hint: () =>
    "boxes and tiles are in pixels of the declared `frame`: all frames must have its size",
  explain: `The picture's own size, the annotation's \`<size>\` and the declared \`frame\` must be equal; otherwise boxes would fall on other pixels than they were drawn on.`,
});

/** A box that leaves its picture or is empty. */
export const boxInvalid = diagnosticKind<{
  file: string;
  box: readonly [number, number, number, number];
  height: number;
  width: number;
}>({
  code: "data/box-invalid",
  severity: "error",
  message: ({ file, box, height, width }) =>
    `\`${file}\` has a box xmin ${box[0]}, ymin ${box[1]}, xmax ${box[2]}, ymax ${box[3]} that is empty or leaves the picture of ${height} x ${width}`,
  hint: () => "a box needs 0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height",
  explain: `A box outside of its picture is a sign of swapped axes or of another picture's size.`,
});

/** A box class that the dataset counts and no annotation has. */
export const boxClassUnknown = diagnosticKind<{
  name: string;
  found: readonly string[];
  nearest: string | null;
}>({
  code: "data/box-class-unknown",
  severity: "error",
  message: ({ name }) => `no box in any annotation is named \`${name}\``,
  hint: ({ found, nearest }) =>
    nearest === null ? `boxes are named ${listed(found)}` : `did you mean \`${nearest}\`?`,
  explain: `A misspelt class would count no box, and every tile would be a negative.`,
});

/** A picture that cannot be decoded in full. */
export const imageUnreadable = diagnosticKind<{ file: string; reason: string }>({
  code: "data/image-unreadable",
  severity: "error",
  message: ({ file, reason }) => `\`${file}\` cannot be read: ${reason}`,
  hint: () => "replace or remove the file; a truncated picture would be padded with gray",
  explain: `A file that is missing, truncated or damaged is never replaced by noise, zeros or a neighbor.`,
});

/** A record's field is not what the program declares. */
export const fieldMismatch = diagnosticKind<{ field: string; expected: string; found: string }>({
  code: "data/field-mismatch",
  severity: "error",
  message: ({ field, expected, found }) =>
    `field \`${field}\` is declared \`${expected}\` and read as \`${found}\``,
  hint: () => "change the declared type, or the files",
  explain: `Every record must have exactly the declared type before transforms: no picture is resized or converted unasked.`,
});

/** A reader that the source cannot serve. */
export const readerUnsupported = diagnosticKind<{
  field: string;
  reader: string;
  source: string;
  readers: readonly string[];
}>({
  code: "data/reader-unsupported",
  severity: "error",
  message: ({ field, reader, source }) =>
    `field \`${field}\`: source \`${source}\` has nothing for the reader \`${reader}\``,
  hint: ({ readers }) => `it serves ${listed(readers)}`,
  explain: `Which readers a field may use depends on the source: boxes come from \`voc_tiles\`, class labels from \`image_folder\` and \`synthetic\`.`,
});

/** A transform that does not fit its field. */
export const transformUnsuited = diagnosticKind<{
  transform: string;
  field: string;
  problem: string;
}>({
  code: "data/transform-unsuited",
  severity: "error",
  message: ({ transform, field, problem }) => `\`${transform}\` on field \`${field}\`: ${problem}`,
  hint: () => null,
  explain: `Transforms work on pictures, \`u8\` or \`f32\`, with rows and columns as the last two axes.`,
});

/** The steps of a split end in another type than the batch declares. */
export const outputMismatch = diagnosticKind<{
  field: string;
  pass: string;
  expected: string;
  found: string;
}>({
  code: "data/output-mismatch",
  severity: "error",
  message: ({ field, pass, expected, found }) =>
    `field \`${field}\` ends as \`${found}\` in ${pass} batches, where \`${expected}\` is needed`,
  hint: () => "a step that changes the type must stand in the transform of every split",
  explain: `Training and evaluation run one graph each with fixed shapes, so all splits must end in the same types.`,
});

/** The property to split by does not exist in this source. */
export const propertyUnknown = diagnosticKind<{
  property: string;
  source: string;
  known: readonly string[];
}>({
  code: "data/property-unknown",
  severity: "error",
  message: ({ property, source }) =>
    `records of source \`${source}\` have no property \`${property}\` to split by`,
  hint: ({ known }) =>
    known.length === 0 ? "split single records instead" : `they have ${listed(known)}`,
  explain: `\`split by\` keeps records of equal value together. \`voc_tiles\` offers the frame, \`image_folder\` the class.`,
});

/** A split with a positive fraction gets no group. */
export const splitEmpty = diagnosticKind<{
  split: string;
  percent: number;
  groups: number;
  unit: string;
}>({
  code: "data/split-empty",
  severity: "error",
  message: ({ split, percent, groups, unit }) =>
    `split \`${split}\` gets none of ${groups} ${unit}: its share is ${percent}%`,
  hint: () => "raise its share, set it to 0%, or bring more data",
  explain: `Groups are never cut, and shares are of groups by largest remainder. A split that is asked for and empty would make its metrics meaningless.`,
});

/** A thread that decodes data ended before its work. */
export const workerEnded = diagnosticKind<{ reason: string; record: string | null }>({
  code: "data/worker-ended",
  severity: "error",
  message: ({ reason, record }) =>
    `a data worker ended unexpectedly${record === null ? "" : ` while it read ${record}`}: ${reason}`,
  hint: () =>
    "run again to continue from the last checkpoint; `workers: 0` decodes in the main thread and shows where it stops",
  explain: `A thread that ends in the midst of its work stops the run: batches are never skipped. The message names the record that it read, and the run continues from its last checkpoint.`,
});

/** The compiled worker file is not there. */
export const workerMissing = diagnosticKind<{ file: string }>({
  code: "data/worker-missing",
  severity: "error",
  message: ({ file }) => `the compiled worker \`${file}\` does not exist`,
  hint: () => "build the project first; worker threads run compiled JavaScript",
  explain: `Worker threads load compiled JavaScript. From the sources, build once before using \`workers\` above 0.`,
});
