/** The safetensors format: what is written is read back, and damage is refused by name. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { encodeSafetensors, readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import type { HostTensor } from "../../runtime/tensor.js";
import { temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const file = join(folder.path, "tensors.safetensors");

const tensors = new Map<string, HostTensor>([
  ["flag", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["bytes", { dtype: "u8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 255) }],
  ["half", { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c00, 0x7bff) }],
  ["brain", { dtype: "bf16", shape: [1, 1], data: Uint16Array.of(0x3f80) }],
  ["a", { dtype: "f32", shape: [2, 2], data: Float32Array.of(1, -0, 1e-45, 3e38) }],
  ["scalar", { dtype: "f64", shape: [], data: Float64Array.of(Math.PI) }],
  ["empty", { dtype: "f32", shape: [0, 4], data: new Float32Array(0) }],
  ["int", { dtype: "i32", shape: [1], data: Int32Array.of(-7) }],
  ["long", { dtype: "i64", shape: [2], data: BigInt64Array.of(2n ** 62n, -1n) }],
  ['name with "quotes" and ü', { dtype: "u8", shape: [1], data: Uint8Array.of(9) }],
]);

const write = (...pieces: readonly Uint8Array[]): void =>
  writeFileSync(file, Buffer.concat(pieces));

/** A file with this header and body. */
const raw = (header: unknown, body: Uint8Array): void => {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  write(length, json, body);
};

test("every type survives, metadata too, and equal contents give equal bytes", () => {
  write(...encodeSafetensors(tensors, { format: "pt" }));
  const read = readSafetensors(file);
  expect(read.metadata).toEqual({ format: "pt" });
  expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
  const reversed = new Map([...tensors].toReversed());
  expect(Buffer.concat([...encodeSafetensors(reversed, { format: "pt" })])).toEqual(
    readFileSync(file),
  );
});

test("the layout is the format's: length, header padded to 8, aligned tensors without gaps", () => {
  write(...encodeSafetensors(tensors));
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  expect(header["a"]).toMatchObject({ dtype: "F32", shape: [2, 2] });
  expect(header["brain"]?.dtype).toBe("BF16");
  const [begin = 0] = header["a"]?.data_offsets ?? [];
  expect(bytes.readFloatLE(8 + length + begin + 12)).toBe(Math.fround(3e38));
  const spans = Object.values(header).map(({ data_offsets }) => data_offsets);
  spans.sort(([a, b], [c, d]) => a - c || b - d);
  let next = 0;
  for (const [from, to] of spans) {
    expect(from).toBe(next);
    next = to;
  }
  expect(8 + length + next).toBe(bytes.byteLength);
  for (const { dtype, data_offsets } of Object.values(header))
    if (dtype === "F64" || dtype === "I64") expect((8 + length + data_offsets[0]) % 8).toBe(0);
});

test("a file cut anywhere is refused by its name", () => {
  write(...encodeSafetensors(tensors));
  const bytes = readFileSync(file);
  for (let length = 0; length < bytes.byteLength; length += 1) {
    writeFileSync(file, bytes.subarray(0, length));
    expect(() => readSafetensors(file)).toThrow(`\`${file}\` is damaged`);
  }
});

const u8 = (shape: readonly number[], from: number, to: number) => ({
  dtype: "U8",
  shape,
  data_offsets: [from, to],
});

test.each([
  ["bad JSON", "{oops", 4, "not JSON"],
  ["no object", "[1]", 4, "not an object"],
  ["overlap", { a: u8([3], 0, 3), b: u8([2], 2, 4) }, 4, "overlaps"],
  ["gap", { a: u8([1], 0, 1), b: u8([2], 2, 4) }, 4, "belong to no tensor"],
  ["wrong size", { a: u8([3], 0, 4) }, 4, "takes 4 bytes where its shape needs 3"],
  ["beyond the end", { a: u8([9], 0, 9) }, 4, "it was cut"],
  ["bytes behind", { a: u8([2], 0, 2) }, 4, "2 bytes follow"],
  ["unknown type", { a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, 1, "F8_E4M3"],
  ["negative offset", { a: u8([1], -1, 0) }, 1, "malformed"],
  ["unknown key", { a: { ...u8([1], 0, 1), extra: 1 } }, 1, "malformed"],
  ["metadata no strings", { __metadata__: { a: 1 } }, 0, "metadata are not strings"],
])("%s", (_, header, body, message) => {
  raw(header, new Uint8Array(body));
  expect(() => readSafetensors(file)).toThrow(message);
});

test("a header length beyond reason is refused without reading it", () => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(2n ** 60n);
  write(length, Buffer.from("{}"));
  expect(() => readSafetensors(file)).toThrow("its header claims");
});
