/** Initial values: distributions, dtypes and rounding. */

import { describe, expect, it } from "vitest";
import { bfloatBits, halfBits } from "../../compiler/plan/elements.js";
import { initialize } from "../../runtime/initialize.js";

const values = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number);
const mean = (data: readonly number[]): number => data.reduce((a, b) => a + b, 0) / data.length;

const draw = (seed: number, path: string): number[] =>
  values(initialize({ kind: "normal", mean: 0, std: 1 }, seed, path, [4], "f32"));
const decodeHalf = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
  const magnitude =
    exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return sign === 0 ? magnitude : -magnitude;
};

describe("initialize", () => {
  it("fills every dtype with a constant", () => {
    const constant = { kind: "constant", value: 1 } as const;
    const fill = (dtype: Parameters<typeof initialize>[4]): number[] =>
      values(initialize(constant, 1, "model.w", [2], dtype));
    expect(fill("f32")).toEqual([1, 1]);
    expect(fill("f64")).toEqual([1, 1]);
    expect(fill("f16")).toEqual([0x3c00, 0x3c00]);
    expect(fill("bf16")).toEqual([0x3f80, 0x3f80]);
    expect(fill("i32")).toEqual([1, 1]);
    expect(fill("i64")).toEqual([1, 1]);
    expect(fill("u8")).toEqual([1, 1]);
    expect(fill("bool")).toEqual([1, 1]);
    expect(initialize(constant, 1, "model.s", [], "f32")).toHaveLength(1);
    expect(() => initialize({ kind: "constant", value: 0.5 }, 1, "n", [], "i64")).toThrow("whole");
    expect(() => initialize({ kind: "constant", value: 256 }, 1, "n", [], "u8")).toThrow("outside");
  });

  it("draws what it is asked to", () => {
    const shape = [100, 200];
    const flat = values(initialize({ kind: "uniform", low: -3, high: 1 }, 1, "w", shape, "f32"));
    expect(Math.min(...flat)).toBeGreaterThanOrEqual(-3);
    expect(Math.max(...flat)).toBeLessThanOrEqual(1);
    expect(Math.abs(mean(flat) + 1)).toBeLessThan(0.05);
    const bell = values(initialize({ kind: "normal", mean: 2, std: 0.5 }, 1, "w", shape, "f32"));
    expect(Math.abs(mean(bell) - 2)).toBeLessThan(0.02);
    expect(Math.abs(mean(bell.map((x) => (x - 2) ** 2)) - 0.25)).toBeLessThan(0.01);
    const cut = values(
      initialize({ kind: "truncated_normal", mean: 2, std: 0.5 }, 1, "w", shape, "f64"),
    );
    expect(cut.every((x) => x >= 1 && x <= 3)).toBe(true);
    expect(cut.filter((x) => x > 2.9).length).toBeGreaterThan(0);
  });

  it.each([[[3, 7]], [[7, 3]], [[5, 5]], [[6, 2, 3, 3]], [[2, 3, 1, 4]], [[1, 4]]])(
    "makes orthonormal rows or columns of %j, by seed and path",
    (shape) => {
      const orthogonal = (seed: number, path: string): readonly number[] =>
        values(initialize({ kind: "orthogonal", gain: 1.5 }, seed, path, shape, "f64"));
      const flat = orthogonal(1, "w");
      const [rows = 0, ...field] = shape;
      const columns = field.reduce((a, b) => a * b, 1);
      const entry = (i: number, j: number): number =>
        rows <= columns ? (flat[i * columns + j] ?? NaN) : (flat[j * columns + i] ?? NaN);
      const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
      for (let a = 0; a < count; a++)
        for (let b = 0; b < count; b++) {
          let product = 0;
          for (let k = 0; k < length; k++) product += entry(a, k) * entry(b, k);
          expect(product).toBeCloseTo(a === b ? 1.5 ** 2 : 0, 12);
        }
      expect(orthogonal(1, "w")).toEqual(flat);
      expect(orthogonal(2, "w")).not.toEqual(flat);
      expect(orthogonal(1, "v")).not.toEqual(flat);
    },
  );

  it("has no preferred direction where it is orthogonal", () => {
    // Of random rotations of the plane, one in two is turned by more than a right angle.
    const first = Array.from({ length: 200 }, (_, i) =>
      Number(initialize({ kind: "orthogonal", gain: 1 }, i, "w", [2, 2], "f64")[0]),
    );
    expect(Math.abs(mean(first))).toBeLessThan(0.2);
    expect(Math.abs(mean(first.map((x) => x * x)) - 0.5)).toBeLessThan(0.1);
  });

  it("depends on seed and path and nothing else", () => {
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
  });

  it("refuses random integers", () => {
    expect(() => initialize({ kind: "normal", mean: 0, std: 1 }, 1, "n", [2], "i64")).toThrow(
      "cannot begin",
    );
  });
});

describe("rounding to 16 bits", () => {
  it("keeps every finite f16", () => {
    for (let bits = 0; bits < 0x10000; bits++)
      if ((bits & 0x7c00) !== 0x7c00) expect(halfBits(decodeHalf(bits))).toBe(bits);
  });

  it("rounds f16 to nearest, ties to even", () => {
    expect(halfBits(1 + 2 ** -11)).toBe(0x3c00);
    expect(halfBits(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(halfBits(1 + 2 ** -11 + 2 ** -30)).toBe(0x3c01);
    expect(halfBits(2 ** -25)).toBe(0);
    expect(halfBits(2 ** -25 * 1.001)).toBe(1);
    expect(halfBits(65519)).toBe(0x7bff);
    expect(halfBits(65520)).toBe(0x7c00);
    expect(halfBits(-Infinity)).toBe(0xfc00);
    expect(halfBits(Number.NaN)).toBe(0x7e00);
  });

  it("rounds bf16 as the upper half of an f32, to nearest", () => {
    const view = new DataView(new ArrayBuffer(4));
    for (const value of [1, -2.5, 3.3, 1e-40, 1e38, 0.1, 65504, 2 ** -133]) {
      view.setFloat32(0, value);
      const bits = view.getUint32(0);
      const expected = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
      expect(bfloatBits(Math.fround(value))).toBe(expected);
    }
    expect(bfloatBits(1 + 2 ** -8)).toBe(0x3f80);
    expect(bfloatBits(1 + 3 * 2 ** -8)).toBe(0x3f82);
    expect(bfloatBits(Infinity)).toBe(0x7f80);
    expect(bfloatBits(3.4e38)).toBe(0x7f80);
    expect(bfloatBits(Number.NaN)).toBe(0x7fc0);
  });
});
