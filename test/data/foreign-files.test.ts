/** Parquet files, pickles and rasters: what is read of them, and what is refused. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../runtime/data/dataset.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { openParquet } from "../../runtime/data/parquet-file.js";
import { describeData } from "../../runtime/data/describe/describe-data.js";
import { dataProgramOf } from "./data-program.js";
import {
  collect,
  faultOf,
  temporaryFolder,
  type TemporaryFolder,
  valuesOf,
  writePicture,
} from "./fixtures.js";
import {
  parquetBytes,
  type ParquetName,
  pickleBytes,
  type PickleName,
  tiffOf,
  type TiffSpec,
} from "./foreign-files.js";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const [i, name] of ["a", "b", "c"].entries())
    await writePicture(join(folder.path, `img/${name}.png`), 4, 4, () => 50 * i);
});
afterAll(() => folder.remove());

const write = (name: string, bytes: Buffer): void => writeFileSync(join(folder.path, name), bytes);
const options = { seed: 1, threads: 1 };
const all =
  "split random { train: 100%  seed: 1 }\nloader { batch: 2  shuffle: false  workers: 0 }";
const open = (members: string): Promise<Dataset> =>
  openDataset(dataProgramOf(folder.path, members), options);

async function valuesIn(members: string, field = "x"): Promise<readonly number[]> {
  const data = await open(members);
  const batches = await collect(data.evaluationBatches("train"));
  await data.close();
  return valuesOf(batches, field);
}

describe("parquet", () => {
  const members = (reader: string, name: ParquetName = "main"): string => {
    write("t.parquet", parquetBytes(name));
    return `source: parquet("t.parquet")\nfield x: ${reader}\n${all}`;
  };

  it.each([
    ['column("score") -> f32[]', [Math.fround(0.1), -2.5, Infinity]],
    ['column("score") -> f64[]', [Math.fround(0.1), -2.5, Infinity]],
    ['column("count") -> i64[]', [3, -4, 2 ** 40]],
    ['column("count") -> f64[]', [3, -4, 2 ** 40]],
    ['column("new") -> bool[]', [1, 0, 1]],
    ['column("kind", classes: [dog, cat]) -> i64[]', [1, 0, 1]],
    ['columns(["count", "score"]) -> f64[2]', [3, Math.fround(0.1), -4, -2.5, 2 ** 40, Infinity]],
    ['column("vector") -> f32[2]', [1, 2, 3, 4, 5, 6.5]],
    ['column("ids") -> i64[1, 2]', [1, 2, 3, 2 ** 40, 5, 6]],
    ['exists("{kind}.txt") -> bool[]', [0, 0, 0]],
  ] as const)("%s", async (reader, expected) => {
    expect(await valuesIn(members(reader))).toEqual(expected);
  });

  it.each([
    ['column("count") -> f32[]', "words", "column-type", "`string`, not numbers, which `x` reads"],
    ['column("score") -> i64[]', "main", "column-type", "`float`, not integers, which `x` reads"],
    ['column("kind") -> bool[]', "main", "column-type", "`string`, not truth values"],
    ['column("vector") -> f32[]', "main", "column-type", "`list of float`, not numbers"],
    ['column("score") -> f32[2]', "main", "column-type", "`float`, not lists of numbers"],
    ['column("ids") -> i64[2]', "main", "column-type", "`list of list of int64`, not lists of"],
    ['column("scor") -> f32[]', "main", "column-unknown", "has no column `scor`"],
    ['column("score") -> f32[]', "gaps", "column-value", "row 1 of"],
    ['column("vector") -> f32[2]', "gaps", "column-list", "row 1 of"],
    ['column("count") -> i32[]', "main", "column-value", "has `1099511627776` in the column"],
    ['column("kind", classes: [cat, dgo]) -> i64[]', "main", "column-value", "row 1 of"],
  ] as const)("%s of `%s` is a fault", async (reader, name, code, message) => {
    const { diagnostic, exitCode } = await faultOf(open(members(reader, name)));
    expect([exitCode, diagnostic.code]).toEqual([6, `data/${code}`]);
    expect(diagnostic.message).toContain(message);
    expect(`${diagnostic.message} ${diagnostic.place}`).toContain(join(folder.path, "t.parquet"));
  });

  it("names pictures and splits as a csv does", async () => {
    write("t.parquet", parquetBytes("main"));
    const data = await open(`source: parquet("t.parquet")
      field x: image("{file}") -> u8[1, 4, 4]
      split by column("part") { train: "train"  val: "val" }
      loader { batch: 1  workers: 0 }`);
    expect([data.size("train"), data.size("val")]).toEqual([2, 1]);
    const batches = await collect(data.evaluationBatches("val"));
    expect(new Set(valuesOf(batches, "x"))).toEqual(new Set([100]));
    await data.close();
  });

  it("reads several files in the order of their numbers, if they agree", async () => {
    write("part-10.parquet", parquetBytes("main"));
    write("part-2.parquet", parquetBytes("main"));
    const text = `source: parquet("part-*.parquet")\nfield x: column("score") -> f32[]\n${all}`;
    expect(await valuesIn(text)).toHaveLength(6);
    const data = await open(text);
    expect(data.manifest.splits.train[0]?.group).toBe("part-2.parquet row 0");
    await data.close();
    write("part-10.parquet", parquetBytes("words"));
    const { diagnostic } = await faultOf(
      open(`source: parquet("part-*.parquet")
        field x: column("count", classes: ["3", "-4", "1099511627776"]) -> i64[]\n${all}`),
    );
    expect(diagnostic.message).toBe(
      `the column \`count\` of \`${join(folder.path, "part-10.parquet")}\` is \`string\`, not ` +
        `\`int64\` as in \`${join(folder.path, "part-2.parquet")}\``,
    );
  });

  it("that is missing, cut or none is a fault", async () => {
    const code = async (bytes: Buffer | null): Promise<string> => {
      const text = `source: parquet("u.parquet")\nfield x: column("score") -> f32[]\n${all}`;
      if (bytes !== null) write("u.parquet", bytes);
      return (await faultOf(open(text))).diagnostic.code;
    };
    expect(await code(null)).toBe("data/file-missing");
    expect(await code(parquetBytes("main").subarray(0, 900))).toBe("data/file-malformed");
    expect(await code(Buffer.from("no parquet file at all"))).toBe("data/file-malformed");
  });

  it("is read in parts: a group of rows at a time", async () => {
    write("t.parquet", parquetBytes("main"));
    const table = await openParquet(join(folder.path, "t.parquet"), "here");
    expect(table.groups).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 3 },
    ]);
    expect(await table.read("count", { start: 1, end: 3 })).toEqual([-4n, 2n ** 40n]);
  });
});

describe("pickles", () => {
  const members = (reader: string, name: PickleName): string => {
    write("t.pkl", pickleBytes(name));
    return `source: pickle("t.pkl")\nfield x: ${reader}\n${all}`;
  };

  it.each(["protocol2", "protocol3", "protocol4", "protocol5"] as const)("of %s", async (name) => {
    const counted = Array.from({ length: 12 }, (_, i) => i);
    expect(await valuesIn(members('array("x") -> f32[4]', name))).toEqual(counted);
    expect(await valuesIn(members('array("more.0") -> f64[4]', name))).toEqual(counted);
    expect(await valuesIn(members('array("more.1.0") -> i64[]', name))).toEqual([0, 1, 2]);
  });

  it("run nothing", () => {
    write("evil.pkl", pickleBytes("evil"));
    const file = join(folder.path, "evil.pkl");
    expect(describeData({ kind: "pickle", file })).toEqual({
      kind: "malformed",
      problem:
        "it wants to run `posix.system`; only plain values and NumPy's arrays are read, and nothing is run",
    });
    expect(existsSync("/tmp/saic-was-run")).toBe(false);
  });

  it("that hold other things, or are cut, are faults", async () => {
    const program = dataProgramOf(folder.path, members('array("x") -> f32[4]', "protocol4"));
    const fault = async (bytes: Buffer) => {
      write("t.pkl", bytes);
      const { diagnostic, exitCode } = await faultOf(openDataset(program, options));
      expect(exitCode).toBe(6);
      return `${diagnostic.code}: ${diagnostic.message.split(join(folder.path, "t.pkl"))[1] ?? ""}`;
    };
    expect(await fault(pickleBytes("evil"))).toContain(
      "data/file-malformed: ` is not read as pickle: it wants to run `posix.system`",
    );
    expect(await fault(pickleBytes("objects"))).toContain("data/array-differs");
    const whole = pickleBytes("protocol4");
    for (let length = 0; length < whole.length; length += 7)
      expect(await fault(whole.subarray(0, length))).toContain("data/file-malformed");
    expect(await fault(Buffer.from("(dp0\nS'x'\np1\nI1\ns."))).toContain("protocols 2 to 5");
  });

  it("are described where they are checked", () => {
    write("t.pkl", pickleBytes("protocol5"));
    expect(() =>
      dataProgramOf(folder.path, `source: pickle("t.pkl")\nfield x: array("y") -> f32[4]\n${all}`),
    ).toThrow("`t.pkl` has no array `y`");
  });

  it("and npy files of Python objects are refused alike", () => {
    write("o.npy", pickleBytes("npyObjects"));
    expect(describeData({ kind: "npy", file: join(folder.path, "o.npy") })).toEqual({
      kind: "malformed",
      problem: "its elements are Python objects, and nothing is run to restore them",
    });
  });
});

describe("rasters", () => {
  const spec: TiffSpec = { height: 5, width: 3, bands: 2, samples: "u16", strip: 2 };
  const value = (y: number, x: number, band: number): number => 100 * y + 10 * x + band;
  const members = (type: string, setting = ""): string =>
    `source: geotiff("maps/{tile}.tif")\nfield x: image(${setting}) -> ${type}\n
    split by tile { train: 100%  seed: 1 }\nloader { batch: 1  shuffle: false  workers: 0 }`;
  const planes = (f: typeof value): readonly number[] =>
    Array.from({ length: 30 }, (_, i) => f(Math.floor(i / 3) % 5, i % 3, Math.floor(i / 15)));
  const writeMap = async (more: Partial<TiffSpec>, f = value): Promise<void> => {
    await writePicture(join(folder.path, "maps/.keep.png"), 1, 1, () => 0);
    write("maps/a.tif", tiffOf({ ...spec, ...more }, f));
  };

  it.each([
    ["u16", "f32[2, 5, 3]"],
    ["u16", "i32[2, 5, 3]"],
    ["u16", "f32[2, _, _]"],
    ["i16", "f32[2, 5, 3]"],
    ["f32", "f32[2, 5, 3]"],
    ["f32", "f64[2, 5, 3]"],
  ] as const)("of %s are read as %s", async (samples, type) => {
    const f = samples === "u16" ? value : (y: number, x: number, k: number) => -value(y, x, k);
    await writeMap({ samples }, f);
    const text = type.includes("_")
      ? members(type).replace("loader", "transform { x = x |> crop(height: 5, width: 3) }\nloader")
      : members(type);
    expect((await valuesIn(text)).map((x) => x + 0)).toEqual(planes(f).map((x) => x + 0));
  });

  it("that the type does not hold, of another size, cut or gone are faults", async () => {
    const program = dataProgramOf(folder.path, members("u8[2, 5, 3]"));
    const fault = async () => {
      const data = await openDataset(program, options);
      const { diagnostic, exitCode } = await faultOf(collect(data.evaluationBatches("train")));
      expect(exitCode).toBe(6);
      expect(diagnostic.place).toContain(join(folder.path, "maps/a.tif"));
      return diagnostic.message;
    };
    await writeMap({});
    expect(await fault()).toContain("`u8[2, 5, 3]` and read as `u16[2, 5, 3]`");
    const byte = (y: number): number => y;
    await writeMap({ samples: "u8", height: 4 }, byte);
    expect(await fault()).toContain("read as `u8[2, 4, 3]`");
    await writeMap({ samples: "u8" }, byte);
    const whole = tiffOf({ ...spec, samples: "u8" }, byte);
    // The last strip goes on behind the end.
    const late = Buffer.from(whole);
    late.writeUInt32LE(whole.length - 3, late.indexOf(Buffer.from([8, 0, 0, 0, 20, 0, 0, 0])) + 8);
    write("maps/a.tif", late);
    expect(await fault()).toContain("cannot be read: it is cut");
    write("maps/a.tif", Buffer.from("no raster"));
    expect(await fault()).toContain("cannot be read");
  });

  it("say what stands for no data, which is a fault, stays, or becomes a number", async () => {
    const f = (y: number, x: number, band: number): number => (y === 4 ? -9999 : value(y, x, band));
    await writeMap({ samples: "f32", nodata: "-9999" }, f);
    const data = await open(members("f32[2, 5, 3]"));
    const { diagnostic } = await faultOf(collect(data.evaluationBatches("train")));
    expect(diagnostic.code).toBe("data/raster-nodata");
    expect(diagnostic.message).toContain("has 6 values of -9999");
    expect(await valuesIn(members("f32[2, 5, 3]", "nodata: keep"))).toEqual(planes(f));
    const filled = planes(f).map((x) => (x === -9999 ? 0.5 : x));
    expect(await valuesIn(members("f32[2, 5, 3]", "nodata: 0.5"))).toEqual(filled);
    const none = (y: number, x: number, band: number): number =>
      y === 0 ? NaN : value(y, x, band);
    await writeMap({ samples: "f32", nodata: "nan" }, none);
    expect(await valuesIn(members("f32[2, 5, 3]", "nodata: 7"))).toEqual(
      planes(none).map((x) => (Number.isNaN(x) ? 7 : x)),
    );
  });
});

describe("joins", () => {
  const csv = (text: string): void => write("t.csv", Buffer.from(text));
  const members = (more: string): string => `source: zip(
      table: csv("t.csv"),
      pictures: images("img/{id}.png"),
      by: "id"${more}
    )
    field x: table.column("n") -> f32[]
    field image: pictures.image() -> u8[1, 4, 4]
    ${all}`;

  it("go by a key, in the order of the first part", async () => {
    csv("id,n\nc,3\na,1\nb,2\n");
    const data = await open(members(""));
    const batches = await collect(data.evaluationBatches("train"));
    await data.close();
    expect(valuesOf(batches, "x")).toEqual([3, 1, 2]);
    const images = valuesOf(batches, "image");
    expect([images[0], images[16], images[32]]).toEqual([100, 0, 50]);
  });

  it("of keys that a part lacks are a fault, or leave them out with a warning", async () => {
    csv("id,n\nc,3\nd,4\na,1\ne,5\n");
    const { diagnostic, exitCode } = await faultOf(open(members("")));
    expect([exitCode, diagnostic.code]).toEqual([6, "data/keys-missing"]);
    expect(diagnostic.message).toBe("`table` lacks 1 of 5 values of `id`: `b`");
    const data = await open(members(", missing: drop"));
    expect(data.size("train")).toBe(2);
    expect(data.warnings).toMatchObject([
      {
        code: "data/keys-dropped",
        message:
          "3 of 5 values of `id` are left out, as not every part has them: `table` lacks `b`; `pictures` lacks `d`, `e`",
      },
    ]);
    await data.close();
  });

  it("of a key that stands twice, or that a part has not, are faults", async () => {
    csv("id,n\na,1\nb,2\na,3\nc,4\n");
    const twice = await faultOf(open(members("")));
    expect(twice.diagnostic.code).toBe("data/key-duplicate");
    expect(twice.diagnostic.message).toContain("t.csv:2, and");
    const program = dataProgramOf(folder.path, members(""));
    csv("name,n\na,1\n");
    const { diagnostic } = await faultOf(openDataset(program, options));
    expect(diagnostic.code).toBe("data/key-unknown");
  });

  it("lend the names of one part to the templates of another", async () => {
    write("t.parquet", parquetBytes("main"));
    csv("kind,n\na,1\nb,2\nc,3\n");
    const values = await valuesIn(
      `source: zip(a: csv("t.csv"), b: parquet("t.parquet"), by: index)
      field x: image("{file}") -> u8[1, 4, 4]
      field n: a.column("n") -> f32[]
      ${all}`,
    );
    expect([values[0], values[16], values[32]]).toEqual([0, 50, 100]);
  });

  it("by index of files go by the numbers in their names", async () => {
    for (const i of [1, 2, 10])
      await writePicture(join(folder.path, `numbered/${i}.png`), 1, 1, () => 10 * i);
    csv("n\n1\n2\n10\n");
    const values = await valuesIn(
      `source: zip(images("numbered/{i}.png"), csv("t.csv"))
      field x: image() -> u8[1, 1, 1]
      field n: column("n") -> f32[]
      ${all}`,
    );
    expect(values).toEqual([10, 20, 100]);
  });
});
