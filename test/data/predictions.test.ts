/** New files as records of a dataset, and what is said of them: forms, tables, rows, pictures. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fault } from "../../runtime/fault.js";
import { findInputs, inputForm, recordsIn } from "../../runtime/use/input-files.js";
import { pictureWriter } from "../../runtime/use/prediction-pictures.js";
import { csvRows, jsonRows } from "../../runtime/use/prediction-rows.js";
import type { RecordOutput } from "../../runtime/use/run-model.js";
import { dataProgramOf } from "./data-program.js";
import { temporaryFolder, type TemporaryFolder, writePicture, writeText } from "./fixtures.js";

let folder: TemporaryFolder;
const at = (...names: readonly string[]): string => join(folder.path, ...names);
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
});

const codeOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof Fault) return `${error.diagnostic.code} ${error.exitCode}`;
    throw error;
  }
  return "none";
};

const shapes = () =>
  dataProgramOf(
    folder.path,
    `source: synthetic(shapes, count: 20, size: 8, classes: [ring, cross], seed: 1)
  field image: image() -> u8[3, 8, 8]
  field kind: label() -> i64[]
  split random { train: 50%  val: 50%  seed: 1 }
  loader { batch: 2 }`,
  );

describe("forms", () => {
  test("a picture is read from any file; a label is in none", () => {
    expect(inputForm(shapes(), ["image"])).toMatchObject({ kind: "pictures" });
    expect(codeOf(() => inputForm(shapes(), ["image", "kind"]))).toBe("use/field-not-in-files 2");
  });

  test("a frame is as many records as it has tiles", async () => {
    await writePicture(at("frames", "f.jpeg"), 16, 24, (y, x) => y + x);
    const program = dataProgramOf(
      folder.path,
      `source: voc_tiles(root: "frames", images: "{frame}.jpeg", boxes: "{frame}.xml", frame: [16, 24], size: 8, overlap: 0)
  field image: image() -> u8[3, 8, 8]
  field smoke: holds(at_least: 0.3) -> bool[]
  split random { train: 50%  val: 50%  seed: 1 }
  loader { batch: 2 }`,
    );
    const form = inputForm(program, ["image"]);
    const { files } = await findInputs([at("frames")], form);
    const [file] = files;
    if (file === undefined) throw new Error("there is a frame");
    const { records } = await recordsIn(form, file, ignore);
    expect(records.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `f.jpeg#${i}`));
    expect(records.map(({ tile }) => [tile?.top, tile?.left]).at(-1)).toEqual([8, 16]);
  });

  test("a table at another place: its own pictures, without the column that the split goes by", async () => {
    await writeText(at("old", "train.csv"), "file,part,size\na.png,train,1\nb.png,valid,2\n");
    await writeText(at("new", "more.csv"), "size,file\n3,c.png\n");
    const program = dataProgramOf(
      folder.path,
      `source: csv("train.csv", root: "old")
  field image: image(file: "{file}") -> u8[3, 8, 8]
  field size: column("size") -> f32[]
  split by column("part") { train: "train"  val: "valid" }
  loader { batch: 2 }`,
    );
    const form = inputForm(program, ["image", "size"]);
    expect(form.kind).toBe("table");
    const path = at("new", "more.csv");
    const { program: moved, records } = await recordsIn(form, { name: "more.csv", path }, ignore);
    expect(records.map(({ columns }) => columns["size"])).toEqual(["3"]);
    expect(moved.source).toMatchObject({ file: path, root: at("new") });
  });

  test("a folder is searched through; what lies beside is counted, hidden files are not", async () => {
    for (const name of ["b.png", "sub/a.PNG", ".hidden.png", "notes.txt"])
      await writeText(at("search", name), "");
    const { files, passed } = await findInputs([at("search")], inputForm(shapes(), ["image"]));
    expect(files.map(({ name }) => name)).toEqual(["b.png", join("sub", "a.PNG")]);
    expect(passed).toBe(1);
  });
});

const ignore = (): void => undefined;

const file = { name: "a,b.png", path: "a,b.png" };

describe("rows", () => {
  const outputs: readonly RecordOutput[] = [
    { name: "logits", dtype: "f32", shape: [2] },
    { name: "box", dtype: "f32", shape: [1, 3] },
    { name: "sure", dtype: "bool", shape: [] },
  ];
  const prediction = {
    file,
    record: "7",
    outputs: new Map([
      ["logits", { dtype: "f32", shape: [2], data: Float32Array.of(0.1, 0.7) } as const],
      ["box", { dtype: "f32", shape: [1, 3], data: Float32Array.of(1, NaN, -0.5) } as const],
      ["sure", { dtype: "bool", shape: [], data: Uint8Array.of(1) } as const],
    ]),
  };

  test("JSON has numbers of classes under their names, and what is no number as null", () => {
    expect(JSON.parse(jsonRows(shapes(), outputs).row(prediction))).toEqual({
      file: "a,b.png",
      record: "7",
      class: "cross",
      logits: { ring: 0.100000001, cross: 0.699999988 },
      box: [[1, null, -0.5]],
      sure: true,
    });
  });

  test("csv has a column for each number, and quotes what needs it", () => {
    const { head, row } = csvRows(shapes(), outputs);
    expect(head).toBe("file,record,class,logits.ring,logits.cross,box.0.0,box.0.1,box.0.2,sure\n");
    expect(row(prediction)).toBe('"a,b.png",7,cross,0.100000001,0.699999988,1,nan,-0.5,true\n');
    const wide = [{ name: "wide", dtype: "f32", shape: [1001] } as const];
    expect(codeOf(() => csvRows(shapes(), wide))).toBe("use/output-unsuited 2");
  });
});

describe("pictures", () => {
  const write = (output: RecordOutput, name: string, values: (i: number) => number) => {
    const writer = pictureWriter(shapes(), [output], at("cut"));
    const data = Float32Array.from({ length: output.shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      values(i),
    );
    const outputs = new Map([[output.name, { ...output, data }]]);
    return writer
      .write({ file: { name, path: name }, record: null, outputs })
      .then((paths) => ({ paths, codes: writer.warnings().map(({ code }) => code) }));
  };
  const gray = { name: "x", dtype: "f32", shape: [8, 8] } as const;

  test("0..1 is black to white; what leaves it is cut there, and that is said", async () => {
    const { paths, codes } = await write(gray, "a/../0.png", () => 0.5);
    // Names never lead out of the folder.
    expect(paths).toEqual([at("cut", "a", "0.png.x.png")]);
    expect(codes).toEqual([]);
    const [first = ""] = paths;
    expect([...(await sharp(first).raw().toBuffer())].slice(0, 2)).toEqual([128, 128]);
    const cut = await write(gray, "1.png", () => 1.5);
    expect([...(await sharp(cut.paths[0]).raw().toBuffer())].slice(0, 2)).toEqual([255, 255]);
    expect(cut.codes).toEqual(["use/pictures-clipped"]);
  });

  test("three channels are colors, as many as there are classes a picture each", async () => {
    const colors = await write({ ...gray, shape: [3, 8, 8] }, "2.png", (i) => i / 192);
    expect(colors.paths).toEqual([at("cut", "2.png.x.png")]);
    const raw = await sharp(colors.paths[0]).raw().toBuffer({ resolveWithObject: true });
    expect(raw.info.channels).toBe(3);
    expect([...raw.data.subarray(0, 3)]).toEqual([0, 85, 170]);
    const planes = await write({ ...gray, shape: [2, 8, 8] }, "3.png", () => 1);
    expect(planes.paths).toEqual([at("cut", "3.png.x.ring.png"), at("cut", "3.png.x.cross.png")]);
    expect(
      readFileSync(planes.paths[0] ?? "")
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
  });
});
