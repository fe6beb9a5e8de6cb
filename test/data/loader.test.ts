/** Batches: order, padding, and that threads, caches and starting points change nothing. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { Batch, Dataset } from "../../runtime/data/dataset.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { createRecordCache } from "../../runtime/data/record-cache.js";
import { asItIs, stored } from "../../runtime/data/stored-value.js";
import { createWorkerPool } from "../../runtime/data/worker-pool.js";
import {
  collect,
  faultOf,
  folderProgram,
  shapesProgram,
  shapesSource,
  temporaryFolder,
  type TemporaryFolder,
  tilesProgram,
  valuesOf,
  vocXml,
  writePicture,
  writeText,
} from "./fixtures.js";

let folder: TemporaryFolder;
const opened: Dataset[] = [];
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((data) => data.close()));
  await folder.remove();
});

async function open(program: DataProgram, threads = 8, seed = 1): Promise<Dataset> {
  const data = await openDataset(program, { seed, threads });
  opened.push(data);
  return data;
}

const withWorkers = (workers: number): DataProgram => shapesProgram({ loader: { workers } });
/** Each picture of 3 x 16 x 20 values as one text. */
const pictures = (values: readonly number[]): string[] =>
  Array.from({ length: values.length / 960 }, (_, i) =>
    values.slice(960 * i, 960 * (i + 1)).join(),
  );
const always = (split: "train" | "val"): DataProgram["transforms"] => [
  { split, field: "image", op: { kind: "hflip", p: 1 }, draw: "a", place: "p" },
];
const snapshot = (batches: readonly Batch[]): unknown =>
  batches.map((batch) => ({
    count: batch.count,
    valid: [...batch.valid],
    fields: [...batch.fields].map(([name, { dtype, shape, data }]) => [name, dtype, shape, data]),
  }));

describe("training batches", () => {
  it("are the same for 0, 1 and 2 workers, in later epochs too", async () => {
    const runs = [];
    for (const workers of [0, 1, 2]) {
      const data = await open(withWorkers(workers));
      const epochs = [];
      for (const epoch of [0, 1, 2, 1])
        epochs.push(snapshot(await collect(data.trainBatches(epoch, 0))));
      expect(epochs[3]).toEqual(epochs[1]);
      expect(epochs[0]).not.toEqual(epochs[1]);
      runs.push(epochs);
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it("are the same wherever the pass begins", async () => {
    const data = await open(withWorkers(2));
    const whole = await collect(data.trainBatches(3, 0));
    expect(whole).toHaveLength(5);
    for (const from of [1, 4, 5])
      expect(snapshot(await collect(data.trainBatches(3, from)))).toEqual(
        snapshot(whole.slice(from)),
      );
  });

  it("hold each record once per epoch, in another order each time", async () => {
    const data = await open(shapesProgram({ transforms: [], outputs: rawOutputs() }));
    const first = valuesOf(await collect(data.trainBatches(0, 0)), "image");
    const second = valuesOf(await collect(data.trainBatches(1, 0)), "image");
    expect(pictures(first)).not.toEqual(pictures(second));
    expect(pictures(first).sort()).toEqual(pictures(second).sort());
    expect(new Set(pictures(first)).size).toBe(20);
  });

  it("follow the run's seed", async () => {
    const [one, two] = [await open(withWorkers(0), 0, 1), await open(withWorkers(0), 0, 2)];
    expect(one.manifest).toEqual(two.manifest);
    expect(snapshot(await collect(one.trainBatches(0, 0)))).not.toEqual(
      snapshot(await collect(two.trainBatches(0, 0))),
    );
  });

  it("keep the order of records without shuffle", async () => {
    const data = await open(shapesProgram({ loader: { shuffle: false } }));
    const labels = data.manifest.splits.train.map(({ records }) => (records[0] ?? 0) % 4);
    expect(valuesOf(await collect(data.trainBatches(7, 0)), "label")).toEqual(labels);
  });

  it("drop or pad the incomplete batch", async () => {
    const dropped = await open(shapesProgram({ loader: { batch: 6, last: "drop" } }));
    expect(dropped.batchesPer("train")).toBe(3);
    expect(await collect(dropped.trainBatches(0, 0))).toHaveLength(3);
    const padded = await open(shapesProgram({ loader: { batch: 6, last: "pad" } }));
    expect(padded.batchesPer("train")).toBe(4);
    const last = (await collect(padded.trainBatches(0, 0))).at(-1);
    expect(last?.count).toBe(2);
    expect([...(last?.valid ?? [])]).toEqual([1, 1, 0, 0, 0, 0]);
    const images = last?.fields.get("image");
    expect(images?.shape).toEqual([6, 3, 16, 20]);
    expect(images?.data.subarray(5 * 960, 6 * 960)).toEqual(images?.data.subarray(960, 2 * 960));
  });

  it("draw for a step what they draw without the others", async () => {
    const flip = { split: "train", field: "image", draw: "flip", place: "p" } as const;
    const other = {
      ...flip,
      draw: "other",
      op: { kind: "jitter", brightness: 0, contrast: 0 },
    } as const;
    const step = { ...flip, op: { kind: "hflip", p: 0.5 } } as const;
    const alone = await open(shapesProgram({ transforms: [step], outputs: rawOutputs() }));
    const both = await open(shapesProgram({ transforms: [other, step], outputs: rawOutputs() }));
    expect(valuesOf(await collect(alone.trainBatches(0, 0)), "image")).toEqual(
      valuesOf(await collect(both.trainBatches(0, 0)), "image"),
    );
  });
});

describe("evaluation batches", () => {
  it("hold every record once, in order, whatever the loader says about training", async () => {
    const data = await open(shapesProgram({ loader: { batch: 4, last: "drop", workers: 2 } }));
    const batches = await collect(data.evaluationBatches("val"));
    expect(batches).toHaveLength(data.batchesPer("val"));
    expect(batches.map((batch) => batch.count)).toEqual([4, 4, 2]);
    const labels = data.manifest.splits.val.map(({ records }) => (records[0] ?? 0) % 4);
    expect(valuesOf(batches, "label")).toEqual(labels);
    expect(snapshot(await collect(data.evaluationBatches("val")))).toEqual(snapshot(batches));
  });

  it("leave out the transforms of training", async () => {
    const firstRow = async (transforms: DataProgram["transforms"]): Promise<readonly number[]> => {
      const data = await open(shapesProgram({ transforms, outputs: rawOutputs() }));
      return valuesOf(await collect(data.evaluationBatches("val")), "image").slice(0, 20);
    };
    const plain = await firstRow([]);
    expect(await firstRow(always("train"))).toEqual(plain);
    expect(await firstRow(always("val"))).toEqual(plain.toReversed());
    const data = await open(shapesProgram({ transforms: always("train"), outputs: rawOutputs() }));
    const training = valuesOf(await collect(data.evaluationBatches("train")), "image");
    const bare = await open(shapesProgram({ transforms: [], outputs: rawOutputs() }));
    expect(training).toEqual(valuesOf(await collect(bare.evaluationBatches("train")), "image"));
  });

  it("are none for a split of no share", async () => {
    const split = { by: null, train: 1, val: 0, test: 0, seed: 1 };
    const data = await open(shapesProgram({ split }));
    expect(data.batchesPer("val")).toBe(0);
    expect(await collect(data.evaluationBatches("val"))).toEqual([]);
  });

  it("give tiles of files through threads as without", async () => {
    for (const name of ["a", "b", "c", "d"]) {
      const seed = name.charCodeAt(0);
      await writePicture(
        join(folder.path, "images", `${name}.png`),
        10,
        14,
        (y, x) => (seed * y + x) % 256,
      );
      await writeText(join(folder.path, "xmls", `${name}.xml`), vocXml(10, 14, [[1, 1, 9, 9]]));
    }
    const runs = [];
    for (const workers of [0, 2]) {
      const program = tilesProgram(
        folder.path,
        { frame: [10, 14], size: 4, overlap: 1 },
        { loader: { workers, batch: 5 } },
      );
      const data = await open(program);
      runs.push(snapshot(await collect(data.evaluationBatches("train"))));
    }
    expect(runs[1]).toEqual(runs[0]);
  });
});

describe("threads", () => {
  it("stop when a pass is left early, and serve the next", async () => {
    const data = await open(shapesProgram({ loader: { workers: 2, batch: 2 } }));
    const expected = snapshot(await collect(data.trainBatches(1, 0)));
    for (let i = 0; i < 3; i++)
      for await (const batch of data.trainBatches(0, 0)) {
        expect(batch.count).toBe(2);
        break;
      }
    expect(snapshot(await collect(data.trainBatches(1, 0)))).toEqual(expected);
  });

  it("interleave passes", async () => {
    const data = await open(shapesProgram({ loader: { workers: 2 } }));
    const expected = snapshot(await collect(data.trainBatches(0, 0)));
    const interleaved: Batch[] = [];
    for await (const batch of data.trainBatches(0, 0)) {
      interleaved.push(batch);
      expect(await collect(data.evaluationBatches("test"))).toHaveLength(3);
    }
    expect(snapshot(interleaved)).toEqual(expected);
  });

  it("report the first bad record in order, as the calling thread does", async () => {
    for (let i = 0; i < 12; i++)
      await writePicture(join(folder.path, "cat", `${i}.png`), 6, 8, () => i);
    for (const i of [3, 5, 8]) await writeFile(join(folder.path, "cat", `${i}.png`), `no ${i}`);
    const split = { by: null, train: 1, val: 0, test: 0, seed: 1 };
    const faults = [];
    for (const workers of [0, 1, 2]) {
      const loader = { workers, batch: 1, shuffle: false };
      const data = await open(folderProgram(folder.path, ["cat"], { split, loader }));
      faults.push(await faultOf(collect(data.trainBatches(0, 0))));
    }
    // Files stand in code-unit order: 0, 1, 10, 11, 2, 3.
    for (const fault of faults) {
      expect(fault.diagnostic).toEqual(faults[0]?.diagnostic);
      expect(fault.diagnostic.place).toBe(join(folder.path, "cat", "3.png"));
      expect(fault.exitCode).toBe(6);
    }
  });

  it("end with the dataset, which then gives nothing more", async () => {
    const data = await open(withWorkers(2));
    const pass = data.trainBatches(0, 0)[Symbol.asyncIterator]();
    await pass.next();
    await data.close();
    await data.close();
    await expect(collect(data.trainBatches(0, 0))).rejects.toThrow("closed");
  });

  const job = { pass: "train", epoch: 0, requests: [], keep: false, memory: "own" } as const;
  const setup = { program: shapesProgram(), seed: 1, frameBytes: 0 };

  it.each([
    ["exits", "process.exit(3)", "exit code 3"],
    ["throws", "throw new Error('boom')", "boom"],
  ])("that die are a fault and no hang: one that %s", async (_, statement, reason) => {
    const file = join(folder.path, "worker.mjs");
    await writeFile(
      file,
      `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { ${statement}; });`,
    );
    const pool = createWorkerPool(2, setup, pathToFileURL(file));
    const first = faultOf(pool.run(0, job));
    const second = faultOf(pool.run(0, job));
    for (const fault of [await first, await second, await faultOf(pool.run(0, job))]) {
      expect(fault.diagnostic.code).toBe("data/worker-ended");
      expect(fault.message).toContain(reason);
      expect(fault.exitCode).toBe(2);
    }
    await pool.close();
  });

  it("that were never built are a fault", async () => {
    const missing = pathToFileURL(join(folder.path, "none.js"));
    expect(() => createWorkerPool(1, setup, missing)).toThrow("none.js");
  });
});

describe("the cache", () => {
  const pixels = stored({ dtype: "u8", shape: [1, 1, 8], data: new Uint8Array(8) }, asItIs);

  it("keeps to its budget, which all caches share, and gives it back", () => {
    const [one, two] = [createRecordCache(20), createRecordCache(20)];
    one.add("train", 0, "image", pixels);
    two.add("train", 0, "image", pixels);
    two.add("train", 1, "image", pixels);
    expect(one.find("train", 0)["image"]).toBe(pixels);
    expect(two.find("train", 0)["image"]).toBe(pixels);
    expect(two.find("train", 1)).toEqual({});
    expect(two.find("val", 0)).toEqual({});
    one.clear();
    two.add("train", 1, "image", pixels);
    expect(two.find("train", 1)["image"]).toBe(pixels);
    two.clear();
  });
});

function rawOutputs(): DataProgram["outputs"] {
  const { height, width } = shapesSource;
  return [
    { name: "image", dtype: "u8", shape: [3, height, width] },
    { name: "label", dtype: "i64", shape: [] },
  ];
}
