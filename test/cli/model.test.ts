/** The trained model as a plain ONNX file: no weights to feed, any batch, the evaluation's answers. */

import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { parsePlan } from "../../compiler/plan/schema.js";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
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

  const { tensors } = readSafetensors(join(place.path, result.weights));
  const [stage] = plan.stages;
  const measure = plan.metrics[0]?.measure;
  if (stage === undefined || measure?.kind !== "accuracy") throw new Error("another plan");
  const evaluation = await InferenceSession.create(join(place.path, "out", stage.graphs.eval.file));
  const dataset = await openDataset(plan.data, { seed: plan.seed, threads: 1 });
  let compared = 0;
  for await (const batch of dataset.evaluationBatches("test")) {
    const image = batch.fields.get("image");
    const kind = batch.fields.get("kind");
    if (image === undefined || kind === undefined) throw new Error("no fields");
    const records = batch.valid.length;
    const feeds: Record<string, Tensor> = {};
    for (const { name, feed, shape } of stage.graphs.eval.inputs) {
      if (feed.kind === "state") {
        const entry = plan.state.find(({ path }) => path === feed.path);
        const data = tensors.get(entry?.key ?? "")?.data;
        if (!(data instanceof Float32Array)) throw new Error(`no weight ${feed.path}`);
        feeds[name] = new Tensor("float32", data, shape.map(Number));
      } else if (feed.kind === "valid") feeds[name] = new Tensor("bool", batch.valid, [records]);
      else if (feed.kind === "field")
        feeds[name] =
          feed.field === "image"
            ? new Tensor("float32", image.data as Float32Array, [...image.shape])
            : new Tensor("int64", kind.data as BigInt64Array, [...kind.shape]);
    }
    const expected = (await evaluation.run(feeds))[measure.logits]?.data as Float32Array;
    const width = image.data.length / records;
    // Other batch sizes than the training's, one record among them.
    for (const count of [1, 3, records]) {
      const data = (image.data as Float32Array).slice(0, count * width);
      const answers = await model.run({ image: new Tensor("float32", data, [count, 3, 12, 12]) });
      expect(answers["logits"]?.dims).toEqual([count, 2]);
      const logits = answers["logits"]?.data as Float32Array;
      for (let i = 0; i < logits.length; i++) expect(logits[i]).toBeCloseTo(expected[i] ?? NaN, 5);
      compared += logits.length;
    }
  }
  await dataset.close();
  expect(compared).toBeGreaterThan(30);
});
