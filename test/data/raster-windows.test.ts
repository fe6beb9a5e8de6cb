/** Windows of rasters: the same numbers as of the whole, without reading or holding the rest. */

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { dataProgramOf } from "./data-program.js";
import { collect, faultOf, temporaryFolder, type TemporaryFolder, valuesOf } from "./fixtures.js";
import { tiffAround, tiffOf, type TiffSpec } from "./foreign-files.js";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const spec: TiffSpec = { height: 21, width: 13, bands: 2, samples: "u16", strip: 4 };
const value = (y: number, x: number, band: number): number => 1000 * band + 40 * y + x;

function write(name: string, bytes: Buffer): void {
  mkdirSync(join(folder.path, name, ".."), { recursive: true });
  writeFileSync(join(folder.path, name), bytes);
}

interface Given {
  readonly maps: string;
  readonly steps: string;
  readonly type?: string;
  /** `image(nodata: 0)`. */
  readonly reader?: string;
  readonly loader?: string;
}

/** Of two epochs, all values in order. */
async function valuesIn(given: Given): Promise<readonly number[]> {
  const { maps, steps, type = "f32[2, 21, 13]", reader = "image()", loader = "" } = given;
  const program = dataProgramOf(
    folder.path,
    `source: geotiff("${maps}/{tile}.tif")
  field x: ${reader} -> ${type}
  transform train { x = x |> ${steps} }
  transform { x = x |> crop(height: 3, width: 4) }
  split by tile { train: 100%  seed: 1 }
  loader { batch: 1  shuffle: false  workers: 0  ${loader} }`,
  );
  const dataset = await openDataset(program, { seed: 3, threads: 1 });
  try {
    const found: number[] = [];
    for (const epoch of [0, 1])
      found.push(...valuesOf(await collect(dataset.trainBatches(epoch, 0)), "x"));
    return found;
  } finally {
    await dataset.close();
  }
}

test.each([
  "random_crop(6, 5)",
  "crop(top: 4, left: 3, height: 12, width: 9) |> random_crop(6, 5)",
  "random_crop(20, 12) |> center_crop(9, 8) |> random_crop(6, 5) |> hflip(p: 0.5)",
  "random_crop(18, 11) |> vflip(p: 0.5) |> random_crop(6, 5)",
  "hflip(p: 0.5) |> random_crop(6, 5)",
])("%s gives the same where rasters are kept whole and where they are not", async (steps) => {
  for (const i of [0, 1, 2])
    write(
      `same/m${i}.tif`,
      tiffOf(spec, (y, x, band) => value(y, x, band) + 5 * i),
    );
  const given = { maps: "same", steps };
  const whole = await valuesIn({ ...given, loader: "residency: preload" });
  expect(whole).toHaveLength(2 * 3 * 2 * 3 * 4);
  expect(new Set(whole).size).toBeGreaterThan(24);
  expect(await valuesIn({ ...given, loader: "residency: stream" })).toEqual(whole);
  expect(await valuesIn(given)).toEqual(whole);
});

test("of a raster of 1.2 GB a window is read, and little is held", async () => {
  const large: TiffSpec = { height: 20_000, width: 20_000, bands: 3, samples: "u8", strip: 1 };
  const { head, directory } = tiffAround(large);
  mkdirSync(join(folder.path, "large"), { recursive: true });
  const file = openSync(join(folder.path, "large/m.tif"), "w");
  const pixels = large.height * large.width * large.bands;
  writeSync(file, head, 0, 8, 0);
  // A file with holes, which read as zeros.
  ftruncateSync(file, 8 + pixels);
  writeSync(file, directory, 0, directory.length, 8 + pixels);
  for (const [y, x, band] of [
    [15_001, 17_002, 0],
    [15_002, 17_003, 2],
  ] as const)
    writeSync(file, Buffer.of(7), 0, 1, 8 + (y * large.width + x) * large.bands + band);
  closeSync(file);
  const before = process.memoryUsage.rss();
  const found = await valuesIn({
    maps: "large",
    steps: "crop(top: 15000, left: 17000, height: 1000, width: 1000)",
    type: "f32[3, 20000, 20000]",
    loader: "residency: stream",
  });
  expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 2 ** 20);
  const expected = Array.from({ length: 36 }, (_, i) => (i === 4 + 2 || i === 24 + 8 + 3 ? 7 : 0));
  expect(found).toEqual([...expected, ...expected]);
});

const stream = "residency: stream";

test("what is outside of the window must be there, and of its size", async () => {
  const steps = "crop(height: 6, width: 5)";
  const bytes = tiffOf(spec, value);
  // The directory is moved to the front of what is left, so that the last strips alone are missing.
  const { head, directory } = tiffAround(spec);
  const short = 8 + 10 * spec.width * 4;
  const moved = Buffer.from(directory);
  for (let i = 0; i < moved.readUInt16LE(0); i++) {
    const at = 2 + 12 * i;
    const size = moved.readUInt16LE(at + 2) === 3 ? 2 : 4;
    if (moved.readUInt32LE(at + 4) * size > 4)
      moved.writeUInt32LE(
        moved.readUInt32LE(at + 8) - (bytes.length - directory.length) + short,
        at + 8,
      );
  }
  const start = Buffer.from(head);
  start.writeUInt32LE(short, 4);
  write("cut/m.tif", Buffer.concat([start, bytes.subarray(8, short), moved]));
  const { diagnostic } = await faultOf(valuesIn({ maps: "cut", steps, loader: stream }));
  expect(diagnostic).toMatchObject({ code: "data/image-unreadable" });
  expect(diagnostic.message).toContain("it is cut");
  write("small/m.tif", tiffOf({ ...spec, height: 20 }, value));
  const small = await faultOf(valuesIn({ maps: "small", steps, loader: stream }));
  expect(small.diagnostic.message).toContain("`f32[2, 21, 13]` and read as `u16[2, 20, 13]`");
  write("leave/m.tif", tiffOf(spec, value));
  const leaving = await faultOf(
    valuesIn({
      maps: "leave",
      type: "f32[2, _, _]",
      steps: "random_crop(40, 9)",
      loader: stream,
    }),
  );
  expect(leaving.diagnostic.code).toBe("data/transform-unsuited");
});

test("values that stand for nothing are a fault wherever they lie, and numbers where one is given", async () => {
  const steps = "crop(height: 6, width: 5)";
  const holed = { ...spec, nodata: "9999" };
  write(
    "holes/m.tif",
    tiffOf(holed, (y, x, band) => (y === 20 || y + x === 1 ? 9999 : value(y, x, band))),
  );
  const { diagnostic } = await faultOf(valuesIn({ maps: "holes", steps, loader: stream }));
  expect(diagnostic.code).toBe("data/raster-nodata");
  expect(diagnostic.message).toContain(`${2 * (13 + 2)} values of 9999`);
  const given = { maps: "holes", steps, reader: "image(nodata: 5)" };
  const filled = await valuesIn({ ...given, loader: stream });
  expect(filled).toEqual(await valuesIn(given));
  expect(filled.slice(0, 6)).toEqual([0, 5, 2, 3, 5, 41]);
});
