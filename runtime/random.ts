/** Counter-mode random numbers: AES-128-CTR, any position reachable directly, the same on every machine. */

import { createCipheriv, createHash } from "node:crypto";
import { invariant } from "../grammar/invariant.js";

/**
 * An endless field of random bits, addressed by (major, minor, block). Streams of different
 * (seed, path) are independent; a stream has no state, so drawing never changes later draws.
 */
export interface RandomStream {
  /** The AES-128 key. */
  readonly key: Uint8Array<ArrayBuffer>;
}

const blockBytes = 16;
const maxMinor = 2 ** 32 - 1;

/**
 * The stream of (seed, path). Its key is the first 16 bytes of SHA-256 over `saic`, a zero byte,
 * the seed as a signed 64-bit big-endian integer, the path's length in bytes as a 32-bit
 * big-endian integer and the path in UTF-8, so that no two pairs have one encoding.
 */
export function createStream(seed: number, path: string): RandomStream {
  invariant(Number.isSafeInteger(seed), `the seed ${seed} is not a safe integer`);
  const name = new TextEncoder().encode(path);
  const head = new DataView(new ArrayBuffer(12));
  head.setBigInt64(0, BigInt(seed));
  head.setUint32(8, name.length);
  const hash = createHash("sha256");
  hash.update("saic\0").update(new Uint8Array(head.buffer)).update(name);
  return { key: new Uint8Array(hash.digest().subarray(0, blockBytes)) };
}

/**
 * `length` bytes from `block` on. The cipher's 16-byte counter is major (64-bit), minor (32-bit)
 * and block (32-bit), all big-endian: `major` up to 2^53 - 1, `minor` and blocks up to 2^32 - 1.
 */
export function bytes(
  stream: RandomStream,
  major: number,
  minor: number,
  length: number,
  block = 0,
): Uint8Array<ArrayBuffer> {
  invariant(Number.isSafeInteger(major) && major >= 0, `major ${major} is out of range`);
  invariant(
    Number.isInteger(minor) && minor >= 0 && minor <= maxMinor,
    `minor ${minor} is out of range`,
  );
  invariant(block + length / blockBytes <= 2 ** 32, "a draw leaves its (major, minor) position");
  const counter = new DataView(new ArrayBuffer(blockBytes));
  counter.setBigUint64(0, BigInt(major));
  counter.setUint32(8, minor);
  counter.setUint32(12, block);
  const cipher = createCipheriv("aes-128-ctr", stream.key, new Uint8Array(counter.buffer));
  const encrypted = cipher.update(new Uint8Array(length));
  return new Uint8Array(encrypted.buffer, encrypted.byteOffset, length);
}

/** `length` numbers in [0, 1), each k / 2^24 from the upper 24 bits of a little-endian u32. */
export function uniform(
  stream: RandomStream,
  major: number,
  minor: number,
  length: number,
): Float32Array<ArrayBuffer> {
  const view = viewOf(bytes(stream, major, minor, 4 * length));
  const result = new Float32Array(length);
  for (let i = 0; i < length; i++) result[i] = (view.getUint32(4 * i, true) >>> 8) * 2 ** -24;
  return result;
}

/** `length` numbers in [0, 1), each k / 2^53 from the upper 53 bits of a little-endian u64. */
export function uniformDouble(
  stream: RandomStream,
  major: number,
  minor: number,
  length: number,
): Float64Array<ArrayBuffer> {
  const view = viewOf(bytes(stream, major, minor, 8 * length));
  const result = new Float64Array(length);
  for (let i = 0; i < length; i++) result[i] = doubleAt(view, 8 * i);
  return result;
}

/**
 * `length` standard normal numbers by Box and Muller (1958): block j of the stream holds two
 * 53-bit uniforms u and v, and gives z[2j] = sqrt(-2 ln(1 - u)) cos(2 pi v) and z[2j + 1], the
 * same with sin. Each number depends on its own block only.
 */
export function normal(
  stream: RandomStream,
  major: number,
  minor: number,
  length: number,
): Float64Array<ArrayBuffer> {
  const view = viewOf(bytes(stream, major, minor, blockBytes * Math.ceil(length / 2)));
  const result = new Float64Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - doubleAt(view, 8 * i)));
    const angle = 2 * Math.PI * doubleAt(view, 8 * i + 8);
    result[i] = radius * Math.cos(angle);
    if (i + 1 < length) result[i + 1] = radius * Math.sin(angle);
  }
  return result;
}

/**
 * `length` standard normal numbers within two standard deviations: number i is the first of
 * `normal(stream, major, attempt, ...)[i]`, attempt = 0, 1, ..., that lies there. Uses all minors.
 */
export function truncatedNormal(
  stream: RandomStream,
  major: number,
  length: number,
): Float64Array<ArrayBuffer> {
  const result = normal(stream, major, 0, length);
  let outside: number[] = [];
  for (let i = 0; i < length; i++) if (Math.abs(result[i] ?? 0) > 2) outside.push(i);
  for (let attempt = 1; outside.length > 0; attempt++) {
    const view = viewOf(bytes(stream, major, attempt, blockBytes * Math.ceil(length / 2)));
    outside = outside.filter((i) => {
      const start = blockBytes * (i >> 1);
      const radius = Math.sqrt(-2 * Math.log(1 - doubleAt(view, start)));
      const angle = 2 * Math.PI * doubleAt(view, start + 8);
      const value = radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
      result[i] = value;
      return Math.abs(value) > 2;
    });
  }
  return result;
}

/** `length` integers in [0, below), without bias: words at or above the last multiple are skipped. */
export function integers(
  stream: RandomStream,
  major: number,
  minor: number,
  below: number,
  length: number,
): Uint32Array<ArrayBuffer> {
  const draw = integerSource(stream, major, minor);
  return Uint32Array.from({ length }, () => draw(below));
}

/** A permutation of 0 .. n - 1 by Fisher and Yates (Durstenfeld 1964), from (major, 0). */
export function permutation(
  stream: RandomStream,
  major: number,
  n: number,
): Uint32Array<ArrayBuffer> {
  const draw = integerSource(stream, major, 0);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = draw(i + 1);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

/** Draws one unbiased integer after another from the words at (major, minor). */
function integerSource(
  stream: RandomStream,
  major: number,
  minor: number,
): (below: number) => number {
  const chunkBlocks = 64;
  const chunkWords = (chunkBlocks * blockBytes) / 4;
  let view = viewOf(bytes(stream, major, minor, chunkBlocks * blockBytes));
  let word = 0;
  const next = (): number => {
    if (word > 0 && word % chunkWords === 0)
      view = viewOf(
        bytes(stream, major, minor, chunkBlocks * blockBytes, (word / chunkWords) * chunkBlocks),
      );
    return view.getUint32(4 * (word++ % chunkWords), true);
  };
  return (below) => {
    invariant(
      Number.isInteger(below) && below >= 1 && below <= 2 ** 32,
      `cannot draw below ${below}`,
    );
    const limit = 2 ** 32 - (2 ** 32 % below);
    for (;;) {
      const value = next();
      if (value < limit) return value % below;
    }
  };
}

const viewOf = (data: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> =>
  new DataView(data.buffer, data.byteOffset, data.byteLength);

const doubleAt = (view: DataView, offset: number): number =>
  (view.getUint32(offset + 4, true) * 2 ** 21 + (view.getUint32(offset, true) >>> 11)) * 2 ** -53;
