/** Commands on a run that is there: eval, predict and export, which share one small run. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { modelBytes, runSources } from "../../cli/model-file.js";
import { encodeSafetensors, readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { Fault } from "../../runtime/fault.js";
import { chooseWeights, openRun } from "../../runtime/use/open-run.js";
import sharp from "sharp";
import { call } from "./in-process.js";
import { createWorkplace, normalized, type PrintedResult } from "./saic.js";

const program = `
import { Conv2d, Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy, confusion_matrix, ece } from "saic:metrics"
import { adamw } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 80, size: 20, classes: [ring, cross, square], seed: 1)
  field image: image() -> u8[3, 20, 20]
  field kind: label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 3 }
  transform train { image = image |> hflip() }
  transform {
    image = image |> resize(10, 10) |> center_crop(8, 8) |> normalize(mean: [0.5, 0.4, 0.3], std: 0.25)
  }
  loader { batch: 8 }
}

block Noisy(classes: dim) {
  in  image: f32[B, 3, 8, 8]
  out logits: f32[B, classes]
  out mask: f32[B, 8, 8]
  let x = image |> Conv2d(6, kernel: 3, pad: 1) as conv |> relu
  mask = sigmoid(mean(x, axes: [1]))
  logits = x |> flatten(from: 1) |> Dropout(0.5) |> Linear(classes) as head
}

train noisy {
  model: Noisy(classes: Shapes.classes)
  data:  Shapes
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 0.01)
  ema: decay(0.9)
  stage main for 14 steps { }
  predict { p = softmax(logits) }
  predict mc(samples: 3) { p = mean(softmax(logits), axes: [0]) }
  metrics {
    accuracy = accuracy(logits, kind)
    confusion = confusion_matrix(logits, kind)
    ece = ece(predict.mc.p, kind)
  }
  checkpoint: best(val.loss)
}

export noisy as "sure.onnx" { opset: 17  outputs: [logits, predict.p] }
export noisy as "half.onnx" { opset: 21  precision: f16  batch: 3  weights: ema }
export noisy as "raw.onnx"  { preprocess: true  outputs: [logits, mask, predict.mc.p] }
`;

const place = createWorkplace({ "noisy.pipe": program });
afterAll(place.remove);

interface Result extends PrintedResult {
  readonly tables: Readonly<Record<string, unknown>>;
}
let result: Result;
/** A file or folder where the run is. */
const at = (...names: readonly string[]): string => join(place.path, ...names);
let runDir = "";
const noisy = (): readonly string[] => [at("noisy.pipe"), "--runs-dir", at("runs")];
const json = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
  const ended = await call(...args, "--threads", "1", "--json");
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

beforeAll(async () => {
  const ended = await place.saic("run", "noisy.pipe", "--threads", "1", "--format", "json");
  expect(ended.code, ended.stderr).toBe(0);
  result = JSON.parse(ended.stdout) as Result;
  runDir = at(result.run_dir);
}, 60_000);

/** What a command that fails says; nothing of it is on standard output. */
async function said(code: number, ...args: readonly string[]): Promise<string> {
  const ended = await call(...args);
  expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code, stdout: "" });
  return normalized(ended.stderr, place);
}

const of = (split: string, values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith(`${split}.`)));

describe("eval", () => {
  test("gives the run's own numbers, bit for bit on one thread, for the run and the program", async () => {
    const tested = await json("eval", runDir);
    expect(tested).toMatchObject({ run_dir: runDir, split: "test", records: 16 });
    expect(tested["weights"]).toMatchObject({ name: "best" });
    expect(tested["metrics"]).toEqual(of("test", result.metrics));
    expect(tested["tables"]).toEqual(of("test", result.tables));
    expect(Object.keys(tested["metrics"] as object)).toContain("test.ece");
    const validated = await json("eval", ...noisy(), "--split", "val", "--weights", "best");
    expect(validated["metrics"]).toEqual(of("val", result.metrics));
  });

  test("other weights and the training split give other numbers", async () => {
    const ema = await json("eval", runDir, "--weights", "ema", "--split", "train");
    expect(ema).toMatchObject({ records: 48, weights: { name: "ema" } });
    expect(Object.keys(ema["metrics"] as object)).toEqual([
      "train.total",
      "train.loss",
      "train.accuracy",
      "train.ece",
    ]);
    expect((ema["weights"] as { file: string }).file).toMatch(/ema\.safetensors$/u);
  });

  test("what is no run, a program without one, and flags of a program for a run", async () => {
    expect(await said(2, "eval", "nosuch")).toMatchInlineSnapshot(`
      "error[use/no-run]: \`nosuch\` is no run directory: it does not exist
       = hint: name a folder such as \`runs/<train>/<id>\` (\`saic runs\` lists them), or the program"
    `);
    expect(await said(2, "eval", ...noisy(), "--seed", "77")).toMatchInlineSnapshot(`
      "error[use/never-run]: \`DIR/noisy.pipe\` has no run: there is no \`DIR/runs/noisy/ID\`
       = hint: train it first with \`saic run DIR/noisy.pipe\` and the same flags, or name a run directory"
    `);
    expect(await said(2, "eval", runDir, "--seed", "77")).toMatchInlineSnapshot(`
      "error[command/usage]: \`--seed\` belongs to a program, and \`DIR/runs/noisy/ID\` is a run
       = hint: a run has the values that it was started with"
    `);
  });

  test("data that are no more what the run had are no test", async () => {
    const file = join(place.path, result.run_dir, "split.manifest.json");
    const manifest = readFileSync(file, "utf8");
    writeFileSync(
      file,
      manifest.replace('"3"', '"x"').replace(/"records": \[\s+\d+/u, '"records": [ 79'),
    );
    try {
      expect(await said(6, "eval", runDir)).toContain("error[run/split-changed]");
    } finally {
      writeFileSync(file, manifest);
    }
  });
});

describe("predict", () => {
  /** The pictures of the test split as files, with what they show. */
  const shown = new Map<string, string>();
  beforeAll(async () => {
    const { plan } = openRun(join(place.path, result.run_dir)).artifact;
    const raw = { ...plan.data, transforms: [], outputs: rawOutputs(plan.data.outputs) };
    const dataset = await openDataset(raw, { seed: plan.seed, threads: 1 });
    mkdirSync(join(place.path, "pictures", "more"), { recursive: true });
    for await (const { fields, count } of dataset.evaluationBatches("test"))
      for (let i = 0; i < count; i++) {
        const pixels = fields.get("image")?.data.subarray(i * 1200, (i + 1) * 1200) ?? [];
        const kind = Number(fields.get("kind")?.data[i]);
        const name = join(shown.size % 2 === 0 ? "" : "more", `${shown.size}.png`);
        shown.set(name, ["ring", "cross", "square"][kind] ?? "");
        const interleaved = Uint8Array.from({ length: 1200 }, (_, k) =>
          Number(pixels[(k % 3) * 400 + Math.floor(k / 3)]),
        );
        await sharp(interleaved, { raw: { width: 20, height: 20, channels: 3 } })
          .png()
          .toFile(join(place.path, "pictures", name));
      }
    await dataset.close();
    writeFileSync(join(place.path, "pictures", "notes.txt"), "no picture\n");
  });

  test("files are read as the dataset reads its own: as many are right as in the test", async () => {
    const ended = await call("predict", runDir, at("pictures"), "--out", at("p.jsonl"));
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: "" });
    expect(ended.stderr).toBe("predicted 16 records, passed over 1 file of other kinds\n");
    const rows = place
      .read("p.jsonl")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ file }) => file)).toEqual([...shown.keys()].toSorted());
    const right = rows.filter((row) => row["class"] === shown.get(String(row["file"]))).length;
    expect(right / 16).toBe(result.metrics["test.accuracy"]);
    const [first] = rows;
    expect(Object.keys(first ?? {})).toEqual(["file", "class", "p", "mc.p"]);
    const chances = Object.values(first?.["p"] as Record<string, number>);
    expect(chances.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    expect(readdirSync(place.path).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("csv, from a model that takes raw pictures", async () => {
    const model = join(runDir, "raw.onnx");
    const ended = await call("predict", model, at("pictures/0.png"), "--format", "csv");
    expect(ended.code, ended.stderr).toBe(0);
    const [head = "", row = ""] = ended.stdout.trimEnd().split("\n");
    expect(head).toMatch(
      /^file,record,class,logits\.ring,logits\.cross,logits\.square,mask\.0\.0,/u,
    );
    const [p0] = place.read("p.jsonl").split("\n");
    const expected = JSON.parse(p0 ?? "") as { class: string };
    expect(row.split(",").slice(0, 3)).toEqual([at("pictures/0.png"), "", expected.class]);
  });

  const asImages = ["--format", "images", "--out"];

  test("masks become pictures", async () => {
    const model = join(runDir, "raw.onnx");
    const ended = await call("predict", model, at("pictures"), ...asImages, at("masks"));
    expect(ended.code, ended.stderr).toBe(0);
    const made = readdirSync(join(place.path, "masks", "more"));
    expect(made).toHaveLength(8);
    expect(made).toContain("1.png.mask.png");
    const { width, height, channels } = await sharp(
      join(place.path, "masks", "0.png.mask.png"),
    ).metadata();
    expect([width, height, channels]).toEqual([8, 8, 1]);
  });

  test("what cannot be read stops it by name, or is left out and counted", async () => {
    writeFileSync(at("bad.png"), "no picture");
    expect(await said(6, "predict", runDir, at("pictures/0.png"), at("bad.png")))
      .toMatchInlineSnapshot(`
      "error[data/image-unreadable]: \`DIR/bad.png\` cannot be read: Input buffer contains unsupported image format
       ┌─ DIR/bad.png
       = hint: replace or remove the file; a truncated picture would be padded with gray"
    `);
    const skipped = await call(
      "predict",
      runDir,
      at("pictures/0.png"),
      at("bad.png"),
      "--on-error",
      "skip",
    );
    expect(skipped.code).toBe(0);
    expect(skipped.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(skipped.stderr).toContain(`warning[use/file-skipped]: left out \`${at("bad.png")}\``);
    expect(skipped.stderr).toContain("predicted 1 record, left out 1\n");
    rmSync(join(place.path, "empty"), { recursive: true, force: true });
    mkdirSync(join(place.path, "empty"));
    expect(await said(6, "predict", runDir, at("empty"))).toMatchInlineSnapshot(`
      "error[use/nothing-to-predict]: \`DIR/empty\` holds nothing to predict for
       = hint: the dataset reads JPEG, PNG and WebP pictures"
    `);
  });

  test("outputs that are no pictures, and a model without its run", async () => {
    expect(await said(2, "predict", runDir, at("pictures"), ...asImages, at("x")))
      .toMatchInlineSnapshot(`
      "error[use/output-unsuited]: \`p\` is \`f32[3]\` for a record, which \`--format images\` cannot hold: a picture has 8 rows and columns or more, and at most one axis before them
       = hint: \`--format json\` writes outputs of any shape"
    `);
    writeFileSync(join(place.path, "alone.onnx"), "");
    expect(await said(2, "predict", at("alone.onnx"), at("pictures"))).toMatchInlineSnapshot(`
      "error[use/foreign-model]: \`DIR/alone.onnx\` is no model of a run: no \`plan.json\` lies beside it
       = hint: name a model in its run directory, or the run directory itself"
    `);
  });
});

describe("export", () => {
  interface Exported {
    readonly models: readonly {
      readonly file: string;
      readonly opset: number;
      readonly precision: string;
      readonly weights: string;
      readonly comparison: {
        readonly records: number;
        readonly differences: Readonly<Record<string, number | null>>;
      };
    }[];
  }

  test("every export is written after it has given what the run gives on real records", async () => {
    const out = join(place.path, "out");
    mkdirSync(out);
    const { models } = JSON.parse(
      JSON.stringify(await json("export", runDir, "--out", out)),
    ) as Exported;
    expect(
      models.map(({ file, opset, precision, weights }) => [file, opset, precision, weights]),
    ).toEqual([
      [join(out, "sure.onnx"), 17, "f32", "best"],
      [join(out, "half.onnx"), 21, "f16", "ema"],
      [join(out, "raw.onnx"), 18, "f32", "best"],
    ]);
    const [sure, half, raw] = models.map(({ comparison }) => comparison.differences);
    expect(models.map(({ comparison }) => comparison.records)).toEqual([16, 16, 16]);
    expect(Object.keys(sure ?? {})).toEqual(["logits", "p"]);
    for (const value of Object.values(sure ?? {})) expect(value).toBeLessThan(1e-5);
    // Rounded weights move the numbers, and little.
    expect(half?.["logits"]).toBeGreaterThan(1e-7);
    expect(half?.["logits"]).toBeLessThan(1e-2);
    expect(raw?.["mc.p"]).toBeNull();
    expect(raw?.["logits"]).toBeLessThan(1e-2);
    const [one, two, three] = ["sure", "half", "raw"].map((name) => {
      const model = decodeModel(new Uint8Array(readFileSync(join(out, `${name}.onnx`))));
      expect(model.opsetImport?.map(({ domain }) => domain ?? "")).toEqual([""]);
      expect(new Set(model.graph?.node?.map(({ domain }) => domain ?? ""))).toEqual(new Set([""]));
      return model;
    });
    expect(one?.opsetImport?.[0]?.version).toBe(17);
    const types = two?.graph?.initializer?.map(({ name, dataType }) => [name, dataType]);
    expect(types).toContainEqual(["head.weight", 10]);
    expect(three?.graph?.input?.map(({ type }) => type?.tensorType?.elemType)).toEqual([2]);
    // The run has written the same bytes when it had finished.
    for (const name of ["sure", "half", "raw"])
      expect(
        readFileSync(join(place.path, result.run_dir, `${name}.onnx`)).equals(
          readFileSync(join(out, `${name}.onnx`)),
        ),
      ).toBe(true);
  });

  test("a model that differs is not written", async () => {
    const strictly = ["--tolerance", "0", "--out", at("no.onnx")];
    const text = await said(4, "export", runDir, "half", ...strictly);
    expect(text).toContain("error[use/export-differs]: `DIR/no.onnx` does not give what the run");
    expect(existsSync(join(place.path, "no.onnx"))).toBe(false);
  });

  test("an export that is not there, and one file for several", async () => {
    expect(await said(2, "export", runDir, "shure")).toMatchInlineSnapshot(
      `"error[use/unknown-export]: the run has no export \`shure\`, it has \`sure.onnx\`, \`half.onnx\`, \`raw.onnx\`, \`model.onnx\`"`,
    );
    expect(await said(2, "export", runDir, "--out", at("all.onnx"))).toMatchInlineSnapshot(`
      "error[command/usage]: \`--out DIR/all.onnx\` names one file for 3 models
       = hint: name a folder, or one export"
    `);
  });
});

describe("what cannot be used", () => {
  const opened = () => openRun(runDir);
  /** The code and the exit code of the fault. */
  const faultOf = (body: () => unknown): readonly [string, number] => {
    try {
      body();
    } catch (error) {
      if (error instanceof Fault) return [error.diagnostic.code, error.exitCode];
      throw error;
    }
    return ["none", 0];
  };

  test("a run directory without its graphs", () => {
    mkdirSync(at("moved"));
    cpSync(join(runDir, "plan.json"), at("moved", "plan.json"));
    expect(faultOf(() => openRun(at("moved")))).toEqual(["use/graphs-gone", 2]);
  });

  test("a weight that is too large for f16", () => {
    const { artifact } = opened();
    const weights = at("large.safetensors");
    const { tensors } = readSafetensors(chooseWeights(opened(), null).file);
    const bias = tensors.get("head.bias");
    if (bias === undefined) throw new Error("there is a bias");
    const large = { ...bias, data: Float32Array.of(1, 1e5, 0) };
    writeFileSync(
      weights,
      Buffer.concat(encodeSafetensors(new Map([...tensors, ["head.bias", large]]))),
    );
    const [, half] = artifact.plan.exports;
    if (half === undefined) throw new Error("there are exports");
    const sources = runSources(artifact, { runDir, weights });
    const write = (precision: "f16" | "bf16") => () =>
      modelBytes(sources, { spec: half.graph, precision }, "half.onnx");
    expect(faultOf(write("f16"))).toEqual(["use/weight-out-of-range", 2]);
    expect(faultOf(write("bf16"))).toEqual(["none", 0]);
  });
});

type Outputs = ReturnType<typeof openRun>["artifact"]["plan"]["data"]["outputs"];

/** The fields as they are read. */
const rawOutputs = (outputs: Outputs): Outputs =>
  outputs.map((output) =>
    output.name === "image" ? { name: "image", dtype: "u8", shape: [3, 20, 20] } : output,
  );
