/** `saic data`: every record read, statistics, splits, the cache on disk, and files of arrays. */

import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeSafetensors, readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { npyOf, npz } from "../data/array-files.js";
import {
  temporaryFolder,
  type TemporaryFolder,
  vocXml,
  writePicture,
  writeText,
} from "../data/fixtures.js";
import { call } from "./in-process.js";

let folder: TemporaryFolder;
const at = (...names: readonly string[]): string => join(folder.path, ...names);

/** A program whose only use is its dataset `D`. */
const program = (members: string): string => `
import { adamw } from "saic:optimizers"
dataset D {
${members}
}
block M() {
  weight w: f32[1] = 0
  out z: f32[1]
  z = w
}
train t {
  model: M()
  data: D
  loss { total = average(square(z)) }
  optimizer: adamw(lr: 0.1)
  stage main for 1 epochs { }
}
`;

const write = (name: string, members: string): string => {
  writeFileSync(at(name), program(members));
  return at(name);
};

const pictures = `
  source: image_folder(root: "pictures", classes: [cat, dog])
  field image: image() -> u8[3, 4, 4]
  field kind: label() -> i64[]
  split random { train: 50%  val: 25%  test: 25%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 2  cache: disk(max: 1 MiB) }
`;

const json = async (code: number, ...args: readonly string[]): Promise<Record<string, unknown>> => {
  const ended = await call("data", ...args, "--json");
  expect(ended.code, ended.stderr).toBe(code);
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const [i, kind] of ["cat", "dog"].entries())
    for (let k = 0; k < 8; k++)
      await writePicture(
        at("pictures", kind, `${k}.png`),
        4,
        4,
        (y, x, c) => 16 * k + y + x + 50 * c + i,
      );
});
afterAll(async () => {
  await folder.remove();
});

describe("check", () => {
  test("sound data: how many records and classes each split has", async () => {
    const report = await json(0, "check", write("sound.pipe", pictures));
    expect(report).toMatchObject({
      dataset: "D",
      records: 16,
      skipped: 0,
      problems: [],
      warnings: [],
    });
    const {
      train,
      val,
      test: tested,
    } = report["splits"] as Record<
      string,
      { records: number; labels: Record<string, Record<string, number>> }
    >;
    expect([train?.records, val?.records, tested?.records]).toEqual([8, 4, 4]);
    expect(Object.keys(train?.labels["kind"] ?? {})).toEqual(["cat", "dog"]);
    const dogs = [train, val, tested].map((split) => split?.labels["kind"]?.["dog"] ?? 0);
    expect(dogs.reduce((a, b) => a + b, 0)).toBe(8);
    const ended = await call("data", "check", at("sound.pipe"));
    expect(ended.stdout).toMatch(
      /^D: 16 records, all can be read\n {2}train {2}8 records\n {9}kind: cat \d \(/u,
    );
  });

  test("every bad record is listed with its file, and a copy across splits is told", async () => {
    const members = pictures.replaceAll("pictures", "broken");
    for (const kind of ["cat", "dog"])
      for (let k = 0; k < 8; k++)
        await writePicture(at("broken", kind, `${k}.png`), 4, 4, (y, x, c) => 16 * k + y + x + c);
    const file = write("broken.pipe", members);
    // Cats are dogs here, pixel by pixel.
    const copies = await json(0, "check", file);
    expect(copies["warnings"]).toEqual([
      expect.objectContaining({
        code: "use/records-repeat",
        message: expect.stringMatching(/same `image`/u),
      }),
    ]);
    truncateSync(at("broken", "cat", "2.png"), 60);
    await writePicture(at("broken", "dog", "5.png"), 5, 4, () => 1);
    const ended = await call("data", "check", file);
    expect(ended.code).toBe(6);
    expect(ended.stderr).toMatch(/error\[data\/image-unreadable\]: `[^`]*cat[\\/]2\.png`/u);
    expect(ended.stderr).toMatch(/error\[data\/field-mismatch\]: .*u8\[3, 5, 4\]/u);
    expect(ended.stderr).toContain("error[use/records-bad]: 2 of 16 records have something wrong");
    expect(ended.stdout).toContain("D: 16 records, 2 bad");
    const limited = await call("data", "check", file, "--limit", "1");
    expect(limited.stderr.match(/^error/gmu)).toHaveLength(2);
  });

  test("groups that a split tears apart", async () => {
    for (let i = 0; i < 4; i++) {
      await writePicture(at("frames", `f${i}.jpeg`), 16, 16, (y, x) => 16 * y + x + i);
      await writeText(at("frames", `f${i}.xml`), vocXml(16, 16, [[0, 0, 8, 8]]));
    }
    const file = write(
      "frames.pipe",
      `  source: voc_tiles(root: "frames", images: "{frame}.jpeg", boxes: "{frame}.xml", frame: [16, 16], size: 8, overlap: 0)
  field image: image() -> u8[3, 8, 8]
  field smoke: holds(at_least: 0.3) -> bool[]
  split random { train: 50%  val: 50%  seed: 1 }
  loader { batch: 2 }`,
    );
    const { warnings, splits } = await json(0, "check", file);
    expect(warnings).toContainEqual(expect.objectContaining({ code: "use/groups-overlap" }));
    expect(splits).toMatchObject({ train: { records: 8, labels: { smoke: {} } } });
    const by = write(
      "by.pipe",
      readFileSync(file, "utf8")
        .replace(/[^]*dataset D \{|\}\nblock M[^]*/gu, "")
        .replace("split random", "split by frame"),
    );
    expect((await json(0, "check", by))["warnings"]).toEqual([]);
  });

  test("numbers that are none", async () => {
    const x = Float32Array.from({ length: 40 }, (_, i) => (i === 21 ? NaN : i));
    writeFileSync(at("x.npy"), npyOf("f32", [10, 4], x));
    const file = write(
      "nan.pipe",
      `  source: npy("x.npy")
  field x: array() -> f32[4]
  split random { train: 50%  val: 50%  seed: 1 }
  loader { batch: 2 }`,
    );
    const report = await json(6, "check", file);
    expect(report["problems"]).toEqual([
      expect.objectContaining({
        record: "5",
        code: "use/record-value",
        message: "`x` of record `5` holds NaN",
      }),
    ]);
  });
});

describe("stats", () => {
  test("mean, deviation and extremes of each channel, as `normalize` takes them", async () => {
    const sound = write(
      "stats.pipe",
      pictures.replace("train: 50%  val: 25%  test: 25%", "train: 100%"),
    );
    const { fields, records } = await json(0, "stats", sound);
    expect(records).toBe(16);
    const values = (channel: number): number[] => {
      const all: number[] = [];
      for (let i = 0; i < 2; i++)
        for (let k = 0; k < 8; k++)
          for (let y = 0; y < 4; y++)
            for (let x = 0; x < 4; x++) all.push((16 * k + y + x + 50 * channel + i) / 255);
      return all;
    };
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    const [image] = fields as readonly {
      mean: number[];
      std: number[];
      min: number[];
      max: number[];
    }[];
    for (let channel = 0; channel < 3; channel++) {
      const own = values(channel);
      const center = mean(own);
      expect(image?.mean[channel]).toBeCloseTo(center, 10);
      expect(image?.std[channel]).toBeCloseTo(
        Math.sqrt(mean(own.map((v) => (v - center) ** 2))),
        10,
      );
      expect(image?.min[channel]).toBe(Math.min(...own));
      expect(image?.max[channel]).toBe(Math.max(...own));
    }
    const ended = await call("data", "stats", sound);
    const line = /image = image \|> normalize\(mean: \[[\d., ]+\], std: \[[\d., ]+\]\)/u.exec(
      ended.stdout,
    );
    // What is printed is a line of the language.
    const pasted = pictures.replace(
      "image = image |> normalize(mean: 0.5, std: 0.25)",
      line?.[0] ?? "",
    );
    expect((await call("check", write("pasted.pipe", pasted))).stdout).toContain("no findings");
  });
});

test("split writes the manifest that a run keeps", async () => {
  const file = write("split.pipe", pictures);
  const ended = await call("data", "split", file, "--out", at("m.json"));
  expect(ended.stdout).toBe(
    "D: 16 records\n  train  8 records (50.0 %)\n  val    4 records (25.0 %)\n  test   4 records (25.0 %)\n",
  );
  const manifest = JSON.parse(readFileSync(at("m.json"), "utf8")) as Record<string, unknown>;
  expect(manifest).toEqual(await json(0, "split", file));
  const groups = Object.values(
    manifest["splits"] as Record<string, { records: number[] }[]>,
  ).flat();
  expect(groups.flatMap(({ records }) => records).toSorted((a, b) => a - b)).toEqual([
    ...Array(16).keys(),
  ]);
});

test("cache is filled, shown and cleared, where the dataset has one", async () => {
  const file = write("cache.pipe", pictures);
  const dir = ["--cache-dir", at("cache")];
  expect(await json(0, "cache", file, ...dir)).toMatchObject({
    entries: 0,
    bytes: 0,
    max_bytes: 2 ** 20,
  });
  const filled = await json(0, "cache", file, "--fill", ...dir);
  expect(filled["entries"]).toBe(16);
  expect(filled["bytes"]).toBeGreaterThan(16 * 48);
  expect(await json(0, "cache", file, ...dir)).toEqual(filled);
  expect(await json(0, "cache", file, "--clear", ...dir)).toMatchObject({ entries: 0, bytes: 0 });
  const none = await call(
    "data",
    "cache",
    write("none.pipe", pictures.replace("cache: disk(max: 1 MiB)", "")),
  );
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toContain("error[use/no-cache]: `D` has no cache on disk");
});

describe("convert", () => {
  const x = Float32Array.from([1, -2.5, 3, 4, 5, 6]);
  const n = BigInt64Array.from([7n, -8n]);

  test.each([0, 8] as const)(
    "an npz, stored or packed (%i), to safetensors, a folder and back",
    async (method) => {
      const archive = npz({ x: npyOf("f32", [2, 3], x), n: npyOf("i64", [2], n) }, method);
      const [from, tensors, parts, again] = [
        "a.npz",
        "a.safetensors",
        `parts${method}`,
        "b.npz",
      ].map((name) => at(name));
      writeFileSync(from ?? "", archive);
      for (const [source = "", target = ""] of [
        [from, tensors],
        [tensors, parts],
        [parts, again],
      ]) {
        const ended = await call("data", "convert", source, target);
        expect(ended.code, ended.stderr).toBe(0);
      }
      const read = readSafetensors(tensors ?? "").tensors;
      expect([...read.keys()].toSorted()).toEqual(["n", "x"]);
      expect(read.get("x")).toEqual({ dtype: "f32", shape: [2, 3], data: x });
      expect(read.get("n")).toEqual({ dtype: "i64", shape: [2], data: n });
      expect(readdirSync(parts ?? "").toSorted()).toEqual(["n.npy", "x.npy"]);
      await call("data", "convert", again ?? "", at("c.safetensors"));
      expect(readFileSync(at("c.safetensors")).equals(readFileSync(tensors ?? ""))).toBe(true);
      expect(readdirSync(folder.path).filter((name) => name.includes(".new"))).toEqual([]);
    },
  );

  test("arrays in Fortran's order are turned", async () => {
    writeFileSync(at("f.npy"), npyOf("f32", [2, 3], x, true));
    await call("data", "convert", at("f.npy"), at("f.safetensors"));
    const [tensor] = readSafetensors(at("f.safetensors")).tensors.values();
    expect([...(tensor?.data ?? [])]).toEqual([1, 3, 5, -2.5, 4, 6]);
  });

  test("what a form cannot hold, and what is no file of arrays", async () => {
    const bf16 = { dtype: "bf16", shape: [1], data: Uint16Array.of(0x3f80) } as const;
    const two = encodeSafetensors(
      new Map([
        ["a", bf16],
        ["b", bf16],
      ]),
    );
    writeFileSync(at("two.safetensors"), Buffer.concat(two));
    mkdirSync(at("nothing"));
    const said = async (from: string, to: string): Promise<string> => {
      const ended = await call("data", "convert", at(from), at(to));
      expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
      return ended.stderr.split("\n")[0]?.replaceAll(folder.path, "DIR") ?? "";
    };
    expect(await said("two.safetensors", "two.npz")).toMatchInlineSnapshot(
      `"error[use/conversion-unsuited]: cannot convert \`DIR/two.safetensors\`: \`a\` is \`bf16\`, which NumPy has no type for"`,
    );
    expect(await said("a.npz", "one.npy")).toMatchInlineSnapshot(
      `"error[use/conversion-unsuited]: cannot convert \`DIR/one.npy\`: a \`.npy\` file holds one array, not 2"`,
    );
    expect(await said("a.npz", "one.mat")).toMatchInlineSnapshot(
      `"error[use/conversion-unsuited]: cannot convert \`DIR/one.mat\`: files called \`*.mat\` are not written"`,
    );
    expect(await said("nothing", "x.npz")).toMatchInlineSnapshot(
      `"error[use/conversion-unsuited]: cannot convert \`DIR/nothing\`: it holds no \`.npy\` file"`,
    );
    expect(await said("nosuch.npz", "x.npz")).toMatchInlineSnapshot(
      `"error[use/conversion-unsuited]: cannot convert \`DIR/nosuch.npz\`: it does not exist"`,
    );
  });
});
