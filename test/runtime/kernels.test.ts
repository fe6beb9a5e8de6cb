/** Updates by kernels: the bits of the graphs, on any number of threads, and what happens without them. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../compiler/plan/schema.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { at } from "../../grammar/invariant.js";
import { createKernelMemory } from "../../runtime/executor/bound/kernel-memory.js";
import { divided } from "../../runtime/executor/bound/kernels.js";
import type { Executor, Tensors } from "../../runtime/executor/executor.js";
import { KernelsUnavailable } from "../../runtime/executor/kernels.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { checkPlan } from "../../runtime/train/plan-check.js";
import { createStepper } from "../../runtime/train/step.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/step-inputs.js";
import { artifactOf, type Parts, planOf, trainSteps } from "../stdlib/train-steps.js";
import { build } from "./build.js";
import { temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);
let executor: Executor;
beforeAll(async () => {
  build();
  // As in `bound.test.ts`: the mode for denormal numbers is that of the first session's thread.
  const session = await openExecutor("session", { device: "cpu", threads: 1 });
  const { plan, files } = artifactOf(program("sgd(lr: 0.01)"));
  write(files, folder.path);
  await session.executor.load(folder.path, at(plan.stages, 0).graphs.apply);
  ({ executor } = await openExecutor("bound", { device: "cpu", threads: 3 }));
}, 120_000);

function write(files: ReadonlyMap<string, Uint8Array>, to: string): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), bytes);
  }
}

/** Dead units leave averages that fade into denormal numbers; a layer large enough to be divided. */
const program = (optimizer: string): Parts => ({
  model: `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
block Net(classes: dim = 4) {
  in  image: f32[B, 3, H, W]
  out logits: f32[B, classes]
  weight scale: f32[] = 1
  logits = scale * (image
    |> Conv2d(16, kernel: 3, pad: 1, bias: false) as conv |> BatchNorm2d() as norm |> relu
    |> flatten() |> Linear(66) as hidden |> relu |> Dropout(0.3) |> Linear(classes) as head)
}`,
  loss: "losses.cross_entropy(logits, kind)",
  optimizer,
  batch: 8,
  steps: 20,
});

const bits = (state: Tensors): readonly (readonly [string, string])[] =>
  [...state].map(([path, { data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [path, createHash("sha256").update(bytes).digest("hex")];
  });

/** The rules of the standard library in all forms, and how many of 8 parameters kernels update. */
const rules: readonly (readonly [rule: string, calls: number])[] = [
  ["sgd(lr: 1e-2)", 7],
  ["sgd(lr: 1e-2, momentum: 0.9, nesterov: true, weight_decay: 0.01)", 7],
  ["sgd(lr: 1e-2, momentum: 0.9, dampening: 0.1)", 7],
  ["adamw(lr: 1e-2, weight_decay: 0.01)", 7],
  ["adam(lr: 1e-2)", 7],
  ["adam(lr: 1e-2, weight_decay: 0.1)", 7],
  ["adamax(lr: 1e-2, weight_decay: 0.1)", 7],
  ["lion(lr: 1e-3, weight_decay: 0.1)", 7],
  ["rmsprop(lr: 1e-3)", 7],
  ["rmsprop(lr: 1e-3, momentum: 0.9, centered: true, weight_decay: 0.1)", 7],
  ["lamb(lr: 1e-2, weight_decay: 0)", 7],
  // The lengths of parameters and directions are no elementwise matter.
  ["lamb(lr: 1e-2, weight_decay: 0.1)", 0],
  ["lamb(lr: 1e-2, weight_decay: 0, always_adapt: true)", 0],
];

test.each(rules)(
  "20 updates by %s: the bits of the graph",
  async (rule, calls) => {
    const parts = program(rule);
    expect(at(planOf(parts).stages, 0).kernels?.calls.length ?? 0).toBe(calls);
    const graph = await trainSteps(parts, { executor: "session", threads: 1, graphs: "fused" });
    const kernels = await trainSteps(parts, { executor: "bound", threads: 1, graphs: "kernels" });
    expect(kernels.losses).toEqual(graph.losses);
    expect(bits(kernels.after)).toEqual(bits(graph.after));
  },
  60_000,
);

async function stepperOn(parts: Parts, warn: (diagnostic: Diagnostic) => void = () => {}) {
  const { plan, files } = artifactOf(parts);
  write(files, folder.path);
  const { feeder } = feederOf(plan, 20);
  const options = { folder: folder.path, executor, feeder, graphs: "kernels", warn } as const;
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes: 4 });
  return { plan, batch, options };
}

test("the state lies in one place, and what is given instead is copied there", async () => {
  const { plan, batch, options } = await stepperOn(program("adamw(lr: 1e-2)"));
  const stepper = await createStepper(at(plan.stages, 0), options);
  const path = "model.hidden.weight";
  const given = initialState(plan);
  const before = [...(given.get(path)?.data ?? [])];
  const first = await stepper.step(1, batch, given);
  expect([...(given.get(path)?.data ?? [])]).toEqual(before);
  const after = [...(first.newState.get(path)?.data ?? [])];
  expect(first.changedInPlace).toContain(path);
  const second = await stepper.step(2, batch, new Map([...given, ...first.newState]));
  expect(second.newState.get(path)).toBe(first.newState.get(path));
  const again = await stepper.step(1, batch, given);
  expect([...(again.newState.get(path)?.data ?? [])]).toEqual(after);
  await stepper.close();
});

test("nothing that stays as it is counts as changed", async () => {
  const { plan, batch, options } = await stepperOn(program("sgd(lr: 0)"));
  const stepper = await createStepper(at(plan.stages, 0), options);
  const { changedInPlace } = await stepper.step(1, batch, initialState(plan));
  expect(changedInPlace).toEqual(new Set());
  await stepper.close();
});

test("denormal numbers are to kernels what they are to graphs", async () => {
  const { plan, batch, options } = await stepperOn(program("adamw(lr: 1e-2)"));
  const slot = "model.hidden.weight/exp_avg";
  const results: unknown[] = [];
  for (const graphs of ["split", "kernels"] as const) {
    const state = initialState(plan);
    // Units that are never active have gradients of zero.
    const bias = state.get("model.hidden.bias")?.data;
    if (bias instanceof Float32Array) bias.fill(-1e6);
    const average = state.get(slot)?.data ?? new Float32Array(0);
    new Uint32Array(average.buffer, average.byteOffset, average.length).fill(0x1000);
    const stepper = await createStepper(at(plan.stages, 0), { ...options, graphs });
    const { newState } = await stepper.step(1, batch, state);
    const { data = average } = newState.get(slot) ?? {};
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    expect(new Set(words)).toEqual(new Set([process.arch === "x64" ? 0 : 0xe66]));
    results.push(bits(newState).toSorted());
    await stepper.close();
  }
  expect(results[1]).toEqual(results[0]);
});

test("two steppers at once keep their states apart", async () => {
  const { plan, batch, options } = await stepperOn(program("adamw(lr: 1e-2)"));
  const results: string[] = [];
  const steppers = [0, 1].map(() => createStepper(at(plan.stages, 0), options));
  let states: Tensors[] = [initialState(plan), initialState(plan)];
  for (let update = 1; update <= 3; update++) {
    const next: Tensors[] = [];
    for (const [i, stepper] of steppers.entries()) {
      const { newState } = await (await stepper).step(update, batch, at(states, i));
      next.push(new Map([...at(states, i), ...newState]));
    }
    states = next;
  }
  for (const state of states) results.push(JSON.stringify(bits(state)));
  expect(results[1]).toBe(results[0]);
  for (const stepper of steppers) await (await stepper).close();
});

test("without room for the kernels' memory the graph updates, and says so", async () => {
  const parts = program("adamw(lr: 1e-2)");
  const said: Diagnostic[] = [];
  const { plan, batch, options } = await stepperOn(parts, (diagnostic) => said.push(diagnostic));
  const memory = createKernelMemory(2 ** 16);
  const stepper = await createStepper(at(plan.stages, 0), { ...options, memory });
  expect(said).toMatchObject([{ code: "run/kernels-unavailable", severity: "warning" }]);
  expect(said[0]?.message).toMatch(/the graph `step` makes the updates of `main`: .* GiB/u);
  const { changedInPlace } = await stepper.step(1, batch, initialState(plan));
  expect(changedInPlace).toBeUndefined();
  await stepper.close();
});

test("a plan whose kernels take tensors for larger than they are is refused", () => {
  const plan = planOf(program("adamw(lr: 1e-2)"));
  checkPlan(plan);
  const withCalls = (change: Partial<ReturnType<typeof callsOf>[number]>) => {
    const stage = at(plan.stages, 0);
    const { kernels } = stage;
    const calls = callsOf(plan).map((call) => ({ ...call, ...change }));
    const changed = kernels === undefined ? {} : { kernels: { ...kernels, calls } };
    return () => checkPlan({ ...plan, stages: [{ ...stage, ...changed }] });
  };
  expect(withCalls({ length: 433 })).toThrow("takes the state `model.conv.weight` for 433 numbers");
  expect(withCalls({ scalars: ["scalar:7"] })).toThrow("takes `scalar:7`, which nothing gives");
});

const callsOf = ({ stages }: Plan) => at(stages, 0).kernels?.calls ?? [];

test("a tensor keeps its place; one of another size gets another", () => {
  const memory = createKernelMemory();
  const [p, g] = [
    { kind: "state", path: "p", shape: [3, 5] },
    { kind: "gradient", path: "p", shape: [3, 5] },
  ] as const;
  memory.reserve([p]);
  const place = memory.placeOf(p);
  place.data[0] = 7;
  memory.reserve([p, g]);
  expect(memory.placeOf(p)).toBe(place);
  expect(place.data[0]).toBe(7);
  expect(memory.placeOf(g).data.byteOffset).toBe(64);
  memory.reserve([{ ...p, shape: [70_000] }]);
  expect(memory.placeOf(p).data).toHaveLength(70_000);
  expect(() => memory.reserve([{ kind: "state", path: "huge", shape: [2 ** 30] }])).toThrow(
    KernelsUnavailable,
  );
});

test("elements are divided evenly, each once, at cache lines", () => {
  const lengths = [100_003, 1, 16, 77_777, 5];
  const stretches = lengths.map((length, call) => ({
    kernel: "kernel0",
    addresses: [call * 2 ** 20, call * 2 ** 20 + 2 ** 19],
    length,
    numbers: [],
    call,
  }));
  for (const threads of [1, 2, 3, 8]) {
    const parts = divided(stretches, threads);
    expect(parts).toHaveLength(Math.min(threads, 4));
    const sizes = parts.map((part) => part.reduce((sum, { length }) => sum + length, 0));
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(100);
    const all = parts.flat();
    for (const [call, length] of lengths.entries()) {
      let next = call * 2 ** 20;
      for (const stretch of all.filter((each) => each.call === call)) {
        expect(stretch.addresses).toEqual([next, next + 2 ** 19]);
        expect(next % 64).toBe(0);
        next += 4 * stretch.length;
      }
      expect(next).toBe(call * 2 ** 20 + 4 * length);
    }
  }
  expect(divided(stretches.slice(1, 3), 4)).toHaveLength(1);
});
