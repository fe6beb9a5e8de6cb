/** Tile geometry, coverage and the faults of the source `voc_tiles`. */

import { stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { coveredShare, type Rectangle, tileGrid } from "../../runtime/data/tile-geometry.js";
import { recordLabels } from "../../runtime/data/tile-prior.js";
import {
  type BoxSpec,
  collect,
  faultOf,
  temporaryFolder,
  type TemporaryFolder,
  type TileSettings,
  tilesProgram,
  valuesOf,
  vocXml,
  writePicture,
  writeText,
} from "./fixtures.js";

const settings: TileSettings = { frame: [10, 14], size: 4, overlap: 1 };
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function writeFrame(name: string, boxes: readonly BoxSpec[] = []): Promise<void> {
  const picture = join(folder.path, "images", `${name}.png`);
  await writePicture(
    picture,
    10,
    14,
    (y, x, channel) => 10 * y + x + 100 * (channel === 2 ? 1 : 0),
  );
  await writeText(join(folder.path, "xmls", `${name}.xml`), vocXml(10, 14, boxes));
}

const writeFrames = async (): Promise<void> => {
  for (const name of ["a", "b", "c", "d"]) await writeFrame(name, [[0, 0, 2, 2]]);
};

const open = async (changes: Partial<TileSettings> = {}): Promise<void> => {
  const program = tilesProgram(folder.path, { ...settings, ...changes });
  await (await openDataset(program, { seed: 1, threads: 0 })).close();
};
const expectFault = async (code: string, place: RegExp): Promise<string> => {
  const fault = await faultOf(open());
  expect(fault.exitCode).toBe(6);
  expect(fault.diagnostic.code).toBe(`data/${code}`);
  expect(fault.diagnostic.hint).not.toBeNull();
  expect(fault.diagnostic.place).toMatch(place);
  return fault.message;
};
const writeBoxes = async (boxes: readonly BoxSpec[]): Promise<void> => {
  await writeFrames();
  await writeFrame("b", boxes);
};
const codes = async (changes: Partial<TileSettings>): Promise<string> =>
  (await faultOf(open(changes))).diagnostic.code;
const labels = async (atLeast: number): Promise<readonly number[]> => {
  const program = tilesProgram(folder.path, { ...settings, atLeast });
  return (await recordLabels(program)).slice(0, 12).map((record) => record.label);
};
const box = (xmin: number, ymin: number, xmax: number, ymax: number): Rectangle => ({
  xmin,
  ymin,
  xmax,
  ymax,
});

describe("geometry", () => {
  it("counts rows and columns by the floor", () => {
    expect(tileGrid(1040, 1856, 224, 20)).toEqual({ rows: 5, columns: 9, stride: 204 });
    expect(tileGrid(480, 640, 160, 32)).toEqual({ rows: 3, columns: 4, stride: 128 });
    expect(tileGrid(10, 14, 4, 1)).toEqual({ rows: 3, columns: 4, stride: 3 });
    expect(tileGrid(9, 14, 4, 1)).toEqual({ rows: 2, columns: 4, stride: 3 });
  });

  it("measures the union of boxes within the window", () => {
    const window = { xmin: 10, ymin: 10, xmax: 20, ymax: 20 };
    expect(coveredShare(window, [])).toBe(0);
    expect(coveredShare(window, [box(0, 0, 100, 100)])).toBe(1);
    expect(coveredShare(window, [box(0, 0, 15, 12)])).toBe(0.1);
    expect(coveredShare(window, [box(10, 10, 15, 15), box(12, 12, 17, 17)])).toBe(0.41);
    expect(coveredShare(window, [box(10, 10, 12, 20), box(18, 10, 20, 20)])).toBe(0.4);
    expect(coveredShare(window, [box(20, 10, 30, 20)])).toBe(0);
    expect(coveredShare(window, [box(11, 11, 12, 12), box(11, 11, 12, 12)])).toBe(0.01);
  });
});

describe("records", () => {
  it("are tiles row by row, cut from their frame", async () => {
    await writeFrames();
    const data = await openDataset(tilesProgram(folder.path, settings), { seed: 1, threads: 0 });
    expect(data.manifest.by).toBe("frame");
    expect(data.size("train")).toBe(24);
    expect(data.size("val")).toBe(12);
    const batches = await collect(data.evaluationBatches("val"));
    expect(valuesOf(batches, "position")).toEqual(Array.from({ length: 12 }, (_, i) => i));
    const tiles = valuesOf(batches, "tile");
    // Tile 6 is in row 1 and column 2, so its corner is pixel (3, 6).
    expect(tiles.slice(6 * 48, 6 * 48 + 8)).toEqual([36, 37, 38, 39, 46, 47, 48, 49]);
    expect(tiles.slice(6 * 48 + 32, 6 * 48 + 36)).toEqual([136, 137, 138, 139]);
    await data.close();
  });

  it("are labeled by the covered share, from the threshold on", async () => {
    // Tile 0 spans 0..4 in both axes; this box covers 2 * 2 of its 16 pixels.
    await writeFrames();
    expect(await labels(0.25)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(await labels(0.26)).toEqual(Array.from({ length: 12 }, () => 0));
    expect(await labels(0)).toEqual(Array.from({ length: 12 }, () => 1));
  });

  it("count only boxes of the named classes", async () => {
    await writeFrames();
    await writeFrame("a", [
      [0, 0, 4, 4, "cloud"],
      [10, 6, 14, 10, "smoke"],
    ]);
    const program = tilesProgram(folder.path, { ...settings, classes: ["cloud"] });
    const counted = await recordLabels(program);
    expect(counted.filter((record) => record.label === 1)).toEqual([
      { group: "a", position: 0, label: 1 },
      { group: "a", position: 1, label: 1 },
      { group: "a", position: 4, label: 1 },
      { group: "a", position: 5, label: 1 },
    ]);
    const typo = tilesProgram(folder.path, { ...settings, classes: ["clowd"] });
    expect((await faultOf(recordLabels(typo))).diagnostic).toMatchObject({
      code: "data/box-class-unknown",
      hint: "did you mean `cloud`?",
    });
  });

  it("agree with the field that batches carry", async () => {
    await writeFrames();
    await writeFrame("b", [[3, 2, 14, 9]]);
    const program = tilesProgram(folder.path, { ...settings, atLeast: 0.5 });
    const known = await recordLabels(program);
    const data = await openDataset(program, { seed: 1, threads: 0 });
    for (const split of ["train", "val", "test"] as const) {
      const records = data.manifest.splits[split].flatMap((group) => group.records);
      const read = valuesOf(await collect(data.evaluationBatches(split)), "smoke");
      expect(read).toEqual(records.map((index) => known[index]?.label));
    }
    await data.close();
  });
});

describe("faults", () => {
  it.each<readonly [string, BoxSpec]>([
    ["leaves on the left", [-1, 0, 2, 2]],
    ["leaves on the right", [0, 0, 14.5, 2]],
    ["leaves below", [0, 0, 2, 11]],
    ["is empty", [3, 3, 3, 5]],
    ["is turned around", [3, 5, 6, 4]],
  ])("a box that %s", async (_, box) => {
    await writeBoxes([box]);
    expect(await expectFault("box-invalid", /b\.xml$/)).toContain("picture of 10 x 14");
  });

  it("no fault for a box up to the very edge", async () => {
    await writeBoxes([[0, 0, 14, 10]]);
    await open();
  });

  it.each([
    ["<annotation><size><width>14</width></size></annotation>", "`<size>` has no `<height>`"],
    ["<annotation>", "line 1: `<annotation>` is never closed"],
    ["<frame/>", "its root is `<frame>`"],
    [vocXml(10, 14, [["NaN", 0, 2, 2]]), "`<xmin>` holds `NaN`, no number"],
    [vocXml(10, 14, [["1e999", 0, 2, 2]]), "no number"],
    [vocXml(10.5, 14, []), "`<height>` holds `10.5`, no count of pixels"],
    [vocXml(10, 14, [[0, 0, 2, 2, " "]]), "empty `<name>`"],
    ["<annotation><object/>" + vocXml(10, 14, []).slice(12), "`<object>` has no `<name>`"],
  ])("annotation %j", async (text, problem) => {
    await writeFrames();
    await writeText(join(folder.path, "xmls/c.xml"), text);
    expect(await expectFault("annotation-malformed", /c\.xml$/)).toContain(problem);
  });

  it("an annotation that is not UTF-8", async () => {
    await writeFrames();
    await writeFile(join(folder.path, "xmls/c.xml"), Buffer.from([0x3c, 0xff, 0xfe]));
    expect(await expectFault("annotation-malformed", /c\.xml$/)).toContain("not UTF-8");
  });

  it("sizes that disagree", async () => {
    await writeFrames();
    await writeText(join(folder.path, "xmls/c.xml"), vocXml(14, 10, []));
    expect(await expectFault("frame-size", /c\.xml$/)).toContain("14 x 10");
    await writeFrame("c");
    await writePicture(join(folder.path, "images/c.png"), 10, 13, () => 0);
    expect(await expectFault("frame-size", /c\.png$/)).toContain("10 x 13");
  });

  it("a picture without annotation", async () => {
    await writeFrames();
    await writePicture(join(folder.path, "images/e.png"), 10, 14, () => 0);
    expect(await expectFault("annotation-missing", /e\.png$/)).toContain("e.xml");
  });

  it("a missing folder, and one without pictures", async () => {
    await writeText(join(folder.path, "xmls/a.xml"), "");
    expect(await expectFault("folder-missing", /tiles\.pipe:2:3/)).toContain("images");
    await writeText(join(folder.path, "images/a.txt"), "");
    expect(await expectFault("folder-empty", /tiles\.pipe:2:3/)).toContain("{frame}.png");
    await folder.remove();
    expect(await expectFault("folder-missing", /tiles\.pipe:2:3/)).toContain(folder.path);
  });

  it("two pictures of one frame name", async () => {
    await writeFrames();
    await writePicture(join(folder.path, "more/a.png"), 10, 14, () => 0);
    const fault = await faultOf(open({ images: "*/{frame}.png" }));
    expect(fault.diagnostic.code).toBe("data/frame-duplicate");
    expect(fault.message).toContain(join("more", "a.png"));
  });

  it("patterns and tiles that make no sense", async () => {
    await writeFrames();
    expect(await codes({ images: "images/a.png" })).toBe("data/pattern-invalid");
    expect(await codes({ images: "{x}/{frame}.png" })).toBe("data/pattern-invalid");
    expect(await codes({ images: "images/{name}.png" })).toBe("data/pattern-invalid");
    expect(await codes({ size: 11 })).toBe("data/tiles-invalid");
    expect(await codes({ overlap: 4 })).toBe("data/tiles-invalid");
  });

  it("a truncated JPEG, when its batch is read", async () => {
    await writeFrames();
    const jpegs = { ...settings, images: "images/{frame}.jpg" };
    for (const name of ["a", "b", "c", "d"]) {
      const file = join(folder.path, "images", `${name}.jpg`);
      await writePicture(file, 10, 14, (y, x) => (37 * x * y) % 256);
      await truncate(file, (await stat(file)).size - 20);
    }
    const data = await openDataset(tilesProgram(folder.path, jpegs), { seed: 1, threads: 0 });
    const fault = await faultOf(collect(data.evaluationBatches("val")));
    expect(fault.exitCode).toBe(6);
    expect(fault.diagnostic.code).toBe("data/image-unreadable");
    expect(fault.diagnostic.place).toMatch(/\.jpg$/);
    await data.close();
  });
});
