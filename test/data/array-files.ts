/** Files of arrays for tests: NumPy's, packed or not, in either order. */

import { crc32, deflateRawSync } from "node:zlib";
import type { DType } from "../../compiler/plan/data.js";

const descriptions: Partial<Record<DType, string>> = {
  f32: "<f4",
  f64: "<f8",
  i64: "<i8",
  u8: "|u1",
};

/** An npy file of version 1 over the bytes of `data`. */
export function npyOf(
  dtype: DType,
  shape: readonly number[],
  data: ArrayBufferView,
  isFortran = false,
): Buffer {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const order = isFortran ? "True" : "False";
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': ${order}, 'shape': (${extents}), }`;
  const padded = `${text.padEnd(Math.ceil((11 + text.length) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY", "latin1");
  head[6] = 1;
  head.writeUInt16LE(padded.length, 8);
  const elements = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([head, Buffer.from(padded), elements]);
}

/** A zip archive of npy files. */
export function npz(entries: Readonly<Record<string, Buffer>>, method: 0 | 8): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const packed = method === 8 ? deflateRawSync(bytes) : bytes;
    const named = Buffer.from(`${name}.npy`);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(named.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc32(bytes), 16);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(bytes.length, 24);
    central.writeUInt16LE(named.length, 28);
    central.writeUInt32LE(offset, 42);
    locals.push(local, named, packed);
    directory.push(central, named);
    offset += 30 + named.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(entries).length, 8);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}
