/** Reads one record's fields and applies the transforms of a pass. */

import { existsSync } from "node:fs";
import type { DataProgram, PlainSource } from "../../compiler/plan/data.js";
import { fieldMismatch, transformUnsuited } from "../../grammar/diagnostics/data.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { createStream, type RandomStream } from "../random.js";
import type { TensorData } from "../tensor.js";
import type { ArrayReader } from "./array-file.js";
import { applySteps, type Unfinished } from "./apply-steps.js";
import { badData, printType } from "./bad-data.js";
import { areasOf, masksOf } from "./coco.js";
import { readColumns } from "./columns.js";
import { decodeImage } from "./decode-image.js";
import { drawShape, isShapeName } from "./draw-shape.js";
import { createListReader, type ListReader } from "./list-columns.js";
import { leavesOf } from "./list-records.js";
import { cutAsKept, type Pass, type Step, stepsFor } from "./passes.js";
import type { Pixels } from "./pixels.js";
import { cut, ofPicture, planar, type StridedBytes } from "./strided.js";
import { type RasterReader, type RasterRequest, readCutRaster, readRaster } from "./raster.js";
import { annotatedOf, createMarksReader, type ReadMarks } from "./read-marks.js";
import { type Decode, keepRecent } from "./recent-pictures.js";
import type { DataRecord } from "./record.js";
import { openFieldArray } from "./sources/arrays.js";
import type { StoredValue } from "./stored-value.js";
import type { DrawPoint } from "./transforms/draw.js";
import type { FitResult } from "./transforms/rescale.js";
import { placeOf } from "./template.js";
import { UnsuitedError } from "./transforms/moves.js";
import { type Value, valueOf } from "./value.js";
import { isCostly, pathOf, windowFiles } from "./value-identity.js";
import { createValueStore, type ValueStore } from "./value-store.js";
import { valueOfMarks } from "./marks.js";

/** One record to read, as the loader asks for it. */
export interface Request {
  readonly index: number;
  readonly record: DataRecord;
  /** By field: what an earlier pass kept, the fixed steps already applied. */
  readonly kept: Readonly<Record<string, StoredValue>>;
  /** Whether what it gives is kept for later, which is assumed. */
  readonly keeps?: boolean;
  /** Where a field's elements may be written, in the thread that reads. */
  readonly rowOf?: (field: string) => TensorData | undefined;
}

/** Of a record that is transformed. */
interface Place {
  readonly epoch: number;
  readonly record: number;
  readonly whole: DataRecord;
  readonly into?: TensorData | undefined;
}

export interface ReadRecord {
  readonly fields: ReadonlyMap<string, Value>;
  /** Values after the fixed steps, worth keeping for later epochs. */
  readonly fixed: ReadonlyMap<string, Value>;
}

export interface RecordReader {
  /** Without an epoch only what is the same in all of them. */
  read(request: Request, pass: Pass, epoch: number | null): Promise<ReadRecord>;
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
  store: ValueStore = createValueStore(program, fits, null),
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
  const pointOf = (step: Step, { epoch, record }: Pick<Place, "epoch" | "record">): DrawPoint => ({
    stream: streamOf(step),
    epoch,
    record,
  });
  const apply = (
    field: Field,
    steps: readonly Step[],
    start: Unfinished,
    { epoch, record, whole, into }: Place,
  ): Value =>
    applySteps(steps, start, {
      pointOf: (step) => pointOf(step, { epoch, record }),
      fits,
      into,
      onError: (error, { op }) => {
        if (!(error instanceof UnsuitedError)) throw error;
        const params = { transform: op.kind, field: field.name, problem: error.message };
        throw badData(transformUnsuited, params, `${placeOf(whole)}, field \`${field.name}\``);
      },
    });

  return {
    read: async (request, pass, epoch) => {
      const fields = new Map<string, Value>();
      const fixed = new Map<string, Value>();
      const { index, kept, record: whole, rowOf } = request;
      const point = { epoch: epoch ?? 0, record: index, whole };
      const drawn = (step: Step): DrawPoint => pointOf(step, point);
      for (const field of wanted) {
        if (epoch === null && !isCostly(field)) continue;
        const steps = cutAsKept(program, field, stepsFor(program, pass, field.name));
        const record = field.part === undefined ? whole : at(whole.parts, field.part);
        const last = { ...point, into: epoch === null ? undefined : rowOf?.(field.name) };
        const file = pictureFile(context, field, record);
        const isKept = request.keeps !== false || kept[field.name] !== undefined || store.keeps;
        const isRaster = field.reader.kind === "raster";
        if ((file !== null || isRaster) && !isKept && epoch !== null) {
          // Nobody asks for what lies between decoding and the batch.
          const all = [...steps.fixed, ...steps.rest];
          const start =
            file === null
              ? await readStart(context, field, whole, { steps: all, drawn })
              : { value: await decodePicture(context, field, record, file), steps: all };
          fields.set(field.name, apply(field, start.steps, start.value, last));
          continue;
        }
        const make = async (): Promise<Value> => {
          const start = await readStart(context, field, whole, { steps: steps.fixed, drawn });
          return apply(field, start.steps, start.value, steps.rest.length === 0 ? last : point);
        };
        const wanted = { field, record, steps: steps.fixed };
        const start = isCostly(field)
          ? await store.valueOf(wanted, kept[field.name], make)
          : await make();
        if (isCostly(field)) fixed.set(field.name, start);
        if (epoch === null) continue;
        fields.set(field.name, finished(field, apply(field, steps.rest, start, last)));
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

/** What readers share: decoded pictures and open files. */
interface ReadContext {
  readonly leaves: readonly PlainSource[];
  readonly decode: Decode;
  readonly marks: ReadMarks;
  readonly lists: ListReader;
  readonly arrayOf: (field: Field, leaf: number) => ArrayReader;
}

function createContext(program: DataProgram, frameBytes: number): ReadContext {
  const leaves = leavesOf(program.source);
  const arrays = new Map<string, ArrayReader>();
  return {
    leaves,
    decode: keepRecent(frameBytes),
    marks: createMarksReader(program, leaves),
    lists: createListReader(),
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

const scalar = (dtype: "i64" | "bool", value: number): Value =>
  dtype === "i64"
    ? { dtype, shape: [], data: BigInt64Array.of(BigInt(value)) }
    : { dtype, shape: [], data: Uint8Array.of(value) };

/** A field and the steps that its reader leaves: of a raster it reads what the first of them cut out. */
async function readStart(
  context: ReadContext,
  field: Field,
  whole: DataRecord,
  { steps, drawn }: { readonly steps: readonly Step[]; readonly drawn: (step: Step) => DrawPoint },
): ReturnType<typeof readCutRaster> {
  const { reader, part } = field;
  if (reader.kind !== "raster") return { value: await readField(context, field, whole), steps };
  const record = part === undefined ? whole : at(whole.parts, part);
  return readCutRaster(rasterOf(field, reader, record), steps, drawn);
}

const rasterOf = (field: Field, reader: RasterReader, record: DataRecord): RasterRequest => ({
  file: fileOfRecord(record),
  field,
  reader,
  record: record.id,
});

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
      if (record.row !== undefined && field.shape.length > 0)
        return context.lists(field, reader.name, record.file ?? "", record.row);
      return readColumns(field, reader, record);
    case "columns":
      return readColumns(field, reader, record);
    case "image_file":
      return readPicture(context, field, record, pathOf(context.leaves, reader, record));
    case "picture":
      return readImage(context, field, record);
    case "raster":
      return readRaster(rasterOf(field, reader, record));
    case "window":
      return readWindow(context, field, windowFiles(context.leaves, reader, record), record);
    case "offset_at_least":
      return {
        ...scalar("bool", offsetOf(record) >= reader.seconds ? 1 : 0),
        shape: shapeOf(field),
      };
    case "group_offset":
      return valueOf("f32", [], () => offsetOf(record));
    case "group_index":
      return scalar("i64", record.groupIndex ?? 0);
    case "boxes":
    case "box_classes":
    case "tile_boxes":
      return context.marks(field, reader, record);
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
      return scalar("bool", existsSync(pathOf(context.leaves, reader, record)) ? 1 : 0);
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

/** The file of a field that is one picture of a file, else `null`. */
function pictureFile(
  { leaves }: ReadContext,
  { reader }: Field,
  record: DataRecord,
): string | null {
  if (reader.kind === "image_file") return pathOf(leaves, reader, record);
  const isPicture = reader.kind === "picture" || reader.kind === "image";
  return isPicture && at(leaves, record.leaf).kind !== "synthetic" ? fileOfRecord(record) : null;
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
  return readPicture(context, field, record, fileOfRecord(record));
}

function fileOfRecord({ file, id }: DataRecord): string {
  invariant(file !== null, `record ${id} has no file`);
  return file;
}

function offsetOf({ frame, id }: DataRecord): number {
  const offset = frame?.offset ?? null;
  invariant(offset !== null, `the frame ${id} has an offset`);
  return offset;
}

const shapeOf = ({ shape }: Field): readonly number[] => shape.map((extent) => extent ?? 1);

/** Frames of one size, one after the other: u8[length, C, H, W]. */
async function readWindow(
  context: ReadContext,
  field: Field,
  files: readonly string[],
  record: DataRecord,
): Promise<Pixels> {
  const [length = null, ...picture] = field.shape;
  invariant(length === files.length, `${field.name} is as long as its window`);
  let shape: readonly (number | null)[] = picture;
  const frames: Pixels[] = [];
  for (const file of files) {
    const frame = await readPicture(context, { ...field, shape: [...shape] }, record, file);
    // The first frame settles the size that all have.
    ({ shape } = frame);
    frames.push(frame);
  }
  const size = frames[0]?.data.length ?? 0;
  const data = new Uint8Array(length * size);
  frames.forEach((frame, i) => data.set(frame.data, i * size));
  return { dtype: "u8", shape: [length, ...shapeOf({ ...field, shape: [...shape] })], data };
}

const readPicture = async (...what: Parameters<typeof decodePicture>): Promise<Pixels> =>
  planar(await decodePicture(...what));

/** The picture of a record, or its tile of it, as it was decoded. */
async function decodePicture(
  { leaves, decode }: ReadContext,
  field: Field,
  record: DataRecord,
  file: string,
): Promise<StridedBytes> {
  const source = at(leaves, record.leaf);
  const channels = field.shape[0] === 1 ? 1 : 3;
  // Tiles and windows share frames with their neighbors; a whole picture is not asked for again.
  const isShared = record.tile !== null || field.reader.kind === "window";
  const picture = await (isShared ? decode : decodeImage)(file, channels);
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
  const whole = ofPicture(picture);
  if (record.tile === null) return whole;
  const { top, left, size } = record.tile;
  const run = (first: number) => ({ first, count: size, isReversed: false });
  return cut(whole, run(top), run(left));
}
