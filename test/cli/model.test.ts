/** The trained model as a plain ONNX file: no weights to feed, any batch, the evaluation's answers. */

import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { parsePlan } from "../../compiler/plan/schema.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { createWorkplace, type PrintedResult, tinyProgram } from "./saic.js";

const place = createWorkplace({ "tiny.pipe": tinyProgram() });
afterAll(place.remove);

test("model.onnx answers as the evaluation graph does with the chosen weights", async () => {
  const ended = await place.saic("run", "tiny.pipe", "--format", "json");
  const result = JSON.parse(ended.stdout) as PrintedResult;
  const compiled = await place.saic("compile", "tiny.pipe", "--out", "out", "--format", "json");
  expect(compiled.code, compiled.stderr).toBe(0);
  const parsed = parsePlan(JSON.parse(place.read("out/plan.json")));
  if (!parsed.ok) throw new Error(parsed.message);
  const { plan } = parsed;

  const model = await InferenceSession.create(join(place.path, result.model ?? ""));
  expect(model.inputNames).toEqual(["image"]);
  expect(model.outputNames).toEqual(["logits"]);
  const [input] = model.inputMetadata;
  expect(input).toMatchObject({ isTensor: true, type: "float32" });
  expect(input?.isTensor === true && input.shape.slice(1)).toEqual([3, 12, 12]);
  expect(typeof (input?.isTensor === true && input.shape[0])).toBe("string");

  const dataset = await openDataset(plan.data, { seed: plan.seed, threads: 1 });
  let right = 0;
  let all = 0;
  for await (const batch of dataset.evaluationBatches("test")) {
    const image = batch.fields.get("image");
    const kind = batch.fields.get("kind");
    if (image === undefined || kind === undefined) throw new Error("no fields");
    const records = batch.valid.length;
    const width = image.data.length / records;
    // Other batch sizes than the training's, one record among them.
    const answers: Float32Array[] = [];
    for (const count of [records, 1, 3]) {
      const data = (image.data as Float32Array).slice(0, count * width);
      const { logits } = await model.run({
        image: new Tensor("float32", data, [count, 3, 12, 12]),
      });
      expect(logits?.dims).toEqual([count, 2]);
      answers.push(logits?.data as Float32Array);
    }
    const [whole = new Float32Array(), ...parts] = answers;
    for (const part of parts)
      part.forEach((logit, i) => expect(logit).toBeCloseTo(whole[i] ?? NaN, 5));
    for (let i = 0; i < records; i++) {
      if (batch.valid[i] !== 1) continue;
      const decided = (whole[2 * i + 1] ?? 0) > (whole[2 * i] ?? 0) ? 1n : 0n;
      if (decided === kind.data[i]) right++;
      all++;
    }
  }
  await dataset.close();
  expect(all).toBeGreaterThan(5);
  expect(right / all).toBe(result.metrics["test.accuracy"]);
});
