/** A hand-made artifact: linear regression on flattened pictures by SGD with momentum, in two stages. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DataProgram } from "../../compiler/plan/data.js";
import type {
  GraphInput,
  GraphOutput,
  GraphSpec,
  Plan,
  Stage,
} from "../../compiler/plan/schema.js";
import { encodeModel, type ElementType, type ModelSketch, type NodeSketch } from "./onnx-model.js";

export interface RegressionOptions {
  readonly data: DataProgram;
  /** Multiplies the noise on pictures and on predictions. */
  readonly noise?: number;
  readonly learningRate?: number;
  /** Edits the plan before it is written; its hash follows from the result. */
  readonly edit?: (plan: Plan) => Plan;
}

type Feed = GraphInput["feed"];
type Meaning = GraphOutput["meaning"];
type Shape = readonly number[];

const node = (
  output: string,
  op: string,
  inputs: readonly string[],
  ints: Readonly<Record<string, number>> = {},
): NodeSketch => ({ op, inputs, output, ints });

const sketch = ({ name, dtype, shape: s }: GraphInput | GraphOutput) => ({
  name,
  dtype: dtype as ElementType,
  shape: s.map(Number),
});

/** Writes `plan.json` and the graphs into `folder`. */
export function writeRegression(folder: string, options: RegressionOptions): Plan {
  const { data } = options;
  const picture = data.outputs.find(({ name }) => name === "image");
  if (picture === undefined) throw new Error("the data have no image");
  const B = data.loader.batch;
  const shape = [B, ...picture.shape];
  const D = picture.shape.reduce((a, b) => a * b, 1);

  const shapes: Readonly<Record<string, Shape>> = {
    "model.w": [D],
    "model.b": [1],
    "model.seen": [1],
    "slot.w.m": [D],
    "slot.b.m": [1],
  };
  const short: Readonly<Record<string, string>> = {
    "model.w": "w",
    "model.b": "b",
    "model.seen": "seen",
    "slot.w.m": "wm",
    "slot.b.m": "bm",
  };
  const input = (name: string, dtype: ElementType, s: Shape, feed: Feed): GraphInput => ({
    name,
    dtype,
    shape: [...s],
    feed,
  });
  const output = (name: string, dtype: ElementType, s: Shape, meaning: Meaning): GraphOutput => ({
    name,
    dtype,
    shape: [...s],
    meaning,
  });
  const stateIn = (path: string): GraphInput =>
    input(short[path] ?? "", "f32", shapes[path] ?? [], { kind: "state", path });
  const stateOut = (path: string): GraphOutput =>
    output(`${short[path]}2`, "f32", shapes[path] ?? [], { kind: "state", path });
  const batchInputs = [
    input("image", "f32", shape, { kind: "field", field: "image" }),
    input("label", "i64", [B], { kind: "field", field: "label" }),
    input("valid", "bool", [B], { kind: "valid" }),
  ];
  const drawInputs = [
    input("noise", "f32", [B, D], { kind: "random", draw: "noise", perRecord: true }),
    input("shift", "f32", [1], { kind: "random", draw: "shift", perRecord: false }),
  ];
  const lossOutputs = [
    output("sum", "f32", [], { kind: "sum", atom: "mse" }),
    output("weight", "f32", [], { kind: "weight", atom: "mse" }),
  ];
  const stepInputs = (stage: number): readonly GraphInput[] => [
    input("lr", "f32", [], { kind: "schedule", schedule: "lr" }),
    input("count", "f32", [], { kind: "count", since: stage }),
  ];

  const forward = (features: string, offset: readonly NodeSketch[]): readonly NodeSketch[] => [
    node("product", "MatMul", [features, "w"]),
    node("plain", "Add", ["product", "b"]),
    ...offset,
    node("target", "Cast", ["label"], { to: 1 }),
    node("mask", "Cast", ["valid"], { to: 1 }),
    node("error", "Sub", ["pred", "target"]),
    node("masked", "Mul", ["error", "mask"]),
    node("squares", "Mul", ["masked", "masked"]),
    node("sum", "ReduceSum", ["squares"], { keepdims: 0 }),
    node("weight", "ReduceSum", ["mask"], { keepdims: 0 }),
  ];
  const training = [
    node("flat", "Reshape", ["image", "flatShape"]),
    node("scaled", "Mul", ["noise", "noiseScale"]),
    node("x", "Add", ["flat", "scaled"]),
    node("shifted", "Mul", ["shift", "noiseScale"]),
    ...forward("x", [node("pred", "Add", ["plain", "shifted"])]),
    node("twice", "Mul", ["masked", "two"]),
    node("dpred", "Div", ["twice", "weight"]),
    node("xT", "Transpose", ["x"]),
    node("gw", "MatMul", ["xT", "dpred"]),
    node("gb", "ReduceSum", ["dpred"], { keepdims: 1 }),
    node("seen2", "Add", ["seen", "weight"]),
  ];
  const update = (name: string): readonly NodeSketch[] => [
    node(`${name}old`, "Mul", [`${name}m`, "momentum"]),
    node(`${name}m2`, "Add", [`${name}old`, `g${name}`]),
    node(`${name}delta`, "Mul", [`${name}m2`, "rate"]),
    node(`${name}2`, "Sub", [name, `${name}delta`]),
  ];
  const rate = [
    node("decay", "Pow", ["half", "count"]),
    node("ramp", "Sub", ["one", "decay"]),
    node("rate", "Mul", ["lr", "ramp"]),
  ];
  const noise = options.noise ?? 0.01;
  const constants: ModelSketch["constants"] = {
    flatShape: { dtype: "i64", shape: [2], values: [B, D] },
    noiseScale: { dtype: "f32", shape: [], values: [noise] },
    two: { dtype: "f32", shape: [], values: [2] },
    one: { dtype: "f32", shape: [], values: [1] },
    half: { dtype: "f32", shape: [], values: [0.5] },
    momentum: { dtype: "f32", shape: [], values: [0.9] },
  };

  const write = (
    file: string,
    inputs: readonly GraphInput[],
    outputs: readonly GraphOutput[],
    nodes: readonly NodeSketch[],
  ): GraphSpec => {
    const used = new Set(nodes.flatMap((n) => n.inputs));
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(
      join(folder, file),
      encodeModel({
        inputs: inputs.map(sketch),
        outputs: outputs.map(sketch),
        nodes,
        constants: Object.fromEntries(Object.entries(constants).filter(([name]) => used.has(name))),
      }),
    );
    return { file, inputs: [...inputs], outputs: [...outputs], peakBytes: 1e5, flops: 1e3 };
  };

  const makeStage = (
    index: number,
    name: string,
    learned: readonly string[],
  ): Omit<Stage, "duration"> => {
    const parameters = learned.map((letter) => `model.${letter}`);
    const slots = learned.map((letter) => `slot.${letter}.m`);
    const gradients = learned.map((letter) =>
      output(`g${letter}`, "f32", shapes[`model.${letter}`] ?? [], {
        kind: "gradient",
        path: `model.${letter}`,
      }),
    );
    const updated = [...parameters, ...slots];
    const updates = [...rate, ...learned.flatMap(update)];
    const readByGrad = ["model.w", "model.b", "model.seen"].map(stateIn);
    return {
      name,
      trainable: parameters,
      bornSlots: slots,
      losses: [
        { name: "mse", constant: 0, terms: [{ coefficient: 1, atom: "mse" }] },
        { name: "loss", constant: 0.25, terms: [{ coefficient: 0.5, atom: "mse" }] },
      ],
      schedules: ["lr"],
      graphs: {
        step: write(
          `${name}/step.onnx`,
          [
            ...batchInputs,
            ...drawInputs,
            ...readByGrad,
            ...slots.map(stateIn),
            ...stepInputs(index),
          ],
          [...lossOutputs, ...updated.map(stateOut), stateOut("model.seen")],
          [...training, ...updates],
        ),
        grad: write(
          `${name}/grad.onnx`,
          [...batchInputs, ...drawInputs, ...readByGrad],
          [...lossOutputs, ...gradients, stateOut("model.seen")],
          training,
        ),
        apply: write(
          `${name}/apply.onnx`,
          [
            ...updated.map(stateIn),
            ...gradients.map(({ name: g, shape: s, meaning }) => {
              if (meaning.kind !== "gradient") throw new Error("not a gradient");
              return input(g, "f32", s.map(Number), meaning);
            }),
            ...stepInputs(index),
          ],
          updated.map(stateOut),
          updates,
        ),
        eval: write(
          `${name}/eval.onnx`,
          [...batchInputs, stateIn("model.w"), stateIn("model.b")],
          [...lossOutputs, output("logit", "f32", [B], { kind: "metric_input" })],
          [
            node("flat", "Reshape", ["image", "flatShape"]),
            ...forward("flat", [node("pred", "Identity", ["plain"])]),
            node("logit", "Sub", ["pred", "half"]),
          ],
        ),
      },
    };
  };

  const stages: Stage[] = [
    { ...makeStage(0, "first", ["w"]), duration: { amount: 7, unit: "step" } },
    { ...makeStage(1, "second", ["w", "b"]), duration: { amount: 3, unit: "epoch" } },
  ];
  const first = stages[0];
  if (first === undefined) throw new Error("no stage");
  const entry = (
    path: string,
    role: "parameter" | "buffer" | "slot",
    key: string,
    init: Plan["state"][number]["init"],
  ): Plan["state"][number] => ({
    path,
    role,
    key,
    of: role === "slot" ? `model.${key[0] ?? ""}` : null,
    dtype: "f32",
    shape: [...(shapes[path] ?? [])],
    init,
    unused: false,
    place: "test.pipe:1:1",
  });
  const zero = { kind: "constant", value: 0 } as const;
  const measure = { kind: "auroc", logits: "logit", labels: "label", within: null } as const;
  const base: Plan = {
    version: { major: 1, minor: 0 },
    train: "Regression",
    hash: "",
    compiler: "test",
    seed: 7,
    opset: 18,
    batch: B,
    data,
    state: [
      entry("model.w", "parameter", "w", { kind: "normal", mean: 0, std: 0.1 }),
      entry("model.b", "parameter", "b", zero),
      entry("model.seen", "buffer", "seen", zero),
      entry("slot.w.m", "slot", "w/m", zero),
      entry("slot.b.m", "slot", "b/m", zero),
    ],
    stages,
    schedules: [
      {
        name: "lr",
        base: options.learningRate ?? 0.02,
        stages: [0, 1],
        segments: [
          {
            over: { amount: 4, unit: "step" },
            value: {
              kind: "binary",
              operator: "*",
              left: { kind: "variable", name: "base" },
              right: {
                kind: "binary",
                operator: "/",
                left: {
                  kind: "binary",
                  operator: "+",
                  left: { kind: "variable", name: "t" },
                  right: { kind: "number", value: 1 },
                },
                right: { kind: "variable", name: "n" },
              },
            },
          },
          {
            over: "rest",
            value: {
              kind: "binary",
              operator: "*",
              left: { kind: "variable", name: "base" },
              right: {
                kind: "binary",
                operator: "-",
                left: { kind: "number", value: 1 },
                right: { kind: "variable", name: "u" },
              },
            },
          },
        ],
      },
    ],
    metrics: [
      { split: "val", name: "auroc", measure, better: "max", place: "test.pipe:2:1" },
      { split: "test", name: "auroc", measure, better: "max", place: "test.pipe:2:1" },
    ],
    accumulators: [],
    closing: null,
    exports: [],
    objectives: [{ name: "test.loss", comparison: "<=", target: 100, place: "test.pipe:3:1" }],
    validateEvery: { amount: 4, unit: "step" },
    checkpoint: {
      last: { every: { amount: 3, unit: "step" } },
      best: { metric: "val.loss", better: "min", keep: 2 },
    },
    precision: { asked: "f32" },
    infer: first.graphs.eval,
    stateBytes: 4 * (2 * D + 3),
  };
  const edited = options.edit?.(base) ?? base;
  const hash = createHash("sha256").update(JSON.stringify(edited)).digest("hex");
  const plan = { ...edited, hash };
  writeFileSync(join(folder, "plan.json"), JSON.stringify(plan));
  writeFileSync(join(folder, "program.pipe"), "train Regression { }\n");
  return plan;
}
