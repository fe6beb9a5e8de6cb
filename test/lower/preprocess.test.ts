/** Preparation inside a graph: the numbers that the data's own transforms give. */

import { describe, expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import { hindrance, preprocessed } from "../../compiler/lower/preprocess.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { type DataFit, type DType, dataProgram } from "../../compiler/plan/data.js";
import type { TransformOp } from "../../compiler/plan/transform-op.js";
import { type FieldType, outcomeOf, transform } from "../../runtime/data/transforms/transform.js";
import { type Value, valueOf } from "../../runtime/data/value.js";
import { numbersOf } from "../../runtime/metrics/numbers.js";
import { createStream } from "../../runtime/random.js";
import { runModel } from "../onnx/run-model.js";

const fit = (
  kind: DataFit["kind"],
  axes: readonly number[],
  shape: readonly number[],
): DataFit => ({
  name: "range",
  kind,
  field: "x",
  axes: [...axes],
  after: 0,
  dtype: "f32",
  shape: [...shape],
  place: "",
});

interface Case {
  readonly ops: readonly TransformOp[];
  readonly dtype?: DType;
  readonly shape?: readonly number[];
  readonly fit?: DataFit;
}

const normalize = { kind: "normalize", mean: [0.5, 0.4, 0.3], std: [0.25] } as const;
const cases: Readonly<Record<string, Case>> = {
  "normalize of bytes": { ops: [{ ...normalize, mean: [0.5, 0.4, 0.3], std: [0.25] }] },
  "normalize of floats": {
    ops: [{ kind: "normalize", mean: [1], std: [2, 3, 4] }],
    dtype: "f32",
  },
  standardize: { ops: [{ kind: "standardize" }] },
  "resize of bytes, which are rounded": {
    ops: [
      { kind: "resize", height: 4, width: 3 },
      { kind: "to", dtype: "f32" },
    ],
  },
  "resize of floats, up and down": {
    ops: [{ kind: "resize", height: 9, width: 5 }],
    dtype: "f32",
  },
  "crops and pads": {
    ops: [
      { kind: "pad", top: 1, bottom: 0, left: 2, right: 1, value: 7 },
      { kind: "crop", top: 1, left: 1, height: 6, width: 7 },
      { kind: "pad", top: 0, bottom: 2, left: 1, right: 0, value: "edge" },
      { kind: "center_crop", height: 5, width: 4 },
    ],
  },
  rearrange: {
    ops: [
      { kind: "rearrange", split: [3, 2, 3, 8], order: [1, 3, 0, 2], shape: [2, 8, 9] },
      { kind: "to", dtype: "f64" },
    ],
  },
  tiles: {
    ops: [
      { kind: "tile", size: 4, overlap: 1 },
      { kind: "to", dtype: "f32" },
    ],
  },
  "floats to bytes": { ops: [{ kind: "to", dtype: "u8" }], dtype: "f32" },
  "floats to whole numbers and truths": {
    ops: [
      { kind: "to", dtype: "i32" },
      { kind: "to", dtype: "bool" },
    ],
    dtype: "f32",
  },
  "rescale to limits": {
    ops: [{ kind: "rescale", fit: "range", to: [-0.7, 0.7] }],
    dtype: "f32",
    fit: fit("minmax", [1, 2], [3]),
  },
  "rescale by mean and deviation": {
    ops: [{ kind: "rescale", fit: "range", to: null }],
    dtype: "f32",
    fit: fit("standard", [0], [6, 8]),
  },
};

/** Numbers of either sign around the bytes, the same in every run. */
const at = (i: number): number => ((i * 7919) % 2551) / 10;

describe("preprocessed graphs", () => {
  test.each(Object.entries(cases))("%s", async (_name, each) => {
    const { ops, dtype = "u8", shape = [3, 6, 8], fit: fitted } = each;
    const records = [0, 1].map((k) =>
      valueOf(dtype, shape, (i) =>
        dtype === "u8" ? (i * 37 + k * 11) % 256 : at(i + 50 * k) - 120,
      ),
    );
    const fits = new Map(
      fitted === undefined
        ? []
        : [
            [
              "range",
              {
                fit: fitted,
                first: valueOf("f32", fitted.shape, (i) => -3 - i / 10),
                // The last is equal to the first, or 0: it counts as 1.
                second: valueOf("f32", fitted.shape, (i) => zeroAtEnd(fitted, i)),
              },
            ] as const,
          ],
    );
    const point = { stream: createStream(0, "none"), epoch: 0, record: 0 };
    const expected = records.map((record) =>
      ops.reduce((x: Value, op) => transform(op, x, point, fits), record),
    );
    const type = ops.reduce<FieldType>(
      (current, op) => {
        const outcome = outcomeOf(op, current);
        if (!outcome.ok) throw new Error(outcome.problem);
        return outcome.type;
      },
      { dtype, shape },
    );
    const builder = createGraphBuilder();
    const input = builder.input("field:x", {
      dtype: type.dtype,
      shape: [namedDim("B"), ...type.shape.map(Number)],
    });
    const graph = builder.finish("same", [
      { name: "y", value: builder.emit("cast", [input], { dtype: "f64" }) },
    ]);
    const program = programOf(ops, dtype, shape, type, fitted);
    expect(hindrance(program, ["x"])).toBeNull();
    const model = emitOnnx(preprocessed(graph, program, ["x"]), {
      target: { device: "cpu", opset: 18, purpose: "infer" },
      producerVersion: "test",
    });
    const feeds = new Map([
      [
        "field:x",
        ndarray(
          dtype,
          [2, ...shape],
          records.flatMap((record) =>
            Array.from({ length: record.data.length }, (_, i) => numbersOf(record)(i)),
          ),
        ),
      ],
      ...[...fits.values()].flatMap(({ fit: own, first, second }) =>
        [first, second].map((tensor, i) => {
          const names = own.kind === "minmax" ? ["lo", "hi"] : ["mean", "std"];
          const values = Array.from({ length: tensor.data.length }, (_, k) => numbersOf(tensor)(k));
          return [`data.D.range.${names[i]}`, ndarray("f32", tensor.shape, values)] as const;
        }),
      ),
    ]);
    const y = (await runModel(model, feeds)).get("y");
    expect(y?.shape).toEqual([2, ...(expected[0]?.shape ?? [])]);
    const wanted = expected.flatMap((value) =>
      Array.from({ length: value.data.length }, (_, i) => numbersOf(value)(i)),
    );
    const worst = Math.max(
      ...wanted.map(
        (value, i) => Math.abs(value - (y?.data[i] ?? NaN)) / Math.max(1, Math.abs(value)),
      ),
    );
    expect(worst).toBeLessThan(1e-5);
    expect(new Set(wanted).size).toBeGreaterThan(1);
  });

  test("what is drawn in validation too stands in the way, and what training alone draws does not", () => {
    const flip = { kind: "hflip", p: 0.5 } as const;
    const type = { dtype: "u8", shape: [3, 6, 8] } as const;
    const program = programOf([flip], "u8", [3, 6, 8], type);
    expect(hindrance(program, ["x"])).toMatchObject({ field: "x", isDrawn: true });
    const [step] = program.transforms;
    const trained = {
      ...program,
      transforms: step === undefined ? [] : [{ ...step, split: "train" as const }],
    };
    expect(hindrance(trained, ["x"])).toBeNull();
  });
});

const zeroAtEnd = ({ kind, shape }: DataFit, i: number): number => {
  const last = shape.reduce((a, b) => a * b, 1) - 1;
  if (i < last) return 20 + i;
  return kind === "minmax" ? -3 - i / 10 : 0;
};

function programOf(
  ops: readonly TransformOp[],
  dtype: DType,
  shape: readonly number[],
  type: { readonly dtype: DType; readonly shape: readonly (number | null)[] },
  fitted?: DataFit,
) {
  return dataProgram.parse({
    name: "D",
    source: { kind: "arrays", format: "npy", file: "x.npy", place: "" },
    fields: [{ name: "x", reader: { kind: "array", name: null }, dtype, shape, place: "" }],
    split: { by: null, train: 1, val: 0, test: 0, seed: 0 },
    ...(fitted === undefined ? {} : { fits: [fitted] }),
    transforms: ops.map((op, i) => ({ split: null, field: "x", op, draw: `x.${i}`, place: "" })),
    outputs: [{ name: "x", dtype: type.dtype, shape: type.shape }],
    loader: { batch: 2, shuffle: false, workers: 0, last: "drop" },
  });
}
