/** WebAssembly's binary encoding, as far as kernels need it: SIMD code over one imported memory. */

import { invariant } from "../../grammar/invariant.js";

export type ValueType = "i32" | "f32" | "v128";

/** A function that is exported by its name. */
export interface WasmFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly result: ValueType | null;
  /** Beyond the parameters. */
  readonly locals: readonly ValueType[];
  /** Instructions, without the final `end`. */
  readonly body: readonly number[];
}

const types: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** Instructions of one byte. */
export const code = {
  block: 0x02,
  loop: 0x03,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32LessUnsigned: 0x49,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32And: 0x71,
  i32ShiftLeft: 0x74,
} as const;

/** No value is left by a block or a loop. */
export const noValue = 0x40;

/** Vector instructions, by their numbers after the prefix. */
export const vector = {
  load: 0x00,
  store: 0x0b,
  const: 0x0c,
  splatF32: 0x13,
  eqF32: 0x41,
  neF32: 0x42,
  ltF32: 0x43,
  gtF32: 0x44,
  leF32: 0x45,
  geF32: 0x46,
  not: 0x4d,
  and: 0x4e,
  or: 0x50,
  xor: 0x51,
  bitselect: 0x52,
  anyTrue: 0x53,
  storeLane32: 0x5a,
  loadZero32: 0x5c,
  ceilF32: 0x67,
  floorF32: 0x68,
  nearestF32: 0x6a,
  absF32: 0xe0,
  negF32: 0xe1,
  sqrtF32: 0xe3,
  addF32: 0xe4,
  subF32: 0xe5,
  mulF32: 0xe6,
  divF32: 0xe7,
  minF32: 0xe8,
  maxF32: 0xe9,
} as const;
export type VectorOp = keyof typeof vector;

const vectorPrefix = 0xfd;

/** A vector instruction without immediates. */
export const simd = (op: VectorOp): readonly number[] => [vectorPrefix, ...unsigned(vector[op])];

/** A load or a store `offset` bytes after the address on the stack; addresses are aligned to 4. */
export const access = (op: "load" | "store" | "loadZero32", offset: number): readonly number[] => [
  ...simd(op),
  2,
  ...unsigned(offset),
];

/** Stores the first lane. */
export const storeFirst = (): readonly number[] => [...simd("storeLane32"), 2, 0, 0];

/** The number in all four lanes. */
export function splatConst(value: number): readonly number[] {
  const bytes = [...new Uint8Array(Float32Array.of(value).buffer)];
  return [...simd("const"), ...bytes, ...bytes, ...bytes, ...bytes];
}

export const getLocal = (index: number): readonly number[] => [code.localGet, ...unsigned(index)];
export const setLocal = (index: number): readonly number[] => [code.localSet, ...unsigned(index)];
export const i32Const = (value: number): readonly number[] => [code.i32Const, ...signed(value)];

/** Little-endian base 128. */
export function unsigned(value: number): readonly number[] {
  invariant(Number.isInteger(value) && value >= 0, "an unsigned number");
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

function signed(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    const done = (rest >> 7 === 0 && low < 64) || (rest >> 7 === -1 && low >= 64);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

const text = (value: string): readonly number[] => counted([...new TextEncoder().encode(value)]);
const counted = (bytes: readonly number[]): readonly number[] => [
  ...unsigned(bytes.length),
  ...bytes,
];
const list = (items: readonly (readonly number[])[]): readonly number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const section = (id: number, items: readonly (readonly number[])[]): readonly number[] => [
  id,
  ...counted(list(items)),
];

/** `\0asm`, version 1. */
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** 4 GiB in pages of 64 KiB: as much as an address of 32 bits reaches. */
const mostPages = 65536;

/**
 * A module that imports the shared memory `env.memory`, of any size, and exports its functions;
 * equal functions give equal bytes.
 */
export function encodeModule(functions: readonly WasmFunction[]): Uint8Array {
  const sharedWithMaximum = 0x03;
  const memory = [2, sharedWithMaximum, ...unsigned(0), ...unsigned(mostPages)];
  const typeOf = (type: ValueType): number => types[type];
  return Uint8Array.from([
    ...header,
    ...section(
      1,
      functions.map(({ params, result }) => [
        0x60,
        ...counted(params.map(typeOf)),
        ...counted(result === null ? [] : [typeOf(result)]),
      ]),
    ),
    ...section(2, [[...text("env"), ...text("memory"), ...memory]]),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(
      7,
      functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(
      10,
      functions.map(({ locals, body }) =>
        counted([...list(locals.map((type) => [1, typeOf(type)])), ...body, code.end]),
      ),
    ),
  ]);
}
