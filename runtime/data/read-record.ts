/** Reads one record's fields and applies the transforms of a pass. */

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { DataProgram, FieldReader, PlainSource } from "../../compiler/plan/data.js";
import { fieldMismatch, transformUnsuited } from "../../grammar/diagnostics/data.js";
import { tooManyBoxes } from "../../grammar/diagnostics/data-content.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { createStream, type RandomStream } from "../random.js";
import type { ArrayReader } from "./array-file.js";
import { badData, printType } from "./bad-data.js";
import { type Annotated, areasOf, masksOf } from "./coco.js";
import { readColumns } from "./columns.js";
import { decodeImage, type Picture } from "./decode-image.js";
import { drawShape, isShapeName } from "./draw-shape.js";
import { leavesOf } from "./list-records.js";
import { cutAtRandom, type Pass, type Step, stepsFor } from "./passes.js";
import type { Pixels } from "./pixels.js";
import type { DataRecord } from "./record.js";
import { openFieldArray } from "./sources/arrays.js";
import type { FitResult } from "./transforms/rescale.js";
import { fileOf, placeOf } from "./template.js";
import { transform } from "./transforms/transform.js";
import { UnsuitedError } from "./transforms/moves.js";
import { type Value, valueOf } from "./value.js";
import { valueOfMarks } from "./marks.js";
import { readAnnotation } from "./voc-annotation.js";

/** One record to read, as the loader asks for it. */
export interface Request {
  readonly index: number;
  readonly record: DataRecord;
  /** By field: what an earlier pass kept, the fixed steps already applied. */
  readonly kept: Readonly<Record<string, Value>>;
}

export interface ReadRecord {
  readonly fields: ReadonlyMap<string, Value>;
  /** Values after the fixed steps, worth keeping for later epochs. */
  readonly fixed: ReadonlyMap<string, Value>;
}

export interface RecordReader {
  read(request: Request, pass: Pass, epoch: number): Promise<ReadRecord>;
  /** A field of a training record after the first `count` transforms of the program. */
  readUpTo(field: string, request: Request, count: number): Promise<Value>;
}

/**
 * A reader for `program`. Its result depends on (program, seed, fits, pass, epoch, record) only;
 * `frameBytes` bounds the decoded frames that it holds on to, as neighboring tiles share one.
 */
export function createRecordReader(
  program: DataProgram,
  seed: number,
  frameBytes: number,
  fits: ReadonlyMap<string, FitResult> = new Map(),
): RecordReader {
  const streams = new Map<string, RandomStream>();
  const streamOf = (step: Step): RandomStream => {
    const path = `data/${program.name}/${step.draw}`;
    const stream = streams.get(path) ?? createStream(seed, path);
    streams.set(path, stream);
    return stream;
  };
  const context = createContext(program, frameBytes);
  const wanted = program.fields.filter(({ name }) =>
    program.outputs.some((output) => output.name === name),
  );
  const apply = (
    field: Field,
    steps: readonly Step[],
    start: Value,
    { epoch, record, whole }: { epoch: number; record: number; whole: DataRecord },
  ): Value =>
    steps.reduce((x, step) => {
      const point = { stream: streamOf(step), epoch, record };
      try {
        return transform(step.op, x, point, fits);
      } catch (error) {
        if (!(error instanceof UnsuitedError)) throw error;
        const params = { transform: step.op.kind, field: field.name, problem: error.message };
        throw badData(transformUnsuited, params, `${placeOf(whole)}, field \`${field.name}\``);
      }
    }, start);

  return {
    read: async (request, pass, epoch) => {
      const fields = new Map<string, Value>();
      const fixed = new Map<string, Value>();
      const { index, kept, record: whole } = request;
      const at = { epoch, record: index, whole };
      for (const field of wanted) {
        const steps = cutAtRandom(stepsFor(program, pass, field.name));
        const start =
          kept[field.name] ?? apply(field, steps.fixed, await readField(context, field, whole), at);
        if (isCostly(field)) fixed.set(field.name, start);
        fields.set(field.name, finished(field, apply(field, steps.rest, start, at)));
      }
      return { fields, fixed };
    },
    readUpTo: async (name, { record, index }, count) => {
      const field = program.fields.find((each) => each.name === name);
      invariant(field !== undefined, `there is a field ${name}`);
      const steps = stepsFor(program, "train", name, count);
      const start = await readField(context, field, record);
      return finished(
        field,
        apply(field, steps, start, { epoch: 0, record: index, whole: record }),
      );
    },
  };
}

type Field = DataProgram["fields"][number];
type Decode = (file: string, channels: 1 | 3) => Promise<Picture>;

/** What readers share: decoded pictures and open files. */
interface ReadContext {
  readonly leaves: readonly PlainSource[];
  readonly decode: Decode;
  readonly arrayOf: (field: Field, leaf: number) => ArrayReader;
}

function createContext(program: DataProgram, frameBytes: number): ReadContext {
  const leaves = leavesOf(program.source);
  const arrays = new Map<string, ArrayReader>();
  return {
    leaves,
    decode: keepRecent(frameBytes),
    arrayOf: (field, leaf) => {
      const key = `${leaf}:${field.name}`;
      const source = leaves[leaf];
      const name = field.reader.kind === "array" ? field.reader.name : null;
      invariant(source?.kind === "arrays", `field ${field.name} is read from arrays`);
      const array = arrays.get(key) ?? openFieldArray(source, field, name);
      arrays.set(key, array);
      return array;
    },
  };
}

/** Boxes become elements once all that moves them is done. */
const finished = ({ reader }: Field, value: Value): Value =>
  value.marks === undefined ? value : valueOfMarks(reader, value.marks);

/** Whether reading it takes a file, so that keeping it saves time. */
const isCostly = ({ reader }: Field): boolean =>
  ["image", "image_file", "picture", "array", "masks", "area"].includes(reader.kind);

const scalar = (dtype: "i64" | "bool", value: number): Value =>
  dtype === "i64"
    ? { dtype, shape: [], data: BigInt64Array.of(BigInt(value)) }
    : { dtype, shape: [], data: Uint8Array.of(value) };

async function readField(context: ReadContext, field: Field, whole: DataRecord): Promise<Value> {
  const { reader } = field;
  const record = field.part === undefined ? whole : at(whole.parts, field.part);
  switch (reader.kind) {
    case "image":
      return readImage(context, field, record);
    case "label":
      invariant(record.label !== null, `record ${record.id} has no label`);
      return scalar("i64", record.label);
    case "position":
      invariant(record.tile !== null, `record ${record.id} is no tile`);
      return scalar("i64", record.tile.position);
    case "covered":
    case "holds":
      return scalar("bool", isPositive(record, reader) ? 1 : 0);
    case "array":
      return context.arrayOf(field, record.leaf).read(record.index);
    case "column":
    case "columns":
      return readColumns(field, reader, record);
    case "image_file":
      return readPicture(context, field, record, pathOf(context, reader, record));
    case "picture":
      return readImage(context, field, record);
    case "boxes":
    case "box_classes":
      return readMarks(context, reader, record);
    case "masks":
      return masksOf(annotatedOf(record));
    case "area": {
      const areas = areasOf(annotatedOf(record));
      return valueOf("f32", [areas.length], (i) => areas[i] ?? 0);
    }
    case "present": {
      const { classes, items } = annotatedOf(record);
      return valueOf("bool", [classes], (i) => (items.some((item) => item.class === i) ? 1 : 0));
    }
    case "exists":
      return scalar("bool", existsSync(pathOf(context, reader, record)) ? 1 : 0);
    default:
      return assertNever(reader);
  }
}

type TileReader = Extract<Field["reader"], { readonly kind: "covered" | "holds" }>;

/** The label that a reader of boxes gives a tile. */
export function isPositive(record: DataRecord, reader: TileReader): boolean {
  invariant(record.tile !== null, `record ${record.id} is no tile`);
  const share = reader.kind === "covered" ? record.tile.covered : record.tile.held;
  return share >= reader.atLeast;
}

function annotatedOf({ annotated, id }: DataRecord): Annotated {
  invariant(annotated !== undefined, `record ${id} has annotations`);
  return annotated;
}

/** Boxes of the source, or of a Pascal VOC file. */
async function readMarks(
  context: ReadContext,
  reader: Extract<FieldReader, { kind: "boxes" | "box_classes" }>,
  record: DataRecord,
): Promise<Value> {
  const empty = { dtype: "f32", shape: [0], data: new Float32Array(0) } as const;
  if (reader.kind === "box_classes" || reader.file === null) {
    const { items, height, width } = annotatedOf(record);
    const own = items.filter(({ isCrowd }) => !isCrowd);
    const marks = {
      boxes: own.map(({ box }) => box),
      classes: own.map((item) => item.class),
      frame: [height, width] as const,
    };
    return { ...empty, marks };
  }
  const { file, root, max } = reader;
  const path = pathOf(context, { file, root }, record);
  const { boxes, height, width } = await readAnnotation(path);
  if (boxes.length > max)
    throw badData(
      tooManyBoxes,
      { field: "boxes", record: record.id, count: boxes.length, max },
      `${path}, record \`${record.id}\``,
    );
  const corners = boxes.map(({ xmin, ymin, xmax, ymax }) => [xmin, ymin, xmax, ymax] as const);
  return { ...empty, marks: { boxes: corners, classes: [], frame: [height, width] } };
}

/** The file that a template means; without a root of its own it starts where the source says. */
function pathOf(
  { leaves }: ReadContext,
  { file, root }: { readonly file: string; readonly root: string | null },
  record: DataRecord,
): string {
  const source = at(leaves, record.leaf);
  const own = "root" in source ? source.root : "file" in source ? dirname(source.file) : ".";
  return fileOf(file, root ?? own, record);
}

async function readImage(context: ReadContext, field: Field, record: DataRecord): Promise<Pixels> {
  const channels = field.shape[0] === 1 ? 1 : 3;
  const { index } = record;
  const source = at(context.leaves, record.leaf);
  if (source.kind === "synthetic") {
    const shape = source.classes[record.label ?? 0] ?? "";
    invariant(isShapeName(shape), `class ${shape} is not drawn`);
    const { seed, height, width, noise } = source;
    const data = drawShape({ shape, seed, index, channels, height, width, noise });
    return { dtype: "u8", shape: [channels, height, width], data };
  }
  invariant(record.file !== null, `record ${record.id} has no file`);
  return readPicture(context, field, record, record.file);
}

async function readPicture(
  { leaves, decode }: ReadContext,
  field: Field,
  record: DataRecord,
  file: string,
): Promise<Pixels> {
  const source = at(leaves, record.leaf);
  const channels = field.shape[0] === 1 ? 1 : 3;
  const picture = await decode(file, channels);
  const { annotated: lies } = record;
  const declared =
    source.kind === "voc_tiles" ? [channels, ...source.frame] : [channels, ...field.shape.slice(1)];
  const found = [picture.channels, picture.height, picture.width];
  // What lies on a picture is in pixels of the size that its file says.
  const annotated = lies === undefined ? declared : [channels, lies.height, lies.width];
  const differs = (expected: readonly (number | null)[]): boolean =>
    expected.some((extent, axis) => extent !== null && extent !== found[axis]);
  const expected = differs(declared) ? declared : annotated;
  if (differs(expected))
    throw badData(
      fieldMismatch,
      {
        field: field.name,
        expected: printType("u8", expected),
        found: printType("u8", found),
      },
      `${file}, record \`${record.id}\`, field \`${field.name}\``,
    );
  const { top, left, size } = record.tile ?? { top: 0, left: 0, size: 0 };
  return record.tile === null
    ? cutPlanes(picture, 0, 0, picture.height, picture.width)
    : cutPlanes(picture, top, left, size, size);
}

/** A window of an interleaved picture as planes, u8[C, height, width]. */
function cutPlanes(
  picture: Picture,
  top: number,
  left: number,
  height: number,
  width: number,
): Pixels {
  const { channels, data } = picture;
  const planes = new Uint8Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++)
    for (let y = 0; y < height; y++) {
      const target = (channel * height + y) * width;
      const start = ((top + y) * picture.width + left) * channels + channel;
      for (let x = 0; x < width; x++) planes[target + x] = data[start + x * channels] ?? 0;
    }
  return { dtype: "u8", shape: [channels, height, width], data: planes };
}

/** Decodes through a store of the most recently used pictures. */
function keepRecent(limit: number): Decode {
  const recent = new Map<string, Picture>();
  let held = 0;
  return async (file, channels) => {
    const key = `${channels}:${file}`;
    const known = recent.get(key);
    const picture = known ?? (await decodeImage(file, channels));
    if (known !== undefined) recent.delete(key);
    else held += picture.data.byteLength;
    recent.set(key, picture);
    for (const [oldest, { data }] of recent) {
      if (held <= limit) break;
      recent.delete(oldest);
      held -= data.byteLength;
    }
    return picture;
  };
}
