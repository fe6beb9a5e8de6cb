/** `on_oom`: a run that is not given its memory goes on in smaller micro-batches. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  createWorkplace,
  type Ended,
  eventsIn,
  type PrintedResult,
  root,
  tinyProgram,
} from "../cli/saic.js";

const program = (min: number): string =>
  tinyProgram({ steps: 1, count: 200, members: `  on_oom: halve_microbatch(min: ${min})\n` })
    .replace(
      "Linear(hidden) as hidden |> relu",
      "Linear(2) as narrow |> Linear(hidden) as hidden |> relu",
    )
    .replaceAll("batch: 8", "batch: 96");

const place = createWorkplace({ "wide.pipe": program(2), "stiff.pipe": program(96) });
afterAll(place.remove);

const args = (file: string, runs: string): readonly string[] => [
  "run",
  file,
  "--hidden-units=800000",
  "--threads=1",
  "--executor=bound",
  "--ignore-memory",
  "--format=json",
  `--runs-dir=${runs}`,
];

/** With address space for Node and ONNX Runtime, and not for activations of 307 MB each. */
function limited(file: string, runs: string): Promise<Ended> {
  const command = join(root, "dist/cli/main.js");
  return new Promise((resolve) => {
    const child = spawn(
      "sh",
      ["-c", 'ulimit -v 3000000; exec "$0" "$@"', process.execPath, command, ...args(file, runs)],
      { cwd: place.path, env: { ...process.env, NO_COLOR: "1" } },
    );
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const partsIn = (folder: string): number | undefined =>
  (
    JSON.parse(place.read(join(folder, "plan.json"))) as {
      readonly data: { readonly loader: { readonly parts?: number } };
    }
  ).data.loader.parts;

test("micro-batches are halved until they fit, and the updates stay as they were", async () => {
  const ended = await limited("wide.pipe", "limited");
  expect(ended.code, ended.stderr).toBe(0);
  const result = JSON.parse(ended.stdout) as PrintedResult;
  const parts = partsIn(result.run_dir) ?? 1;
  expect([2, 4, 8, 16, 32]).toContain(parts);
  const said = eventsIn(join(place.path, result.run_dir)).find(
    ({ code }) => code === "run/batches-in-parts",
  );
  expect(said?.["message"]).toBe(
    `memory did not suffice: each batch of 96 comes as ${parts} micro-batches of ${96 / parts}`,
  );
  const free = await place.saic(...args("wide.pipe", "free"));
  expect(free.code, free.stderr).toBe(0);
  const whole = JSON.parse(free.stdout) as PrintedResult;
  expect(partsIn(whole.run_dir)).toBeUndefined();
  // Each run directory is named by the program, whatever its memory.
  expect(result.run_dir.split(/[\\/]/u).at(-1)).toBe(whole.run_dir.split(/[\\/]/u).at(-1));
  for (const [name, value] of Object.entries(whole.metrics)) {
    const other = result.metrics[name] ?? NaN;
    expect(Math.abs(other - (value ?? NaN)), name).toBeLessThanOrEqual(1e-3 * Math.abs(value ?? 0));
  }
  // The run has its own graphs, and is taken up as it is.
  const again = await place.saic("eval", result.run_dir, "--threads=1", "--format=json");
  expect(again.code, again.stderr).toBe(0);
  const { metrics } = JSON.parse(again.stdout) as PrintedResult;
  expect(metrics["test.loss"]).toBe(result.metrics["test.loss"]);
  const taken = await place.saic(...args("wide.pipe", "limited"));
  expect(JSON.parse(taken.stdout)).toMatchObject({ metrics: result.metrics });
}, 180_000);

test("not below what the program says", async () => {
  const ended = await limited("stiff.pipe", "stiff");
  expect(ended, ended.stderr).toMatchObject({ code: 5, stdout: "" });
  expect(ended.stderr).toContain("error[run/out-of-memory]");
  expect(ended.stderr).not.toContain("batches-in-parts");
}, 180_000);
