/** Transforms against numbers worked out by hand. */

import { describe, expect, it } from "vitest";
import type { TransformOp } from "../../compiler/plan/transform-op.js";
import type { Pixels } from "../../runtime/data/pixels.js";
import { outcomeOf, transform } from "../../runtime/data/transforms/transform.js";
import { pixelsOf } from "../../runtime/data/value.js";
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
  pixelsOf(transform(op, x, { stream, epoch, record }));
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

describe("what draws", () => {
  const gray = u8(
    [1, 8, 8],
    Array.from({ length: 64 }, (_, i) => 3 * i),
  );
  const colors = u8([3, 2, 2], [200, 10, 90, 0, 30, 60, 90, 0, 100, 250, 90, 0]);
  const ops: readonly TransformOp[] = [
    { kind: "noise", std: 0.1, p: 1 },
    { kind: "blur", sigma: 2, p: 1 },
    { kind: "cutout", size: 3, count: 2, p: 1, value: 7 },
    { kind: "rotate", degrees: 30, p: 1, value: 0 },
    { kind: "affine", degrees: 5, shift: 0.2, scale: [0.8, 1.2], shear: 10, p: 1, value: 0 },
    { kind: "vflip", p: 0.5 },
    { kind: "random_crop", height: 4, width: 5 },
  ];

  it.each(ops)("$kind depends on epoch and record alone", (op) => {
    const many = (record: number, epoch: number): readonly number[] =>
      numbers(apply(op, gray, record, epoch));
    expect(many(3, 2)).toEqual(many(3, 2));
    const different = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((record) => many(record, 1).join()));
    expect(different.size).toBeGreaterThan(1);
    expect(numbers(gray)).toEqual(Array.from({ length: 64 }, (_, i) => 3 * i));
  });

  it.each(ops.filter((op) => "p" in op))("$kind happens with its probability", (op) => {
    const never = { ...op, p: 0 } as TransformOp;
    expect(numbers(apply(never, gray))).toEqual(numbers(gray));
    const half = { ...op, p: 0.5 } as TransformOp;
    const changed = Array.from({ length: 400 }, (_, record) =>
      numbers(apply(half, gray, record)).join() === numbers(gray).join() ? 0 : 1,
    ).reduce<number>((a, b) => a + b, 0);
    expect(Math.abs(changed - 200)).toBeLessThan(50);
  });

  it("noise has the deviation that it says", () => {
    const flat = f32(
      [1, 100, 100],
      Array.from({ length: 10_000 }, () => 5),
    );
    const values = numbers(apply({ kind: "noise", std: 0.5, p: 1 }, flat));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(5, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
  });

  it("blur keeps what is flat, and sums", () => {
    const flat = u8(
      [1, 5, 5],
      Array.from({ length: 25 }, () => 77),
    );
    expect(numbers(apply({ kind: "blur", sigma: 3, p: 1 }, flat, 5))).toEqual(numbers(flat));
    const dot = f32(
      [1, 21, 21],
      Array.from({ length: 441 }, (_, i) => (i === 220 ? 1 : 0)),
    );
    const spread = numbers(apply({ kind: "blur", sigma: 2, p: 1 }, dot, 5));
    expect(spread.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
    expect(Math.max(...spread)).toBe(spread[220]);
  });

  it("cutout sets whole squares", () => {
    const cut = numbers(apply({ kind: "cutout", size: 3, count: 1, p: 1, value: 255 }, gray, 2));
    const holes = cut.flatMap((value, i) => (value === 255 ? [i] : []));
    expect(holes).toHaveLength(9);
    const [first = 0] = holes;
    expect(holes).toEqual([0, 1, 2, 8, 9, 10, 16, 17, 18].map((step) => first + step));
  });

  it("scale multiplies the record by one number", () => {
    const x = f32([3], [1, -2, 4]);
    const [a = 0, b = 0, c = 0] = numbers(apply({ kind: "scale", by: [2, 3], p: 1 }, x, 4));
    expect(a).toBeGreaterThanOrEqual(2);
    expect(a).toBeLessThanOrEqual(3);
    expect([b, c]).toEqual([-2 * a, 4 * a].map(Math.fround));
  });

  it("rotate by no angle and affine by nothing leave the picture", () => {
    const still = { kind: "affine", degrees: 0, shift: 0, scale: [1, 1], shear: 0, p: 1 } as const;
    expect(numbers(apply({ ...still, scale: [1, 1], value: 0 }, gray))).toEqual(numbers(gray));
    // Twice as large about the middle: the inner half fills the picture.
    const twice = numbers(apply({ ...still, scale: [2, 2], value: 0 }, gray));
    expect(twice[9]).toBe(
      Math.round(
        (3 * (2 * 8 + 2) * 9 + 3 * (2 * 8 + 3) * 3 + 3 * (3 * 8 + 2) * 3 + 3 * (3 * 8 + 3)) / 16 -
          0.01,
      ),
    );
  });

  it("color_jitter of nothing leaves all colors, and gray stays gray", () => {
    const none = {
      kind: "color_jitter",
      brightness: 0,
      contrast: 0,
      saturation: 0,
      hue: 0,
    } as const;
    expect(numbers(apply(none, colors))).toEqual(numbers(colors));
    const turned = numbers(apply({ ...none, saturation: 1, hue: 0.5 }, colors, 3));
    expect(turned).not.toEqual(numbers(colors));
    expect([turned[2], turned[6], turned[10]]).toEqual([90, 90, 90]);
    expect([turned[3], turned[7], turned[11]]).toEqual([0, 0, 0]);
    const light = numbers(apply({ ...none, brightness: 0.5 }, colors, 1));
    const factor = (light[2] ?? 0) / 90;
    expect(light[1]).toBeCloseTo(10 * factor, -1);
  });

  it("color_jitter turns red to green by a third", () => {
    // The draw of this record and epoch is searched for: U(-1/2, 1/2) turns near 1/3.
    const red = u8([3, 1, 1], [255, 0, 0]);
    const hues = Array.from({ length: 200 }, (_, record) =>
      numbers(
        apply(
          { kind: "color_jitter", brightness: 0, contrast: 0, saturation: 0, hue: 0.5 },
          red,
          record,
        ),
      ),
    );
    expect(hues.every((rgb) => Math.max(...rgb) === 255 && Math.min(...rgb) === 0)).toBe(true);
    for (const channel of [0, 1, 2])
      expect(
        hues.some((rgb) => rgb[channel] === 255 && rgb.filter((v) => v < 60).length === 2),
      ).toBe(true);
  });
});

describe("fixed moves", () => {
  const x = u8([1, 3, 4], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);

  it("crop, center_crop and pad", () => {
    expect(numbers(apply({ kind: "crop", top: 1, left: 2, height: 2, width: 2 }, x))).toEqual([
      12, 13, 22, 23,
    ]);
    expect(numbers(apply({ kind: "center_crop", height: 1, width: 2 }, x))).toEqual([11, 12]);
    const sides = { kind: "pad", top: 1, bottom: 0, left: 0, right: 1 } as const;
    expect(numbers(apply({ ...sides, value: 9 }, x)).slice(0, 10)).toEqual([
      9, 9, 9, 9, 9, 0, 1, 2, 3, 9,
    ]);
    expect(numbers(apply({ ...sides, value: "edge" }, x)).slice(0, 10)).toEqual([
      0, 1, 2, 3, 3, 0, 1, 2, 3, 3,
    ]);
  });

  it("crops that leave the picture are no pictures", () => {
    const large = { kind: "random_crop", height: 4, width: 4 } as const;
    expect(() => apply(large, x)).toThrow(
      "a window of 4 x 4 at row 0, column 0 leaves the picture of 3 x 4",
    );
  });

  it("tile gives overlapping squares, row by row", () => {
    const tiles = apply({ kind: "tile", size: 2, overlap: 1 }, u8([1, 2, 3], [0, 1, 2, 3, 4, 5]));
    expect(tiles.shape).toEqual([2, 1, 2, 2]);
    expect(numbers(tiles)).toEqual([0, 1, 3, 4, 1, 2, 4, 5]);
  });

  it("normalize goes by the channel of each picture of a window", () => {
    const op = { kind: "normalize", mean: [1, 2], std: [1, 2] } as const;
    const window = f32([2, 2, 1, 1], [1, 4, 2, 8]);
    expect(numbers(apply({ ...op, mean: [1, 2], std: [1, 2] }, window))).toEqual([0, 1, 1, 3]);
  });
});
