/** Declared metrics against plain computation: streaming is whole, padding counts for nothing. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createHost } from "../../cli/host.js";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { createSource } from "../../grammar/source.js";
import type { Batch, Dataset } from "../../runtime/data/dataset.js";
import { createSessionExecutor } from "../../runtime/executor/session.js";
import { createStream, integers, normal } from "../../runtime/random.js";
import { type Evaluation, evaluate, loadEvaluation } from "../../runtime/train/evaluate.js";
import { feederOf, initialState } from "../../scripts/step-inputs.js";
import { temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const names =
  "accuracy, balanced_accuracy, confusion_matrix, dice, ece, f1, f_beta, frequency_weighted_iou, iou, log_loss, mae, mcc, mean_iou, mse, precision, r2, recall, relative_l2, rmse, time_to_detection, top_k_accuracy";

/** Every output is some pixels of the image; `bias` is there to be learned. */
const program = (batch: number): string => `
import { ${names} } from "saic:metrics"
import { sgd } from "saic:optimizers"

dataset Pictures {
  source: synthetic(shapes, count: 32, size: 4, classes: [ring, cross, square])
  field image: image() -> u8[3, 4, 4]
  field kind: label() -> i64[]
  split random { train: 60%  val: 40%  seed: 3 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: ${batch} }
}

block Pixels() {
  in  image: f32[B, 3, 4, 4]
  out logits: f32[B, 3]
  out one: f32[B]
  out truth: f32[B]
  out masks: f32[B, 2, 4]
  out other: f32[B, 2, 4]
  weight bias: f32[48] = 0
  let x = flatten(image, from: 1) + bias
  logits = x |> slice(axis: 1, from: 0, to: 3)
  one = x |> slice(axis: 1, from: 3, to: 4) |> squeeze(-1)
  truth = x |> slice(axis: 1, from: 4, to: 5) |> squeeze(-1)
  masks = x |> slice(axis: 1, from: 5, to: 13) |> reshape(B, 2, 4)
  other = x |> slice(axis: 1, from: 13, to: 21) |> reshape(B, 2, 4)
}

/// Least and largest, and the mean of each column.
metric columns() {
  in x: f32[B, C]
  min least: f32[] = x
  max largest: f32[] = x
  sum total: f64[C] = cast(x, dtype: f64)
  sum records: i64[] = valid
  let mean = total / cast(records, dtype: f64)
  value = mean
  range = largest - least
  count = records
}

train small {
  model: Pixels()
  data: Pictures
  loss { total = average(square(logits)) + average(square(one)) + average(square(truth)) + average(square(masks)) + average(square(other)) }
  optimizer: sgd(lr: 0.01)
  stage main for 1 steps { }
  predict { p = softmax(logits) }
  metrics val {
    accuracy = accuracy(logits, kind)
    signs = accuracy(masks, cast(other > 0, dtype: f32))
    balanced = balanced_accuracy(logits, kind)
    confusion = confusion_matrix(logits, kind)
    signs_confusion = confusion_matrix(masks, cast(other > 0, dtype: i64))
    mcc = mcc(logits, kind)
    mean_iou = mean_iou(logits, kind)
    fw_iou = frequency_weighted_iou(logits, kind)
    top_2 = top_k_accuracy(logits, kind, k: 2)
    average_precision = auprc(one, cast(truth > 0, dtype: f32))
    log_loss = log_loss(logits, kind)
    binary_loss = log_loss(one, cast(truth > 0, dtype: f32))
    ece = ece(predict.p, kind, bins: 7)
    precision = precision(masks, other > 0, threshold: 0.6)
    recall = recall(masks, other > 0)
    f1 = f1(masks, other > 0)
    f2 = f_beta(masks, other > 0, beta: 2)
    iou = iou(masks, other > 1)
    dice = dice(masks, other > 1)
    mae = mae(masks, other)
    mse = mse(masks, other)
    rmse = rmse(masks, other)
    r2 = r2(masks, other)
    relative = relative_l2(masks, other)
    ttd = time_to_detection(one, kind, truth, events: 4)
    columns = columns(logits)
    nothing = precision(one, truth > 0, threshold: 1)
  }
}
`;

const records = 37;
const stream = createStream(5, "pixels");
const pixels = Array.from({ length: records }, (_, i) => [...normal(stream, i, 0, 48)]);
const kinds = [...integers(stream, 0, 1, 3, records)];

/** Batches of `size` with padding that would change every number. */
async function* batches(size: number): AsyncGenerator<Batch> {
  for (let from = 0; from < records; from += size) {
    const image = new Float32Array(size * 48).fill(7);
    const kind = new BigInt64Array(size).fill(1n);
    const valid = new Uint8Array(size);
    const count = Math.min(size, records - from);
    for (let i = 0; i < count; i++) {
      image.set(pixels[from + i] ?? [], i * 48);
      kind[i] = BigInt(kinds[from + i] ?? 0);
      valid[i] = 1;
    }
    yield {
      fields: new Map([
        ["image", { dtype: "f32", shape: [size, 3, 4, 4], data: image }],
        ["kind", { dtype: "i64", shape: [size], data: kind }],
      ]),
      valid,
      count,
    };
  }
}

async function measured(size: number): Promise<Evaluation> {
  const source = createSource("small.pipe", program(size));
  const { diagnostics, lowered } = analyze(source, createHost(), { overrides: [], train: null });
  if (diagnostics.length > 0 || lowered === null)
    throw new Error(diagnostics.map((each) => renderDiagnostic(each, { color: "never" })).join(""));
  const { plan, files } = emitArtifact(lowered, "cpu");
  const place = join(folder.path, String(size));
  for (const [file, bytes] of files) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), bytes);
  }
  const executor = createSessionExecutor({ device: "cpu", threads: 1 });
  const [stage] = plan.stages;
  if (stage === undefined) throw new Error("no stage");
  const graphs = await loadEvaluation(executor, place, plan, stage);
  const dataset: Dataset = {
    manifest: { by: null, seed: 1, splits: { train: [], val: [], test: [] } },
    size: () => records,
    batchesPer: () => Math.ceil(records / size),
    trainBatches: () => batches(size),
    evaluationBatches: () => batches(size),
    close: () => Promise.resolve(),
  };
  const result = await evaluate({
    plan,
    stage,
    split: "val",
    graphs,
    dataset,
    feeder: feederOf(plan, 1).feeder,
    state: initialState(plan),
    update: 1,
  });
  await graphs.close();
  await executor.close();
  return result;
}

const [small, large] = await Promise.all([measured(4), measured(16)]);

// The same numbers in f32, as the graph sees them.
const at = (i: number, from: number, to: number): number[] =>
  (pixels[i] ?? []).slice(from, to).map(Math.fround);
const each = Array.from({ length: records }, (_, i) => i);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const logits = each.map((i) => at(i, 0, 3));
const one = each.map((i) => at(i, 3, 4)[0] ?? 0);
const truth = each.map((i) => at(i, 4, 5)[0] ?? 0);
const masks = each.map((i) => at(i, 5, 13));
const other = each.map((i) => at(i, 13, 21));
const flat = masks.flat().map((x, j) => [x, other.flat()[j] ?? 0] as const);

const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));
const decided = logits.map(argmax);
const confusion = [0, 1, 2].map((row) =>
  [0, 1, 2].map((column) => each.filter((i) => kinds[i] === row && decided[i] === column).length),
);
const signs = [0, 1].map((row) =>
  [0, 1].map(
    (column) => flat.filter(([x, y]) => Number(y > 0) === row && Number(x > 0) === column).length,
  ),
);
const cell = (table: readonly (readonly number[])[], row: number, column: number): number =>
  table[row]?.[column] ?? 0;
const rowSum = (k: number): number => sum(confusion[k] ?? []);
const columnSum = (k: number): number => sum(confusion.map((row) => row[k] ?? 0));
const softmax = (row: readonly number[]): number[] => {
  const all = row.map(Math.exp);
  return all.map((x) => x / sum(all));
};

const counts = (threshold: number) => {
  const yes = flat.map(([x, y]) => [sigmoid(x) > threshold, y > 0] as const);
  return {
    tp: yes.filter(([p, y]) => p && y).length,
    fp: yes.filter(([p, y]) => p && !y).length,
    fn: yes.filter(([p, y]) => !p && y).length,
  };
};

function correlation(): number {
  const k = [0, 1, 2];
  const right = sum(k.map((c) => cell(confusion, c, c)));
  const both = sum(k.map((c) => rowSum(c) * columnSum(c)));
  const spread = (sums: readonly number[]): number => records ** 2 - sum(sums.map((x) => x * x));
  return (right * records - both) / Math.sqrt(spread(k.map(rowSum)) * spread(k.map(columnSum)));
}

function calibration(bins: number): number {
  const scored = each.map((i) => {
    const p = softmax(logits[i] ?? []);
    return { confidence: Math.max(...p), right: Number(decided[i] === kinds[i]) };
  });
  return (
    sum(
      Array.from({ length: bins }, (_, bin) => {
        const inside = scored.filter(
          ({ confidence }) => confidence > bin / bins && confidence <= (bin + 1) / bins,
        );
        return Math.abs(sum(inside.map((s) => s.confidence)) - sum(inside.map((s) => s.right)));
      }),
    ) / records
  );
}

const overlaps = (share: (common: number, a: number, b: number) => number): number =>
  mean(
    each.map((i) => {
      const yes = (masks[i] ?? []).map((x) => x > 0);
      const actual = (other[i] ?? []).map((x) => x > 1);
      return share(
        yes.filter((x, j) => x && actual[j] === true).length,
        yes.filter(Boolean).length,
        actual.filter(Boolean).length,
      );
    }),
  );

function firstDetections(): { value: number; detected: number } {
  const first = new Map<number, number>();
  for (const i of each) {
    const offset = truth[i] ?? 0;
    if (!(sigmoid(one[i] ?? 0) > 0.5 && offset >= 0)) continue;
    const event = kinds[i] ?? 0;
    first.set(event, Math.min(first.get(event) ?? Infinity, offset));
  }
  return { value: mean([...first.values()]) / 60, detected: first.size / new Set(kinds).size };
}

const at6 = counts(0.6);
const at5 = counts(0.5);
const errors = flat.map(([x, y]) => x - y);
const targets = flat.map(([, y]) => y);
const detections = firstDetections();

const expected: Readonly<Record<string, number>> = {
  accuracy: mean(each.map((i) => Number(decided[i] === kinds[i]))),
  signs: mean(flat.map(([x, y]) => Number(x > 0 === y > 0))),
  balanced: mean([0, 1, 2].map((k) => cell(confusion, k, k) / rowSum(k))),
  mcc: correlation(),
  mean_iou: mean(
    [0, 1, 2].map(
      (k) => cell(confusion, k, k) / (rowSum(k) + columnSum(k) - cell(confusion, k, k)),
    ),
  ),
  fw_iou: sum(
    [0, 1, 2].map(
      (k) =>
        ((rowSum(k) / records) * cell(confusion, k, k)) /
        (rowSum(k) + columnSum(k) - cell(confusion, k, k)),
    ),
  ),
  top_2: mean(
    each.map((i) => {
      const row = logits[i] ?? [];
      const own = row[kinds[i] ?? 0] ?? NaN;
      return Number(row.filter((x) => x > own).length < 2);
    }),
  ),
  average_precision: mean(
    each.flatMap((i) => {
      if (!((truth[i] ?? 0) > 0)) return [];
      const chosen = each.filter((j) => (one[j] ?? 0) >= (one[i] ?? 0));
      return [mean(chosen.map((j) => Number((truth[j] ?? 0) > 0)))];
    }),
  ),
  log_loss: mean(each.map((i) => -Math.log(softmax(logits[i] ?? [])[kinds[i] ?? 0] ?? 0))),
  binary_loss: mean(
    each.map((i) => {
      const p = sigmoid(one[i] ?? 0);
      return -Math.log((truth[i] ?? 0) > 0 ? p : 1 - p);
    }),
  ),
  ece: calibration(7),
  precision: at6.tp / (at6.tp + at6.fp),
  recall: at5.tp / (at5.tp + at5.fn),
  f1: (2 * at5.tp) / (2 * at5.tp + at5.fp + at5.fn),
  f2: (5 * at5.tp) / (5 * at5.tp + 4 * at5.fn + at5.fp),
  iou: overlaps((common, a, b) => (a + b === 0 ? 1 : common / (a + b - common))),
  dice: overlaps((common, a, b) => (a + b === 0 ? 1 : (2 * common) / (a + b))),
  mae: mean(errors.map(Math.abs)),
  mse: mean(errors.map((x) => x * x)),
  rmse: Math.sqrt(mean(errors.map((x) => x * x))),
  r2: 1 - sum(errors.map((x) => x * x)) / sum(targets.map((y) => (y - mean(targets)) ** 2)),
  relative: mean(
    each.map((i) => {
      const y = other[i] ?? [];
      const off = (masks[i] ?? []).map((x, j) => x - (y[j] ?? 0));
      return Math.hypot(...off) / Math.hypot(...y);
    }),
  ),
  ttd: detections.value,
  "ttd.detected": detections.detected,
  "columns.range": Math.max(...logits.flat()) - Math.min(...logits.flat()),
  "columns.count": records,
};

describe("over 37 records, padded with others", () => {
  test.each(Object.entries(expected))("%s", (name, value) => {
    expect(large.metrics[`val.${name}`]).toBeCloseTo(value, 5);
    const whole = large.metrics[`val.${name}`] ?? NaN;
    expect(small.metrics[`val.${name}`]).toBeCloseTo(whole, 6);
  });

  test("tables", () => {
    expect(large.tables["val.confusion"]).toEqual(confusion);
    expect(small.tables["val.confusion"]).toEqual(confusion);
    expect(large.tables["val.signs_confusion"]).toEqual(signs);
    const columns = large.tables["val.columns"] as readonly number[];
    expect(columns).toHaveLength(3);
    columns.forEach((value, c) =>
      expect(value).toBeCloseTo(mean(logits.map((row) => row[c] ?? 0)), 5),
    );
    expect(large.metrics).not.toHaveProperty("val.confusion");
  });

  test("what divides nothing by nothing is undefined, with a warning", () => {
    expect(large.metrics["val.nothing"]).toBe(null);
    expect(large.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining("`val.nothing` is undefined"),
    ]);
  });
});
