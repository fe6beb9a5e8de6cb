/** The quickstart learns what a linear probe on raw pixels cannot: its network and data are sound. */

import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, type PrintedResult, root } from "../cli/saic.js";

const probe = `
import { Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { Shapes } from "./quickstart.pipe"

block Probe(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image |> flatten() |> Linear(classes) as head
}

train probe {
  model: Probe(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-3, weight_decay: 0.01)
  stage main for 6 epochs { }
  metrics { accuracy = accuracy(logits, kind) }
  checkpoint: [best(val.accuracy), last(every: 1 epochs)]
}
`;

const place = createWorkplace({ "probe.pipe": probe });
afterAll(place.remove);
cpSync(join(root, "pipelines/quickstart.pipe"), join(place.path, "quickstart.pipe"));

async function accuracyOf(program: string): Promise<number> {
  const began = performance.now();
  const ended = await place.saic("run", program, "--format", "json");
  const seconds = (performance.now() - began) / 1000;
  expect(ended.code, ended.stderr).toBe(0);
  const accuracy = (JSON.parse(ended.stdout) as PrintedResult).metrics["test.accuracy"] ?? NaN;
  process.stdout.write(
    `${program}: test.accuracy ${accuracy.toFixed(4)} in ${seconds.toFixed(1)} s\n`,
  );
  return accuracy;
}

test("a linear probe on pixels stays below 0.70", async () => {
  expect(await accuracyOf("probe.pipe")).toBeLessThan(0.7);
}, 180_000);

test("the quickstart reaches 0.95", async () => {
  expect(await accuracyOf("quickstart.pipe")).toBeGreaterThanOrEqual(0.95);
}, 300_000);
