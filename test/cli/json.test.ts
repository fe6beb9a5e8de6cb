/** `--format json`: exactly one document on standard output, of the documented form. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { createWorkplace, tinyProgram } from "./saic.js";

const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "wrong.pipe": tinyProgram().replace("optimizer:", "optimiser:"),
});
afterAll(place.remove);

const json = async (...args: readonly string[]): Promise<unknown> =>
  JSON.parse((await place.saic(...args, "--format", "json")).stdout);

test("check prints an array of diagnostics, also when it cannot begin", async () => {
  expect(await json("check", "tiny.pipe")).toEqual([]);
  const [finding] = (await json("check", "wrong.pipe")) as readonly Record<string, unknown>[];
  expect(finding).toMatchObject({
    code: "names/unknown-key",
    severity: "error",
    message: expect.stringContaining("`optimiser`"),
    file: "wrong.pipe",
    line: expect.any(Number),
    column: 3,
    endLine: expect.any(Number),
    endColumn: 12,
    hint: "did you mean `optimizer`?",
    labels: expect.any(Array),
  });
  expect(Object.keys(finding ?? {}).toSorted()).toEqual(
    ["code", "column", "endColumn", "endLine", "file", "fix"].concat([
      "hint",
      "labels",
      "line",
      "message",
      "place",
      "severity",
    ]),
  );
  for (const args of [["nosuch.pipe"], ["tiny.pipe", "--nosuch"], ["tiny.pipe", "--steps", "x"]]) {
    const ended = await place.saic("check", ...args, "--format", "json");
    expect(ended).toMatchObject({ code: 2, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual([
      expect.objectContaining({ severity: "error", file: null, line: null }),
    ]);
  }
});

test("show --what params prints the parameters and their sums", async () => {
  const row = (path: string, ...shape: readonly number[]): unknown => ({
    path: `model.${path}`,
    shape,
    dtype: "f32",
    count: shape.reduce((product, extent) => product * extent, 1),
  });
  expect(await json("show", "tiny.pipe", "--what", "params")).toEqual({
    model: "tiny",
    total: 3482,
    trainable: 3482,
    parameters: [
      row("hidden.weight", 8, 432),
      row("hidden.bias", 8),
      row("head.weight", 2, 8),
      row("head.bias", 2),
    ],
    loss: [],
  });
});

test("the other subjects of show are documents too", async () => {
  for (const what of ["shapes", "ir", "program", "plan"])
    expect(await json("show", "tiny.pipe", "--what", what)).toBeInstanceOf(Object);
});

test("compile prints its folder and files", async () => {
  const printed = (await json("compile", "tiny.pipe", "--out", "out")) as {
    folder: string;
    files: readonly { path: string; bytes: number }[];
  };
  expect(Object.keys(printed)).toEqual(["folder", "files"]);
  expect(printed.folder).toBe("out");
  for (const { path, bytes } of printed.files)
    expect(Buffer.byteLength(place.read(`out/${path}`), "latin1")).toBeGreaterThan(0.2 * bytes);
  expect(printed.files.map(({ path }) => path)).toContain("plan.json");
});

test("compile writes calls of functions where it is asked to", async () => {
  await json("compile", "tiny.pipe", "--out", "called", "--functions", "keep");
  const domains = (file: string): readonly string[] =>
    (decodeModel(readFileSync(join(place.path, "called", file))).opsetImport ?? []).map(
      ({ domain }) => domain ?? "",
    );
  expect(domains("main/grad.onnx")).toEqual(["", "saic"]);
  expect(domains("main/apply.onnx")).toEqual([""]);
  expect(domains("infer.onnx")).toEqual([""]);
});

test("run prints its result", async () => {
  const printed = (await json("run", "tiny.pipe", "--steps", "4", "--threads", "1")) as Record<
    string,
    unknown
  >;
  expect(Object.keys(printed)).toEqual([
    "status",
    "run_dir",
    "updates",
    "epochs",
    "metrics",
    "tables",
    "objectives",
    "skipped",
    "skipped_updates",
    "stopped",
    "executor",
    "precision",
    "weights",
    "model",
    "exports",
  ]);
  expect(printed).toMatchObject({
    status: "finished",
    updates: 4,
    objectives: [{ name: "test.accuracy", target: 1, value: expect.any(Number) }],
    precision: { asked: "f32", ran: "f32" },
  });
  expect(printed["metrics"]).toMatchObject({
    "train.loss": expect.any(Number),
    "train.total": expect.any(Number),
    "val.accuracy": expect.any(Number),
    "test.loss": expect.any(Number),
  });
});

test("doctor prints what it found", async () => {
  const findings = (await json("doctor")) as readonly Record<string, unknown>[];
  expect(findings.map(({ name }) => name)).toEqual([
    "node",
    "memory",
    "onnxruntime-node",
    "koffi",
    "sharp",
    "cuda",
    "webgpu",
  ]);
  for (const finding of findings)
    expect(Object.keys(finding)).toEqual(["name", "status", "detail", "hint"]);
});
