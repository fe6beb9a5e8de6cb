/** What all executors have in common: tensors in and out, and what they refuse. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DType } from "../../compiler/plan/data.js";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { isOutOfMemory } from "../../runtime/executor/refusals.js";
import { type Executor, executorNames } from "../../runtime/executor/executor.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { createSessionExecutor } from "../../runtime/executor/session.js";
import type { HostTensor } from "../../runtime/tensor.js";
import { build } from "./build.js";
import { temporaryFolder } from "./harness.js";
import { encodeModel, type NodeSketch } from "./onnx-model.js";

const folder = temporaryFolder();
afterAll(folder.remove);
beforeAll(build);
mkdirSync(folder.path, { recursive: true });

const spec = (
  file: string,
  ports: readonly (readonly [string, DType, readonly number[]])[],
): GraphSpec => ({
  file,
  inputs: ports.map(([name, dtype, shape]) => ({
    name,
    dtype,
    shape: [...shape],
    feed: { kind: "field", field: name },
  })),
  outputs: ports.map(([name, dtype, shape]) => ({
    name: `${name}2`,
    dtype,
    shape: [...shape],
    meaning: { kind: "output" },
  })),
  peakBytes: 0,
  flops: 0,
});

const write = (
  file: string,
  nodes: readonly NodeSketch[],
  ports: readonly (readonly [string, "f32" | "u8" | "i32" | "i64" | "bool", readonly number[]])[],
): void =>
  writeFileSync(
    join(folder.path, file),
    encodeModel({
      inputs: ports.map(([name, dtype, shape]) => ({ name, dtype, shape })),
      outputs: ports.map(([name, dtype, shape]) => ({ name: `${name}2`, dtype, shape })),
      nodes,
      constants: {},
    }),
  );
const identity = (name: string): NodeSketch => ({
  op: "Identity",
  inputs: [name],
  output: `${name}2`,
});

describe.each(executorNames)("%s", (name) => {
  let executor: Executor;
  beforeAll(async () => {
    ({ executor } = await openExecutor(name, { device: "cpu", threads: 1 }));
  });
  afterAll(() => executor.close());

  test("tensors of every type pass, scalars and empty ones too", async () => {
    const ports = [
      ["a", "f32", [2, 1]],
      ["b", "u8", [3]],
      ["c", "i32", []],
      ["d", "i64", [2]],
      ["e", "bool", [2]],
      ["f", "f32", [0, 2]],
    ] as const;
    write(
      "types.onnx",
      ports.map(([name]) => identity(name)),
      ports,
    );
    const graph = await executor.load(folder.path, spec("types.onnx", ports));
    const feeds = new Map<string, HostTensor>([
      ["a", { dtype: "f32", shape: [2, 1], data: Float32Array.of(1.5, -2) }],
      ["b", { dtype: "u8", shape: [3], data: Uint8Array.of(0, 9, 255) }],
      ["c", { dtype: "i32", shape: [], data: Int32Array.of(-5) }],
      ["d", { dtype: "i64", shape: [2], data: BigInt64Array.of(2n ** 60n, -1n) }],
      ["e", { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }],
      ["f", { dtype: "f32", shape: [0, 2], data: new Float32Array(0) }],
    ]);
    const outputs = await graph.run(feeds);
    for (const [name, tensor] of feeds) expect(outputs.get(`${name}2`)).toEqual(tensor);
  });

  test("a graph that is missing, broken, or not the plan's", async () => {
    const port = [["a", "f32", [2]]] as const;
    const load = (file: string, ports: Parameters<typeof spec>[1] = port) =>
      executor.load(folder.path, spec(file, ports));
    await expect(load("none.onnx")).rejects.toThrow("the file does not exist");
    writeFileSync(join(folder.path, "broken.onnx"), "not protobuf");
    await expect(load("broken.onnx")).rejects.toMatchObject({
      exitCode: 2,
      diagnostic: { code: "artifact/graph-rejected" },
    });
    write("one.onnx", [identity("a")], port);
    await expect(load("one.onnx", [...port, ["b", "f32", [2]]])).rejects.toThrow(
      "`b` is not among its inputs",
    );
    await expect(load("one.onnx", [])).rejects.toThrow("`a` among its inputs is not in the plan");
    const otherType = name === "session" ? "run/dtype-unsupported" : "artifact/graph-mismatch";
    await expect(load("one.onnx", [["a", "bf16", [2]]])).rejects.toMatchObject({
      diagnostic: { code: otherType },
    });
    const graph = await load("one.onnx");
    const wrong = new Map<string, HostTensor>([
      ["a", { dtype: "f32", shape: [3], data: new Float32Array(3) }],
    ]);
    await expect(graph.run(wrong)).rejects.toMatchObject({
      exitCode: 2,
      diagnostic: {
        code: "artifact/graph-rejected",
        message: expect.stringContaining("for input: a"),
      },
    });
    await expect(graph.run(new Map())).rejects.toMatchObject({
      exitCode: 2,
      diagnostic: { code: "artifact/graph-rejected", message: expect.stringContaining("missing") },
    });
    const right: HostTensor = { dtype: "f32", shape: [2], data: Float32Array.of(3, 4) };
    expect((await graph.run(new Map([["a", right]]))).get("a2")).toEqual(right);
  });

  test("a graph that cannot have its memory is a fault with exit code 5", async () => {
    const port = [["a", "f32", [1]]] as const;
    // The outer product of two vectors of 2^22 numbers would take 64 TiB.
    writeFileSync(
      join(folder.path, "huge.onnx"),
      encodeModel({
        inputs: [{ name: "a", dtype: "f32", shape: [1] }],
        outputs: [{ name: "a2", dtype: "f32", shape: [] }],
        nodes: [
          { op: "Expand", inputs: ["a", "long"], output: "column" },
          { op: "Reshape", inputs: ["column", "flat"], output: "row" },
          { op: "Mul", inputs: ["column", "row"], output: "product" },
          { op: "ReduceMax", inputs: ["product"], output: "a2", ints: { keepdims: 0 } },
        ],
        constants: {
          long: { dtype: "i64", shape: [2], values: [2 ** 22, 1] },
          flat: { dtype: "i64", shape: [2], values: [1, -1] },
        },
      }),
    );
    const graph = await executor.load(folder.path, spec("huge.onnx", port));
    await expect(
      graph.run(new Map([["a", { dtype: "f32", shape: [1], data: Float32Array.of(1) }]])),
    ).rejects.toMatchObject({ exitCode: 5, diagnostic: { code: "run/out-of-memory" } });
    expect(isOutOfMemory("std::bad_alloc")).toBe(true);
    expect(isOutOfMemory("bad allocation")).toBe(true);
    expect(isOutOfMemory("shape mismatch")).toBe(false);
  });

  test("a node that fails is named", async () => {
    const port = [["a", "f32", [2]]] as const;
    writeFileSync(
      join(folder.path, "fails.onnx"),
      encodeModel({
        inputs: [{ name: "a", dtype: "f32", shape: [2] }],
        outputs: [{ name: "a2", dtype: "f32", shape: [2] }],
        nodes: [
          { op: "Cast", inputs: ["a"], output: "places", ints: { to: 7 } },
          { op: "Gather", inputs: ["a", "places"], output: "a2" },
        ],
        constants: {},
      }),
    );
    const graph = await executor.load(folder.path, spec("fails.onnx", port));
    const feeds = new Map<string, HostTensor>([
      ["a", { dtype: "f32", shape: [2], data: Float32Array.of(3, 4) }],
    ]);
    await expect(graph.run(feeds)).rejects.toMatchObject({
      exitCode: 2,
      diagnostic: {
        code: "artifact/graph-rejected",
        message: expect.stringMatching(/Gather node.*Name:'a2'/u),
      },
    });
  });
});

test("a device without its library is refused by the library's name", () => {
  const library = new URL(
    `../../node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/libonnxruntime_providers_cuda.so`,
    import.meta.url,
  );
  if (existsSync(library)) return;
  expect(() => createSessionExecutor({ device: "cuda", threads: 1 })).toThrow(
    "libonnxruntime_providers_cuda.so` does not exist",
  );
});
