/** Files of arrays, npy, npz and safetensors: opened once, read record by record. */

import { closeSync, fstatSync, openSync } from "node:fs";
import { basename } from "node:path";
import type { PlainSource } from "../../compiler/plan/data.js";
import { fileMissing } from "../../grammar/diagnostics/data-content.js";
import { fileMalformed } from "../../grammar/diagnostics/dataset.js";
import { badData } from "./bad-data.js";
import { describeArrays, safetensorsEntry } from "./describe/describe-data.js";
import { MalformedError, type OpenFile, readPart } from "./describe/file-head.js";
import { describeNpz, npyHeader, npzEntry } from "./describe/npy.js";
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
  readonly isFortran: boolean;
  readonly bytes: (start: number, length: number) => Buffer;
}

const npyHead = 1 << 16;

/** The arrays' names of a file, in its order. Faults where there is no such file, or another. */
export function arrayNamesIn(source: ArraySource): readonly string[] {
  return opened(source, (file) => {
    if (source.format === "npy") return [nameOf(source.file)];
    const arrays = source.format === "npz" ? describeNpz(file) : describeArrays(file);
    return arrays.map(({ name }) => name);
  });
}

/**
 * Opens an array, `null` for the file's only one; `null` where the file has no such array. Elements
 * stay in the file and are read when they are asked for, except for those that are packed or lie in
 * Fortran's order, which are held.
 */
export function openArray(source: ArraySource, name: string | null): ArrayReader | null {
  const layout = opened(source, (file) => layoutOf(source, file, name));
  if (layout === null) return null;
  const { dtype, shape, isFortran, bytes } = layout;
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
      if (!isFortran) {
        const data = aligned(bytes(record * length * size, length * size));
        return { dtype: known, shape: rest, data: arrayOn(known, data, 0, length) };
      }
      whole ??= {
        dtype: known,
        shape,
        data: arrayOn(known, aligned(bytes(0, records * length * size)), 0, records * length),
      };
      return pick(whole, rest, fortranIndex(shape, record));
    },
  };
}

/** From the row-major index within a record to the index in a file of column-major order. */
function fortranIndex(shape: readonly number[], record: number): (index: number) => number {
  const [records = 0, ...rest] = shape;
  const strides: number[] = [];
  let stride = records;
  for (const extent of rest) {
    strides.push(stride);
    stride *= extent;
  }
  return (index) => {
    let left = index;
    let place = record;
    for (let axis = rest.length - 1; axis >= 0; axis--) {
      const extent = rest[axis] ?? 1;
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

const nameOf = (file: string): string => basename(file).replace(/\.npy$/i, "");

function layoutOf(source: ArraySource, file: OpenFile, name: string | null): Layout | null {
  const { file: path, format } = source;
  if (format === "npy") {
    const own = nameOf(path);
    if (name !== null && name !== own) return null;
    return npyLayout(own, (start, length) => file.read(start, length), file.size);
  }
  const arrays = format === "npz" ? describeNpz(file) : describeArrays(file);
  const [first, second] = arrays;
  const wanted = name ?? (second === undefined ? first?.name : undefined);
  if (wanted === undefined) return null;
  if (format === "safetensors") {
    const entry = safetensorsEntry(file, wanted);
    if (entry === null) return null;
    const { dtype, shape, start } = entry;
    const bytes = (from: number, length: number): Buffer => file.read(start + from, length);
    return { name: wanted, dtype, shape, isFortran: false, bytes };
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

function npyLayout(name: string, read: Layout["bytes"], size: number): Layout {
  const { dtype, shape, start, isFortran } = npyHeader(read(0, npyHead), name);
  const known = dtypeNamed(dtype);
  const wanted = elementCount(shape);
  if (known !== null && size - start !== wanted * elementBytes[known])
    throw new MalformedError(
      `it holds ${size - start} bytes of elements where its header tells of ${wanted * elementBytes[known]}`,
    );
  return { name, dtype, shape, isFortran, bytes: (from, length) => read(start + from, length) };
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
