/** What a new run's weights begin with: files, copies, blends, and what is said of them. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createHost } from "../../cli/host.js";
import { createProgress } from "../../cli/progress.js";
import { analyze } from "../../compiler/compile.js";
import type { Plan } from "../../compiler/plan/schema.js";
import { createSource } from "../../grammar/source.js";
import { encodeSafetensors } from "../../runtime/checkpoint/safetensors.js";
import type { RunEvent } from "../../runtime/events.js";
import { Fault } from "../../runtime/fault.js";
import { initialize } from "../../runtime/initialize.js";
import { resample } from "../../runtime/resample.js";
import { startState } from "../../runtime/starting-state.js";
import type { HostTensor } from "../../runtime/tensor.js";
import { compileInto, runCompiled } from "./compiled.js";
import { eventsOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const f32 = (shape: readonly number[], ...values: readonly number[]): HostTensor => ({
  dtype: "f32",
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).map(
    (_, i) => values[i % values.length] ?? 0,
  ),
});

function fileOf(name: string, tensors: Readonly<Record<string, HostTensor>>): string {
  const file = join(folder.path, name);
  writeFileSync(file, Buffer.concat(encodeSafetensors(new Map(Object.entries(tensors)))));
  return file;
}

const program = (rules: string): string => `
import { Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { sgd } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 40, size: 2, classes: [ring, cross], seed: 4)
  field image: image() -> u8[3, 2, 2]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 4 }
}

block Cell() {
  in x: f32[B, C]
  out y: f32[B, C]
  weight w: f32[C, C] = orthogonal(gain: 2)
  weight b: f32[C] = 0.5
  y = relu(x |> matmul(w)) + b
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image |> mean(axes: [2, 3]) |> repeat 4 Cell() as cells |> Linear(classes) as head
}

train tiny {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  7
  init { ${rules} }
  loss { total = cross_entropy(logits, kind) }
  optimizer: sgd(lr: 1e-3)
  stage main for 2 steps { }
}
`;

function analysisOf(rules: string) {
  const source = createSource("small.pipe", program(rules));
  return analyze(source, createHost(), { overrides: [], train: null });
}

function planOf(rules: string): Plan {
  const { lowered, diagnostics } = analysisOf(rules);
  expect(diagnostics).toStrictEqual([]);
  if (lowered === null) throw new Error("the program is not lowered");
  return lowered.plan;
}

/** What a check says, and what the start of a run says where it had no file to look into. */
const findings = (rules: string): readonly string[] =>
  analysisOf(rules).diagnostics.map(
    ({ code, message, hint }) =>
      `${code}: ${message.replaceAll(`${folder.path}/`, "")} (${hint ?? ""})`,
  );

function faultOf(plan: Plan): { readonly code: string; readonly message: string } {
  try {
    startState(plan, new Map());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.exitCode).toBe(2);
    expect(error.diagnostic.place).toMatch(/^small\.pipe:\d+:\d+/);
    const { code, message } = error.diagnostic;
    return { code, message: message.replaceAll(`${folder.path}/`, "") };
  }
  throw new Error("the state begins");
}

const numbers = (tensor: HostTensor | undefined): readonly number[] =>
  Array.from<number | bigint, number>(tensor?.data ?? [], Number);

const cells = {
  "old.0.w": f32([3, 3], 1, 2, 3),
  "old.0.b": { dtype: "f16", shape: [3], data: new Uint16Array([0x3c00, 0xc000, 0x3555]) } as const,
  "old.1.w": f32([3, 3], 4, 5),
  "head.weight": f32([2, 3], 9),
  "head.bias": f32([2], 8, 7),
  spare: f32([1], 0),
};

describe("load", () => {
  const file = fileOf("cells.safetensors", cells);

  it("reads keys by paths and by templates, widens exactly, and reports each weight", () => {
    const plan = planOf(`
      model.cells[i in 0 .. 2].**: load("${file}", from: old.{i}.**, missing: keep)
      model.cells.2.w: 3
      model.head: load("${file}")
    `);
    const { state, report } = startState(plan, new Map());
    expect([...state.keys()]).toStrictEqual(plan.state.map(({ path }) => path));
    expect(numbers(state.get("model.cells.0.w"))).toStrictEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(numbers(state.get("model.cells.0.b"))).toStrictEqual([1, -2, 0.333251953125]);
    expect(numbers(state.get("model.cells.1.w"))).toStrictEqual([4, 5, 4, 5, 4, 5, 4, 5, 4]);
    expect(numbers(state.get("model.cells.1.b"))).toStrictEqual([0.5, 0.5, 0.5]);
    expect(numbers(state.get("model.cells.2.w"))).toStrictEqual(Array(9).fill(3));
    expect(numbers(state.get("model.head.bias"))).toStrictEqual([8, 7]);
    expect(report).toStrictEqual({
      loaded: [
        "model.cells.0.w",
        "model.cells.0.b",
        "model.cells.1.w",
        "model.head.weight",
        "model.head.bias",
      ],
      resized: [],
      kept: ["model.cells.1.b"],
      copied: [],
      blended: [],
      initialized: ["model.cells.2.w", "model.cells.2.b", "model.cells.3.w", "model.cells.3.b"],
      unread: [{ file, keys: ["spare"] }],
    });
  });

  it("resizes along the axes that are named, and no others", () => {
    const small = fileOf("small.safetensors", { "cells.0.w": f32([2, 3], 1, 2, 3, 5, 6, 7) });
    const rule = (axes: string): string =>
      `model.cells.0.w: load("${small}", resize: linear(axes: ${axes}))`;
    const { state, report } = startState(planOf(rule("[0]")), new Map());
    expect(numbers(state.get("model.cells.0.w"))).toStrictEqual([1, 2, 3, 3, 4, 5, 5, 6, 7]);
    expect(report?.resized).toStrictEqual(["model.cells.0.w"]);
    expect(findings(rule("[1]"))).toStrictEqual([
      "weights/tensor-differs: `cells.0.w` of `small.safetensors` is f32[2, 3], but `model.cells.0.w` is f32[3, 3] (give this weight a rule of its own above, with an initializer or with `resize:` of the axes that differ)",
    ]);
  });

  it("says at the check what the file cannot give", () => {
    const bad = join(folder.path, "bad.safetensors");
    writeFileSync(bad, "this is no header");
    fileOf("wide.safetensors", { b: { dtype: "f64", shape: [3], data: new Float64Array(3) } });
    for (const [rule, expected] of [
      [
        'model.cells.{i}.w: load("NAME/cells.safetensors", from: old.{i}.w)',
        "weights/key-missing: `cells.safetensors` has no tensor `old.2.w` for `model.cells.2.w` (and 1 more) (did you mean `old.0.w`?",
      ],
      [
        'model.cells.*.b: load("NAME/cells.safetensors")',
        "weights/key-missing: `cells.safetensors` has no tensor `cells.0.b` for `model.cells.0.b` (and 3 more)",
      ],
      [
        'model.cells.**: load("NAME/cells.safetensors", missing: keep)',
        "weights/none-found: `cells.safetensors` has a tensor for none of the 8 weights, the first as `cells.0.w`",
      ],
      [
        'model.cells.*.b: load("NAME/wide.safetensors", from: b)',
        "weights/tensor-differs: `b` of `wide.safetensors` is f64[3], but `model.cells.0.b` is f32[3] (and 3 more)",
      ],
      ['model.head: load("NAME/net.pt")', "weights/file-format: `net.pt` is no safetensors file"],
      [
        'model.head: load("NAME/bad.safetensors")',
        "weights/file-malformed: `bad.safetensors` cannot be read: it ends within its header",
      ],
      ['model.head: hub("torchvision/resnet18")', ""],
    ] as const) {
      const found = findings(rule.replace("NAME", folder.path));
      expect(found.map((text) => text.slice(0, expected.length))).toStrictEqual(
        expected === "" ? [] : [expected],
      );
    }
  });

  it("says at the start what changed since, or was out of reach", () => {
    const late = join(folder.path, "late.safetensors");
    const plan = planOf(`model.head: load("${late}")  model.cells.0.b: load("${late}", from: b)`);
    expect(faultOf(plan)).toStrictEqual({
      code: "weights/file-missing",
      message: "the file of weights `late.safetensors` cannot be opened",
    });
    fileOf("late.safetensors", { "head.weight": f32([2, 3], 1), b: f32([3], 1) });
    expect(faultOf(plan)).toStrictEqual({
      code: "weights/key-missing",
      message: "`late.safetensors` has no tensor `head.bias` for `model.head.bias`",
    });
    const head = { "head.weight": f32([2, 3], 1), "head.bias": f32([2], 1) };
    fileOf("late.safetensors", { ...head, b: f32([4], 1) });
    expect(faultOf(plan)).toStrictEqual({
      code: "weights/tensor-differs",
      message: "`b` of `late.safetensors` is f32[4], but `model.cells.0.b` is f32[3]",
    });
    writeFileSync(late, "short");
    expect(faultOf(plan)).toStrictEqual({
      code: "weights/file-malformed",
      message: "`late.safetensors` cannot be read: it has 5 bytes, less than a header",
    });
    const keep = planOf(
      `model.cells.**: load("${join(folder.path, "no.safetensors")}", missing: keep)`,
    );
    fileOf("no.safetensors", { other: f32([1], 1) });
    expect(faultOf(keep).code).toBe("weights/none-found");
  });
});

describe("copy and blend", () => {
  it("make weights from others, in whatever order they stand", () => {
    const plan = planOf(`
      model.cells.0.w: copy(model.cells.1.w)
      model.cells.1.w: blend(model.cells.2.w, model.cells.2.w, alpha: uniform(0.2, 0.8))
      model.cells.1.b: copy(model.cells.0.b, noise: normal(0.1))
      model.cells.2.b: blend(model.cells.0.b, model.cells.1.b, alpha: 0.25)
    `);
    const { state, report } = startState(plan, new Map());
    const [w0, w2] = [0, 2].map((i) => numbers(state.get(`model.cells.${i}.w`)));
    expect(w0?.map((x) => x.toFixed(5))).toStrictEqual(w2?.map((x) => x.toFixed(5)));
    const noise = initialize(
      { kind: "normal", mean: 0, std: 0.1 },
      7,
      "model.cells.1.b",
      [3],
      "f32",
    );
    const b1 = numbers(state.get("model.cells.1.b"));
    expect(b1).toStrictEqual(
      numbers({ dtype: "f32", shape: [3], data: noise }).map((x) => Math.fround(0.5 + x)),
    );
    expect(new Set(b1).size).toBe(3);
    expect(numbers(state.get("model.cells.2.b"))).toStrictEqual(
      b1.map((x) => Math.fround(0.25 * 0.5 + 0.75 * x)),
    );
    expect(report).toMatchObject({
      copied: ["model.cells.0.w", "model.cells.1.b"],
      blended: ["model.cells.1.w", "model.cells.2.b"],
    });
  });

  it("draws a share of its own for each weight, the same for a seed", () => {
    const rule = "blend(model.cells.2.w, model.cells.3.w, alpha: uniform(0.2, 0.8))";
    const plan = planOf(`model.cells[0 .. 2].w: ${rule}`);
    const known = new Map([
      ["model.cells.2.w", f32([3, 3], 1)],
      ["model.cells.3.w", f32([3, 3], 0)],
    ]);
    const { state } = startState(plan, known);
    expect(state.get("model.cells.2.w")).toBe(known.get("model.cells.2.w"));
    const shares = [0, 1].map((i) => new Set(numbers(state.get(`model.cells.${i}.w`))));
    const [[first = 0] = [], [second = 0] = []] = shares.map((share) => [...share]);
    expect(shares.map(({ size }) => size)).toStrictEqual([1, 1]);
    expect(Math.min(first, second)).toBeGreaterThanOrEqual(0.2);
    expect(Math.max(first, second)).toBeLessThan(0.8);
    expect(first).not.toBe(second);
    expect(startState(plan, known).state).toStrictEqual(state);
  });
});

it("resamples as PyTorch's `interpolate` does", () => {
  const x = Float64Array.of(1, 2, 4, 8, 0, 1, -1, 3);
  const rounded = (values: Float64Array): readonly number[] =>
    Array.from(values, (value) => Number(value.toFixed(6)) + 0);
  expect(rounded(resample(x, [2, 4], [2, 6], "linear"))).toStrictEqual([
    1, 1.5, 2.333333, 3.666667, 6, 8, 0, 0.5, 0.666667, -0.666667, 1, 3,
  ]);
  expect(rounded(resample(x, [2, 4], [2, 3], "nearest"))).toStrictEqual([1, 2, 4, 0, 1, -1]);
  expect(rounded(resample(x, [2, 4], [3, 6], "bicubic"))).toStrictEqual([
    1, 1.366753, 2.441037, 3.767297, 6.65408, 8.78125, 0.413194, 1, 1.517361, 1.170139, 3.5,
    5.847222, -0.173611, 0.633247, 0.593686, -1.427019, 0.34592, 2.913194,
  ]);
});

it("a run begins with the file's weights, reports them once, and goes on without the file", async () => {
  const file = fileOf("begin.safetensors", {
    "model.head.weight": f32([2, 3], 0),
    "model.head.bias": f32([2], 0),
    other: f32([1], 1),
  });
  const artifact = join(folder.path, "artifact");
  compileInto(artifact, program(`model.head.*: load("${file}", from: model.head.*)`));
  const events: RunEvent[] = [];
  const runsDir = join(folder.path, "runs");
  expect(await runCompiled({ artifact, runsDir, events, stopAfter: 1 })).toMatchObject({
    status: "interrupted",
  });
  rmSync(file);
  expect(await runCompiled({ artifact, runsDir, events })).toMatchObject({ status: "finished" });
  const begun = events.filter(({ type }) => type === "weights");
  expect(begun).toHaveLength(1);
  const first = events.find((event) => event.type === "step");
  // Logits of zero for two classes.
  expect(first?.losses["total"]).toBeCloseTo(Math.log(2), 6);
  const lines: string[] = [];
  const progress = createProgress({ write: (text: string) => lines.push(text) > 0 });
  for (const event of begun) progress.show(event);
  expect(lines).toStrictEqual([
    `weights: 2 loaded, 8 initialized; 1 key of \`${file}\` unread (other)\n`,
  ]);
  const { run_dir: runDir } = events.find((event) => event.type === "run") ?? { run_dir: "" };
  const logged = eventsOf(runDir).filter(({ type }) => type === "weights");
  expect(logged).toMatchObject([{ loaded: ["model.head.weight", "model.head.bias"] }]);
});
