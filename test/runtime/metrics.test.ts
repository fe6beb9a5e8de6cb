/** Areas under curves against hand-computed values and brute force. */

import { expect, test } from "vitest";
import type { Metric } from "../../compiler/plan/schema.js";
import { invariant } from "../../grammar/invariant.js";
import { areaUnder, averagePrecision } from "../../runtime/metrics/curves.js";
import { createAccumulator } from "../../runtime/metrics/metrics.js";
import { bfloatBits, bfloatValue, halfBits, halfValue } from "../../compiler/plan/elements.js";
import { createStream, integers } from "../../runtime/random.js";
import type { HostTensor } from "../../runtime/tensor.js";

const f32 = (shape: readonly number[], values: readonly number[]): HostTensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});
const i64 = (values: readonly number[]): HostTensor => ({
  dtype: "i64",
  shape: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
});
const bool = (values: readonly number[]): HostTensor => ({
  dtype: "bool",
  shape: [values.length],
  data: Uint8Array.from(values),
});

interface TestBatch {
  readonly logits: HostTensor;
  readonly labels: HostTensor;
  readonly valid?: readonly number[];
  readonly groups?: HostTensor;
}

function measured(measure: Metric["measure"], batches: readonly TestBatch[]): unknown {
  const accumulator = createAccumulator(measure);
  invariant(accumulator, "scores are gathered");
  for (const { logits, labels, valid, groups } of batches) {
    const named: Record<string, HostTensor | undefined> = { logits, labels, groups };
    accumulator.add(
      (name) => {
        const tensor = named[name];
        if (tensor === undefined) throw new Error(name);
        return tensor;
      },
      Uint8Array.from(valid ?? Array.from({ length: logits.shape[0] ?? 0 }, () => 1)),
    );
  }
  return accumulator.value().value;
}

const names = { logits: "logits", labels: "labels" } as const;
const auroc = { kind: "auroc", ...names, within: null } as const;

test("auroc by hand, with ties counted half", () => {
  // Positives 0.8, 0.4; negatives 0.6, 0.4, 0.1: 3 + (0 + 1/2 + 1) of 6 pairs.
  const batch = { logits: f32([5], [0.8, 0.6, 0.4, 0.4, 0.1]), labels: bool([1, 0, 1, 0, 0]) };
  expect(measured(auroc, [batch])).toBe(4.5 / 6);
  const split = [
    { logits: f32([2], [0.8, 0.6]), labels: bool([1, 0]) },
    { logits: f32([4], [0.4, 0.4, 0.1, 7]), labels: bool([1, 0, 0, 0]), valid: [1, 1, 1, 0] },
  ];
  expect(measured(auroc, split)).toBe(4.5 / 6);
});

test("auroc is undefined with one class only, and with logits that are not numbers", () => {
  expect(measured(auroc, [{ logits: f32([2], [1, 2]), labels: bool([1, 1]) }])).toBe(null);
  expect(measured(auroc, [{ logits: f32([2], [NaN, 2]), labels: bool([1, 0]) }])).toBe(null);
  expect(measured(auroc, [])).toBe(null);
});

test("auroc within groups is the mean over those with both classes", () => {
  const batch = {
    logits: f32([7], [1, 2, 3, 4, 5, 5, 9]),
    labels: bool([0, 1, 1, 0, 1, 0, 1]),
    groups: i64([0, 0, 1, 1, 2, 2, 3]),
  };
  // Group 0: 1, group 1: 0, group 2: 1/2; group 3 has one class.
  expect(measured({ ...auroc, within: "groups" }, [batch])).toBe(1.5 / 3);
});

test("labels for every element: decisions of one record share its validity", () => {
  const labels: HostTensor = { dtype: "bool", shape: [2, 2], data: Uint8Array.of(1, 0, 0, 0) };
  const logits = f32([2, 2], [1, -1, 3, 1]);
  expect(measured(auroc, [{ logits, labels, valid: [1, 0] }])).toBe(1);
  expect(measured(auroc, [{ logits, labels }])).toBe(1.5 / 3);
});

test("auroc equals the count of pairs, on random sets full of ties", () => {
  const stream = createStream(3, "auroc");
  for (let trial = 0; trial < 300; trial++) {
    const size = 2 + (trial % 40);
    const logits = [...integers(stream, trial, 0, 1 + (trial % 9), size)].map((x) => x - 3);
    const labels = [...integers(stream, trial, 1, 2, size)].map((x) => x === 1);
    let won = 0;
    let pairs = 0;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        if (labels[i] !== true || labels[j] !== false) continue;
        pairs++;
        const [a = 0, b = 0] = [logits[i], logits[j]];
        won += a > b ? 1 : a === b ? 0.5 : 0;
      }
    const area = areaUnder(logits.map((logit, i) => ({ logit, positive: labels[i] === true })));
    expect(area.value).toBe(pairs === 0 ? null : won / pairs);
  }
});

test("auprc by hand: the precision at each positive, ties taken together", () => {
  const auprc = { kind: "auprc", ...names, within: null } as const;
  // Down to 0.8: 1 of 1; down to 0.4: 2 of 4.
  const batch = { logits: f32([5], [0.8, 0.6, 0.4, 0.4, 0.1]), labels: bool([1, 0, 1, 0, 0]) };
  expect(measured(auprc, [batch])).toBe((1 + 2 / 4) / 2);
  expect(measured(auprc, [{ logits: f32([2], [1, 2]), labels: bool([0, 0]) }])).toBe(null);
  const grouped = {
    logits: f32([5], [1, 2, 2, 1, 9]),
    labels: bool([0, 1, 0, 1, 1]),
    groups: i64([0, 0, 1, 1, 2]),
  };
  expect(measured({ ...auprc, within: "groups" }, [grouped])).toBe((1 + 1 / 2) / 2);
});

test("auprc equals the sum over thresholds, on random sets full of ties", () => {
  const stream = createStream(4, "auprc");
  for (let trial = 0; trial < 200; trial++) {
    const size = 2 + (trial % 40);
    const logits = [...integers(stream, trial, 0, 1 + (trial % 9), size)];
    const labels = [...integers(stream, trial, 1, 2, size)].map((x) => x === 1);
    const positives = labels.filter(Boolean).length;
    let [area, recall] = [0, 0];
    for (const threshold of [...new Set(logits)].sort((a, b) => b - a)) {
      const chosen = labels.filter((_, i) => (logits[i] ?? NaN) >= threshold);
      const hits = chosen.filter(Boolean).length;
      area += (hits / positives - recall) * (hits / chosen.length);
      recall = hits / positives;
    }
    const found = averagePrecision(
      logits.map((logit, i) => ({ logit, positive: labels[i] === true })),
    );
    if (positives === 0 || positives === size) expect(found.value).toBe(null);
    else expect(found.value).toBeCloseTo(area, 12);
  }
});

test("narrow floats are read as what they mean", () => {
  for (const value of [0, 1, -1.5, 65504, 2 ** -24, 2 ** -14, -0.333251953125]) {
    expect(halfValue(halfBits(value))).toBe(value);
  }
  expect(halfValue(halfBits(1e9))).toBe(Infinity);
  expect(halfValue(halfBits(NaN))).toBe(NaN);
  for (const value of [0, 1, -2.5, 2 ** -133, 1.5 * 2 ** 100])
    expect(bfloatValue(bfloatBits(value))).toBe(value);
});
