/** Reads one record's fields and applies the transforms of a pass. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { fieldMismatch } from "../../grammar/diagnostics/data.js";
import { assertNever, InvariantError, invariant } from "../../grammar/invariant.js";
import { createStream, type RandomStream } from "../random.js";
import { badData, printType } from "./bad-data.js";
import { decodeImage, type Picture } from "./decode-image.js";
import { drawShape, isShapeName } from "./draw-shape.js";
import { cutAtRandom, type Pass, type Step, stepsFor } from "./passes.js";
import type { Pixels } from "./pixels.js";
import type { DataRecord } from "./record.js";
import { transform } from "./transforms/transform.js";

/** One record to read, as the loader asks for it. */
export interface Request {
  readonly index: number;
  readonly record: DataRecord;
  /** By field: what an earlier pass kept, the fixed steps already applied. */
  readonly kept: Readonly<Record<string, Pixels>>;
}

/** A field's value: one record's part of a batch. */
export type FieldData = Pixels["data"] | BigInt64Array;

export interface ReadRecord {
  readonly fields: ReadonlyMap<string, FieldData>;
  /** Pictures after the fixed steps, worth keeping for later epochs. */
  readonly fixed: ReadonlyMap<string, Pixels>;
}

export interface RecordReader {
  read(request: Request, pass: Pass, epoch: number): Promise<ReadRecord>;
}

/**
 * A reader for `program`. Its result depends on (program, seed, pass, epoch, record) only;
 * `frameBytes` bounds the decoded frames that it holds on to, as neighboring tiles share one.
 */
export function createRecordReader(
  program: DataProgram,
  seed: number,
  frameBytes: number,
): RecordReader {
  const streams = new Map<string, RandomStream>();
  const streamOf = (step: Step): RandomStream => {
    const path = `data/${program.name}/${step.draw}`;
    const stream = streams.get(path) ?? createStream(seed, path);
    streams.set(path, stream);
    return stream;
  };
  const decode = keepRecent(frameBytes);
  const wanted = program.fields.filter(({ name }) =>
    program.outputs.some((output) => output.name === name),
  );

  return {
    read: async (request, pass, epoch) => {
      const fields = new Map<string, FieldData>();
      const fixed = new Map<string, Pixels>();
      const apply = (steps: readonly Step[], start: Pixels): Pixels =>
        steps.reduce((x, step) => {
          const point = { stream: streamOf(step), epoch, record: request.index };
          return transform(step.op, x, point);
        }, start);
      for (const field of wanted) {
        if (field.reader.kind !== "image") {
          fields.set(field.name, readScalar(field, request.record));
          continue;
        }
        const steps = cutAtRandom(stepsFor(program, pass, field.name));
        const start =
          request.kept[field.name] ??
          apply(steps.fixed, await readImage(program, field, request, decode));
        fixed.set(field.name, start);
        fields.set(field.name, apply(steps.rest, start).data);
      }
      return { fields, fixed };
    },
  };
}

type Field = DataProgram["fields"][number];
type Decode = (file: string, channels: 1 | 3) => Promise<Picture>;

function readScalar(field: Field, record: DataRecord): FieldData {
  const { reader } = field;
  switch (reader.kind) {
    case "label":
      invariant(record.label !== null, `record ${record.id} has no label`);
      return BigInt64Array.of(BigInt(record.label));
    case "position":
      invariant(record.tile !== null, `record ${record.id} is no tile`);
      return BigInt64Array.of(BigInt(record.tile.position));
    case "covered":
    case "holds":
      return Uint8Array.of(isPositive(record, reader) ? 1 : 0);
    case "image":
      throw new InvariantError(`field ${field.name} is a picture`);
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

async function readImage(
  program: DataProgram,
  field: Field,
  { index, record }: Request,
  decode: Decode,
): Promise<Pixels> {
  const channels = field.shape[0] === 1 ? 1 : 3;
  const { source } = program;
  if (source.kind === "synthetic") {
    const shape = source.classes[record.label ?? 0] ?? "";
    invariant(isShapeName(shape), `class ${shape} is not drawn`);
    const { seed, height, width, noise } = source;
    const data = drawShape({ shape, seed, index, channels, height, width, noise });
    return { dtype: "u8", shape: [channels, height, width], data };
  }
  invariant(record.file !== null, `record ${record.id} has no file`);
  const picture = await decode(record.file, channels);
  const expected = source.kind === "voc_tiles" ? [channels, ...source.frame] : field.shape;
  const found = [picture.channels, picture.height, picture.width];
  if (expected.some((extent, axis) => extent !== found[axis]))
    throw badData(
      fieldMismatch,
      {
        field: field.name,
        expected: printType("u8", expected),
        found: printType("u8", found),
      },
      `${record.file}, record \`${record.id}\`, field \`${field.name}\``,
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
