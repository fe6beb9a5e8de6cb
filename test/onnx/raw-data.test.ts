/** Rounding to short floats and the bytes of constants. */

import { describe, expect, test } from "vitest";
import { roundTo } from "../../compiler/ir/rounding.js";
import { encodeElements } from "../../compiler/onnx/raw-data.js";
import { bfloatBits, halfBits } from "../../compiler/plan/elements.js";

/** The value of a binary16, straight from IEEE 754. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

describe("binary16", () => {
  test("every value has its own bits and is its own rounding", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfOf(bits);
      if (Number.isNaN(value)) continue;
      if (halfBits(value) !== bits || !Object.is(roundTo("f16", value), value)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  test("what lies between goes to the nearest, ties to the even one", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfOf(bits), halfOf(bits + 1)];
      const middle = (low + high) / 2;
      const gap = high - low;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const found = [middle, middle - gap / 8, middle + gap / 8].map(halfBits);
      if (found.join() !== [even, bits, bits + 1].join()) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  test("overflows from 65520 on", () => {
    expect(halfBits(65519.9)).toBe(0x7bff);
    expect(halfBits(-65520)).toBe(0xfc00);
    expect(halfBits(NaN)).toBe(0x7e00);
  });
});

test("bfloat16 rounds the upper half of an f32", () => {
  expect(bfloatBits(1)).toBe(0x3f80);
  expect(bfloatBits(-2)).toBe(0xc000);
  expect(bfloatBits(1 + 2 ** -8)).toBe(0x3f80);
  expect(bfloatBits(1 + 3 * 2 ** -8)).toBe(0x3f82);
  expect(bfloatBits(3.4e38)).toBe(0x7f80);
  expect(roundTo("bf16", 1.01)).toBe(1.0078125);
});

test("integers are exact or refused", () => {
  const bytes = encodeElements("i64", [-1, 2 ** 40]);
  expect(new BigInt64Array(bytes.buffer)).toEqual(BigInt64Array.of(-1n, 2n ** 40n));
  expect(() => encodeElements("i64", [0.5])).toThrow("0.5 is no i64");
  expect(() => encodeElements("u8", [256])).toThrow("256 is no u8");
  expect(roundTo("u8", 256)).toBeNull();
  expect(roundTo("i32", 2 ** 31)).toBeNull();
  expect(roundTo("i64", 2 ** 31)).toBe(2 ** 31);
  expect(roundTo("bool", 2)).toBeNull();
});
