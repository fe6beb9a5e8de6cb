/** Checkpoints on disk: whole after a kill between any two file operations; damage is named. */

import { existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Plan } from "../../compiler/plan/schema.js";
import { createFiles, type FileHook } from "../../runtime/atomic-file.js";
import { readCheckpoint, readWeights } from "../../runtime/checkpoint/checkpoint.js";
import { noProgress, type Progress } from "../../runtime/checkpoint/progress.js";
import { type CheckpointStore, createStore } from "../../runtime/checkpoint/store.js";
import type { HostTensor } from "../../runtime/tensor.js";
import { Crash, outcomeOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const artifact = join(folder.path, "artifact");
const plan = writeRegression(artifact, { data: tinyProgram });

/** A state whose every element tells the update. */
const stateAt = (update: number): Map<string, HostTensor> =>
  new Map(
    plan.state.map(({ path, shape, dtype }) => [
      path,
      { dtype, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(update) },
    ]),
  );

const best = (update: number): Progress["best"][number] => ({
  value: update,
  update,
  stage: 0,
  folder: `update-${String(update).padStart(8, "0")}`,
  metrics: { "val.loss": update },
  tables: {},
});

/** Updates 1 to 5; the best two are 2 and 1, then 2 and 4, then 5 and 2. */
const script: readonly { readonly update: number; readonly best: readonly number[] }[] = [
  { update: 1, best: [1] },
  { update: 2, best: [2, 1] },
  { update: 3, best: [2, 1] },
  { update: 4, best: [2, 4] },
  { update: 5, best: [5, 2] },
];

function write(store: CheckpointStore, update: number, bestUpdates: readonly number[]): void {
  store.write(store.nameFor(update), {
    plan,
    state: stateAt(update),
    progress: { ...noProgress, update, best: bestUpdates.map(best) },
    eventsBytes: update,
  });
}

/** What `last` holds must be whole, and so must all that its list of the best names. */
function verify(store: CheckpointStore, p: Plan): number {
  const last = store.last();
  if (last === null) return 0;
  const { manifest, state } = readCheckpoint(last, p);
  const { update } = manifest.progress;
  expect(state).toEqual(stateAt(update));
  for (const entry of manifest.progress.best)
    expect(readCheckpoint(join(store.folder, entry.folder), p).state).toEqual(
      stateAt(entry.update),
    );
  return update;
}

const crashAt = (operation: number): FileHook => {
  let seen = 0;
  return (name) => {
    if (seen++ === operation) throw new Crash(name);
  };
};

const operationsOf = (work: (hook: FileHook) => void): number => {
  let count = 0;
  work(() => count++);
  return count;
};

const place = (n: number): string => join(folder.path, `store-${n}`);

test("a crash between any two file operations leaves a whole checkpoint, and the next run tidies up", () => {
  const all = operationsOf((hook) => {
    const store = createStore(place(-1), createFiles(hook));
    for (const { update, best: ranked } of script) write(store, update, ranked);
  });
  expect(all).toBeGreaterThan(80);
  for (let operation = 0; operation < all; operation++) {
    const path = place(operation);
    let reached = 0;
    expect(() => {
      const store = createStore(path, createFiles(crashAt(operation)));
      for (const { update, best: ranked } of script) {
        write(store, update, ranked);
        reached = update;
      }
    }).toThrow(Crash);
    const store = createStore(path, createFiles());
    const found = verify(store, plan);
    expect([reached, reached + 1]).toContain(found);
    store.repair();
    expect(verify(store, plan)).toBe(found);
    for (const { update, best: ranked } of script.slice(found)) write(store, update, ranked);
    expect(verify(store, plan)).toBe(5);
    expect(readdirSync(path).sort()).toEqual(readdirSync(place(-1)).sort());
  }
});

test("repair, too, may be killed anywhere", () => {
  const path = join(folder.path, "repair");
  const store = createStore(path, createFiles());
  for (const { update, best: ranked } of script.slice(0, 4)) write(store, update, ranked);
  for (let operation = 0; operation < 40; operation++) {
    try {
      createStore(path, createFiles(crashAt(operation))).repair();
    } catch (error) {
      expect(error).toBeInstanceOf(Crash);
    }
    expect(verify(createStore(path, createFiles()), plan)).toBe(4);
  }
});

test("a checkpoint of an update that a link leads to never replaces it in place", () => {
  const store = createStore(join(folder.path, "same"), createFiles());
  write(store, 1, [1]);
  expect(store.nameFor(1)).toBe("update-00000001.2");
  write(store, 1, [1]);
  expect(verify(store, plan)).toBe(1);
  expect(store.last()).toBe(join(store.folder, "update-00000001.2"));
});

test("a run that crashes at file operations ends with the same weights", async () => {
  const whole = await run({ artifact, runsDir: join(folder.path, "run") });
  let count = 0;
  await run({ artifact, runsDir: join(folder.path, "run-2") }, { fileHook: () => count++ });
  const spots = [
    1,
    4,
    7,
    12,
    19,
    23,
    24,
    27,
    30,
    34,
    60,
    97,
    131,
    count - 12,
    count - 3,
    count - 1,
  ];
  for (const operation of spots) {
    const runsDir = join(folder.path, `run-crash-${operation}`);
    await expect(run({ artifact, runsDir }, { fileHook: crashAt(operation) })).rejects.toThrow(
      Crash,
    );
    expect(outcomeOf(await run({ artifact, runsDir }))).toEqual(outcomeOf(whole));
  }
});

describe("damage", () => {
  let count = 0;
  const fresh = (): string => {
    const store = createStore(join(folder.path, `damage-${count++}`), createFiles());
    write(store, 1, []);
    return store.last() ?? "";
  };

  test.each(["model.safetensors", "optimizer.safetensors", "manifest.json"])("a cut %s", (name) => {
    const last = fresh();
    const file = join(last, name);
    truncateSync(file, readFileSync(file).byteLength - 3);
    expect(() => readCheckpoint(last, plan)).toThrow(file);
  });

  test("one flipped bit", () => {
    const last = fresh();
    const file = join(last, "model.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(() => readCheckpoint(last, plan)).toThrow(`\`${file}\` is damaged: its contents differ`);
  });

  test("another program's checkpoint", () => {
    const last = fresh();
    expect(() => readCheckpoint(last, { ...plan, hash: "abc" })).toThrow(
      `belongs to another program: \`plan hash\` is \`${plan.hash}\`, expected \`abc\``,
    );
    const wider = plan.state.map((e) => (e.path === "model.b" ? { ...e, shape: [2] } : e));
    expect(() => readCheckpoint(last, { ...plan, state: wider })).toThrow(
      "`model.b` is `f32[1]`, expected `f32[2]`",
    );
    const fewer = plan.state.filter(({ path: p }) => p !== "slot.b.m");
    expect(() => readCheckpoint(last, { ...plan, state: fewer })).toThrow(
      "`b/m` is there, expected absent",
    );
  });

  test("weights of another model list what differs", () => {
    const last = fresh();
    expect(readWeights(last, plan).get("model.w")).toEqual(stateAt(1).get("model.w"));
    const state = plan.state.map((e) =>
      e.path === "model.b"
        ? { ...e, key: "bias" }
        : e.path === "model.w"
          ? { ...e, shape: [4] }
          : e,
    );
    expect(() => readWeights(last, { ...plan, state })).toThrow(
      "missing `bias`; unknown `b`; different `w` is `f32[3]`, expected `f32[4]`",
    );
    expect(() => readWeights(join(folder.path, "nowhere"), plan)).toThrow("holds no checkpoint");
  });
});

test("a cut event file is refused", async () => {
  const runsDir = join(folder.path, "events");
  await expect(run({ artifact, runsDir }, { crashAfter: 8 })).rejects.toThrow(Crash);
  const runDir = join(runsDir, plan.train, plan.hash.slice(0, 16));
  expect(existsSync(runDir)).toBe(true);
  truncateSync(join(runDir, "events.jsonl"), 10);
  await expect(run({ artifact, runsDir })).rejects.toThrow("has 10 bytes, but the checkpoint");
});
