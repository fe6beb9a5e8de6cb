/** Heads of NumPy's files: an npy's type and shape, and those of every array in an npz. */

import { inflateRawSync, constants } from "node:zlib";
import type { ArrayDescription } from "../../../compiler/plan/description.js";
import { MalformedError, type OpenFile } from "./file-head.js";

/** Enough for any header that describes one array of plain numbers. */
const headBytes = 1 << 16;

/** What the header of an npy file says, and where its elements begin. */
export interface NpyHeader extends ArrayDescription {
  readonly start: number;
  /** Elements from one index of an axis to the next; `null` where the last axis runs first. */
  readonly strides: readonly number[] | null;
}

/** The array of an npy file, of format 1, 2 or 3. Throws `MalformedError`. */
export function describeNpy(bytes: Buffer, name: string): ArrayDescription {
  const { dtype, shape } = npyHeader(bytes, name);
  return { name, dtype, shape };
}

/** The same with all that reading the elements takes. */
export function npyHeader(bytes: Buffer, name: string): NpyHeader {
  if (bytes.length < 10 || bytes.toString("latin1", 0, 6) !== "\x93NUMPY")
    throw new MalformedError("it does not begin as an npy file does");
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3) throw new MalformedError(`its format is ${major}, not 1 to 3`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new MalformedError("it ends within its header");
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (bytes.length < start + length) throw new MalformedError("it ends within its header");
  const header = bytes.toString(major === 3 ? "utf8" : "latin1", start, start + length);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (shape === undefined) throw new MalformedError("its header gives no shape");
  if (descr === undefined) throw new MalformedError("its elements are not plain numbers");
  if (/^[<>|=]?O/.test(descr))
    throw new MalformedError("its elements are Python objects, and nothing is run to restore them");
  const texts = shape.split(",").map((text) => text.trim());
  const extents = texts.filter((text) => text !== "").map((text) => Number.parseInt(text, 10));
  return {
    name,
    dtype: dtypeOf(descr),
    shape: extents,
    start: start + length,
    strides: /'fortran_order':\s*True/.test(header) ? columnStrides(extents) : null,
  };
}

/** Of an array whose first axis runs first, as Fortran's do. */
export function columnStrides(shape: readonly number[]): readonly number[] {
  let stride = 1;
  return shape.map((extent) => {
    const own = stride;
    stride *= extent;
    return own;
  });
}

/** `<f4` is `f32`; what the language has no type for is named likewise, bytes in reverse as they are. */
export function dtypeOf(descr: string): string {
  const [, order = "", kind = "", size = ""] = /^([<>|=]?)([a-zA-Z?])(\d*)$/.exec(descr) ?? [];
  if (kind === "?" || (kind === "b" && size === "1")) return "bool";
  if (order === ">" && size !== "1") return descr;
  const letter = { f: "f", i: "i", u: "u" }[kind];
  return letter === undefined ? descr : `${letter}${8 * Number(size)}`;
}

/** The arrays of an npz: a zip archive of npy files, stored or deflated. Throws `MalformedError`. */
export const describeNpz = (file: OpenFile): readonly ArrayDescription[] =>
  entriesOf(file)
    .filter(({ name }) => name.endsWith(".npy"))
    .map((entry) => {
      const { name, method, packed } = entry;
      const bytes = file.read(startOf(file, entry), Math.min(headBytes, packed));
      return describeNpy(unpack(bytes, method, name), name.slice(0, -".npy".length));
    });

/** Where an array of an npz begins in the file, or all of its bytes where it is packed. */
export type NpzEntry =
  | { readonly kind: "stored"; readonly start: number; readonly length: number }
  | { readonly kind: "unpacked"; readonly bytes: Buffer };

/** The npy file of a name in an npz; `null` where there is none. Throws `MalformedError`. */
export function npzEntry(file: OpenFile, name: string): NpzEntry | null {
  const entry = entriesOf(file).find((each) => each.name === `${name}.npy`);
  if (entry === undefined) return null;
  const start = startOf(file, entry);
  if (entry.method === 0) return { kind: "stored", start, length: entry.packed };
  const bytes = unpack(file.read(start, entry.packed), entry.method, entry.name);
  return { kind: "unpacked", bytes };
}

function startOf(file: OpenFile, { name, offset }: ZipEntry): number {
  const local = file.read(offset, 30);
  if (local.length < 30 || local.readUInt32LE(0) !== 0x04034b50)
    throw new MalformedError(`\`${name}\` is not where the archive says`);
  return offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
}

function unpack(bytes: Buffer, method: number, name: string): Buffer {
  if (method === 0) return bytes;
  if (method !== 8) throw new MalformedError(`\`${name}\` is packed by the method ${method}`);
  try {
    // Only the beginning is there: what can be unpacked of it is enough.
    return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    throw new MalformedError(`\`${name}\` cannot be unpacked`);
  }
}

interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly offset: number;
}

/** The central directory of a zip archive, with 64-bit sizes where it needs them. */
function entriesOf(file: OpenFile): readonly ZipEntry[] {
  const tailStart = Math.max(0, file.size - 22 - 65_535);
  const tail = file.read(tailStart, file.size - tailStart);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || tail.length < end + 22) throw new MalformedError("it is no zip archive");
  let [count, size, start] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  if (end >= 20 && tail.readUInt32LE(end - 20) === 0x07064b50) {
    const wide = file.read(Number(tail.readBigUInt64LE(end - 12)), 56);
    if (wide.length < 56) throw new MalformedError("its directory is cut");
    count = Number(wide.readBigUInt64LE(32));
    size = Number(wide.readBigUInt64LE(40));
    start = Number(wide.readBigUInt64LE(48));
  }
  const directory = file.read(start, size);
  const entries: ZipEntry[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (directory.length < at + 46 || directory.readUInt32LE(at) !== 0x02014b50)
      throw new MalformedError("its directory is cut");
    const nameLength = directory.readUInt16LE(at + 28);
    const extraLength = directory.readUInt16LE(at + 30);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = [24, 20, 42].map((field) => directory.readUInt32LE(at + field));
    const [, packed = 0, offset = 0] = widened(sizes, extra);
    entries.push({
      name: directory.toString("utf8", at + 46, at + 46 + nameLength),
      method: directory.readUInt16LE(at + 10),
      packed,
      offset,
    });
    at += 46 + nameLength + extraLength + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** Fields that are all ones stand in the extra field 1, in the same order, as 64 bits. */
function widened(fields: readonly number[], extra: Buffer): readonly number[] {
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== 1)
    at += 4 + extra.readUInt16LE(at + 2);
  let next = at + 4;
  return fields.map((field) => {
    if (field !== 0xffff_ffff || next + 8 > extra.length) return field;
    next += 8;
    return Number(extra.readBigUInt64LE(next - 8));
  });
}
