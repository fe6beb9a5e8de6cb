/** One value as the bytes of a file, which tell by length and checksum whether they are whole. */

import { crc32 } from "node:zlib";
import type { StoredValue } from "./stored-value.js";

const magic = Buffer.from("saicval1");
/** The magic, the head's length and the checksum of all that follows. */
const prefix = 16;
/** Elements begin at a multiple of it, so that any typed array may lie on them. */
const alignment = 64;

/** What stands before the elements: all of a stored value but these. */
interface Head extends Omit<StoredValue, "bytes"> {
  readonly key: string;
  readonly length: number;
}

/** `saicval1`, the head's length and a CRC-32 as u32 little-endian, the head as JSON, the elements. */
export function writtenEntry(key: string, value: StoredValue): readonly Uint8Array[] {
  const { dtype, shape, stored, isPacked, bytes } = value;
  const length = bytes.byteLength;
  const head: Head = { key, dtype, shape, stored, isPacked, length };
  const json = JSON.stringify(head);
  const padded = Math.ceil((prefix + Buffer.byteLength(json)) / alignment) * alignment;
  const first = Buffer.alloc(padded, " ");
  first.set(magic);
  first.write(json, prefix);
  first.writeUInt32LE(padded - prefix, 8);
  first.writeUInt32LE(crc32(bytes, crc32(first.subarray(prefix))), 12);
  return [first, bytes];
}

/** The value of an entry, or `null` where a byte of it is not as written, or it is another's. */
export function readEntry(key: string, file: Uint8Array): StoredValue | null {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.byteLength < prefix || !bytes.subarray(0, 8).equals(magic)) return null;
  const begin = prefix + bytes.readUInt32LE(8);
  if (begin > bytes.byteLength) return null;
  if (crc32(bytes.subarray(prefix)) !== bytes.readUInt32LE(12)) return null;
  // The checksum says that it is what was written here.
  const head: Head = JSON.parse(bytes.toString("utf8", prefix, begin));
  const { dtype, shape, stored, isPacked, length } = head;
  if (head.key !== key || begin + length !== bytes.byteLength) return null;
  return { dtype, shape, stored, isPacked, bytes: bytes.subarray(begin) };
}
