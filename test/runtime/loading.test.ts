/** Runs whose data are slow, broken or cached: what they say, and that they lose nothing. */

import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataProgram } from "../../compiler/plan/data.js";
import { createFiles } from "../../runtime/atomic-file.js";
import { compiledModule } from "../../runtime/compiled.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import type { RunEvent } from "../../runtime/events.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { Fault } from "../../runtime/fault.js";
import type { RunResult } from "../../runtime/run-result.js";
import { adviceFor, createStarvationWatch } from "../../runtime/train/data-notices.js";
import { type RunServices, runHere } from "../../runtime/train/run-training.js";
import { folderProgram, writePicture } from "../data/fixtures.js";
import { build } from "./build.js";
import { outcomeOf, temporaryFolder } from "./harness.js";
import { openTiny, tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
beforeAll(async () => {
  build();
  for (let i = 0; i < 40; i++)
    await writePicture(
      join(folder.path, "data", "cat", `${i}.png`),
      2,
      2,
      (y, x) => (9 * i + 50 * y + 30 * x) % 256,
    );
});

/** Forty pictures of 2 x 2, of which twenty train, in batches of four. */
const pictures = (
  loader: Partial<DataProgram["loader"]>,
  onError: "error" | "skip" = "error",
): DataProgram => {
  const program = folderProgram(
    join(folder.path, "data"),
    ["cat"],
    {
      transforms: [
        {
          split: null,
          field: "image",
          op: { kind: "normalize", mean: [0.5], std: [0.5] },
          draw: "a",
          place: "p",
        },
      ],
      outputs: [
        { name: "image", dtype: "f32", shape: [3, 2, 2] },
        { name: "label", dtype: "i64", shape: [] },
      ],
      loader: { shuffle: true, ...loader },
    },
    [3, 2, 2],
  );
  if (onError === "error") return program;
  // Tables have pictures that may be broken.
  const { image, label } = readers;
  return {
    ...program,
    source: {
      kind: "csv",
      file: join(folder.path, "data.csv"),
      root: "",
      delimiter: ",",
      place: "p",
    },
    fields: program.fields.map((field) => ({
      ...field,
      reader: field.name === "image" ? image : label,
    })),
  };
};

const readers = {
  image: {
    kind: "image_file",
    file: "data/cat/{number}.png",
    root: folder.path,
    onError: { kind: "skip", max: 0.2 },
  },
  label: { kind: "column", name: "kind", classes: null },
} as const;

let count = 0;
const prepare = (data: DataProgram) => {
  const artifact = join(folder.path, `artifact-${count++}`);
  writeRegression(artifact, { data, learningRate: 0.01 });
  return { artifact, runsDir: join(`${artifact}-folder`, "runs") };
};

/** Runs here, in the given services' stead of our own. */
const train = (
  { artifact, runsDir }: { readonly artifact: string; readonly runsDir: string },
  services: Partial<RunServices> = {},
): Promise<RunResult> =>
  runHere(
    {
      artifact,
      runsDir,
      threads: 2,
      device: "cpu",
      executor: "session",
      from: null,
      mode: "resume",
      graphs: "kernels",
      ignoreMemory: true,
    },
    {
      openDataset,
      openExecutor,
      onEvent: () => {},
      shouldStop: () => false,
      files: createFiles(),
      ...services,
    },
  );

/** What is said of the data. */
const warningsIn = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === "warning" && event.code.startsWith("data/") ? [event] : [],
  );

test("a thread that dies names its record, and the run goes on from its checkpoint", async () => {
  const file = join(folder.path, "dying.mjs");
  const own = compiledModule("runtime/data/decode-worker.js").href;
  writeFileSync(
    file,
    `import { parentPort } from "node:worker_threads";
import ${JSON.stringify(own)};
let jobs = 0;
parentPort.on("message", ({ kind }) => { if (kind === "job" && ++jobs === 9) process.exit(9); });
`,
  );
  const data = pictures({ workers: 1 });
  const given = prepare(data);
  const dying = train(given, {
    openDataset: (program, options) =>
      openDataset(program, { ...options, worker: pathToFileURL(file) }),
  });
  const fault = await dying.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(fault instanceof Fault)) throw fault;
  expect(fault.diagnostic.code).toBe("data/worker-ended");
  expect(fault.exitCode).toBe(2);
  expect(fault.message).toMatch(
    /while it read .*data\/cat\/\d+\.png, record `cat\/\d+\.png`: exit code 9$/u,
  );
  const resumed = await train(given);
  expect(outcomeOf(resumed)).toEqual(outcomeOf(await train(prepare(data))));
});

test("damage in the cache is an event, and changes nothing", async () => {
  const cached = pictures({ cache: { kind: "disk", maxBytes: 2 ** 20, dtype: null, compress: 0 } });
  const first = prepare(cached);
  const before = await train(first);
  const cache = join(`${first.artifact}-folder`, ".saic", "cache", "Folder");
  const files = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".value"),
  );
  expect(files).toHaveLength(40);
  for (const name of files.slice(0, 5)) truncateSync(join(cache, name), 70);
  const events: RunEvent[] = [];
  const again = await train(
    { ...first, artifact: prepare(cached).artifact, runsDir: join(first.runsDir, "..", "other") },
    {
      onEvent: (event) => events.push(event),
    },
  );
  const said = warningsIn(events);
  expect(said.length).toBeGreaterThan(0);
  for (const { code } of said) expect(code).toBe("data/cache-damaged");
  const counted = said.reduce(
    (sum, { message }) => sum + Number(/^\d+/u.exec(message)?.[0] ?? 1),
    0,
  );
  expect(counted).toBe(5);
  expect(again.metrics).toEqual(before.metrics);
});

test("records that are left out are counted in an event and in the result", async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i},${i % 2}`);
  writeFileSync(join(folder.path, "data.csv"), `number,kind\n${lines.join("\n")}\n`);
  for (const i of [3, 17])
    writeFileSync(join(folder.path, "data", "cat", `${i}.png`), "no picture");
  const events: RunEvent[] = [];
  const result = await train(prepare(pictures({}, "skip")), {
    onEvent: (event) => events.push(event),
  });
  expect(warningsIn(events).map(({ code, message }) => [code, message])).toEqual([
    ["data/records-skipped", "2 of 40 records are left out, as `image` cannot be read of them"],
  ]);
  expect(result.skipped).toBe(2);
});

test("updates that wait for batches are noticed once, and told what to change", async () => {
  const slow: RunServices["openDataset"] = async (program, options) => {
    const dataset = await openTiny(program, options, { sizes: { train: 200, val: 4, test: 4 } });
    return {
      ...dataset,
      async *trainBatches(epoch, from) {
        for await (const batch of dataset.trainBatches(epoch, from)) {
          await sleep(8);
          yield batch;
        }
      },
    };
  };
  const events: RunEvent[] = [];
  await train(prepare(tinyProgram), { openDataset: slow, onEvent: (event) => events.push(event) });
  const [said, more] = warningsIn(events);
  expect(more).toBeUndefined();
  expect(said?.code).toBe("data/starves");
  expect(said?.update).toBe(60);
  expect(said?.message).toMatch(/^the last 50 updates waited for data \d+% of their time/u);
  expect(said?.hint).toContain("`workers: auto`");
});

test("a wait is worth a word where it is long and a share of the whole", () => {
  const said = (step_ms: number, data_ms: number, updates: number): number => {
    const watch = createStarvationWatch(() => "");
    return Array.from({ length: updates }, () => watch({ step_ms, data_ms })).filter(
      (each) => each !== null,
    ).length;
  };
  expect(said(50, 50, 59)).toBe(0);
  expect(said(50, 50, 500)).toBe(1);
  expect(said(50, 10, 500)).toBe(0);
  expect(said(1, 4, 500)).toBe(0);
  const advice = (loader: Partial<DataProgram["loader"]>, workers: number): string => {
    const data = { ...tinyProgram, loader: { ...tinyProgram.loader, ...loader } };
    return adviceFor({ data }, { workers }, 4);
  };
  const cache = { kind: "disk", maxBytes: 1, dtype: null, compress: 0 } as const;
  expect(advice({ workers: 1 }, 1)).toContain("4 threads, where 1 are at work; `cache: disk");
  expect(advice({ cache }, 1)).not.toContain("cache: disk");
  expect(advice({ cache }, 4)).toContain("before the first random one");
});
