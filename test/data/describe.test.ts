/** What data files say of themselves, on small files written here, and what the checker makes of it. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { encodeSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { csvRecords } from "../../runtime/data/describe/csv.js";
import { describeData } from "../../runtime/data/describe/describe-data.js";
import { memoryHost } from "../check/golden.js";
import { npz } from "./array-files.js";

const folder = mkdtempSync(join(tmpdir(), "saic-describe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};

/** An npy file with elements of zero; the header is padded as the format says. */
function npy(version: 1 | 2 | 3, descr: string, shape: readonly number[], bytes = 4): Buffer {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${extents}), }`;
  const front = version === 1 ? 10 : 12;
  const padded = `${text.padEnd(Math.ceil((front + text.length + 1) / 64) * 64 - front - 1)}\n`;
  const head = Buffer.alloc(front);
  head.write("\x93NUMPY", "latin1");
  head[6] = version;
  if (version === 1) head.writeUInt16LE(padded.length, 8);
  else head.writeUInt32LE(padded.length, 8);
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Buffer.concat([head, Buffer.from(padded), Buffer.alloc(count * bytes)]);
}

describe("csv", () => {
  const records = (text: string, delimiter = ","): readonly (readonly string[])[] =>
    [...csvRecords(text, delimiter)].map(({ fields }) => fields);

  it("reads quotes, doubled quotes, breaks within quotes and both line ends", () => {
    const text = '\uFEFFname,note\r\na,"one, two"\r\nb,"say ""hi"""\nc,"two\r\nlines"\n\nd,';
    expect(records(text)).toStrictEqual([
      ["name", "note"],
      ["a", "one, two"],
      ["b", 'say "hi"'],
      ["c", "two\r\nlines"],
      ["d", ""],
    ]);
    const lines = [...csvRecords(text, ",")].map(({ line }) => line);
    expect(lines).toStrictEqual([1, 2, 3, 4, 7]);
  });
  it("parts by another character", () => {
    expect(records("a;b\n1,5;2", ";")).toStrictEqual([
      ["a", "b"],
      ["1,5", "2"],
    ]);
  });
  it("drops what a cut text does not end", () => {
    for (const text of ['a\n1\n2"', 'a\n1\n"2', "a\n1\n2"])
      expect([...csvRecords(text, ",", { isCut: true })].map(({ fields }) => fields)).toStrictEqual(
        [["a"], ["1"]],
      );
  });
  it.each([
    ['a\n"1', "the quote of line 2 never closes"],
    ['a\n"1"2', "line 2 goes on after a closing quote"],
  ])("refuses %j", (text, problem) => {
    expect(() => records(text)).toThrow(problem);
  });
  it("describes columns by their different values and first lines", () => {
    const file = write("a.csv", "x,kind\n1,cat\n2,dog\n1,cat\n");
    expect(describeData({ kind: "csv", file, delimiter: "," })).toStrictEqual({
      kind: "table",
      complete: true,
      columns: [
        {
          name: "x",
          values: [
            { text: "1", line: 2 },
            { text: "2", line: 3 },
          ],
        },
        {
          name: "kind",
          values: [
            { text: "cat", line: 2 },
            { text: "dog", line: 3 },
          ],
        },
      ],
    });
  });
  it("reads the beginning of a long table", () => {
    const row = "12345,cat\n";
    const file = write("long.csv", `x,kind\n${row.repeat(500_000)}6,dog\n`);
    const found = describeData({ kind: "csv", file, delimiter: "," });
    expect(found).toMatchObject({ kind: "table", complete: false });
    expect(found?.kind === "table" ? found.columns[1]?.values : null).toStrictEqual([
      { text: "cat", line: 2 },
    ]);
  });
  it.each([
    ["", "it has no line of column names"],
    ["a,a\n1,2\n", "two columns are called `a`"],
    ["a,b\n1\n", "line 2 has 1 fields, the first line 2"],
  ])("finds %j malformed", (text, problem) => {
    const file = write("odd.csv", text);
    expect(describeData({ kind: "csv", file, delimiter: "," })).toStrictEqual({
      kind: "malformed",
      problem,
    });
  });
});

describe("arrays", () => {
  it.each([
    [1, "'<f4'", "f32"],
    [2, "'<f8'", "f64"],
    [3, "'<i8'", "i64"],
    [1, "'|u1'", "u8"],
    [1, "'|b1'", "bool"],
    [1, "'<f2'", "f16"],
    [1, "'<u2'", "u16"],
    [1, "'>f4'", ">f4"],
    [1, "'<c8'", "<c8"],
  ] as const)("npy version %i of %s", (version, descr, dtype) => {
    const file = write("x.npy", npy(version, descr, [5, 17, 16]));
    expect(describeData({ kind: "npy", file })).toStrictEqual({
      kind: "arrays",
      arrays: [{ name: "x", dtype, shape: [5, 17, 16] }],
    });
  });
  it("reads the shapes of vectors and single numbers", () => {
    const shapes = [[7], []].map((shape) => {
      const found = describeData({ kind: "npy", file: write("x.npy", npy(1, "'<f4'", shape)) });
      return found?.kind === "arrays" ? found.arrays[0]?.shape : null;
    });
    expect(shapes).toStrictEqual([[7], []]);
  });
  it.each([
    [Buffer.from("PK"), "it does not begin as an npy file does"],
    [npy(1, "'<f4'", [2]).subarray(0, 20), "it ends within its header"],
    [npy(1, "[('a', '<f4')]", [2]), "its elements are not plain numbers"],
  ])("finds %# malformed", (bytes, problem) => {
    const file = write("odd.npy", bytes);
    expect(describeData({ kind: "npy", file })).toStrictEqual({ kind: "malformed", problem });
  });
  it.each([0, 8] as const)("npz packed by the method %i", (method) => {
    const entries = { field: npy(1, "'<f4'", [3, 100_000]), params: npy(2, "'<f8'", [3, 10], 8) };
    const file = write("packed.npz", npz(entries, method));
    expect(describeData({ kind: "npz", file })).toStrictEqual({
      kind: "arrays",
      arrays: [
        { name: "field", dtype: "f32", shape: [3, 100_000] },
        { name: "params", dtype: "f64", shape: [3, 10] },
      ],
    });
  });
  it("npz as Python's own zip writer makes it, where there is one", (context) => {
    const file = join(folder, "python.npz");
    write("in.npy", npy(1, "'<i4'", [2, 3]));
    const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
    with archive.open("n.npy", "w", force_zip64=True) as entry:
        entry.write(open(sys.argv[2], "rb").read())
`;
    try {
      execFileSync("python3", ["-c", script, file, join(folder, "in.npy")]);
    } catch {
      context.skip("there is no python3");
    }
    expect(describeData({ kind: "npz", file })).toStrictEqual({
      kind: "arrays",
      arrays: [{ name: "n", dtype: "i32", shape: [2, 3] }],
    });
  });
  it("finds what is no archive malformed", () => {
    const file = write("odd.npz", "not a zip archive");
    expect(describeData({ kind: "npz", file })).toStrictEqual({
      kind: "malformed",
      problem: "it is no zip archive",
    });
  });
  it("safetensors", () => {
    const tensors = new Map([
      ["x", { dtype: "f32" as const, shape: [2, 3], data: new Float32Array(6) }],
    ]);
    const file = write("x.safetensors", Buffer.concat(encodeSafetensors(tensors, { by: "test" })));
    expect(describeData({ kind: "safetensors", file })).toStrictEqual({
      kind: "arrays",
      arrays: [{ name: "x", dtype: "f32", shape: [2, 3] }],
    });
    const cut = write("cut.safetensors", Buffer.from([9, 9]));
    expect(describeData({ kind: "safetensors", file: cut })).toMatchObject({ kind: "malformed" });
  });
});

it("tells the categories of annotations", () => {
  const file = write("one.json", JSON.stringify({ categories: [{ id: 1, name: "scracth" }] }));
  expect(describeData({ kind: "coco", file })).toStrictEqual({
    kind: "annotations",
    classes: ["scracth"],
  });
  const odd = write("b.json", "{}");
  expect(describeData({ kind: "coco", file: odd })).toMatchObject({ kind: "malformed" });
});

it("says nothing of what is not there", () => {
  for (const kind of ["npy", "npz", "safetensors", "coco"] as const) {
    expect(describeData({ kind, file: join(folder, "none") })).toBeNull();
    expect(describeData({ kind, file: folder })).toBeNull();
  }
});

describe("the checker", () => {
  /** Findings of a dataset whose files lie in the folder, as `code: message (hint)`. */
  function findings(dataset: string): readonly string[] {
    const text = `dataset D {\n${dataset}\nloader { batch: 2 }\n}\n`;
    const host = {
      ...memoryHost(new Map()),
      resolvePath: (path: string) => join(folder, path),
      describeData,
    };
    const { diagnostics } = analyze(createSource("d.pipe", text), host, {
      overrides: [],
      train: null,
    });
    return diagnostics.map(({ code, message, hint }) =>
      hint === null ? `${code}: ${message}` : `${code}: ${message} (${hint})`,
    );
  }
  const random = "split random { train: 100%  seed: 1 }";

  write(
    "cars.csv",
    "image_path,clean,kind,split\r\na.jpg,0.5,cat,train\r\nb.jpg,good,dog,valid\r\nc.jpg,1,dgo,train\r\n",
  );
  write("good.csv", "id,kind,split\n1,cat,train\n2,dog,valid\n");
  write("y.npy", npy(1, "'<f4'", [8, 17, 16]));
  write("z.npy", npy(1, "'<f4'", [9]));
  write("sim.npz", npz({ field: npy(1, "'<f8'", [3, 4], 8) }, 8));
  write("a.json", JSON.stringify({ categories: [{ name: "dent" }, { name: "scracth" }] }));
  write("bad.npy", "nothing of the kind");

  it.each([
    [
      "a column that is misspelt",
      `source: csv("cars.csv")\nfield clean: column("claen") -> f32[]\n${random}`,
      "data/column-unknown: `cars.csv` has no column `claen` (did you mean `clean`?)",
    ],
    [
      "words where numbers are declared",
      `source: csv("cars.csv")\nfield clean: column("clean") -> f32[]\n${random}`,
      "data/column-value: line 3 of `cars.csv` has `good` in the column `clean`, which is not a number",
    ],
    [
      "numbers where whole ones are declared",
      `source: csv("cars.csv")\nfield clean: column("clean") -> i64[]\n${random}`,
      "data/column-value: line 2 of `cars.csv` has `0.5` in the column `clean`, which is not an integer",
    ],
    [
      "a word that is no class",
      `source: csv("cars.csv")\nfield kind: column("kind", classes: [cat, dog]) -> i64[]\n${random}`,
      "data/column-value: line 4 of `cars.csv` has `dgo` in the column `kind`, which is not one of its classes (did you mean `dog`?)",
    ],
    [
      "a class that no record has",
      `source: csv("good.csv")\nfield kind: column("kind", classes: [cat, dog, cow]) -> i64[]\n${random}`,
      "data/column-class-missing: no record of `good.csv` has `cow` in the column `kind` (found are `cat`, `dog`)",
    ],
    [
      "one of several columns that is not there",
      `source: csv("good.csv")\nfield pose: columns(["id", "x"]) -> f32[2]\n${random}`,
      "data/column-unknown: `good.csv` has no column `x` (its columns are `id`, `kind`, `split`)",
    ],
    [
      "a template with a column that is not there",
      `source: csv("cars.csv")\nfield image: image("{image_pth}") -> u8[3, 8, 8]\n${random}`,
      "data/placeholder-unknown: `{image_pth}` is not known here (did you mean `image_path`?)",
    ],
    [
      "a split's word that no record has",
      `source: csv("good.csv")\nfield kind: column("kind", classes: [cat, dog]) -> i64[]\nsplit by column("split") { train: "train"  val: "val" }`,
      "data/column-value: line 3 of `good.csv` has `valid` in the column `split`, which is not a word of the split",
    ],
    [
      "a split by a column that is not there",
      `source: csv("good.csv")\nfield kind: column("kind", classes: [cat, dog]) -> i64[]\nsplit by time("date") { train: 100% }`,
      "data/column-unknown: `good.csv` has no column `date` (its columns are `id`, `kind`, `split`)",
    ],
    [
      "a split by the bare name of a column",
      `source: csv("good.csv")\nfield kind: column("kind", classes: [cat, dog]) -> i64[]\nsplit by id { train: 100%  seed: 1 }`,
      'types/mismatch: what `split` goes by must be `column("id")`, as it is a column, found `id`',
    ],
    [
      "an array of another type",
      `source: npy("y.npy")\nfield y: array() -> f64[17, 16]\n${random}`,
      "data/array-differs: `y` is declared `f64[17, 16]`, and a record of `y` in `y.npy` is `f32[17, 16]` (declare what the file holds; `to(f32)` in a transform converts it)",
    ],
    [
      "an array of another shape",
      `source: npy("y.npy")\nfield y: array() -> f32[16, 17]\n${random}`,
      "data/array-differs: `y` is declared `f32[16, 17]`, and a record of `y` in `y.npy` is `f32[17, 16]` (declare what the file holds; `to(f32)` in a transform converts it)",
    ],
    [
      "an array that is not there",
      `source: npz("sim.npz")\nfield x: array("feild") -> f64[4]\n${random}`,
      "data/array-unknown: `sim.npz` has no array `feild` (did you mean `field`?)",
    ],
    [
      "arrays of different lengths",
      `source: zip(npy("y.npy"), npy("z.npy"))\nfield z: array("z") -> f32[]\n${random}`,
      "data/lengths-differ: `y.npy` has 8 records and `z.npy` has 9 (join by a column with `by:`, or bring files of one length)",
    ],
    [
      "a category that is spelt right",
      `source: coco("a.json", classes: [dent, scratch])\nfield has: present() -> bool[2]\n${random}`,
      "data/category-unknown: `a.json` has no category `scratch` (did you mean `scracth`?)",
    ],
    [
      "annotations of more classes",
      `source: coco("a.json")\nfield has: present() -> bool[3]\n${random}`,
      "types/mismatch: `has` must be `bool[2]`, found `bool[3]`",
    ],
    [
      "a file of another format",
      `source: npy("bad.npy")\nfield x: array() -> f32[]\n${random}`,
      "data/file-malformed: `bad.npy` is not read as npy: it does not begin as an npy file does",
    ],
    [
      "a key that a table has not",
      `source: zip(csv("good.csv"), images("{id}.png"), by: "name")\nfield kind: column("kind", classes: [cat, dog]) -> i64[]\n${random}`,
      "data/column-unknown: `good.csv` has no column `name` (its columns are `id`, `kind`, `split`, `index`)",
    ],
  ])("finds %s", (_what, dataset, expected) => {
    expect(findings(dataset)).toStrictEqual([expected]);
  });
  it.each([
    `source: csv("good.csv")\nfield kind: column("kind", classes: [dog, cat]) -> i64[]\nsplit by column("split") { train: "train"  val: "valid" }`,
    `source: npz("sim.npz")\nfield x: array("field") -> f64[4]\n${random}`,
    `source: coco("a.json")\nfield has: present() -> bool[2]\n${random}`,
    `source: csv("nowhere.csv")\nfield kind: column("anything") -> f32[]\n${random}`,
  ])("finds nothing wrong with %#", (dataset) => {
    expect(findings(dataset)).toStrictEqual([]);
  });
});
