/** Exports: what a finished run writes beside `model.onnx`, by name and with predictions. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, type PrintedResult } from "./saic.js";

const program = `
import { Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy, confusion_matrix, ece } from "saic:metrics"
import { adamw } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 60, size: 8, classes: [ring, cross], seed: 1)
  field image: image() -> u8[3, 8, 8]
  field kind: label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 3 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8 }
}

block Noisy(classes: dim) {
  in  image: f32[B, 3, 8, 8]
  out logits: f32[B, classes]
  logits = image |> flatten(from: 1) |> Dropout(0.5) |> Linear(classes) as head
}

train noisy {
  model: Noisy(classes: Shapes.classes)
  data:  Shapes
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 0.01)
  stage main for 6 steps { }
  predict { p = softmax(logits) }
  predict mc(samples: 5) {
    each = softmax(logits)
    p = mean(each, axes: [0])
  }
  metrics {
    accuracy = accuracy(logits, kind)
    confusion = confusion_matrix(logits, kind)
    ece = ece(predict.mc.p, kind)
  }
  checkpoint: best(val.accuracy)
  objective test.accuracy >= 0
}

export noisy as "sure.onnx" { inputs: [image]  outputs: [logits, predict.p] }
export noisy as "mc.onnx"   { outputs: [predict.mc.*]  weights: last }
export noisy as "four.onnx" { batch: 4 }
`;

const numbers = (tensor: Tensor | undefined): readonly number[] =>
  tensor?.data instanceof Float32Array ? [...tensor.data] : [];

const place = createWorkplace({ "noisy.pipe": program });
afterAll(place.remove);

test("every export is written with weights inside, and its draws are its own", async () => {
  const ended = await place.saic("run", "noisy.pipe", "--format", "json");
  expect(ended.code, ended.stderr).toBe(0);
  const result = JSON.parse(ended.stdout) as PrintedResult & {
    readonly exports: readonly string[];
    readonly tables: Readonly<Record<string, readonly (readonly number[])[]>>;
  };
  const folder = join(place.path, result.run_dir);
  expect(result.exports.map((file) => file.split(/[\\/]/).at(-1))).toEqual([
    "sure.onnx",
    "mc.onnx",
    "four.onnx",
  ]);
  for (const file of result.exports) expect(existsSync(join(place.path, file))).toBe(true);
  expect(result.metrics["test.ece"]).toBeGreaterThan(0);
  const confusion = result.tables["test.confusion"] ?? [];
  expect(confusion.flat().reduce((a, b) => a + b, 0)).toBe(12);
  const right = (confusion[0]?.[0] ?? 0) + (confusion[1]?.[1] ?? 0);
  expect(result.metrics["test.accuracy"]).toBe(right / 12);

  const image = new Float32Array(4 * 192).map((_, i) => Math.sin(i));
  const feeds = { image: new Tensor("float32", image, [4, 3, 8, 8]) };
  const load = (name: string): Promise<InferenceSession> =>
    InferenceSession.create(join(folder, name));

  const sure = await load("sure.onnx");
  expect([sure.inputNames, sure.outputNames]).toEqual([["image"], ["logits", "p"]]);
  const { logits, p } = await sure.run(feeds);
  const four = await load("four.onnx");
  expect(four.inputMetadata[0]).toMatchObject({ shape: [4, 3, 8, 8] });
  const again = await four.run(feeds);
  expect(numbers(again["logits"])).toEqual(numbers(logits));
  const [a = 0, b = 0] = numbers(logits);
  expect(numbers(p)[0]).toBeCloseTo(1 / (1 + Math.exp(b - a)), 5);

  const mc = await load("mc.onnx");
  expect([mc.inputNames, mc.outputNames]).toEqual([["image"], ["mc.each", "mc.p"]]);
  const drawn = await mc.run(feeds);
  expect(drawn["mc.each"]?.dims).toEqual([5, 4, 2]);
  expect(drawn["mc.p"]?.dims).toEqual([4, 2]);
  const each = numbers(drawn["mc.each"]);
  const samples = [0, 1, 2, 3, 4].map((k) => each[k * 8] ?? 0);
  expect(new Set(samples).size).toBe(5);
  const mean = samples.reduce((x, y) => x + y, 0) / 5;
  expect(numbers(drawn["mc.p"])[0]).toBeCloseTo(mean, 5);
});

test("a model that does not give what the run gives ends the run, which is kept", async () => {
  // Halves of two large weights that nearly cancel are far from their difference.
  const cancelling = program
    .replace("|> Linear(classes) as head", "|> Linear(classes) as head |> Far()")
    .replace(
      "block Noisy",
      `block Far() {
  in  x: f32[B, C]
  out y: f32[B, C]
  weight high: f32[1] = 1000.3
  weight low: f32[1] = -1000
  y = x + (high + low)
}

block Noisy`,
    )
    .replace('as "four.onnx" { batch: 4 }', 'as "half.onnx" { precision: f16 }');
  place.write("far.pipe", cancelling);
  const ended = await place.saic("run", "far.pipe", "--format", "json");
  expect(ended).toMatchObject({ code: 4, stdout: "" });
  expect(ended.stderr).toContain("error[use/export-differs]");
  expect(ended.stderr).toContain("half.onnx` does not give what the run does: `logits` differs by");
  const [, folder = ""] = /`([^`]*)half\.onnx`/u.exec(ended.stderr) ?? [];
  const files = (): readonly boolean[] =>
    ["result.json", "model.onnx", "sure.onnx", "half.onnx"].map((name) =>
      existsSync(join(place.path, folder, name)),
    );
  expect(files()).toEqual([true, true, true, false]);
  const again = await place.saic("run", "far.pipe", "--no-check");
  expect(again.code, again.stderr).toBe(0);
  expect(files()).toEqual([true, true, true, true]);
});
