/** Transforms against numbers worked out by hand. */

import { describe, expect, it } from "vitest";
import type { TransformOp } from "../../compiler/plan/data.js";
import type { Pixels } from "../../runtime/data/pixels.js";
import { outcomeOf, transform } from "../../runtime/data/transforms/transform.js";
import { createStream, uniformDouble } from "../../runtime/random.js";

const u8 = (shape: readonly number[], values: readonly number[]): Pixels => ({
  dtype: "u8",
  shape,
  data: Uint8Array.from(values),
});
const f32 = (shape: readonly number[], values: readonly number[]): Pixels => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});
const stream = createStream(1, "data/D/step");
const apply = (op: TransformOp, x: Pixels, record = 0, epoch = 0): Pixels =>
  transform(op, x, { stream, epoch, record });
const numbers = (x: Pixels): number[] => Array.from(x.data);
const close = (x: Pixels, expected: readonly number[]): void => {
  expect(x.data).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(x.data[i]).toBeCloseTo(value, 5));
};

describe("resize", () => {
  it("averages whole blocks", () => {
    const x = u8([1, 2, 4], [0, 10, 20, 30, 40, 50, 60, 70]);
    const y = apply({ kind: "resize", height: 1, width: 2 }, x);
    expect(y).toMatchObject({ dtype: "u8", shape: [1, 1, 2] });
    expect(numbers(y)).toEqual([25, 45]);
  });

  it("weighs pixels that are covered in part", () => {
    const x = f32([1, 1, 3], [3, 6, 9]);
    close(apply({ kind: "resize", height: 1, width: 2 }, x), [4, 8]);
    close(apply({ kind: "resize", height: 2, width: 5 }, x), [3, 4, 6, 8, 9, 3, 4, 6, 8, 9]);
  });

  it("rounds u8 half up and keeps planes apart", () => {
    const x = u8([2, 1, 2], [0, 1, 200, 203]);
    expect(numbers(apply({ kind: "resize", height: 1, width: 1 }, x))).toEqual([1, 202]);
  });

  it("keeps the mean and leaves its own size alone", () => {
    const x = f32(
      [1, 7, 5],
      Array.from({ length: 35 }, (_, i) => (i * 37) % 11),
    );
    const mean = (y: Pixels): number => numbers(y).reduce((a, b) => a + b, 0) / y.data.length;
    expect(mean(apply({ kind: "resize", height: 3, width: 4 }, x))).toBeCloseTo(mean(x), 5);
    expect(numbers(apply({ kind: "resize", height: 7, width: 5 }, x))).toEqual(numbers(x));
  });
});

describe("normalize and standardize", () => {
  it("normalizes u8 of the range 0..1, by channel", () => {
    const x = u8([2, 1, 2], [0, 255, 51, 102]);
    const y = apply({ kind: "normalize", mean: [0.5, 0.2], std: [0.5, 0.1] }, x);
    expect(y.dtype).toBe("f32");
    close(y, [-1, 1, 0, 2]);
    close(apply({ kind: "normalize", mean: [0.5], std: [0.5, 0.1] }, x), [-1, 1, -3, -1]);
  });

  it("normalizes f32 as it is", () => {
    close(apply({ kind: "normalize", mean: [1], std: [2] }, f32([1, 1, 2], [1, 5])), [0, 2]);
  });

  it("standardizes over all elements", () => {
    close(apply({ kind: "standardize" }, f32([2, 1, 2], [1, 1, 3, 3])), [-1, -1, 1, 1]);
    close(apply({ kind: "standardize" }, u8([1, 1, 2], [0, 255])), [-1, 1]);
  });

  it("does not blow up a constant picture", () => {
    close(apply({ kind: "standardize" }, u8([1, 1, 2], [7, 7])), [0, 0]);
    close(apply({ kind: "standardize" }, f32([1, 1, 2], [0, 0.0005])), [-0.25, 0.25]);
  });
});

describe("random transforms", () => {
  const x = u8([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

  it("flips rows of every plane", () => {
    expect(numbers(apply({ kind: "hflip", p: 1 }, x))).toEqual([
      3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10,
    ]);
    expect(numbers(apply({ kind: "hflip", p: 0 }, x))).toEqual(numbers(x));
    const flipped = Array.from({ length: 400 }, (_, record) =>
      numbers(apply({ kind: "hflip", p: 0.3 }, x, record)),
    ).filter(([first]) => first === 3).length;
    expect(flipped).toBeGreaterThan(90);
    expect(flipped).toBeLessThan(150);
  });

  it("shifts by at most the padding and repeats the rim", () => {
    const seen = new Set<string>();
    for (let record = 0; record < 400; record++) {
      const y = apply({ kind: "random_shift", pad: 1 }, x, record);
      expect(y.shape).toEqual([2, 2, 3]);
      const [u = 0, v = 0] = uniformDouble(stream, 0, record, 2);
      const [down, right] = [Math.floor(3 * u) - 1, Math.floor(3 * v) - 1];
      const row = Math.min(1, Math.max(0, down));
      const column = Math.min(2, Math.max(0, right));
      expect(y.data[0]).toBe(1 + 3 * row + column);
      expect(y.data[6]).toBe(7 + 3 * row + column);
      seen.add(numbers(y).join());
    }
    expect(seen.size).toBe(9);
    expect(seen).toContain("1,1,2,1,1,2,7,7,8,7,7,8");
  });

  it("jitters about the mean", () => {
    const y = apply({ kind: "jitter", brightness: 0, contrast: 0.5 }, f32([1, 1, 2], [1, 3]));
    const [u = 0, v = 0] = uniformDouble(stream, 0, 0, 2);
    const factor = 1 + 0.5 * (2 * u - 1);
    close(y, [2 - factor, 2 + factor]);
    const shift = 0.25 * (2 * v - 1);
    const bright = { kind: "jitter", brightness: 0.25, contrast: 0 } as const;
    close(apply(bright, f32([1, 1, 2], [1, 3])), [1 + shift, 3 + shift]);
    const bytes = numbers(apply(bright, u8([1, 1, 3], [0, 100, 255])));
    expect(bytes).toEqual(
      [0, 100, 255].map((b) => Math.min(255, Math.max(0, Math.floor(b + 255 * shift + 0.5)))),
    );
  });

  it("draw by epoch and record only, and leave their input alone", () => {
    const op = { kind: "jitter", brightness: 0.5, contrast: 0.5 } as const;
    expect(numbers(apply(op, x, 3, 4))).toEqual(numbers(apply(op, x, 3, 4)));
    expect(numbers(apply(op, x, 3, 4))).not.toEqual(numbers(apply(op, x, 3, 5)));
    expect(numbers(apply(op, x, 3, 4))).not.toEqual(numbers(apply(op, x, 4, 4)));
    expect(numbers(x)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe("types", () => {
  const image = { dtype: "u8", shape: [3, 8, 6] } as const;

  it("follow each step", () => {
    expect(outcomeOf({ kind: "resize", height: 2, width: 4 }, image)).toEqual({
      ok: true,
      type: { dtype: "u8", shape: [3, 2, 4] },
    });
    expect(outcomeOf({ kind: "standardize" }, image)).toMatchObject({ type: { dtype: "f32" } });
  });

  it("are refused with a reason", () => {
    expect(outcomeOf({ kind: "hflip", p: 1 }, { dtype: "i64", shape: [] })).toMatchObject({
      problem: "it takes `u8` or `f32`, not `i64`",
    });
    expect(outcomeOf({ kind: "normalize", mean: [0, 0], std: [1] }, image)).toMatchObject({
      problem: "it has 2 values of `mean` for 3 channels",
    });
    expect(outcomeOf({ kind: "hflip", p: 1 }, { dtype: "f32", shape: [3] })).toMatchObject({
      ok: false,
    });
  });
});
