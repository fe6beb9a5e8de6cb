/** Files of arrays, npy, npz, safetensors and pickles: opened once, read record by record. */

import { closeSync, fstatSync, openSync } from "node:fs";
import type { PlainSource } from "../../compiler/plan/data.js";
import { fileMissing } from "../../grammar/diagnostics/data-content.js";
import { fileMalformed } from "../../grammar/diagnostics/dataset.js";
import { badData } from "./bad-data.js";
import { arrayNameOf, describeArrays, safetensorsEntry } from "./describe/describe-data.js";
import { MalformedError, type OpenFile, readPart } from "./describe/file-head.js";
import { describeNpz, npyHeader, npzEntry } from "./describe/npy.js";
import { pickledArrays } from "./describe/pickle.js";
import { elementBytes } from "../../compiler/plan/elements.js";
import { arrayOn, elementCount } from "../tensor.js";
import { pick, type Value } from "./value.js";

type ArraySource = Extract<PlainSource, { kind: "arrays" }>;

/** One array of a file: what it holds, and its records. */
export interface ArrayReader {
  readonly name: string;
  /** The language's name of the type, or the file's where the language has none. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements of one record; the type is one of the language's by then. */
  readonly read: (record: number) => Value;
}

/** Where an array's elements are. */
interface Layout {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements from one index of an axis to the next; `null` where the last axis runs first. */
  readonly strides: readonly number[] | null;
  readonly bytes: (start: number, length: number) => Buffer;
}

const npyHead = 1 << 16;

/** The arrays' names of a file, in its order. Faults where there is no such file, or another. */
export function arrayNamesIn(source: ArraySource): readonly string[] {
  return opened(source, (file) => {
    if (source.format === "npy") return [arrayNameOf(source.file)];
    return arraysIn(source, file).map(({ name }) => name);
  });
}

/**
 * Opens an array, `null` for the file's only one; `null` where the file has no such array. Elements
 * stay in the file and are read when they are asked for, except for those that are packed or lie in
 * other than row-major order, which are held.
 */
export function openArray(source: ArraySource, name: string | null): ArrayReader | null {
  const layout = opened(source, (file) => layoutOf(source, file, name));
  if (layout === null) return null;
  const { dtype, shape, strides, bytes } = layout;
  const known = dtypeNamed(dtype);
  const [records = 0, ...rest] = shape;
  const length = elementCount(rest);
  let whole: Value | null = null;
  return {
    name: layout.name,
    dtype,
    shape,
    read(record) {
      if (known === null) return { dtype: "u8", shape: [0], data: new Uint8Array(0) };
      const size = elementBytes[known];
      if (strides === null) {
        const data = aligned(bytes(record * length * size, length * size));
        return { dtype: known, shape: rest, data: arrayOn(known, data, 0, length) };
      }
      whole ??= {
        dtype: known,
        shape,
        data: arrayOn(known, aligned(bytes(0, records * length * size)), 0, records * length),
      };
      return pick(whole, rest, stridedIndex(strides, record, rest));
    },
  };
}

/** From the row-major index within a record to the place in a file of other strides. */
function stridedIndex(
  [first = 1, ...strides]: readonly number[],
  record: number,
  shape: readonly number[],
): (index: number) => number {
  return (index) => {
    let left = index;
    let place = record * first;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const extent = shape[axis] ?? 1;
      place += (left % extent) * (strides[axis] ?? 0);
      left = Math.floor(left / extent);
    }
    return place;
  };
}

/** A copy on a buffer of its own, which begins where any type may. */
function aligned(bytes: Buffer): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

const dtypeNamed = (name: string): Value["dtype"] | null =>
  name in elementBytes ? (name as Value["dtype"]) : null;

function layoutOf(source: ArraySource, file: OpenFile, name: string | null): Layout | null {
  const { file: path, format } = source;
  if (format === "npy") {
    const own = arrayNameOf(path);
    if (name !== null && name !== own) return null;
    return npyLayout(own, (start, length) => file.read(start, length), file.size);
  }
  const arrays = arraysIn(source, file);
  const [first, second] = arrays;
  const wanted = name ?? (second === undefined ? first?.name : undefined);
  if (wanted === undefined) return null;
  if (format === "pickle") {
    const array = pickledArrays(file, arrayNameOf(path)).find((each) => each.name === wanted);
    if (array === undefined) return null;
    const { dtype, shape } = array;
    checkSize(dtype, shape, array.size, `its array \`${wanted}\``);
    return array;
  }
  if (format === "safetensors") {
    const entry = safetensorsEntry(file, wanted);
    if (entry === null) return null;
    const { dtype, shape, start } = entry;
    const bytes = (from: number, length: number): Buffer => file.read(start + from, length);
    return { name: wanted, dtype, shape, strides: null, bytes };
  }
  const entry = npzEntry(file, wanted);
  if (entry === null) return null;
  return entry.kind === "stored"
    ? npyLayout(wanted, (start, length) => file.read(entry.start + start, length), entry.length)
    : npyLayout(
        wanted,
        (start, length) => entry.bytes.subarray(start, start + length),
        entry.bytes.length,
      );
}

/** Names, types and shapes of a file with several arrays. */
function arraysIn({ file: path, format }: ArraySource, file: OpenFile) {
  if (format === "npz") return describeNpz(file);
  return format === "pickle" ? pickledArrays(file, arrayNameOf(path)) : describeArrays(file);
}

function npyLayout(name: string, read: Layout["bytes"], size: number): Layout {
  const { dtype, shape, start, strides } = npyHeader(read(0, npyHead), name);
  checkSize(dtype, shape, size - start, "it");
  return { name, dtype, shape, strides, bytes: (from, length) => read(start + from, length) };
}

/** Elements of a type that is read must be as many as the shape says. */
function checkSize(dtype: string, shape: readonly number[], size: number, what: string): void {
  const known = dtypeNamed(dtype);
  const wanted = known === null ? size : elementCount(shape) * elementBytes[known];
  if (size === wanted) return;
  throw new MalformedError(
    `${what} holds ${size} bytes of elements where its header tells of ${wanted}`,
  );
}

/** Gives `body` the file, which is opened anew for each read, so that none is left open. */
function opened<T>(source: ArraySource, body: (file: OpenFile) => T): T {
  const { file, format } = source;
  try {
    return body({ size: withDescriptor(source, (fd) => fstatSync(fd).size), read });
  } catch (error) {
    if (error instanceof MalformedError)
      throw badData(fileMalformed, { file, format, problem: error.message }, file);
    throw error;
  }
  function read(position: number, length: number): Buffer {
    return withDescriptor(source, (descriptor) => readPart(descriptor, position, length));
  }
}

function withDescriptor<T>({ file, place }: ArraySource, body: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badData(fileMissing, { file, reason }, place);
  }
  try {
    return body(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
