/** The cache on disk and in memory: never a wrong value, never a lost one, within its size. */

import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataCache, DataProgram } from "../../compiler/plan/data.js";
import { halfBits, halfValue } from "../../compiler/plan/elements.js";
import type { Batch, Dataset } from "../../runtime/data/dataset.js";
import { diskCacheSetup, openDiskCache } from "../../runtime/data/disk-cache.js";
import { roundedHalves } from "../../runtime/data/halves.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { asItIs, restored, stored } from "../../runtime/data/stored-value.js";
import {
  collect,
  faultOf,
  folderProgram,
  temporaryFolder,
  type TemporaryFolder,
  valuesOf,
  writePicture,
} from "./fixtures.js";

let folder: TemporaryFolder;
const opened: Dataset[] = [];
beforeEach(async () => {
  folder = await temporaryFolder();
  for (let i = 0; i < 8; i++)
    await writePicture(picture(i), 6, 8, (y, x, c) => (37 * i + 11 * y + 5 * x + c) % 256);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((data) => data.close()));
  await folder.remove();
});

const picture = (i: number): string => join(folder.path, "pictures", "cat", `${i}.png`);
const cacheDir = (): string => join(folder.path, "cache");
const entries = (): readonly string[] =>
  existsSync(cacheDir())
    ? readdirSync(cacheDir(), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(value|tmp)$/u.test(name))
        .map((name) => join(cacheDir(), name))
        .sort()
    : [];
const bytesHeld = (): number => entries().reduce((sum, path) => sum + statSync(path).size, 0);

const disk = (rest: Partial<DataCache> = {}): DataCache => ({
  kind: "disk",
  maxBytes: 2 ** 20,
  dtype: null,
  compress: 0,
  ...rest,
});

/** Eight pictures that are made floats, mirrored at random and scaled. */
function program(
  loader: Partial<DataProgram["loader"]>,
  transforms: DataProgram["transforms"] = steps(),
): DataProgram {
  return folderProgram(join(folder.path, "pictures"), ["cat"], {
    split: { by: null, train: 1, val: 0, test: 0, seed: 1 },
    transforms,
    outputs: [
      { name: "image", dtype: "f32", shape: [3, 6, 8] },
      { name: "label", dtype: "i64", shape: [] },
    ],
    loader: { batch: 2, residency: "stream", ...loader },
  });
}

const steps = (mean = 0.3): DataProgram["transforms"] => [
  {
    split: null,
    field: "image",
    op: { kind: "normalize", mean: [mean], std: [0.3] },
    draw: "a",
    place: "p",
  },
  { split: "train", field: "image", op: { kind: "hflip", p: 0.5 }, draw: "b", place: "p" },
];

async function open(data: DataProgram, seed = 1): Promise<Dataset> {
  const dataset = await openDataset(data, { seed, threads: 8, cacheDir: cacheDir() });
  opened.push(dataset);
  return dataset;
}

const imagesOf = async (data: Dataset, epoch = 0, from = 0): Promise<readonly number[]> =>
  valuesOf(await collect(data.trainBatches(epoch, from)), "image");

/** What the pictures' files give, without any cache. */
const expected = async (epoch = 0): Promise<readonly number[]> =>
  imagesOf(await open(program({})), epoch);

describe("the cache on disk", () => {
  it("gives later runs the same numbers, read from itself", async () => {
    const first = await open(program({ cache: disk() }));
    expect(await imagesOf(first)).toEqual(await expected());
    expect(entries()).toHaveLength(8);
    // An entry with other numbers and a true checksum stands for it: whoever reads it, has them.
    const cache = openDiskCache(diskCacheSetup(join(cacheDir(), "Folder"), 2 ** 20));
    for (const path of entries()) {
      const key = /([0-9a-f]{64})\.value$/u.exec(path)?.[1] ?? "";
      const found = cache.find(key);
      if (found === null) throw new Error("an entry is whole");
      const value = restored(found);
      const data = Float32Array.from(value.data, (x: number | bigint) => Number(x) + 1000);
      cache.add(key, stored({ ...value, data }, asItIs));
    }
    const again = await imagesOf(await open(program({ cache: disk() })), 1);
    expect(again.every((x) => x > 900)).toBe(true);
    expect(entries()).toHaveLength(8);
  });

  it("is of the files, of the transforms before the first random one, and of no seed", async () => {
    const made = async (data: DataProgram, seed = 1): Promise<number> => {
      await imagesOf(await open(data, seed), 0);
      return entries().length;
    };
    expect(await made(program({ cache: disk() }))).toBe(8);
    expect(await made(program({ cache: disk() }), 2)).toBe(8);
    const later = [
      ...steps(),
      { ...steps()[1], draw: "c", op: { kind: "vflip", p: 0.5 } } as const,
    ].map((step) => ({ field: "image", split: null, place: "p", ...step }));
    expect(await made(program({ cache: disk() }, later))).toBe(8);
    expect(await made(program({ cache: disk() }, steps(0.4)))).toBe(16);
    await writePicture(picture(3), 6, 8, () => 7);
    expect(await made(program({ cache: disk() }))).toBe(17);
    expect(await imagesOf(await open(program({ cache: disk() })))).toEqual(await expected());
  });

  it.each([
    ["cut short", (path: string) => truncateSync(path, statSync(path).size - 5)],
    ["empty", (path: string) => truncateSync(path, 0)],
    ["longer", (path: string) => appendFileSync(path, "x")],
    ["changed in a bit of an element", (path: string) => flip(path, statSync(path).size - 3)],
    ["changed in its head", (path: string) => flip(path, 100)],
    ["another's", (path: string) => writeFileSync(path, readFileSync(entries()[7] ?? ""))],
  ])("makes an entry anew that is %s, and says so once", async (name, damage) => {
    await imagesOf(await open(program({ cache: disk() })));
    for (const path of entries().slice(0, 3)) damage(path);
    const data = await open(program({ cache: disk(), workers: name === "cut short" ? 2 : 0 }));
    expect(await imagesOf(data)).toEqual(await expected());
    const [notice, second] = data.notices?.() ?? [];
    expect(notice?.code).toBe("data/cache-damaged");
    expect(notice?.message).toContain("3 entries of the cache of `Folder` were damaged");
    expect(second).toBeUndefined();
    const after = await open(program({ cache: disk() }));
    expect(await imagesOf(after, 1)).toEqual(await expected(1));
    expect(after.notices?.()).toEqual([]);
  });

  it("serves two runs at once", async () => {
    const [one, two] = [
      await open(program({ cache: disk(), workers: 2 })),
      await open(program({ cache: disk() })),
    ];
    const both = await Promise.all([imagesOf(one), imagesOf(two)]);
    expect(both[0]).toEqual(await expected());
    expect(both[1]).toEqual(both[0]);
    expect(entries()).toHaveLength(8);
    expect(entries().filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });

  it("goes on without it where it cannot be written, and says so once", async () => {
    await writeFile(cacheDir(), "a file where the folder would have to be");
    const data = await open(program({ cache: disk(), workers: 2 }));
    expect(await imagesOf(data)).toEqual(await expected());
    expect(await imagesOf(data, 1)).toEqual(await expected(1));
    const notices = data.notices?.() ?? [];
    expect(notices.map(({ code }) => code)).toEqual(["data/cache-unusable"]);
    expect(notices[0]?.message).toContain("a part of its path is a file");
  });

  it("keeps what fits when the disk is full, and leaves no file aside", () => {
    let writes = 0;
    const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    const setup = diskCacheSetup(cacheDir(), 2 ** 20);
    const cache = openDiskCache(setup, (operation) => {
      if (operation === "rename" && ++writes > 2) throw full;
    });
    for (let i = 0; i < 5; i++) cache.add(keyOf(i), value(i));
    expect(entries()).toHaveLength(2);
    expect(cache.report()?.refused?.reason).toBe("no space is left on the disk");
    expect(cache.report()).toBeNull();
    expect(writes).toBe(3);
    expect(restored(cache.find(keyOf(1)) ?? value(2)).data).toEqual(value(1).bytes);
    const other = openDiskCache(setup);
    other.add(keyOf(7), value(7));
    expect(other.find(keyOf(7))).toBeNull();
  });

  it("removes what was used longest ago, and never outgrows its size", () => {
    const limit = 5 * 1088;
    const cache = openDiskCache(diskCacheSetup(cacheDir(), limit));
    for (let i = 0; i < 5; i++) cache.add(keyOf(i), value(i));
    expect(bytesHeld()).toBe(limit);
    for (const [i, path] of entries().entries()) utimesSync(path, 1000 + i, 1000 + i);
    expect(cache.find(keyOf(0))).not.toBeNull();
    for (let i = 5; i < 7; i++) {
      cache.add(keyOf(i), value(i));
      expect(bytesHeld()).toBeLessThanOrEqual(limit);
    }
    const kept = Array.from({ length: 7 }, (_, i) => cache.find(keyOf(i)) !== null);
    expect(kept).toEqual([true, false, false, true, true, true, true]);
    cache.add(
      "f".repeat(64),
      stored({ dtype: "u8", shape: [limit], data: new Uint8Array(limit) }, asItIs),
    );
    expect(entries()).toHaveLength(5);
  });

  it("sees what another run has written when it makes room", () => {
    const limit = 6 * 1088;
    const [one, two] = [0, 1].map(() => openDiskCache(diskCacheSetup(cacheDir(), limit)));
    for (let i = 0; i < 20; i++) (i % 2 === 0 ? one : two)?.add(keyOf(i), value(i));
    expect(bytesHeld()).toBeLessThanOrEqual(limit + 1088);
  });
});

const value = (i: number) =>
  stored({ dtype: "u8", shape: [896], data: new Uint8Array(896).fill(i) }, asItIs);
const keyOf = (i: number): string => i.toString(16).padStart(64, "0");

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

describe("how values are kept", () => {
  const kinds = ["disk", "memory"] as const;

  it.each(kinds)("on %s: packed, bit for bit", async (kind) => {
    const cache = disk({ kind, compress: 6 });
    const data = await open(
      program({ cache, ...(kind === "memory" ? { residency: undefined } : {}) }),
    );
    expect(await imagesOf(data)).toEqual(await expected());
    expect(await imagesOf(data, 1)).toEqual(await expected(1));
    if (kind === "disk") expect(bytesHeld()).toBeLessThan(8 * (6 * 8 * 3 * 4));
  });

  it.each(kinds)("on %s: floats of half the bytes, the same in every epoch", async (kind) => {
    const plain = await expected();
    const rounded = plain.map((x) => halfValue(halfBits(x)));
    expect(rounded).not.toEqual(plain);
    const cache = disk({ kind, dtype: "f16" });
    const data = await open(
      program({ cache, ...(kind === "memory" ? { residency: undefined } : {}) }),
    );
    expect(await imagesOf(data)).toEqual(rounded);
    // From the cache, and where there is none.
    expect(await imagesOf(data)).toEqual(rounded);
    expect(await imagesOf(await open(program({ cache: disk({ ...cache, maxBytes: 1 }) })))).toEqual(
      rounded,
    );
    if (kind === "disk") expect(bytesHeld()).toBeLessThan(8 * (6 * 8 * 3 * 2 + 320));
  });

  it("pictures as bytes, with nothing lost", async () => {
    const data = await open(program({ cache: disk({ dtype: "u8" }) }));
    expect(await imagesOf(data)).toEqual(await expected());
    expect(await imagesOf(data, 1)).toEqual(await expected(1));
    expect(bytesHeld()).toBeLessThan(8 * (6 * 8 * 3 + 320));
  });

  it("halves are the nearest ones, as elsewhere", () => {
    const numbers = new Float32Array(3 * 9363);
    for (let bits = 0, at = 0; bits < 65536; bits += 7, at += 3) {
      const [here, next] = [halfValue(bits), halfValue((bits + 1) & 0xffff)];
      const middle = (here + next) / 2;
      numbers.set([here, middle, middle + Math.abs(here) * 2 ** -20], at);
    }
    numbers.set([65519.99, 65520, 2 ** -25, 3 * 2 ** -26, -(2 ** -24), -0], 3 * 9361);
    expect(roundedHalves(numbers)).toEqual(Uint16Array.from(numbers, halfBits));
  });
});

describe("residency", () => {
  it("`preload` reads a split once, before its first batch, and then no file", async () => {
    const data = await open(program({ residency: "preload", workers: 2 }));
    const pass = data.trainBatches(0, 3)[Symbol.asyncIterator]();
    await pass.next();
    await pass.return?.();
    for (let i = 0; i < 8; i++) await writeFile(picture(i), "gone");
    const plain = await imagesOf(data, 1);
    for (let i = 0; i < 8; i++)
      await writePicture(picture(i), 6, 8, (y, x, c) => (37 * i + 11 * y + 5 * x + c) % 256);
    expect(plain).toEqual(await expected(1));
  });

  it("`preload` of what has no room is a fault that says how much there is", async () => {
    const cache = { ...disk(), kind: "memory", maxBytes: 3000 } as const;
    const fault = await faultOf(imagesOf(await open(program({ residency: "preload", cache }))));
    expect(fault.diagnostic.code).toBe("data/preload-too-large");
    expect(fault.exitCode).toBe(5);
  });

  it("`stream` keeps nothing, and by default pictures are kept", async () => {
    for (const [residency, survives] of [
      ["stream", false],
      [undefined, true],
    ] as const) {
      const data = await open(program({ residency }));
      await imagesOf(data);
      await writeFile(picture(5), "gone");
      const second = imagesOf(data, 1);
      if (survives) expect(await second).toHaveLength(8 * 144);
      else expect((await faultOf(second)).diagnostic.code).toBe("data/image-unreadable");
      await writePicture(picture(5), 6, 8, (y, x, c) => (37 * 5 + 11 * y + 5 * x + c) % 256);
    }
  });
});

describe("batches", () => {
  const snapshot = (batches: readonly Batch[]): unknown =>
    batches.map(({ count, fields }) => [
      count,
      ...[...fields].map(([name, { data }]) => [name, data]),
    ]);

  it("are the same for any number of workers, cache, residency and prefetch, from any batch on", async () => {
    const plain = await open(program({}));
    const epochs = [0, 1, 2];
    const wanted = [];
    for (const epoch of epochs) wanted.push(snapshot(await collect(plain.trainBatches(epoch, 0))));
    expect(wanted[0]).not.toEqual(wanted[1]);
    const forms: readonly Partial<DataProgram["loader"]>[] = [
      { workers: 1 },
      { workers: 2, cache: disk(), prefetch: 1 },
      { workers: 3, residency: "preload" },
      { workers: 0, cache: disk(), prefetch: 7 },
      { workers: 0, residency: undefined },
    ];
    for (const form of forms) {
      const data = await open(program(form));
      for (const epoch of epochs) {
        expect(snapshot(await collect(data.trainBatches(epoch, 0)))).toEqual(wanted[epoch]);
        const rest = snapshot(await collect(data.trainBatches(epoch, 3)));
        expect(rest).toEqual((wanted[epoch] as readonly unknown[]).slice(3));
      }
      await data.close();
    }
  });

  it("are made in as many threads as there are cores, or as the run may use", async () => {
    const auto = await openDataset(program({ workers: null }), { seed: 1, threads: 1 });
    const few = await openDataset(program({ workers: 2 }), { seed: 1, threads: 8 });
    opened.push(auto, few);
    expect([auto.workers, few.workers]).toEqual([1, 2]);
  });
});
