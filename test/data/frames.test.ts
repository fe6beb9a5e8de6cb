/** Sequences of frames: order, windows, offsets, groups, tiles under boxes; on files that are written here. */

import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../runtime/data/dataset.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { dataProgramOf } from "./data-program.js";
import {
  collect,
  faultOf,
  temporaryFolder,
  type TemporaryFolder,
  valuesOf,
  vocXml,
  writePicture,
  writeText,
} from "./fixtures.js";

let folder: TemporaryFolder;
const frame = async (group: string, t: string, gray: number): Promise<void> =>
  writePicture(join(folder.path, "frames", group, `${t}.png`), 16, 24, () => gray);

beforeAll(async () => {
  folder = await temporaryFolder();
  // Written out of order; `-60` comes before `+0`, and `+120` after `+60`.
  for (const [t, gray] of [
    ["7_+120", 13],
    ["7_-60", 10],
    ["7_+0", 11],
    ["7_+60", 12],
  ] as const)
    await frame("north_a", t, gray);
  for (const [i, t] of ["9_-60", "9_+0", "9_+60"].entries()) await frame("north_b", t, 20 + i);
  for (const [i, t] of ["5_-60", "5_+0", "5_+60"].entries()) await frame("south_a", t, 30 + i);
  await frame("south_c", "5_+0", 40);
  await mkdir(join(folder.path, "frames/notes"));
  // Boxes of two frames only: the lower left quarter, and nothing.
  const box = (group: string, t: string, boxes: Parameters<typeof vocXml>[2]) =>
    writeText(join(folder.path, "frames", group, `${t}.xml`), vocXml(16, 24, boxes));
  await box("north_a", "7_+60", [[0, 8, 8, 16]]);
  await box("north_a", "7_+120", []);
});
afterAll(() => folder.remove());

const options = { seed: 1, threads: 1 };
const open = (members: string): Promise<Dataset> =>
  openDataset(dataProgramOf(folder.path, members), options);
const source = 'source: frames(root: "frames", group: "{camera}_{event}")';
const all =
  "split random { train: 100%  seed: 1 }\nloader { batch: 2  shuffle: false  workers: 0 }";

async function valuesIn(members: string, ...fields: readonly string[]) {
  const data = await open(members);
  const batches = await collect(data.evaluationBatches("train"));
  await data.close();
  return fields.map((field) => valuesOf(batches, field));
}

describe("windows", () => {
  const grays = async (window: string, length: number): Promise<readonly string[]> => {
    const [values = []] = await valuesIn(
      `${source}\nfield clip: ${window} -> u8[${length}, 1, 16, 24]\n${all}`,
      "clip",
    );
    const plane = 16 * 24;
    return Array.from({ length: values.length / plane / length }, (_, record) =>
      Array.from({ length }, (_none, k) => values[(record * length + k) * plane]).join("-"),
    );
  };

  it("end with their record's frame, by offset, and never go on into another group", async () => {
    expect(await grays('window("{t}.png", length: 2)', 2)).toEqual([
      "10-11",
      "11-12",
      "12-13",
      "20-21",
      "21-22",
      "30-31",
      "31-32",
    ]);
  });

  it("take each `stride`-th frame", async () => {
    expect(await grays('window("{t}.png", length: 2, stride: 2)', 2)).toEqual([
      "10-12",
      "11-13",
      "20-22",
      "30-32",
    ]);
  });

  it("tell what is too short for them, and which folders are no group", async () => {
    const members = (length: number): string =>
      `${source}\nfield clip: window("{t}.png", length: ${length}) -> u8[${length}, 1, 16, 24]\n${all}`;
    const data = await open(members(2));
    expect(data.warnings?.map(({ code, message }) => [code, message])).toEqual([
      [
        "data/folders-unmatched",
        `1 folder of \`${join(folder.path, "frames")}\` is no group \`{camera}_{event}\`: \`notes\``,
      ],
      [
        "data/sequences-short",
        `1 group of \`${join(folder.path, "frames")}\` has fewer than 2 frames and no record: \`south_c\``,
      ],
    ]);
    const fault = await faultOf(open(members(5)));
    expect([fault.exitCode, fault.diagnostic.code]).toEqual([6, "data/windows-missing"]);
  });

  it("of frames of several sizes are a fault that names the file", async () => {
    await writePicture(join(folder.path, "uneven/x_1/1.png"), 8, 8, () => 1);
    await writePicture(join(folder.path, "uneven/x_1/2.png"), 8, 9, () => 1);
    const data = await open(`source: frames(root: "uneven", group: "{a}_{b}")
      field clip: window("{t}.png", length: 2) -> u8[2, 1, _, _]
      split random { train: 100%  seed: 1 }
      transform { clip = clip |> resize(4, 4) }
      loader { batch: 1  workers: 0 }`);
    const { diagnostic } = await faultOf(collect(data.evaluationBatches("train")));
    expect(diagnostic.code).toBe("data/field-mismatch");
    expect(diagnostic.message).toContain("`u8[1, 8, 8]` and read as `u8[1, 8, 9]`");
    expect(diagnostic.place).toContain("uneven/x_1/2.png");
  });
});

describe("frames", () => {
  it("have offsets, and groups that stay together and are counted in each split", async () => {
    const data = await open(`${source}
      field one: image("{t}.png") -> u8[1, 16, 24]
      field late: offset_at_least(60) -> bool[1]
      field offset: group_offset() -> f32[]
      field group: group_index() -> i64[]
      split by camera { train: 50%  val: 50%  seed: 1 }
      loader { batch: 4  shuffle: false  workers: 0 }`);
    const found = [];
    for (const split of ["train", "val"] as const) {
      const batches = await collect(data.evaluationBatches(split));
      found.push([
        data.manifest.splits[split].map(({ group }) => group).join(),
        ...["late", "offset", "group"].map((field) => valuesOf(batches, field).join()),
      ]);
    }
    await data.close();
    expect(found.toSorted()).toEqual([
      ["north", "0,0,1,1,0,0,1", "-60,0,60,120,-60,0,60", "0,0,0,0,1,1,1"],
      ["south", "0,0,1,0", "-60,0,60,0", "0,0,0,1"],
    ]);
  });

  it("without an offset in their names are told where a field reads it", async () => {
    await writePicture(join(folder.path, "plain/x_1/10.png"), 4, 4, () => 10);
    await writePicture(join(folder.path, "plain/x_1/9.png"), 4, 4, () => 9);
    const members = (more: string): string => `source: frames(root: "plain", group: "{a}_{b}")
      field one: image("{t}.png") -> u8[1, 4, 4]\n${more}\n${all}`;
    const [values = []] = await valuesIn(members(""), "one");
    // Numbers in names count as numbers.
    expect([values[0], values[16]]).toEqual([9, 10]);
    const { diagnostic } = await faultOf(open(members("field offset: group_offset() -> f32[]")));
    expect(diagnostic.code).toBe("data/offset-missing");
    expect(diagnostic.place).toContain("plain/x_1/9.png, field `offset`");
  });

  it("of two roots are read one after the other", async () => {
    const [values = [], groups = []] = await valuesIn(
      `source: concat(frames(root: "plain", group: "{a}_{b}"), frames(root: "frames", group: "{a}_{b}"))
      field one: image("{t}.png") -> u8[1, _, _]
      field group: group_index() -> i64[]
      split random { train: 100%  seed: 1 }
      transform { one = one |> resize(1, 1) }
      loader { batch: 4  shuffle: false  workers: 0 }`,
      "one",
      "group",
    );
    expect(values.slice(0, 4)).toEqual([9, 10, 10, 11]);
    expect(groups.slice(0, 4)).toEqual([0, 0, 1, 1]);
  });
});

describe("tile_boxes", () => {
  const members = (more: string, transform = ""): string => `${source}
    field one: image("{t}.png") -> u8[1, 16, 24]
    field tiles: tile_boxes("{t}.xml", size: 8, at_least: 0.5) -> bool[6]
    ${more}
    split random { train: 100%  seed: 1 }
    ${transform}
    loader { batch: 2  shuffle: false  workers: 0 }`;
  const told = 'field told: exists("{t}.xml") -> bool[]';

  it("are of the picture as its transforms leave it", async () => {
    const [tiles = [], marked = []] = await valuesIn(members(told), "tiles", "told");
    expect(marked).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(tiles.slice(12, 24)).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(tiles.filter((tile) => tile === 1)).toHaveLength(1);
    const [moved = []] = await valuesIn(
      members(
        told,
        "transform { one = one |> resize(32, 48) |> crop(top: 16, left: 0, height: 16, width: 24) }",
      ),
      "tiles",
    );
    // Of the picture of twice the size the lower left corner is left: two by two tiles of the box.
    expect(moved.slice(12, 18)).toEqual([1, 1, 0, 1, 1, 0]);
  });

  it("are turned over with the picture", async () => {
    const data = await open(
      members(told, "transform train { one, tiles = (one, tiles) |> hflip(p: 1) }"),
    );
    const batches = await collect(data.trainBatches(0, 0));
    await data.close();
    expect(valuesOf(batches, "tiles").slice(12, 18)).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it("need their file, unless a field tells that it may be missing", async () => {
    const data = await open(members(""));
    const { diagnostic, exitCode } = await faultOf(collect(data.evaluationBatches("train")));
    expect([exitCode, diagnostic.code]).toEqual([6, "data/boxes-missing"]);
    expect(diagnostic.hint).toBe(
      'where it may be missing, say so by a field `exists("{t}.xml")`, and mask by it',
    );
    expect(diagnostic.place).toContain("7_-60.xml, record `north_a/7_-60`, field `tiles`");
  });

  it("are of a picture of the size that their file says", async () => {
    const file = join(folder.path, "frames/north_a/7_+120.xml");
    expect(existsSync(file)).toBe(true);
    await writeText(file, vocXml(16, 25, []));
    const data = await open(members(told));
    const { diagnostic } = await faultOf(collect(data.evaluationBatches("train")));
    await rm(file);
    expect(diagnostic.code).toBe("data/frame-size");
  });
});
