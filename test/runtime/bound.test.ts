/** The executor on the C API: memory that stays, the same bits, and other threads that go on. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { at } from "../../grammar/invariant.js";
import { createBoundExecutor } from "../../runtime/executor/bound/bound.js";
import type { Executor, Tensors } from "../../runtime/executor/executor.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import type { HostTensor } from "../../runtime/tensor.js";
import { type Parts, trainSteps } from "../stdlib/train-steps.js";
import { build } from "./build.js";
import { outcomeOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { encodeModel, type ModelSketch } from "./onnx-model.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
let bound: Executor;
beforeAll(async () => {
  mkdirSync(folder.path, { recursive: true });
  build();
  // The thread that makes a process's first session takes denormal numbers for zero from then on,
  // and so do those that it starts: in a run that is the thread of graphs, here both executors'.
  const { executor: session } = await openExecutor("session", { device: "cpu", threads: 1 });
  await session.load(folder.path, writeState("first.onnx", 1, sum));
  await session.close();
  ({ executor: bound } = await openExecutor("bound", { device: "cpu", threads: 2 }));
});
afterAll(() => bound.close());

/** A graph of f32 tensors of one length whose state `s` becomes `s_new`, and a field `x`. */
function writeState(file: string, length: number, nodes: ModelSketch["nodes"]): GraphSpec {
  const described = { dtype: "f32" as const, shape: [length] };
  const inputs = [
    { name: "s", ...described },
    { name: "x", ...described },
  ];
  const outputs = [{ name: "s_new", ...described }];
  writeFileSync(join(folder.path, file), encodeModel({ inputs, outputs, nodes, constants: {} }));
  return {
    file,
    inputs: inputs.map((each) => ({
      ...each,
      feed: each.name === "s" ? { kind: "state", path: "s" } : { kind: "field", field: each.name },
    })),
    outputs: outputs.map((each) => ({ ...each, meaning: { kind: "state", path: "s" } })),
    peakBytes: 0,
    flops: 0,
  };
}

const filled = (length: number, value: number): HostTensor => ({
  dtype: "f32",
  shape: [length],
  data: new Float32Array(length).fill(value),
});

const sum = [{ op: "Add", inputs: ["s", "x"], output: "s_new" }];

test("spare memory is written again, and all else left alone", async () => {
  const graph = await bound.load(folder.path, writeState("sum.onnx", 3, sum));
  const [s, x] = [filled(3, 1), filled(3, 2)];
  const first = await graph.run(
    new Map([
      ["s", s],
      ["x", x],
    ]),
  );
  const second = await graph.run(
    new Map([
      ["s", at([...first.values()], 0)],
      ["x", x],
    ]),
  );
  expect(second.get("s_new")?.data).toEqual(Float32Array.of(5, 5, 5));
  expect(first.get("s_new")?.data).toEqual(Float32Array.of(3, 3, 3));
  const third = await graph.run(
    new Map([
      ["s", at([...second.values()], 0)],
      ["x", x],
    ]),
    first,
  );
  expect(third.get("s_new")).toBe(first.get("s_new"));
  expect(koffi.address(third.get("s_new")?.data) % 64n).toBe(0n);
  expect(third.get("s_new")?.data).toEqual(Float32Array.of(7, 7, 7));
  expect(second.get("s_new")?.data).toEqual(Float32Array.of(5, 5, 5));
  expect([s, x]).toEqual([filled(3, 1), filled(3, 2)]);
  await graph.close();
});

test("what a graph declares is held against the plan before it writes anywhere", async () => {
  const spec = writeState("declared.onnx", 3, sum);
  const smaller = { ...spec, outputs: spec.outputs.map((each) => ({ ...each, shape: [2] })) };
  await expect(bound.load(folder.path, smaller)).rejects.toThrow(
    "`s_new` has the shape [3], in the plan [2]",
  );
  const wider = {
    ...spec,
    outputs: spec.outputs.map((each) => ({ ...each, dtype: "f64" as const })),
  };
  await expect(bound.load(folder.path, wider)).rejects.toThrow(
    "`s_new` among its outputs is not a tensor of `f64`",
  );
});

test("timers and messages go on while a graph runs", async () => {
  const length = 2 ** 21;
  const nodes = Array.from({ length: 60 }, (_, i) => ({
    op: "Sin",
    inputs: [i === 0 ? "s" : `t${i}`],
    output: `t${i + 1}`,
  }));
  const spec = writeState("slow.onnx", length, [
    ...nodes,
    { op: "Add", inputs: ["t60", "x"], output: "s_new" },
  ]);
  const graph = await bound.load(folder.path, spec);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await graph.run(
    new Map([
      ["s", filled(length, 1)],
      ["x", filled(length, 1)],
    ]),
  );
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(10);
  await graph.close();
});

/** Convolution, batch norm, dropout and AdamW. */
const program: Parts = {
  model: `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
block Net(classes: dim = 4) {
  in  image: f32[B, 3, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(16, kernel: 3, pad: 1, bias: false) as conv |> BatchNorm2d() as norm |> relu
    |> flatten() |> Linear(64) as hidden |> relu |> Dropout(0.3) |> Linear(classes) as head
}`,
  loss: "losses.cross_entropy(logits, kind)",
  optimizer: "adamw(lr: 1e-2, weight_decay: 0.01)",
  batch: 8,
  steps: 20,
};

test.each(["fused", "split"] as const)(
  "20 updates on one thread, %s: the same bits",
  async (graphs) => {
    const session = await trainSteps(program, { executor: "session", threads: 1, graphs });
    const other = await trainSteps(program, { executor: "bound", threads: 1, graphs });
    expect(other.losses).toEqual(session.losses);
    expect(at(session.losses, -1)).toBeLessThan(at(session.losses, 0));
    expect(bits(other.after)).toEqual(bits(session.after));
  },
);

test("20 updates on two threads: the same numbers up to rounding", async () => {
  const session = await trainSteps(program, { executor: "session", threads: 2 });
  const other = await trainSteps(program, { executor: "bound", threads: 2 });
  for (const [path, tensor] of session.after) {
    const ours = numbers(tensor);
    const theirs = numbers(other.after.get(path));
    const largest = Math.max(...ours.map(Math.abs));
    expect(theirs).toHaveLength(ours.length);
    for (const [i, value] of ours.entries())
      expect(Math.abs(value - (theirs[i] ?? NaN))).toBeLessThanOrEqual(1e-5 * largest);
  }
});

const numbers = (tensor: HostTensor | undefined): readonly number[] => {
  const data: Iterable<number | bigint> = tensor?.data ?? [];
  return Array.from(data, Number);
};

const bits = (state: Tensors): readonly (readonly [string, string])[] =>
  [...state].map(([path, { data }]) => {
    const { buffer, byteOffset, byteLength } = data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return [path, createHash("sha256").update(bytes).digest("hex")];
  });

test("denormal numbers are zero in whatever thread a graph runs", async () => {
  const graph = await bound.load(folder.path, writeState("denormal.onnx", 2, sum));
  const [s, x] = [filled(2, 0), filled(2, 0)];
  new Uint32Array(s.data.buffer).fill(0x1000);
  const outputs = await graph.run(
    new Map([
      ["s", s],
      ["x", x],
    ]),
  );
  const [result] = outputs.values();
  expect([...new Uint32Array(result?.data.buffer ?? new ArrayBuffer(0)).slice(0, 2)]).toEqual([
    0, 0,
  ]);
  await graph.close();
});

test("memory stays flat over thousands of steps", async () => {
  const length = 5000;
  const graph = await bound.load(folder.path, writeState("flat.onnx", length, sum));
  let state = filled(length, 0);
  let [last, before]: (Tensors | undefined)[] = [];
  const rss: number[] = [];
  for (let step = 1; step <= 6000; step++) {
    const outputs = await graph.run(
      new Map([
        ["s", state],
        ["x", filled(length, 1)],
      ]),
      before,
    );
    [last, before] = [outputs, last];
    [state = state] = outputs.values();
    if (step % 100 === 0) rss.push(process.memoryUsage.rss());
  }
  expect(state).toEqual(filled(length, 6000));
  const mean = (values: readonly number[]): number =>
    values.reduce((a, b) => a + b, 0) / values.length;
  // 4000 steps' inputs alone are 80 MB.
  expect(mean(rss.slice(-10)) - mean(rss.slice(10, 20))).toBeLessThan(20 * 2 ** 20);
  await graph.close();
});

test("graphs come and go without leaving anything", async () => {
  const spec = writeState("often.onnx", 1000, sum);
  const rss: number[] = [];
  for (let i = 0; i < 600; i++) {
    const graph = await bound.load(folder.path, spec);
    await graph.run(
      new Map([
        ["s", filled(1000, 1)],
        ["x", filled(1000, 1)],
      ]),
    );
    await graph.close();
    if (i % 100 === 99) rss.push(process.memoryUsage.rss());
  }
  expect(at(rss, -1) - at(rss, 1)).toBeLessThan(20 * 2 ** 20);
});

test("a whole run, killed and continued, ends as under the other executor", async () => {
  const artifact = join(folder.path, "artifact");
  writeRegression(artifact, { data: tinyProgram });
  const outcome = async (name: "bound" | "session"): Promise<unknown> => {
    const runsDir = join(folder.path, `runs-${name}`);
    for (const crashAfter of [3, 8, 13])
      await expect(run({ artifact, runsDir, executor: name }, { crashAfter })).rejects.toThrow();
    const result = await run({ artifact, runsDir, executor: name });
    expect(result.executor).toBe(name);
    return outcomeOf({ ...result, executor: "session" });
  };
  expect(await outcome("bound")).toEqual(await outcome("session"));
});

test("which executor: asked for, or the first that works", async () => {
  const options = { device: "cpu", threads: 1 } as const;
  const opened = await openExecutor(null, options);
  expect(opened).toMatchObject({ executor: { name: "bound" }, warning: null });
  expect((await openExecutor("session", options)).executor.name).toBe("session");
  const broken = (): Promise<never> =>
    Promise.reject(new Error("libonnxruntime.so.1: cannot open shared object file\nelsewhere"));
  expect(await openExecutor(null, options, broken)).toMatchObject({
    executor: { name: "session" },
    warning: {
      code: "run/executor-fallback",
      message: expect.stringMatching(
        /`session` runs instead: libonnxruntime.so.1: cannot .*file$/u,
      ),
    },
  });
  await expect(openExecutor("bound", options, broken)).rejects.toMatchObject({
    exitCode: 2,
    diagnostic: {
      code: "run/executor-unavailable",
      message: expect.stringContaining("libonnxruntime.so.1"),
    },
  });
  await expect(openExecutor("bound", { ...options, device: "cuda" })).rejects.toMatchObject({
    exitCode: 2,
    diagnostic: { code: "run/executor-unavailable" },
  });
  expect((await createBoundExecutor({ threads: 3 })).library).toMatch(/onnxruntime/u);
});
