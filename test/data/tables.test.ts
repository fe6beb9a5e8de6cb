/** Tables with pictures, columns and splits by columns: read from files that are written here. */

import { writeFileSync } from "node:fs";
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
  writePicture,
} from "./fixtures.js";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  // Pictures of different sizes, each of one gray.
  for (let i = 0; i < 6; i++)
    await writePicture(join(folder.path, `img/${i}.png`), 8 + 4 * i, 16, () => 40 * i);
  writeFileSync(join(folder.path, "img/broken.png"), "no picture");
});
afterAll(() => folder.remove());

const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
const options = { seed: 1, threads: 2 };
const open = (members: string): Promise<Dataset> =>
  openDataset(dataProgramOf(folder.path, members), options);
const all =
  "split random { train: 100%  seed: 1 }\nloader { batch: 2  shuffle: false  workers: 0 }";

const table = `file,kind,clean,count,new,split
img/0.png,cat,0.5,3,true,train
img/1.png,dog,-1e-3,-4,FALSE,train
"img/2.png",cat,7,+5,0,valid
img/3.png,dog,inf,6,1,test
`;

async function evaluated(members: string, field: string): Promise<readonly number[]> {
  const data = await open(members);
  const batches = await collect(data.evaluationBatches("train"));
  await data.close();
  return valuesOf(batches, field);
}

describe("columns", () => {
  it.each([
    ['column("kind", classes: [cat, dog]) -> i64[]', [0, 1, 0, 1]],
    ['column("clean") -> f64[]', [0.5, -1e-3, 7, Infinity]],
    ['column("clean") -> f32[]', [0.5, Math.fround(-1e-3), 7, Infinity]],
    ['column("count") -> i64[]', [3, -4, 5, 6]],
    ['column("count") -> i32[]', [3, -4, 5, 6]],
    ['column("new") -> bool[]', [1, 0, 0, 1]],
    ['columns(["count", "new"]) -> f32[2]', null],
  ] as const)("%s", async (reader, expected) => {
    write(
      "t.csv",
      expected === null ? table.replaceAll(/true/g, "1").replaceAll(/FALSE/g, "0") : table,
    );
    const found = await evaluated(`source: csv("t.csv")\nfield x: ${reader}\n${all}`, "x");
    expect(found).toEqual(expected ?? [3, 1, -4, 0, 5, 0, 6, 1]);
  });

  it.each([
    ["0.5,3", "half,3", "clean", "`half` in the column `clean`, which is not a number", 2],
    ["7,+5", "7,5.5", "count", "`5.5` in the column `count`, which is not an integer", 4],
    [
      "6,1,test",
      "6,yes,test",
      "new",
      "`yes` in the column `new`, which is not `true` or `false`",
      5,
    ],
    [
      "png,dog,inf",
      "png,dgo,inf",
      "kind",
      "`dgo` in the column `kind`, which is not one of its classes",
      5,
    ],
  ])("hold what the field asks: %s as %s", async (from, to, column, message, line) => {
    write("late.csv", table);
    const type = { clean: "f32[]", count: "i64[]", new: "bool[]", kind: "i64[]" }[column] ?? "";
    const classes = column === "kind" ? ", classes: [cat, dog]" : "";
    const program = dataProgramOf(
      folder.path,
      `source: csv("late.csv")\nfield x: column("${column}"${classes}) -> ${type}\n${all}`,
    );
    // What the checker has seen is not what the run finds.
    write("late.csv", table.replace(from, to));
    const { diagnostic, exitCode } = await faultOf(openDataset(program, options));
    expect(exitCode).toBe(6);
    const file = join(folder.path, "late.csv");
    expect(diagnostic.message).toBe(`line ${line} of \`${file}\` has ${message}`);
    expect(diagnostic.place).toBe(`${file}:${line}, column \`${column}\`, field \`x\``);
  });

  it("that are gone, classes that no line has, and broken lines are faults", async () => {
    write("late.csv", table);
    const members =
      'source: csv("late.csv")\nfield x: column("kind", classes: [cat, dog]) -> i64[]';
    const program = dataProgramOf(folder.path, `${members}\n${all}`);
    const code = async (text: string): Promise<string> => {
      write("late.csv", text);
      return (await faultOf(openDataset(program, options))).diagnostic.code;
    };
    expect(await code(table.replace("kind", "sort"))).toBe("data/column-unknown");
    expect(await code(table.replaceAll("dog", "cat"))).toBe("data/column-class-missing");
    expect(await code(table.replace(",7,", ",7,7,"))).toBe("data/file-malformed");
    expect(await code('a,b\n"1,2')).toBe("data/file-malformed");
    expect(await code("kind,kind\ncat,dog\n")).toBe("data/file-malformed");
    expect(await code("kind\n")).toBe("data/file-malformed");
    const gone = { ...program, source: { ...program.source, file: join(folder.path, "no.csv") } };
    const fault = await faultOf(openDataset(gone as typeof program, options));
    expect(fault.diagnostic.code).toBe("data/file-missing");
  });
});

describe("pictures of a table", () => {
  const members = (more: string, workers = 0): string => `source: csv("t.csv")
  field image: image("{file}"${more}) -> u8[1, _, _]
  field there: exists("{file}") -> bool[]
  split random { train: 100%  seed: 1 }
  transform { image = image |> resize(4, 4) }
  loader { batch: 2  shuffle: true  workers: ${workers} }`;

  it("have any size, which a transform settles, in any number of workers", async () => {
    write("t.csv", table);
    expect(await evaluated(members(""), "there")).toEqual([1, 1, 1, 1]);
    expect(await evaluated(members(""), "image")).toEqual(
      [0, 40, 80, 120].flatMap((gray) => Array.from({ length: 16 }, () => gray)),
    );
    const trained = async (workers: number): Promise<readonly number[]> => {
      const data = await open(members("", workers));
      const values = valuesOf(await collect(data.trainBatches(1, 0)), "image");
      await data.close();
      return values;
    };
    expect(await trained(2)).toEqual(await trained(0));
  });

  it("that cannot be read stop the run, or are left out of it up to a share", async () => {
    write("t.csv", table.replace("img/1.png", "img/broken.png"));
    const data = await open(members(""));
    const fault = await faultOf(collect(data.evaluationBatches("train")));
    expect(fault.diagnostic.code).toBe("data/image-unreadable");
    expect(fault.diagnostic.place).toContain("broken.png");
    await data.close();
    const skipping = await open(members(", on_error: skip(max: 30%)"));
    expect(skipping.size("train")).toBe(3);
    expect(skipping.warnings).toMatchObject([
      {
        code: "data/records-skipped",
        message: "1 of 4 records are left out, as `image` cannot be read of them",
      },
    ]);
    expect(valuesOf(await collect(skipping.evaluationBatches("train")), "image")).toEqual(
      [0, 80, 120].flatMap((gray) => Array.from({ length: 16 }, () => gray)),
    );
    await skipping.close();
    const few = await faultOf(open(members(", on_error: skip(max: 20%)")));
    expect(few.diagnostic).toMatchObject({
      code: "data/too-many-skipped",
      message: "`image` cannot be read of 1 of 4 records, where at most 20% may be left out",
    });
  });
});

describe("splits by columns", () => {
  const splitOf = async (split: string, text = table): Promise<Dataset> => {
    write("t.csv", text);
    return open(`source: csv("t.csv")
      field x: column("count") -> i64[]
      field kind: column("kind", classes: [cat, dog]) -> i64[]
      ${split}
      loader { batch: 2  workers: 0 }`);
  };
  const lines = (data: Dataset) =>
    (["train", "val", "test"] as const).map((name) =>
      data.manifest.splits[name].flatMap(({ records }) => records.map((record) => record + 2)),
    );

  it("go by words", async () => {
    const words = 'split by column("split") { train: "train"  val: "valid"  test: "test" }';
    expect(lines(await splitOf(words))).toEqual([[2, 3], [4], [5]]);
    const program = dataProgramOf(
      folder.path,
      `source: csv("t.csv")
      field x: column("count") -> i64[]\n${words}\nloader { batch: 1 }`,
    );
    write("t.csv", table.replace("0,valid", "0,vaild"));
    const fault = await faultOf(openDataset(program, options));
    expect(fault.diagnostic).toMatchObject({
      code: "data/column-value",
      hint: "did you mean `valid`?",
      place: `${join(folder.path, "t.csv")}:4, column \`split\``,
    });
  });

  it("keep equal values together", async () => {
    const data = await splitOf('split by column("kind") { train: 50%  val: 50%  seed: 1 }');
    expect(
      lines(data)
        .map((own) => own.join())
        .sort(),
    ).toEqual(["", "2,4", "3,5"]);
  });

  it("go by time, the earliest first", async () => {
    const dates = ["2026-03-01", "2025-12-31", "2026-01-15", "2026-02-01"];
    let line = 0;
    const dated = table
      .replaceAll(/\n(?=.)/g, () => `\n`)
      .replaceAll(
        /(true|FALSE|,0|,1),(train|valid|test)/g,
        (_, a: string) => `${a},${dates[line++]}`,
      );
    const time = 'split by time("split") { train: 50%  val: 25%  test: 25% }';
    expect(lines(await splitOf(time, dated))).toEqual([[3, 4], [5], [2]]);
    const numbers = 'split by time("count") { train: 50%  val: 50% }';
    expect(lines(await splitOf(numbers))).toEqual([[2, 3], [4, 5], []]);
    const fault = await faultOf(splitOf(time));
    expect(fault.diagnostic.code).toBe("data/column-value");
  });

  it("have each class in each split", async () => {
    const many = `file,kind,clean,count,new,split\n${Array.from(
      { length: 40 },
      (_, i) => `img/0.png,${i % 10 === 0 ? "dog" : "cat"},1,${i},0,train\n`,
    ).join("")}`;
    const stratified = "split random { train: 50%  val: 25%  test: 25%  seed: 5  stratify: kind }";
    const data = await splitOf(stratified, many);
    const dogs = lines(data).map((own) => own.filter((each) => (each - 2) % 10 === 0).length);
    expect(dogs).toEqual([2, 1, 1]);
    expect(lines(data).map(({ length }) => length)).toEqual([20, 10, 10]);
    const fault = await faultOf(
      splitOf(
        stratified,
        many.replaceAll("dog,1,10", "cat,1,10").replaceAll("dog,1,20", "cat,1,20"),
      ),
    );
    expect(fault.diagnostic).toMatchObject({
      code: "data/stratum-missing",
      message: "`test` gets no record whose `kind` is 1: 2 groups have it",
    });
  });
});
