/** Pictures in class folders: what is read, and every way in which folders and files are wrong. */

import { mkdir, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../../runtime/fault.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import {
  collect,
  faultOf,
  folderProgram,
  temporaryFolder,
  type TemporaryFolder,
  valuesOf,
  writePicture,
} from "./fixtures.js";

const options = { seed: 1, threads: 0 };
const classes = ["cat", "dog"];
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  for (const [label, name] of classes.entries())
    for (let i = 0; i < 4; i++)
      await writePicture(join(folder.path, name, `${i}.png`), 6, 8, () => 100 * label + i);
});
afterEach(() => folder.remove());

const openFault = async (listed: readonly string[] = classes): Promise<Fault> => {
  const fault = await faultOf(openDataset(folderProgram(folder.path, listed), options));
  expect(fault.exitCode).toBe(6);
  return fault;
};
const readFault = async (size?: readonly [number, number, number]): Promise<Fault> => {
  const program = folderProgram(folder.path, classes, {}, size);
  const data = await openDataset(program, options);
  for (const split of ["train", "val", "test"] as const) {
    const ended = await faultOf(collect(data.evaluationBatches(split))).catch(() => null);
    if (ended !== null) return ended;
  }
  throw new Error("everything was read");
};
const base = (): ReturnType<typeof folderProgram> => folderProgram(folder.path, classes);
const codeOf = async (program: ReturnType<typeof folderProgram>): Promise<string> =>
  (await faultOf(openDataset(program, options))).diagnostic.code;

describe("records", () => {
  it("are pictures with the index of their class", async () => {
    const data = await openDataset(folderProgram(folder.path, ["dog", "cat"]), options);
    const seen: string[] = [];
    for (const split of ["train", "val", "test"] as const) {
      const batches = await collect(data.evaluationBatches(split));
      const labels = valuesOf(batches, "label");
      const pixels = valuesOf(batches, "image");
      labels.forEach((label, i) => seen.push(`${label}:${pixels[i * 144]}`));
    }
    expect(seen.sort()).toEqual(["0:100", "0:101", "0:102", "0:103", "1:0", "1:1", "1:2", "1:3"]);
    await data.close();
  });

  it("may be JPEG, PNG or WebP, gray or transparent, among other files", async () => {
    await writePicture(join(folder.path, "cat/a.JPG"), 6, 8, () => 50);
    await writePicture(join(folder.path, "cat/b.webp"), 6, 8, () => 60);
    await writePicture(join(folder.path, "cat/d.png"), 6, 8, (_y, _x, c) => 70 + c, 4);
    const gray = sharp(Buffer.alloc(48, 80), { raw: { width: 8, height: 6, channels: 1 } });
    await gray.toColourspace("b-w").png().toFile(join(folder.path, "cat/e.png"));
    await writeFile(join(folder.path, "cat/notes.txt"), "");
    await writeFile(join(folder.path, "cat/.hidden.png"), "");
    await mkdir(join(folder.path, ".cache"));
    const everything = { by: null, train: 1, val: 0, test: 0, seed: 1 };
    const program = folderProgram(folder.path, classes, { split: everything });
    const data = await openDataset(program, options);
    expect(data.size("train")).toBe(12);
    const pixels = valuesOf(await collect(data.evaluationBatches("train")), "image");
    const corners = Array.from({ length: 8 }, (_, i) =>
      [0, 48, 96].map((c) => pixels[i * 144 + c]),
    );
    expect(corners.slice(0, 4)).toEqual([0, 1, 2, 3].map((i) => [i, i, i]));
    expect(corners.at(4)).toEqual([50, 50, 50]);
    expect(corners.at(6)).toEqual([70, 71, 72]);
    expect(corners.at(7)).toEqual([80, 80, 80]);
    await data.close();
  });

  it("may lie behind links", async () => {
    await mkdir(join(folder.path, "linked"));
    await symlink(join(folder.path, "cat"), join(folder.path, "linked/cat"), "dir");
    const data = await openDataset(folderProgram(join(folder.path, "linked"), ["cat"]), options);
    expect(data.size("train")).toBe(2);
    await data.close();
  });

  it("are gray when one channel is declared", async () => {
    await writePicture(join(folder.path, "cat/0.png"), 6, 8, (_y, _x, c) => (c === 1 ? 255 : 0));
    const program = folderProgram(folder.path, classes, {}, [1, 6, 8]);
    const data = await openDataset(program, options);
    const all = [];
    for (const split of ["train", "val", "test"] as const)
      all.push(...valuesOf(await collect(data.evaluationBatches(split)), "image"));
    expect(all).toHaveLength(8 * 48);
    // Green is neither gone nor white.
    expect(all.filter((value) => value > 120 && value < 250)).toHaveLength(48);
    await data.close();
  });
});

describe("faults of folders", () => {
  it("a missing root", async () => {
    await folder.remove();
    const fault = await openFault();
    expect(fault.diagnostic).toMatchObject({
      code: "data/folder-missing",
      place: "folder.pipe:2:3",
    });
    expect(fault.diagnostic.hint).toContain(folder.path);
  });

  it("a class without folder", async () => {
    await mkdir(join(folder.path, "bird"));
    const fault = await openFault(["cat", "dog", "brid"]);
    expect(fault.diagnostic).toMatchObject({
      code: "data/class-missing",
      hint: "did you mean `bird`?",
    });
    expect((await openFault(["cat", "dog", "zebra"])).diagnostic.hint).toContain("`bird`, `cat`");
  });

  it("a folder without class, a class twice, and an empty class", async () => {
    expect((await openFault(["cat"])).diagnostic.code).toBe("data/class-unlisted");
    expect((await openFault(["cat", "dog", "cat"])).diagnostic.code).toBe("data/class-duplicate");
    await mkdir(join(folder.path, "bird"));
    const empty = await openFault([...classes, "bird"]);
    expect(empty.diagnostic.code).toBe("data/folder-empty");
    expect(empty.message).toContain("bird");
  });

  it("pictures that would be passed over", async () => {
    await writeFile(join(folder.path, "cat/x.bmp"), "");
    expect((await openFault()).diagnostic).toMatchObject({
      code: "data/file-unexpected",
      place: join(folder.path, "cat/x.bmp"),
    });
  });

  it("folders below a class", async () => {
    await mkdir(join(folder.path, "dog/more"));
    expect((await openFault()).message).toContain("is a folder within a class folder");
  });
});

describe("faults of files", () => {
  it("another size than declared names file, record, field and both types", async () => {
    await writePicture(join(folder.path, "dog/2.png"), 8, 6, () => 0);
    const { diagnostic, exitCode } = await readFault();
    expect(exitCode).toBe(6);
    expect(diagnostic.code).toBe("data/field-mismatch");
    expect(diagnostic.message).toBe(
      "field `image` is declared `u8[3, 6, 8]` and read as `u8[3, 8, 6]`",
    );
    const file = join(folder.path, "dog/2.png");
    expect(diagnostic.place).toBe(`${file}, record \`dog/2.png\`, field \`image\``);
  });

  it.each([
    ["truncated", (file: string): Promise<void> => shorten(file, 30)],
    ["empty", (file: string): Promise<void> => writeFile(file, "")],
    ["no picture", (file: string): Promise<void> => writeFile(file, "hello, this is text")],
  ])("a file that is %s", async (_, damage) => {
    const file = join(folder.path, "cat/1.jpeg");
    await writePicture(file, 6, 8, (y, x) => 30 * y + x);
    await damage(file);
    const { diagnostic, exitCode } = await readFault();
    expect(exitCode).toBe(6);
    expect(diagnostic.code).toBe("data/image-unreadable");
    expect(diagnostic.place).toBe(file);
  });
});

describe("faults of programs", () => {
  it("readers and types that the source does not give", async () => {
    const [image, label] = base().fields;
    if (image === undefined || label === undefined) throw new Error("two fields");
    const position = { ...label, reader: { kind: "position" } as const };
    expect(await codeOf({ ...base(), fields: [image, position] })).toBe("data/reader-unsupported");
    expect(await codeOf({ ...base(), fields: [image, { ...label, dtype: "i32" }] })).toBe(
      "data/field-mismatch",
    );
    expect(await codeOf({ ...base(), fields: [{ ...image, shape: [4, 6, 8] }, label] })).toBe(
      "data/field-mismatch",
    );
    expect(await codeOf({ ...base(), fields: [{ ...image, dtype: "f32" }, label] })).toBe(
      "data/field-mismatch",
    );
  });

  it("transforms that do not fit, or fit one split only", async () => {
    const step = { split: "train", draw: "a", place: "folder.pipe:9:1" } as const;
    const onLabel = { ...step, field: "label", op: { kind: "hflip", p: 1 } } as const;
    expect(await codeOf({ ...base(), transforms: [onLabel] })).toBe("data/transform-unsuited");
    const once = { ...step, field: "image", op: { kind: "standardize" } } as const;
    const fault = await faultOf(openDataset({ ...base(), transforms: [once] }, options));
    expect(fault.message).toBe(
      "field `image` ends as `f32[3, 6, 8]` in train batches, where `u8[3, 6, 8]` is needed",
    );
  });

  it("splits by an unknown property, and splits that stay empty", async () => {
    const split = { by: "camera", train: 0.5, val: 0.5, test: 0, seed: 1 };
    const fault = await faultOf(openDataset({ ...base(), split }, options));
    expect(fault.diagnostic).toMatchObject({
      code: "data/property-unknown",
      hint: "they have `class`",
    });
    const shares = { by: "class", train: 0.5, val: 0.25, test: 0.25, seed: 1 };
    const empty = await faultOf(openDataset({ ...base(), split: shares }, options));
    expect(empty.message).toBe("split `test` gets none of 2 values of `class`: its share is 25%");
  });
});

async function shorten(file: string, bytes: number): Promise<void> {
  await truncate(file, (await stat(file)).size - bytes);
}
