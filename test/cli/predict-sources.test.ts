/** `saic predict` on files of every source: arrays, tables, rasters and frames, read as in training. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { npyOf, npz } from "../data/array-files.js";
import { writePicture } from "../data/fixtures.js";
import { parquetBytes, tiffOf } from "../data/foreign-files.js";
import { createWorkplace, type Ended, type PrintedResult } from "./saic.js";

/**
 * A program over the members of a dataset. Its model gives back what it reads, as `seen`, so that
 * predictions show how files are read and prepared.
 */
const program = (members: string, shape: string, target: string): string => `
import { mse } from "saic:losses"
import { sgd } from "saic:optimizers"

dataset D {
  ${members}
}

block Net() {
  in x: f32[${shape}]
  out seen: f32[${shape}]
  out z: f32[B]
  weight bias: f32[1] = 0
  seen = x
  z = mean(flatten(x), axes: [1]) + bias
}

train t {
  model: Net()
  data: D
  seed: 1
  loss { total = ${target} }
  optimizer: sgd(lr: 0.1)
  stage main for 2 steps { }
}
`;

const split = "split random { train: 50%  val: 25%  test: 25%  seed: 1 }\n  loader { batch: 2 }";

const place = createWorkplace({
  "npz.pipe": program(
    `source: npz("arrays/train.npz")
  field x: array("x") -> f32[3]
  field y: array("y") -> f32[]
  fit range = standard(x, axes: []) -> (mean: f32[3], std: f32[3])
  transform { x = x |> rescale(range) }
  ${split}`,
    "B, 3",
    "mse(z, y)",
  ),
  "npy.pipe": program(
    `source: zip(left: npy("arrays/x.npy"), right: npy("arrays/y.npy"), by: index)
  field x: left.array() -> f32[3]
  field y: right.array() -> f32[]
  ${split}`,
    "B, 3",
    "mse(z, y)",
  ),
  "parquet.pipe": program(
    `source: parquet("tables/part-*.parquet")
  field x: column("vector") -> f32[2]
  field kind: column("kind", classes: [dog, cat]) -> i64[]
  ${split}`,
    "B, 2",
    "mse(z, cast(kind, dtype: f32))",
  ),
  "maps.pipe": program(
    `source: geotiff("maps/{tile}.tif")
  field x: image() -> f32[2, 8, 10]
  transform { x = x |> normalize(mean: 0, std: 1000) }
  ${split}`,
    "B, 2, H, W",
    "mse(z, 0 * z)",
  ),
  "frames.pipe": program(
    `source: frames(root: "frames", group: "{camera}_{event}")
  field x: window("{t}.png", length: 2) -> u8[T = 2, 1, 2, 4]
  field smoke: offset_at_least(0) -> bool[]
  transform { x = x |> normalize(mean: 0, std: 1) }
  split by event { train: 50%  val: 25%  test: 25%  seed: 1 }
  loader { batch: 2 }`,
    "B, T, C, H, W",
    "mse(z, cast(smoke, dtype: f32))",
  ),
});
afterAll(place.remove);

const path = (name: string): string => join(place.path, name);
const write = (name: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), bytes);
};
const runs: Record<string, PrintedResult> = {};
const numbers = (count: number, first: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => first + Math.fround(0.1 * i));
const map = (first: number) => (y: number, x: number, band: number) =>
  first + 100 * band + 10 * y + x;
const tiff = { height: 8, width: 10, bands: 2, samples: "u16", strip: 2 } as const;

/** Frames a minute apart, each in one gray. */
async function writeGroup(root: string, group: string, grays: readonly number[]): Promise<void> {
  for (const [i, gray] of grays.entries())
    await writePicture(path(`${root}/${group}/1_+${String(60 * i)}.png`), 2, 4, () => gray);
}

beforeAll(async () => {
  const [x, y] = [npyOf("f32", [12, 3], numbers(36, 0)), npyOf("f32", [12], numbers(12, 0))];
  write("arrays/train.npz", npz({ x, y }, 8));
  write("arrays/x.npy", x);
  write("arrays/y.npy", y);
  for (const i of [1, 2, 3, 4]) write(`tables/part-${i}.parquet`, parquetBytes("main"));
  for (let i = 0; i < 8; i++) write(`maps/m${i}.tif`, tiffOf(tiff, map(i)));
  for (let i = 0; i < 4; i++) await writeGroup("frames", `north_${i}`, [10, 20, 30]);
  for (const name of ["npz", "npy", "parquet", "maps", "frames"]) {
    const ended = await place.saic("run", `${name}.pipe`, "--threads=1", "--format=json");
    expect(ended.code, ended.stderr).toBe(0);
    runs[name] = JSON.parse(ended.stdout) as PrintedResult;
  }
}, 60_000);

const predict = (name: string, ...args: readonly string[]): Promise<Ended> =>
  place.saic("predict", runs[name]?.run_dir ?? "", ...args);

interface Row {
  readonly file: string;
  readonly record?: string;
  /** Nested by axes, or by the names of classes. */
  readonly seen: unknown;
  readonly z: number;
}

async function rowsOf(name: string, ...args: readonly string[]): Promise<readonly Row[]> {
  const ended = await predict(name, ...args);
  expect(ended.code, ended.stderr).toBe(0);
  const lines = ended.stdout.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}

const refused = async (name: string, ...args: readonly string[]): Promise<string> => {
  const ended = await predict(name, ...args);
  expect(ended).toMatchObject({ code: 6, stdout: "" });
  return ended.stderr;
};

const flat = (values: unknown): readonly number[] => [values].flat(9) as number[];

describe("arrays", () => {
  test("of an npz that holds what the model reads alone, rescaled as in training", async () => {
    write("new/more.npz", npz({ x: npyOf("f32", [3, 3], numbers(9, 5)) }, 0));
    const fits = JSON.parse(place.read(join(runs["npz"]?.run_dir ?? "", "fits.json"))) as Record<
      string,
      { readonly values: readonly number[] }
    >;
    const { values: mean } = fits["data.D.range.mean"] ?? { values: [] };
    const { values: std } = fits["data.D.range.std"] ?? { values: [] };
    const rows = await rowsOf("npz", "new/more.npz");
    expect(rows.map(({ file, record }) => [file, record])).toEqual(
      ["0", "1", "2"].map((record) => ["new/more.npz", record]),
    );
    const raw = numbers(9, 5);
    for (const [i, value] of rows.flatMap(({ seen }) => flat(seen)).entries())
      expect(value).toBeCloseTo(((raw[i] ?? 0) - at(mean, i % 3)) / at(std, i % 3), 4);
  });

  test("of the part of a zip that the model reads, from every file of a folder", async () => {
    write("folder/a.npy", npyOf("f32", [1, 3], Float32Array.of(1, 2, 3)));
    write("folder/deep/b.npy", npyOf("f32", [2, 3], Float32Array.of(4, 5, 6, 7, 8, 9)));
    write("folder/notes.txt", "");
    const ended = await predict("npy", "folder", "--format=csv");
    expect(ended.stderr).toBe("predicted 3 records, passed over 1 file of other kinds\n");
    const [head, ...lines] = ended.stdout.trimEnd().split("\n");
    expect(head).toBe("file,record,seen.0,seen.1,seen.2,z");
    expect(lines.map((line) => line.split(",").slice(0, 5).join(","))).toEqual([
      "a.npy,0,1,2,3",
      `${join("deep", "b.npy")},0,4,5,6`,
      `${join("deep", "b.npy")},1,7,8,9`,
    ]);
  });

  test("of another name, size or kind are refused by file and field", async () => {
    write("bad/other.npz", npz({ z: npyOf("f32", [1, 3], numbers(3, 0)) }, 0));
    expect(await refused("npz", "bad/other.npz")).toContain("`bad/other.npz` has no array `x`");
    write("bad/wide.npy", npyOf("f32", [1, 4], numbers(4, 0)));
    const wide = await refused("npy", "bad/wide.npy");
    expect(wide).toContain("a record of `wide` in `bad/wide.npy` is `f32[4]`");
    expect(wide).toContain("┌─ bad/wide.npy, field `x`");
    write("bad/text.npy", "no array");
    expect(await refused("npy", "bad/text.npy")).toContain("`bad/text.npy` is not read as npy");
  });

  test("that are no pictures are written as none", async () => {
    const ended = await predict("npy", "folder", "--format=images", "--out=pictures");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("error[use/output-unsuited]: `seen` is `f32[3]`");
  });
});

describe("tables", () => {
  test("rows of parquet columns, with labels or without", async () => {
    write("rows/today.parquet", parquetBytes("main"));
    const rows = await rowsOf("parquet", "rows");
    expect(rows.map(({ file, record }) => `${file} ${record ?? ""}`)).toEqual(
      [0, 1, 2].map((row) => `today.parquet row ${row}`),
    );
    // As many numbers as the dataset has classes are given their names.
    expect(rows.map(({ seen }) => seen)).toEqual([
      { dog: 1, cat: 2 },
      { dog: 3, cat: 4 },
      { dog: 5, cat: 6.5 },
    ]);
  });

  test("a column that is not there, gaps, and another format", async () => {
    write("bad/gaps.parquet", parquetBytes("gaps"));
    expect(await refused("parquet", "bad/gaps.parquet")).toContain("row 1 of");
    write("bad/none.parquet", "a,b\n1,2\n");
    expect(await refused("parquet", "bad/none.parquet")).toContain(
      "`bad/none.parquet` is not read as parquet",
    );
    mkdirSync(path("empty"));
    expect(await refused("parquet", "empty")).toContain("hint: the dataset reads parquet tables");
  });
});

describe("rasters", () => {
  test("become pictures below the names of their files", async () => {
    write("areas/a.tif", tiffOf(tiff, map(0)));
    write("areas/east/b.TIFF", tiffOf(tiff, map(500)));
    const ended = await predict("maps", "areas", "--format=images", "--out=out");
    expect(ended).toMatchObject({ code: 0, stdout: "", stderr: "predicted 2 records\n" });
    expect(readdirSync(path("out")).toSorted()).toEqual([
      "a.tif.seen.0.png",
      "a.tif.seen.1.png",
      "east",
    ]);
    const file = path("out/east/b.TIFF.seen.1.png");
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 10, height: 8 });
    const expected = Array.from({ length: 80 }, (_, i) =>
      Math.round((map(500)(Math.floor(i / 10), i % 10, 1) / 1000) * 255),
    );
    const gray = [...data].filter((_, i) => i % info.channels === 0);
    for (const [i, value] of gray.entries())
      expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThanOrEqual(1);
  });

  test("of another size, and damaged ones, by name", async () => {
    write("bad/small.tif", tiffOf({ ...tiff, height: 6 }, map(0)));
    const small = await refused("maps", "bad/small.tif");
    expect(small).toContain("field `x` is declared `f32[2, 8, 10]` and read as `u16[2, 6, 10]`");
    expect(small).toContain("┌─ bad/small.tif");
    write("bad/cut.tif", tiffOf(tiff, map(0)).subarray(0, 200));
    expect(await refused("maps", "bad/cut.tif")).toContain("`bad/cut.tif` cannot be read");
    const skipped = await predict("maps", "bad/cut.tif", "areas/a.tif", "--on-error=skip");
    expect(skipped.code).toBe(0);
    expect(skipped.stderr).toContain("left out `bad/cut.tif`");
    expect(skipped.stderr).toContain("predicted 1 record, left out 1\n");
  });
});

describe("frames", () => {
  const grays = ({ seen }: Row): readonly number[] => [
    ...new Set(flat(seen).map((value) => Math.round(255 * value))),
  ];

  test("are windows of each group of a folder; what is too short is told", async () => {
    await writeGroup("watch", "south_1", [40, 50, 60]);
    await writeGroup("watch", "south_2", [70, 80]);
    await writeGroup("watch", "south_3", [90]);
    mkdirSync(path("watch/notes"));
    const ended = await predict("frames", "watch");
    expect(ended.code, ended.stderr).toBe(0);
    const rows = ended.stdout.trimEnd().split("\n");
    const parsed = rows.map((line) => JSON.parse(line) as Row);
    expect(parsed.map(({ file, record }) => `${file} ${record ?? ""}`)).toEqual([
      "watch south_1/1_+60",
      "watch south_1/1_+120",
      "watch south_2/1_+60",
    ]);
    expect(parsed.map(grays)).toEqual([
      [40, 50],
      [50, 60],
      [70, 80],
    ]);
    expect(ended.stderr).toContain("warning[data/sequences-short]: 1 group of `watch` has");
    expect(ended.stderr).toContain("warning[data/folders-unmatched]: 1 folder of `watch`");
  });

  test("of one group, by its folder", async () => {
    const rows = await rowsOf("frames", "watch/south_2");
    expect(rows.map(({ record }) => record)).toEqual(["south_2/1_+60"]);
    expect(rows.map(grays)).toEqual([[70, 80]]);
  });

  test("a file, a folder without groups and one that is not there", async () => {
    const file = await refused("frames", "watch/south_1/1_+0.png");
    expect(file).toContain("error[use/input-no-folder]: `watch/south_1/1_+0.png` is a file");
    expect(await refused("frames", "maps")).toContain("error[data/folder-empty]: `maps` holds");
    expect(await refused("frames", "watch/south_3")).toContain("error[data/windows-missing]");
    expect(await refused("frames", "nowhere")).toContain("error[use/input-missing]");
  });

  test("a damaged frame leaves out the windows that hold it", async () => {
    await writeGroup("hurt", "south_1", [1, 2, 3, 4]);
    write("hurt/south_1/1_+60.png", "no picture");
    expect(await refused("frames", "hurt")).toContain("1_+60.png");
    const rows = await rowsOf("frames", "hurt", "--on-error=skip");
    expect(rows.map(grays)).toEqual([[3, 4]]);
  });
});
