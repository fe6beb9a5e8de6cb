/** A train compiled with functions: which files call them, which functions, and that no number differs. */

import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { createHost } from "../../cli/host.js";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/step-inputs.js";
import type { HostTensor } from "../../runtime/tensor.js";

const text = `
import { MultiHeadAttention } from "saic:attention"
import { LSTM } from "saic:recurrent"
import { BatchNorm2d, Conv2d, GroupNorm, LayerNorm, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { adamw } from "saic:optimizers"

dataset Pictures {
  source: synthetic(shapes, count: 32, size: 8, classes: [ring, cross, square, triangle])
  field image: image() -> u8[3, 8, 8]
  field kind: label() -> i64[]
  split random { train: 100%  seed: 3 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 3 }
}

block Net() {
  in  image: f32[B, 3, 8, 8]
  out logits: f32[B, 4]
  let a = image |> Conv2d(8, kernel: 3, pad: 1) as first |> BatchNorm2d() as norm1 |> relu
  let b = a
    |> Conv2d(8, kernel: 3, pad: 1, groups: 8) as depthwise
    |> GroupNorm(2) as norm2
    |> silu
    |> max_pool(kernel: 2, stride: 2)
  let t = b |> flatten(from: 2) |> transpose(order: [0, 2, 1])
  let u = t + (t |> LayerNorm() as norm3 |> MultiHeadAttention(2) as attention)
  let m = u |> LayerNorm() as norm4 |> Linear(16) as fc1 |> gelu
  let v = u + (m |> Linear(8) as fc2)
  let r = v |> LSTM(4) as lstm |> mean(axes: [1])
  logits = r |> Linear(8) as hidden |> relu |> Linear(4) as head
}

train small {
  model: Net()
  data: Pictures
  seed: 1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 0.01)
  stage main for 3 steps { }
}
`;

const { diagnostics, lowered } = analyze(createSource("small.pipe", text), createHost(), {
  overrides: [],
  train: null,
});
if (lowered === null || diagnostics.length > 0)
  throw new Error(diagnostics.map((each) => renderDiagnostic(each, { color: "never" })).join("\n"));
const [inline, keep] = [emitArtifact(lowered, "cpu"), emitArtifact(lowered, "cpu", "keep")];
const { plan } = keep;
const { graphs } = at(plan.stages, 0);

const modelOf = (artifact: typeof inline, file: string): Uint8Array => {
  const bytes = artifact.files.get(file);
  invariant(bytes, `there is a file ${file}`);
  return bytes;
};

describe("with functions kept", () => {
  test("what trains and evaluates calls them, and every other file is the same", () => {
    const differing = [...inline.files].flatMap(([file, bytes]) =>
      Buffer.from(bytes).equals(modelOf(keep, file)) ? [] : [file],
    );
    expect(differing.toSorted()).toEqual(
      [graphs.eval, graphs.grad, graphs.step].map(({ file }) => file).toSorted(),
    );
    expect([...keep.files.keys()]).toEqual([...inline.files.keys()]);
    expect(keep.files.has(`${at(plan.stages, 0).name}/kernels.wasm`)).toBe(true);
  });

  test("the gradient is made of calls for all that a library would speed up", () => {
    const { graph, functions } = decodeModel(modelOf(keep, graphs.grad.file));
    const called = new Set(
      (graph?.node ?? []).flatMap(({ domain, opType }) => (domain === "saic" ? [opType] : [])),
    );
    expect([...called].toSorted()).toEqual([
      "Attention",
      "AttentionGrad",
      "BatchNormRelu",
      "BatchNormReluGrad",
      "Conv",
      "ConvWeightGrad",
      "DepthwiseConv",
      "DepthwiseConvInputGrad",
      "DepthwiseConvWeightGrad",
      "Gelu",
      "GeluGrad",
      "Gemm",
      "GemmBias",
      "GemmBiasRelu",
      "GemmBiasResidual",
      "GemmWeightGrad",
      "GroupNorm",
      "GroupNormGrad",
      "LayerNorm",
      "LayerNormGrad",
      "LstmCell",
      "LstmCellGrad",
      "MaxPool",
      "MaxPoolGrad",
      "ReluGrad",
      "Silu",
      "SiluGrad",
      "SoftmaxCrossEntropy",
      "SoftmaxCrossEntropyGrad",
    ]);
    expect(new Set(functions?.map(({ name }) => name))).toEqual(called);
  });

  test.each(["grad", "step", "eval"] as const)("%s gives the same bits", async (name) => {
    const [expected, actual] = [
      await run(modelOf(inline, graphs[name].file), name),
      await run(modelOf(keep, graphs[name].file), name),
    ];
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [output, { data }] of Object.entries(expected))
      expect(actual[output]?.data, output).toEqual(data);
  });
});

/** What a graph gives for the first update, on one thread. */
async function run(
  model: Uint8Array,
  name: "grad" | "step" | "eval",
): Promise<Readonly<Record<string, Tensor>>> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes: 4 });
  const { feeder } = feederOf(plan, 10);
  const fed = feeder(graphs[name], {
    update: 1,
    batch,
    gradients: new Map(),
    firstRecord: 0,
    state: initialState(plan),
  });
  const feeds = Object.fromEntries([...fed].map(([key, tensor]) => [key, toSession(tensor)]));
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

function toSession({ dtype, shape, data }: HostTensor): Tensor {
  const types = { f32: "float32", i64: "int64", bool: "bool" } as const;
  invariant(dtype === "f32" || dtype === "i64" || dtype === "bool", dtype);
  return new Tensor(types[dtype], data, shape);
}
