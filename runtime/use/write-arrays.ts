/** Writes arrays as npy files and as npz archives of them, stored as they are. */

import { crc32 } from "node:zlib";
import type { DType } from "../../compiler/plan/data.js";
import type { HostTensor } from "../tensor.js";

/** NumPy's names of types; it has none for bf16. */
const descriptions: Readonly<Record<DType, string | null>> = {
  f32: "<f4",
  f16: "<f2",
  bf16: null,
  f64: "<f8",
  i32: "<i4",
  i64: "<i8",
  u8: "|u1",
  bool: "|b1",
};

/** Whether NumPy has the type. */
export const isNumpy = (dtype: DType): boolean => descriptions[dtype] !== null;

/** The bytes of an npy file of format 1, its header padded to a multiple of 64. */
export function npyBytes({ dtype, shape, data }: HostTensor): Uint8Array {
  const extents = shape.length === 1 ? `${shape[0] ?? 0},` : shape.join(", ");
  const dictionary = `{'descr': '${descriptions[dtype] ?? ""}', 'fortran_order': False, 'shape': (${extents}), }`;
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10 + length, " ");
  head.write("\x93NUMPY\x01\x00", 0, "latin1");
  head.writeUInt16LE(length, 8);
  head.write(dictionary, 10, "latin1");
  head[10 + length - 1] = 0x0a;
  return Buffer.concat([head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/** What an archive without 64-bit sizes can hold. */
const mostBytes = 0xffffffff;

/** The pieces of an npz: every array stored, in order; `null` where it exceeds 4 GiB. */
export function npzPieces(arrays: ReadonlyMap<string, HostTensor>): readonly Uint8Array[] | null {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of arrays) {
    const bytes = npyBytes(tensor);
    const file = Buffer.from(`${name}.npy`);
    if (offset + bytes.byteLength > mostBytes) return null;
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    // Names are UTF-8; 1980-01-01, the first day of the format, so that equal arrays give equal bytes.
    head.writeUInt16LE(0x0800, 2);
    head.writeUInt16LE(0x0021, 8);
    head.writeUInt32LE(crc32(bytes), 10);
    head.writeUInt32LE(bytes.byteLength, 14);
    head.writeUInt32LE(bytes.byteLength, 18);
    head.writeUInt16LE(file.byteLength, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), head, file]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    const made = Buffer.from([20, 0]);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), made, head, rest, file]));
    pieces.push(local, bytes);
    offset += local.byteLength + bytes.byteLength;
  }
  const size = directory.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(arrays.size, 8);
  end.writeUInt16LE(arrays.size, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return [...pieces, ...directory, end];
}
