/** Sources of arrays, fits and what goes by them: read from files that are written here. */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DType } from "../../compiler/plan/data.js";
import { encodeSafetensors, readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { createWorkplace, type PrintedResult, weightsOf } from "../cli/saic.js";
import { npyOf, npz } from "./array-files.js";
import { dataProgramOf } from "./data-program.js";
import { collect, faultOf, temporaryFolder, type TemporaryFolder, valuesOf } from "./fixtures.js";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const write = (name: string, content: Uint8Array): void =>
  writeFileSync(join(folder.path, name), content);
const options = { seed: 1, threads: 2 };
const all =
  "split random { train: 100%  seed: 1 }\nloader { batch: 2  shuffle: false  workers: 0 }";

/** Element i is i. */
const counting = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => i);

async function evaluated(members: string, field: string): Promise<readonly number[]> {
  const data = await openDataset(dataProgramOf(folder.path, members), options);
  const batches = await collect(data.evaluationBatches("train"));
  await data.close();
  return valuesOf(batches, field);
}

describe("arrays", () => {
  it.each([
    ["f32", counting(12)],
    ["f64", Float64Array.from(counting(12))],
    ["i64", BigInt64Array.from([...counting(12)].map(BigInt))],
    ["u8", Uint8Array.from(counting(12))],
  ] as const)("of %s are read record by record", async (dtype: DType, data) => {
    const file = npyOf(dtype, [4, 3], data);
    write("x.npy", file);
    write("stored.npz", npz({ x: file, other: npyOf("f32", [1], counting(1)) }, 0));
    write("packed.npz", npz({ x: file }, 8));
    for (const source of ['npy("x.npy")', 'npz("stored.npz")', 'npz("packed.npz")']) {
      const name = source.includes("stored") ? '"x"' : "";
      const members = `source: ${source}\nfield x: array(${name}) -> ${dtype}[3]\n${all}`;
      expect(await evaluated(members, "x")).toEqual([...counting(12)]);
    }
  });

  it("of safetensors, next to others", async () => {
    const tensors = new Map([
      ["a", { dtype: "f32", shape: [2], data: Float32Array.of(5, 6) }],
      ["b", { dtype: "f32", shape: [2, 2], data: counting(4) }],
    ] as const);
    write("t.safetensors", Buffer.concat(encodeSafetensors(tensors)));
    const source = 'source: safetensors("t.safetensors")';
    const members = `${source}\nfield a: array("a") -> f32[]\nfield b: array("b") -> f32[2]\n${all}`;
    expect(await evaluated(members, "a")).toEqual([5, 6]);
    expect(await evaluated(members, "b")).toEqual([0, 1, 2, 3]);
  });

  it("in Fortran's order give the same records", async () => {
    // Element [i, j, k] of [2, 3, 2] is 6 i + 2 j + k.
    const columns = Float32Array.of(0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11);
    write("f.npy", npyOf("f32", [2, 3, 2], columns, true));
    const members = `source: npy("f.npy")\nfield x: array() -> f32[3, 2]\n${all}`;
    expect(await evaluated(members, "x")).toEqual([...counting(12)]);
  });

  it("of several files are joined by their index", async () => {
    write("a.npy", npyOf("f32", [3], Float32Array.of(1, 2, 3)));
    write("b.npy", npyOf("i64", [3, 2], BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n)));
    const source = 'source: zip(left: npy("a.npy"), right: npy("b.npy"), by: index)';
    const fields = "field a: left.array() -> f32[]\nfield b: right.array() -> i64[2]";
    const members = `${source}\n${fields}\n${all}`;
    expect(await evaluated(members, "a")).toEqual([1, 2, 3]);
    expect(await evaluated(members, "b")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("of several files follow each other", async () => {
    write("a.npy", npyOf("f32", [3], Float32Array.of(1, 2, 3)));
    write("c.npy", npyOf("f32", [2], Float32Array.of(4, 5)));
    const source = 'source: concat(npy("a.npy"), npy("c.npy"))';
    const data = await openDataset(
      dataProgramOf(folder.path, `${source}\nfield a: array() -> f32[]\n${all}`),
      options,
    );
    expect(valuesOf(await collect(data.evaluationBatches("train")), "a")).toEqual([1, 2, 3, 4, 5]);
    expect(data.manifest.splits.train.map(({ group }) => group)).toEqual([
      "1:0",
      "1:1",
      "1:2",
      "2:0",
      "2:1",
    ]);
    await data.close();
  });

  it("that are other than when the program was checked are faults", async () => {
    write("x.npy", npyOf("f32", [4, 3], counting(12)));
    write("y.npy", npyOf("f32", [4], counting(4)));
    const one = dataProgramOf(
      folder.path,
      `source: npy("x.npy")\nfield x: array() -> f32[3]\n${all}`,
    );
    const two = dataProgramOf(
      folder.path,
      `source: zip(a: npy("x.npy"), b: npy("y.npy"), by: index)
field x: a.array() -> f32[3]\nfield y: b.array() -> f32[]\n${all}`,
    );
    const code = async (program = one): Promise<readonly [string, string | null]> => {
      const { diagnostic } = await faultOf(openDataset(program, options));
      return [diagnostic.code, diagnostic.place];
    };
    const file = join(folder.path, "x.npy");
    write("y.npy", npyOf("f32", [5], counting(5)));
    expect((await code(two))[0]).toBe("data/lengths-differ");
    write("x.npy", npyOf("f32", [4, 2], counting(8)));
    expect(await code()).toEqual(["data/array-differs", `${file}, field \`x\``]);
    write("x.npy", npyOf("f32", [4, 3], counting(11)));
    expect(await code()).toEqual(["data/file-malformed", file]);
    write("x.npy", Buffer.from("no array"));
    expect(await code()).toEqual(["data/file-malformed", file]);
    const gone = { ...one, source: { ...one.source, file: join(folder.path, "gone.npy") } };
    expect((await code(gone as typeof one))[0]).toBe("data/file-missing");
    write("x.npz", npz({ other: npyOf("f32", [4, 3], counting(12)) }, 0));
    const named = {
      ...one,
      source: { ...one.source, format: "npz", file: join(folder.path, "x.npz") },
      fields: one.fields.map((field) => ({ ...field, reader: { kind: "array", name: "x" } })),
    };
    expect((await code(named as typeof one))[0]).toBe("data/array-unknown");
  });
});

describe("fits", () => {
  const members = (workers: number): string => `source: npy("m.npy")
  field x: array() -> f32[2, 3]
  fit range = minmax(x, axes: [0]) -> (lo: f32[3], hi: f32[3])
  fit whole = standard(x) -> (mean: f32[], std: f32[])
  split random { train: 50%  val: 50%  seed: 1 }
  transform { x = x |> rescale(range, to: [-1, 1]) |> rearrange(T M -> M T) |> to(f64) }
  loader { batch: 2  shuffle: true  workers: ${workers} }`;

  it("see the training split alone, and rescale all", async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => (i % 3 === 2 ? 7 : i * i));
    write("m.npy", npyOf("f32", [4, 2, 3], values));
    const data = await openDataset(dataProgramOf(folder.path, members(0)), options);
    const train = data.manifest.splits.train.flatMap(({ records }) => records);
    const columns = [0, 1, 2].map((column) =>
      train.flatMap((record) => [0, 3].map((row) => values[6 * record + row + column] ?? 0)),
    );
    const state = (name: string): readonly number[] =>
      [...(data.fits?.get(`data.D.${name}`)?.data ?? [])].map(Number);
    const low = columns.map((column) => Math.min(...column));
    const high = columns.map((column) => Math.max(...column));
    expect(state("range.lo")).toEqual(low);
    expect(state("range.hi")).toEqual(high);
    const flat = columns.flat();
    const mean = flat.reduce((a, b) => a + b, 0) / flat.length;
    const variance = flat.reduce((a, b) => a + (b - mean) ** 2, 0) / flat.length;
    expect(state("whole.mean")).toEqual([Math.fround(mean)]);
    expect(state("whole.std")[0]).toBeCloseTo(Math.sqrt(variance), 3);
    const batch = valuesOf(await collect(data.evaluationBatches("train")), "x");
    expect(batch).toHaveLength(12);
    // The constant column becomes the lower limit; rows and columns have changed places.
    train.forEach((record, i) => {
      for (const column of [0, 1, 2])
        for (const row of [0, 1]) {
          const x = values[6 * record + 3 * row + column] ?? 0;
          const [a, b] = [low[column] ?? 0, high[column] ?? 0];
          const wanted = column === 2 ? -1 : (2 * (x - a)) / (b - a) - 1;
          expect(batch[6 * i + 2 * column + row]).toBeCloseTo(wanted, 6);
        }
    });
    await data.close();
  });

  it("give the same batches in any number of workers", async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    write("m.npy", npyOf("f32", [4, 2, 3], values));
    const read = async (workers: number): Promise<readonly number[]> => {
      const data = await openDataset(dataProgramOf(folder.path, members(workers)), options);
      const numbers: number[] = [];
      for (const epoch of [0, 1])
        numbers.push(...valuesOf(await collect(data.trainBatches(epoch, 0)), "x"));
      await data.close();
      return numbers;
    };
    const alone = await read(0);
    expect(alone).toHaveLength(24);
    for (const workers of [1, 2]) expect(await read(workers)).toEqual(alone);
  });

  it("take no number that is none", async () => {
    write("m.npy", npyOf("f32", [4, 2, 3], new Float32Array(24).fill(NaN)));
    const { diagnostic, exitCode } = await faultOf(
      openDataset(dataProgramOf(folder.path, members(0)), options),
    );
    expect(exitCode).toBe(6);
    expect(diagnostic.code).toBe("data/value-not-finite");
    expect(diagnostic.place).toMatch(/m\.npy, record `\d`, field `x`$/);
  });
});

const program = `import { Linear } from "saic:layers"
import { mse } from "saic:losses"
import { adamw } from "saic:optimizers"
param file: path
dataset D {
  source: npz(file)
  field x: array("x") -> f32[3]
  field y: array("y") -> f32[2]
  fit range = minmax(y) -> (lo: f32[], hi: f32[])
  split random { train: 75%  val: 25%  seed: 1 }
  transform { y = y |> rescale(range, to: [-1, 1]) }
  loader { batch: 2  shuffle: true  workers: 1 }
}
block Net() {
  in x: f32[B, 3]
  out z: f32[B, 2]
  out u: f32[B, 2]
  z = x |> Linear(2) as only
  u = unscale(z, D.range)
}
train fitted {
  model: Net()
  data: D
  seed: 1
  loss { total = mse(z, y) }
  optimizer: adamw(lr: 0.01)
  stage main for 9 steps { }
  metrics { error = mae(u, unscale(y, D.range)) }
  checkpoint: last(every: 2 steps)
}
`.replace("import { mse }", 'import { mae } from "saic:metrics"\nimport { mse }');

describe("a run with a fit", () => {
  const place = createWorkplace({ "fitted.pipe": program });
  afterAll(place.remove);
  const files = (shift: number): Buffer =>
    npz(
      {
        x: npyOf("f32", [8, 3], counting(24)),
        y: npyOf(
          "f32",
          [8, 2],
          counting(16).map((value) => value * 3 - 4 + shift),
        ),
      },
      8,
    );
  const run = (...more: readonly string[]) =>
    place.saic(
      "run",
      "fitted.pipe",
      "--file",
      join(folder.path, "run.npz"),
      "--threads=1",
      "--format=json",
      ...more,
    );

  it("keeps it in the run, the checkpoint and the model, and goes on with it alone", async () => {
    write("run.npz", files(0));
    const ended = await run();
    expect(ended.code, ended.stderr).toBe(0);
    const { run_dir, weights } = JSON.parse(ended.stdout) as PrintedResult;
    const inRun = join(place.path, run_dir);
    const kept = JSON.parse(readFileSync(join(inRun, "fits.json"), "utf8")) as unknown;
    const { tensors } = readSafetensors(join(place.path, weights));
    for (const name of ["lo", "hi"]) {
      const values = [...(tensors.get(`data.D.range.${name}`)?.data ?? [])].map(Number);
      expect(values).toHaveLength(1);
      expect(values[0] ?? 0).toBe(name === "lo" ? Math.min(...values) : Math.max(...values));
      expect(kept).toMatchObject({ [`data.D.range.${name}`]: { dtype: "f32", shape: [], values } });
    }
    // Without its result the run goes on from its last checkpoint, and other numbers stop it.
    const before = weightsOf(inRun, join(place.path, weights));
    rmSync(join(inRun, "result.json"));
    const again = await run();
    expect(again.code, again.stderr).toBe(0);
    expect(weightsOf(inRun, join(place.path, weights))).toEqual(before);
    rmSync(join(inRun, "result.json"));
    write("run.npz", files(1));
    const changed = await run();
    expect(changed.code).toBe(6);
    expect(changed.stderr).toContain("data/fit-changed");
  });
});

const real = join(
  process.env["SAIC_TEST_DATA"] ?? resolve("..", "shared", "data"),
  "simulation/burgers_darcy",
);
describe.skipIf(!existsSync(real))("the Burgers fields", () => {
  it("are read as they are, and begin with the initial condition", async () => {
    const members = `source: zip(
    a: npy("${real}/burgers_train_x_800x16_f32.npy"),
    b: npy("${real}/burgers_train_y_800x17x16_f32.npy"),
    by: index
  )
  field x: a.array() -> f32[16]
  field y: b.array() -> f32[17, 16]
  ${all}`;
    const data = await openDataset(dataProgramOf(folder.path, members), options);
    expect(data.size("train")).toBe(800);
    const [batch] = await collect(data.evaluationBatches("train"));
    const x = batch?.fields.get("x")?.data ?? [];
    const y = batch?.fields.get("y")?.data ?? [];
    for (let i = 0; i < 16; i++) expect(Math.abs(Number(x[i]) - Number(y[i]))).toBeLessThan(0.2);
    await data.close();
  });
});
