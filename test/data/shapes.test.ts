/** The drawn pictures: pure, balanced, and hard for a linear model on raw pixels. */

import { describe, expect, it } from "vitest";
import { drawShape, type Drawing, shapeNames } from "../../runtime/data/draw-shape.js";
import { listRecords } from "../../runtime/data/list-records.js";
import { at } from "../../grammar/invariant.js";
import { faultOf, shapesProgram, shapesSource } from "./fixtures.js";

const base: Drawing = {
  shape: "ring",
  seed: 1,
  index: 0,
  channels: 1,
  height: 20,
  width: 20,
  noise: 0.05,
};

describe("drawShape", () => {
  it("depends on seed and index only", () => {
    expect(drawShape(base)).toEqual(drawShape(base));
    expect(drawShape(base)).not.toEqual(drawShape({ ...base, index: 1 }));
    expect(drawShape(base)).not.toEqual(drawShape({ ...base, seed: 2 }));
  });

  it("draws every figure differently, in every size and number of channels", () => {
    const pictures = shapeNames.map((shape) => drawShape({ ...base, shape, noise: 0 }).join());
    expect(new Set(pictures).size).toBe(shapeNames.length);
    expect(drawShape({ ...base, channels: 3, height: 9, width: 31 })).toHaveLength(3 * 9 * 31);
  });

  it("blends edges and shows figures brighter and darker than their ground", () => {
    let brighter = 0;
    for (let index = 0; index < 200; index++) {
      const disc = { ...base, shape: "disc", index, noise: 0, height: 32, width: 32 } as const;
      const picture = drawShape(disc);
      const corners = [0, 31, 31 * 32, 32 * 32 - 1].map((i) => picture[i] ?? 0);
      const [ground, reach] = [corners.reduce((a, b) => a + b, 0) / 4, 255 * 0.15 + 10];
      const extreme = [Math.min(...picture), Math.max(...picture)];
      if (at(extreme, 1) - ground > ground - at(extreme, 0)) brighter++;
      expect(at(extreme, 1) - at(extreme, 0)).toBeGreaterThan(reach - 10);
    }
    expect(brighter).toBeGreaterThan(70);
    expect(brighter).toBeLessThan(130);
  });

  it("adds noise of the given deviation", () => {
    const quiet = drawShape({ ...base, noise: 0, height: 64, width: 64 });
    const noisy = drawShape({ ...base, noise: 0.05, height: 64, width: 64 });
    const squares = quiet.reduce((sum, value, i) => sum + ((noisy[i] ?? 0) - value) ** 2, 0);
    expect(Math.abs(Math.sqrt(squares / quiet.length) / 255 - 0.05)).toBeLessThan(0.004);
  });
});

describe("the source", () => {
  it("lists classes in turn", async () => {
    const records = await listRecords(shapesProgram());
    expect(records.map((record) => record.label).slice(0, 6)).toEqual([0, 1, 2, 3, 0, 1]);
    expect(records).toHaveLength(40);
  });

  it("names figures that it cannot draw", async () => {
    const fault = await faultOf(
      listRecords(shapesProgram({ source: { ...shapesSource, classes: ["ring", "sqare"] } })),
    );
    expect(fault.exitCode).toBe(6);
    expect(fault.diagnostic).toMatchObject({
      code: "data/shape-unknown",
      hint: "did you mean `square`?",
      place: "shapes.pipe:3:11",
    });
    const twice = await faultOf(
      listRecords(shapesProgram({ source: { ...shapesSource, classes: ["ring", "ring"] } })),
    );
    expect(twice.diagnostic.code).toBe("data/class-duplicate");
  });
});

describe("a linear model on raw pixels", () => {
  const classes = ["ring", "cross", "square", "triangle"] as const;

  it("stays near chance on the four figures", () => {
    const examples = Array.from({ length: 2000 }, (_, index) =>
      normalized(drawShape({ ...base, shape: at(classes, index % 4), index })),
    );
    const [seen, unseen] = probe(examples);
    process.stdout.write(
      `linear probe on shapes: accuracy ${unseen.toFixed(3)}, on its own examples ${seen.toFixed(3)}\n`,
    );
    expect(unseen).toBeLessThan(0.7);
    // The probe does fit: what it learns of its own examples is just of no use for others.
    expect(seen).toBeGreaterThan(0.4);
  });

  it("tells figures apart that always lie alike", () => {
    const still = classes.map((shape) => drawShape({ ...base, shape, noise: 0 }));
    const examples = Array.from({ length: 400 }, (_, index) =>
      normalized(at(still, index % 4)).map((value, j) => value + 0.2 * Math.sin(index * j)),
    );
    expect(probe(examples)[1]).toBeGreaterThan(0.95);
  });
});

const normalized = (picture: Uint8Array): Float64Array =>
  Float64Array.from(picture, (value) => value / 127.5 - 1);

/** Accuracy of softmax regression on four fifths it has seen and the rest; example i is of class i % 4. */
function probe(examples: readonly Float64Array[]): readonly [number, number] {
  const cut = 0.8 * examples.length;
  const weights = trainSoftmax(examples.slice(0, cut), 4);
  const hits = examples.map((x, i) => largest(scores(weights, x)) === i % 4);
  return [share(hits.slice(0, cut)), share(hits.slice(cut))];
}

/** Stochastic gradient descent; the last weight of a row is its bias. */
function trainSoftmax(examples: readonly Float64Array[], classes: number): Float64Array[] {
  const size = at(examples, 0).length;
  const weights = Array.from({ length: classes }, () => new Float64Array(size + 1));
  for (let epoch = 0; epoch < 20; epoch++)
    examples.forEach((x, i) => {
      const exponents = scores(weights, x).map(Math.exp);
      const total = exponents.reduce((a, b) => a + b, 0);
      weights.forEach((row, k) => {
        const error = at(exponents, k) / total - (i % classes === k ? 1 : 0);
        const step = (-0.005 / (1 + epoch / 5)) * error;
        for (let j = 0; j < size; j++) row[j] = (row[j] ?? 0) + step * (x[j] ?? 0);
        row[size] = (row[size] ?? 0) + step;
      });
    });
  return weights;
}

function scores(weights: readonly Float64Array[], x: Float64Array): number[] {
  return weights.map((row) => {
    let sum = row.at(-1) ?? 0;
    for (let j = 0; j < x.length; j++) sum += (x[j] ?? 0) * (row[j] ?? 0);
    return sum;
  });
}

const share = (hits: readonly boolean[]): number => hits.filter(Boolean).length / hits.length;

const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
