/** What the command says about bad programs, data, checkpoints and folders: whole messages. */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vocXml, writePicture, writeText } from "../data/fixtures.js";
import { createWorkplace, normalized, type PrintedResult, tinyProgram } from "./saic.js";

const learner = (source: string, fields: string, loss: string): string => `
import { Linear } from "saic:layers"
import { bce_logits, cross_entropy } from "saic:losses"
import { sgd } from "saic:optimizers"

param data: path

dataset Pictures {
  source: ${source}
  ${fields}
  split random { train: 50%  val: 25%  test: 25%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 2  shuffle: true  workers: 0  last: drop }
}

block Net(outputs: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, outputs]
  logits = image |> flatten() |> Linear(outputs) as head
}

train pictures {
  model: Net(outputs: 2)
  data:  Pictures
  seed:  1
  loss { total = ${loss} }
  optimizer: sgd(lr: 0.1)
  stage main for 3 steps { }
  checkpoint: [last(every: 1 epochs)]
}
`;

const tiny = tinyProgram();
const place = createWorkplace({
  "tiny.pipe": tiny,
  "wrong.pipe": tiny.replace("optimizer:", "optimiser:"),
  "label.pipe": tiny.replace("label() -> i64[]", "label() -> i64[2]"),
  "empty.pipe": "",
  "blocks.pipe": "block Same() {\n  in  x: f32[B]\n  out y: f32[B]\n  y = x\n}\n",
  "folder.pipe": learner(
    "image_folder(root: data, classes: [cat, dog])",
    "field image: image() -> u8[3, 8, 8]\n  field kind: label() -> i64[]",
    "cross_entropy(logits, kind)",
  ),
  "tiles.pipe": learner(
    'voc_tiles(root: data, images: "images/{frame}.jpeg", boxes: "xmls/{frame}.xml", frame: [16, 16], size: 8, overlap: 0)',
    "field image: image() -> u8[3, 8, 8]\n  field smoke: holds(at_least: 0.3) -> bool[]",
    "bce_logits(logits |> slice(axis: 1, from: 0, to: 1) |> squeeze(axis: 1), smoke)",
  ),
});
afterAll(place.remove);

const data = (name: string): string => join(place.path, name);
const noise = (y: number, x: number, channel: number): number =>
  (y * 37 + x * 91 + channel * 53) % 256;

async function pictures(name: string): Promise<void> {
  for (const kind of ["cat", "dog"])
    for (let i = 0; i < 4; i++)
      await writePicture(join(data(name), kind, `${i}.jpeg`), 8, 8, noise);
}

async function frames(name: string): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await writePicture(join(data(name), "images", `f${i}.jpeg`), 16, 16, noise);
    await writeText(join(data(name), "xmls", `f${i}.xml`), vocXml(16, 16, [[0, 0, 8, 8]]));
  }
}

/** What a failing command prints; it prints nothing on standard output. */
async function said(code: number, ...args: readonly string[]): Promise<string> {
  const ended = await place.saic(...args);
  expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code, stdout: "" });
  // A run that has begun says so first.
  return normalized(ended.stderr.replace(/^[^]*?(?=^error)/mu, ""), place);
}

describe("programs", () => {
  test("a misspelt key", async () => {
    expect(await said(1, "run", "wrong.pipe")).toMatchInlineSnapshot(`
      "error[names/unknown-key]: \`tiny\` has no key \`optimiser\`
        ┌─ wrong.pipe:33:3
        │
      33│   optimiser: adamw(lr: lr)
        │   ^^^^^^^^^
        = hint: did you mean \`optimizer\`?
      error[names/missing-key]: \`tiny\` needs \`optimizer\`
        ┌─ wrong.pipe:28:7
        │
      28│ train tiny {
        │       ^^^^"
    `);
  });
  test("a label of the wrong shape", async () => {
    expect(await said(1, "run", "label.pipe")).toMatchInlineSnapshot(`
      "error[types/mismatch]: \`kind\` must be \`i64[]\`, found \`i64[2]\`
        ┌─ label.pipe:16:27
        │
      16│   field kind:  label() -> i64[2]
        │                           ^^^^^^"
    `);
  });
  test("no file, a folder, an empty file, a file without train", async () => {
    mkdirSync(data("somewhere.pipe"));
    expect(await said(2, "run", "nosuch.pipe", "--lr", "1")).toMatchInlineSnapshot(`
      "error[command/unreadable-file]: cannot read \`nosuch.pipe\`: it does not exist
       = hint: name a \`.pipe\` file, relative to the working directory"
    `);
    expect(await said(2, "run", "somewhere.pipe")).toMatchInlineSnapshot(`
      "error[command/unreadable-file]: cannot read \`somewhere.pipe\`: it is a folder
       = hint: name a \`.pipe\` file, relative to the working directory"
    `);
    expect(await said(1, "run", "empty.pipe")).toMatchInlineSnapshot(`
      "error[train/none]: \`empty.pipe\` declares no \`train\`
       ┌─ empty.pipe"
    `);
    expect(await said(1, "show", "blocks.pipe")).toMatchInlineSnapshot(`
      "error[train/none]: \`blocks.pipe\` declares no \`train\`
       ┌─ blocks.pipe"
    `);
    expect(await place.saic("check", "blocks.pipe")).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("data", () => {
  const run = (program: string, name: string): Promise<string> =>
    said(6, "run", program, "--data", name);
  beforeAll(async () => {
    await pictures("good");
    await frames("frames");
    for (const [program, name] of [
      ["folder.pipe", "good"],
      ["tiles.pipe", "frames"],
    ] as const) {
      const ended = await place.saic("run", program, "--data", name);
      expect(ended.code, ended.stderr).toBe(0);
    }
  });

  test("a path that is needed and not given", async () => {
    expect(await said(2, "run", "folder.pipe")).toMatchInlineSnapshot(`
      "error[names/missing-key]: this program needs \`--data\`
       ┌─ folder.pipe:6:7
       │
      6│ param data: path
       │       ^^^^"
    `);
  });
  test("a folder that does not exist", async () => {
    expect(await run("folder.pipe", "nosuch")).toMatchInlineSnapshot(`
      "error[data/folder-missing]: the folder \`DIR/nosuch\` does not exist
       ┌─ folder.pipe:9:11
       = hint: looked in \`DIR/nosuch\`; a relative path starts at the program's file, in a flag at the working directory"
    `);
  });
  test("a class without a folder", async () => {
    await pictures("one");
    rmSync(join(data("one"), "dog"), { recursive: true });
    expect(await run("folder.pipe", "one")).toMatchInlineSnapshot(`
      "error[data/class-missing]: class \`dog\` has no folder in \`DIR/one\`
       ┌─ folder.pipe:9:11
       = hint: folders found: \`cat\`"
    `);
  });
  test("a truncated JPEG", async () => {
    await pictures("torn");
    for (const kind of ["cat", "dog"])
      for (let i = 0; i < 4; i++) {
        const file = join(data("torn"), kind, `${i}.jpeg`);
        truncateSync(file, readFileSync(file).byteLength - 40);
      }
    // All of them are damaged: where each fails beside others, sharp may be left without libvips' words.
    const message = (await run("folder.pipe", "torn")).replace(
      "Warning treated as error due to failOn setting",
      "VipsJpeg: premature end of JPEG image",
    );
    expect(message.replaceAll(/(cat|dog)\/\d/gu, "KIND/N")).toMatchInlineSnapshot(`
      "error[data/image-unreadable]: \`DIR/torn/KIND/N.jpeg\` cannot be read: VipsJpeg: premature end of JPEG image
       ┌─ DIR/torn/KIND/N.jpeg
       = hint: replace or remove the file; a truncated picture would be padded with gray"
    `);
  });
  test("a box outside of its picture", async () => {
    await frames("outside");
    await writeText(join(data("outside"), "xmls/f2.xml"), vocXml(16, 16, [[4, 4, 17, 8]]));
    expect(await run("tiles.pipe", "outside")).toMatchInlineSnapshot(`
      "error[data/box-invalid]: \`DIR/outside/xmls/f2.xml\` has a box xmin 4, ymin 4, xmax 17, ymax 8 that is empty or leaves the picture of 16 x 16
       ┌─ DIR/outside/xmls/f2.xml
       = hint: a box needs 0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height"
    `);
  });
  test("XML that is not well-formed", async () => {
    await frames("malformed");
    await writeText(join(data("malformed"), "xmls/f1.xml"), "<annotation>\n<size>\n</annotation>");
    expect(await run("tiles.pipe", "malformed")).toMatchInlineSnapshot(`
      "error[data/annotation-malformed]: \`DIR/malformed/xmls/f1.xml\` is not a Pascal VOC annotation: line 3: \`</annotation>\` where \`</size>\` is due
       ┌─ DIR/malformed/xmls/f1.xml
       = hint: expected \`<annotation>\` with one \`<size>\` and any number of \`<object>\`"
    `);
  });
});

describe("checkpoints and folders", () => {
  let trained: PrintedResult;
  beforeAll(async () => {
    const ended = await place.saic("run", "tiny.pipe", "--format", "json", "--seed", "9");
    trained = JSON.parse(ended.stdout) as PrintedResult;
  });

  test("--from: weights of another program, none, and damaged ones", async () => {
    const last = join(trained.run_dir, "checkpoints/last");
    const from = (checkpoint: string, ...args: readonly string[]): Promise<string> =>
      said(2, "run", "tiny.pipe", "--from", checkpoint, ...args);
    expect(await from(last, "--hidden-units", "9")).toMatchInlineSnapshot(
      `"error[checkpoint/weights-mismatch]: the weights in \`runs/tiny/ID/checkpoints/last/model.safetensors\` do not fit: different \`hidden.weight\` is \`f32[8, 432]\`, expected \`f32[9, 432]\`, \`hidden.bias\` is \`f32[8]\`, expected \`f32[9]\`, \`head.weight\` is \`f32[2, 8]\`, expected \`f32[2, 9]\`"`,
    );
    expect(await from("nowhere")).toMatchInlineSnapshot(`
      "error[checkpoint/missing]: \`nowhere\` holds no checkpoint
       = hint: a checkpoint is a folder with \`model.safetensors\`, such as \`checkpoints/last\`"
    `);
    const bytes = readFileSync(join(place.path, last, "model.safetensors"));
    const flipped = Buffer.from(bytes);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    mkdirSync(data("flipped"));
    writeFileSync(join(data("flipped"), "model.safetensors"), flipped);
    writeFileSync(
      join(data("flipped"), "manifest.json"),
      readFileSync(join(place.path, last, "manifest.json")),
    );
    expect(await from("flipped")).toMatchInlineSnapshot(`
      "error[checkpoint/damaged]: \`flipped/model.safetensors\` is damaged: its contents differ from what was written
       = hint: start again from another checkpoint with \`--from\`, or with \`--fresh\`"
    `);
    writeFileSync(data("cut.safetensors"), bytes.subarray(0, bytes.length - 9));
    expect(await from("cut.safetensors")).toMatchInlineSnapshot(`
      "error[checkpoint/damaged]: \`cut.safetensors\` is damaged: it was cut: 13919 of 13928 bytes are there
       = hint: start again from another checkpoint with \`--from\`, or with \`--fresh\`"
    `);
    const ended = await place.saic("run", "tiny.pipe", "--from", last, "--format", "json");
    expect(ended.code, ended.stderr).toBe(0);
    expect((JSON.parse(ended.stdout) as PrintedResult).run_dir).not.toBe(trained.run_dir);
  });

  test("a run's own checkpoint that is damaged", async () => {
    const run = join(place.path, trained.run_dir);
    rmSync(join(run, "result.json"));
    truncateSync(join(run, "checkpoints/last/optimizer.safetensors"), 100);
    expect(await said(2, "run", "tiny.pipe", "--seed", "9")).toMatchInlineSnapshot(`
      "error[checkpoint/damaged]: \`runs/tiny/ID/checkpoints/update-00000012/optimizer.safetensors\` is damaged: it has 100 bytes, the manifest says 28592
       = hint: start again from another checkpoint with \`--from\`, or with \`--fresh\`"
    `);
  });

  test("a run that another process has", async () => {
    place.write("long.pipe", tinyProgram({ steps: 100_000 }));
    const other = place.start("run", "long.pipe");
    while (!other.stderr().includes("main 1/"))
      await new Promise((resolve) => setTimeout(resolve, 10));
    const message = await said(2, "run", "long.pipe");
    process.kill(other.child.pid ?? 0, "SIGKILL");
    await other.ended;
    expect(message).toMatchInlineSnapshot(`
      "error[run/locked]: \`runs/tiny/ID\` is in use by process PID
       = hint: wait for it or stop it; one run directory belongs to one process at a time"
    `);
  });

  test("folders that cannot be written, or would lose what they hold", async () => {
    place.write("file", "");
    expect(await said(2, "run", "tiny.pipe", "--runs-dir", "file")).toMatchInlineSnapshot(
      `"error[command/unwritable]: cannot write \`file/tiny/.artifacts/ID\`: a part of its path is a file, not a folder"`,
    );
    expect(await said(2, "compile", "tiny.pipe", "--out", "file/x")).toMatchInlineSnapshot(
      `"error[command/unwritable]: cannot write \`file/x\`: a part of its path is a file, not a folder"`,
    );
    expect(await said(2, "compile", "tiny.pipe", "--out", "file")).toMatchInlineSnapshot(`
      "error[command/foreign-folder]: \`file\` holds something else than an artifact
       = hint: name a new or empty folder, or one that \`saic compile\` wrote"
    `);
    mkdirSync(data("mine"));
    place.write("mine/thesis.txt", "");
    expect(await said(2, "compile", "tiny.pipe", "--out", "mine")).toMatchInlineSnapshot(`
      "error[command/foreign-folder]: \`mine\` holds something else than an artifact
       = hint: name a new or empty folder, or one that \`saic compile\` wrote"
    `);
    expect(createHash("sha256").update(place.read("mine/thesis.txt")).digest("hex")).toMatch(
      /^e3b/u,
    );
  });
});
