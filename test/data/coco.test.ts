/** COCO files: classes by name, shapes, boxes, and what moves them with their picture. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unpackRuns } from "../../runtime/data/coco.js";
import type { Dataset } from "../../runtime/data/dataset.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { dataProgramOf } from "./data-program.js";
import {
  collect,
  faultOf,
  temporaryFolder,
  type TemporaryFolder,
  valuesOf,
  writePicture,
} from "./fixtures.js";

let folder: TemporaryFolder;
const options = { seed: 1, threads: 2 };

/** A picture of 6 x 8 that is white where the shape of its class is. */
const file = {
  images: [
    { id: 7, file_name: "a.png", height: 6, width: 8 },
    { id: 9, file_name: "b.png", height: 6, width: 8 },
  ],
  categories: [
    { id: 0, name: "Car" },
    { id: 1, name: "dunt" },
    { id: 2, name: "scracth" },
  ],
  annotations: [
    // Rows 1 to 2, columns 2 to 4.
    {
      id: 1,
      image_id: 7,
      category_id: 1,
      bbox: [2, 1, 3, 2],
      segmentation: [[2, 1, 5, 1, 5, 3, 2, 3]],
    },
    // Column 0, rows 2 to 5.
    { id: 2, image_id: 9, category_id: 2, segmentation: { size: [6, 8], counts: [2, 4, 42] } },
    { id: 3, image_id: 9, category_id: 0, bbox: [0, 0, 8, 6] },
  ],
};
beforeAll(async () => {
  folder = await temporaryFolder();
  await writePicture(join(folder.path, "a.png"), 6, 8, (y, x) =>
    y >= 1 && y < 3 && x >= 2 && x < 5 ? 255 : 0,
  );
  await writePicture(join(folder.path, "b.png"), 6, 8, (y, x) => (x < 1 && y >= 2 ? 255 : 0));
});
afterAll(() => folder.remove());

const write = (content: unknown): void =>
  writeFileSync(join(folder.path, "c.json"), JSON.stringify(content));
const source = `source: coco("c.json", classes: [dent, scratch], names: (dent: [dunt], scratch: [scracth]))`;
const members = (fields: string, transform = "", workers = 0): string => `${source}
  ${fields}
  split random { train: 100%  seed: 1 }
  ${transform}
  loader { batch: 2  shuffle: false  workers: ${workers} }`;
const open = (text: string): Promise<Dataset> =>
  openDataset(dataProgramOf(folder.path, text), options);

describe("coco", () => {
  it("gives areas, masks, boxes and classes by their names", async () => {
    write(file);
    const data = await open(
      members(`field area: area() -> f32[2]
      field masks: masks() -> bool[2, 6, 8]
      field boxes: boxes(max: 2) -> f32[2, 4]
      field kinds: box_classes(max: 2) -> i64[2]
      field present: present() -> bool[2]`),
    );
    const batches = await collect(data.evaluationBatches("train"));
    expect(valuesOf(batches, "area")).toEqual([6 / 48, 0, 0, 4 / 48].map(Math.fround));
    const masks = valuesOf(batches, "masks");
    expect(
      masks
        .slice(0, 48)
        .map((value, i) => (value === 1 ? i : -1))
        .filter((i) => i >= 0),
    ).toEqual([10, 11, 12, 18, 19, 20]);
    expect(
      masks
        .slice(144)
        .map((value, i) => (value === 1 ? i : -1))
        .filter((i) => i >= 0),
    ).toEqual([16, 24, 32, 40]);
    expect(valuesOf(batches, "boxes")).toEqual([2, 1, 5, 3, 0, 0, 0, 0, 0, 2, 1, 6, 0, 0, 0, 0]);
    expect(valuesOf(batches, "kinds")).toEqual([0, -1, 1, -1]);
    expect(valuesOf(batches, "present")).toEqual([1, 0, 0, 1]);
    // What is annotated and does not count is said.
    expect(data.warnings?.map(({ code }) => code)).toEqual(["data/categories-uncounted"]);
    expect(data.warnings?.map(({ message }) => message)).toEqual([
      `\`${join(folder.path, "c.json")}\` has annotations that count as no class: \`Car\` (1)`,
    ]);
    await data.close();
  });

  it("unpacks run lengths as COCO packs them", () => {
    // Five bits a character; the sixth goes on, the fifth of the last is a sign, and from the fourth
    // number on each is the change from the one before the last.
    expect(unpackRuns("414")).toEqual([4, 1, 4]);
    expect(unpackRuns("4140")).toEqual([4, 1, 4, 1]);
    expect(unpackRuns("414O")).toEqual([4, 1, 4, 0]);
    expect(unpackRuns("`11")).toEqual([48, 1]);
    expect(() => unpackRuns("`")).toThrow("cut");
  });

  it.each([
    [
      "names: (dent: [dunt], scratch: [scracth])",
      "names: (dent: [dnt], scratch: [scracth])",
      "`c.json` has no category `dnt`",
    ],
    [
      "names: (dent: [dunt], scratch: [scracth])",
      "names: (dnet: [dunt])",
      "`dnet` is not defined here",
    ],
    [
      "names: (dent: [dunt], scratch: [scracth])",
      "names: (dent: dunt, scratch: [])",
      "`names` of `coco` must be lists",
    ],
    [", names: (dent: [dunt], scratch: [scracth])", "", "`c.json` has no category `dent`"],
  ])("checks names: %s as %s", (from, to, message) => {
    write(file);
    const text = members("field area: area() -> f32[2]").replace(from, to);
    expect(() => dataProgramOf(folder.path, text)).toThrow(message);
  });

  it("stops at what cannot be", async () => {
    write(file);
    const program = dataProgramOf(
      folder.path,
      members("field area: area() -> f32[2]\nfield boxes: boxes(max: 1) -> f32[1, 4]"),
    );
    const [first, second] = file.annotations;
    const messageOf = async (annotations: readonly unknown[]): Promise<string> => {
      write({ ...file, annotations });
      const { diagnostic, exitCode } = await faultOf(openDataset(program, options));
      expect(exitCode).toBe(6);
      return `${diagnostic.code}: ${diagnostic.message.replaceAll(folder.path, "")}`;
    };
    const invalid = "data/annotation-invalid: the annotation 1 of `/c.json`:";
    expect(await messageOf([{ ...first, image_id: 1 }])).toBe(
      `${invalid} there is no picture \`1\``,
    );
    expect(await messageOf([{ ...first, category_id: 5 }])).toBe(
      `${invalid} there is no category \`5\``,
    );
    expect(await messageOf([{ ...first, bbox: [9, 0, 2, 2] }])).toBe(
      `${invalid} its box 9, 0, 11, 2 is empty or beyond the picture of 6 x 8`,
    );
    expect(await messageOf([{ ...first, segmentation: [[1, 2, 3, 4]] }])).toBe(
      `${invalid} a polygon has 4 numbers`,
    );
    expect(await messageOf([{ ...second, segmentation: { size: [6, 8], counts: [2, 4] } }])).toBe(
      "data/annotation-invalid: the annotation 2 of `/c.json`: its run lengths are of 6 pixels, not of 48",
    );
    expect(await messageOf([first, first])).toBe(
      "data/too-many-boxes: `a.png` has 2 boxes, where `boxes` has room for 1",
    );
    expect(await messageOf([{ ...first, bbox: "wide" }])).toMatch(/^data\/file-malformed: /);
    write({ ...file, categories: file.categories.slice(0, 2) });
    expect((await faultOf(openDataset(program, options))).diagnostic.code).toBe(
      "data/category-unknown",
    );
  });

  it("holds pictures to the size that the file says", async () => {
    write({
      ...file,
      images: file.images.map((image) => ({ ...image, width: 9 })),
      annotations: [],
    });
    const data = await open(
      members("field image: image() -> u8[3, _, _]", "transform { image = image |> resize(4, 4) }"),
    );
    const fault = await faultOf(collect(data.evaluationBatches("train")));
    expect(fault.diagnostic.code).toBe("data/field-mismatch");
    await data.close();
  });
});

describe("labels go with their picture", () => {
  const fields = `field image: image() -> u8[3, 6, 8]
  field masks: masks() -> bool[2, 6, 8]
  field boxes: boxes(max: 1) -> f32[1, 4]
  field kinds: box_classes(max: 1) -> i64[1]`;
  const steps = [
    "hflip(p: 1)",
    "vflip(p: 1)",
    "hflip(p: 0.5)",
    "random_crop(4, 6)",
    "random_shift(pad: 2)",
  ];

  /** Masks, and what is inside of boxes, must be where the picture is white. */
  async function agree(
    transform: string,
    height: number,
    width: number,
    workers = 0,
  ): Promise<readonly number[]> {
    write({ ...file, annotations: file.annotations.slice(0, 2) });
    const data = await open(members(fields, transform, workers));
    const seen: number[] = [];
    for (const epoch of [0, 1, 2, 3]) {
      const batches = await collect(data.trainBatches(epoch, 0));
      const image = valuesOf(batches, "image");
      const masks = valuesOf(batches, "masks");
      const boxes = valuesOf(batches, "boxes");
      const kinds = valuesOf(batches, "kinds");
      const size = height * width;
      for (const record of [0, 1]) {
        const [xmin = 0, ymin = 0, xmax = 0, ymax = 0] = boxes.slice(4 * record, 4 * record + 4);
        for (let i = 0; i < size; i++) {
          const white = image[3 * size * record + i] === 255;
          const masked = [0, 1].some((k) => masks[size * (2 * record + k) + i] === 1);
          const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
          expect(masked, transform).toBe(white);
          if (!transform.includes("shift") && !transform.includes("edge"))
            expect(x > xmin && x < xmax && y > ymin && y < ymax, transform).toBe(white);
        }
        expect(kinds[record]).toBe(xmax > xmin ? record : -1);
      }
      seen.push(...boxes);
    }
    await data.close();
    return seen;
  }

  it.each(steps)("through %s, named in one tuple", async (step) => {
    const names = "image, masks, boxes, kinds";
    const [height, width] = step.includes("crop") ? [4, 6] : [6, 8];
    const transform = `transform { ${names} = (${names}) |> ${step} }`;
    const alone = await agree(transform, height, width);
    expect(await agree(transform, height, width, 2)).toEqual(alone);
  });

  it.each([
    ["crop(top: 1, left: 1, height: 4, width: 5)", 4, 5],
    ["center_crop(4, 6)", 4, 6],
    ["pad(top: 1, left: 2)", 7, 10],
    ["resize(12, 16)", 12, 16],
  ] as const)("through %s by themselves", async (step, height, width) => {
    await agree(`transform { image = image |> ${step} }`, height, width);
  });
});

const masklets = join(
  process.env["SAIC_TEST_DATA"] ?? resolve("..", "shared", "data"),
  "video/sav/sav_000001_manual.json",
);
describe.skipIf(!existsSync(masklets))("masklets of a video", () => {
  it("are of as many pixels as its frames", () => {
    const text = readFileSync(masklets, "utf8");
    const found = [
      ...text.matchAll(/"size": ?\[(\d+), ?(\d+)\], ?"counts": ?("(?:[^"\\]|\\.)*")/g),
    ];
    expect(found.length).toBeGreaterThan(100);
    for (const [, height, width, counts = '""'] of found) {
      const runs = unpackRuns(JSON.parse(counts) as string);
      expect(runs.reduce((a, b) => a + b, 0)).toBe(Number(height) * Number(width));
      expect(runs.every((run) => run >= 0)).toBe(true);
    }
  });
});

const real = join(process.env["SAIC_TEST_DATA"] ?? resolve("..", "shared", "data"), "cars");
describe.skipIf(!existsSync(real))("photos of cars", () => {
  it("have the areas that their polygons cover", async () => {
    const data = await open(`source: coco(
      "${real}/scratch/valid/_annotations.coco.json",
      classes: [dent, scratch, dirt]
    )
    field area: area() -> f32[3]
    field present: present() -> bool[3]
    split random { train: 100%  seed: 1 }
    loader { batch: 20  shuffle: false  workers: 0 }`);
    expect(data.size("train")).toBe(60);
    const batches = await collect(data.evaluationBatches("train"));
    const area = valuesOf(batches, "area");
    const present = valuesOf(batches, "present");
    // As another rasterizer has it, by the same rule.
    const sums = [0, 1, 2].map((k) =>
      area.filter((_, i) => i % 3 === k).reduce((a, b) => a + b, 0),
    );
    expect(sums[0]).toBeCloseTo(4.452927, 4);
    expect(sums[1]).toBeCloseTo(4.93981, 4);
    expect(sums[2]).toBeCloseTo(0.120625, 4);
    expect(
      area.every((share, i) => share >= 0 && share < 1 && share > 0 === (present[i] === 1)),
    ).toBe(true);
    await data.close();
  });
});
