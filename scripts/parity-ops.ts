/** Runs single ops, forward and backward, in ONNX Runtime, for comparison with their twins. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differentiate } from "../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../compiler/ir/create-builder.js";
import type { Graph, NamedValue } from "../compiler/ir/graph.js";
import { tensorType } from "../compiler/ir/type.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import { opNamed, ops } from "../compiler/ops/index.js";
import { boundShape } from "../compiler/ops/kit/ndarray.js";
import { runPasses } from "../compiler/passes/pipeline.js";
import type { GraphSpec } from "../compiler/plan/schema.js";
import { compilerVersion } from "../compiler/version.js";
import { assertNever, at, invariant } from "../grammar/invariant.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import type { Executor } from "../runtime/executor/executor.js";
import { createStream, integers, normal } from "../runtime/random.js";
import { elementCount, type HostTensor } from "../runtime/tensor.js";
import { type InputKind, type OpCase, opCases } from "./parity-op-cases.js";

/**
 * Writes `index.json` and, per case, the model, once more with functions, and a file of tensors: inputs `x0`, `x1`, …, the
 * first output `y`, the cotangent `dy` it is given, and the gradients `dx0`, …; in `known.json` every op
 * there is, and whether a graph of these cases holds it.
 */
export async function writeOpFixtures(folder: string, executor: Executor): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const met = new Set<string>();
  for (const [i, each] of opCases.entries()) {
    const plain = graphOf(each);
    const graph = runPasses(plain);
    const target = { device: "cpu", opset: 18, purpose: "train" } as const;
    const model = emitOnnx(graph, { target, producerVersion: compilerVersion });
    writeFileSync(join(folder, `${i}.onnx`), model);
    const kept = runPasses(plain, "keep");
    for (const { nodes } of [plain, graph, kept]) for (const { op } of nodes) met.add(op);
    const called = emitOnnx(kept, {
      target,
      producerVersion: compilerVersion,
      functions: "keep",
    });
    writeFileSync(join(folder, `${i}-functions.onnx`), called);
    const feeds = inputsOf(each, i);
    feeds.set("dy", numbers(boundShape(at(graph.outputs, 0).value.type.shape), i, 9));
    const loaded = await executor.load(folder, specOf(graph, `${i}.onnx`));
    const results = await loaded.run(feeds);
    await loaded.close();
    const bytes = Buffer.concat(encodeSafetensors(new Map([...feeds, ...results])));
    writeFileSync(join(folder, `${i}.safetensors`), bytes);
  }
  writeFileSync(join(folder, "index.json"), JSON.stringify(opCases, null, 1));
  const known = [...ops.values()].map(({ name, surface }) => ({
    name,
    surface,
    met: met.has(name),
  }));
  writeFileSync(join(folder, "known.json"), JSON.stringify(known, null, 1));
}

const described = ({ name, value }: NamedValue) => ({
  name,
  dtype: value.type.dtype,
  shape: [...boundShape(value.type.shape)],
});

/** A graph whose inputs and outputs are fed and read by name. */
export function specOf(graph: Graph, file: string): GraphSpec {
  return {
    file,
    inputs: graph.inputs.map((input) => ({
      ...described(input),
      feed: { kind: "field", field: input.name },
    })),
    outputs: graph.outputs.map((output) => ({
      ...described(output),
      meaning: { kind: "output" },
    })),
    peakBytes: 0,
    flops: 0,
  };
}

/** Outputs `y`, in f32, and the gradients of `sum(y * dy)` where a gradient passes the op. */
function graphOf(each: OpCase): Graph {
  const { op, inputs, attrs } = each;
  const b = createGraphBuilder();
  const values = inputs.map((shape, i) =>
    b.input(`x${i}`, tensorType(dtypeOf(kindOf(each, i)), shape)),
  );
  const [made] = b.emitAll(op, values, attrs ?? {});
  invariant(made, "every op has an output");
  const y = b.cast(made, "f32");
  const dy = b.input("dy", y.type);
  if (opNamed(op).vjp === null) return b.finish(op, [{ name: "y", value: y }]);
  const axes = y.type.shape.map((_, axis) => axis);
  const weighed = b.mul(y, dy);
  const loss = axes.length === 0 ? weighed : b.sum(weighed, { axes, keep: false });
  const wrt = values.filter(({ type }) => type.dtype === "f32");
  const { gradients, blocked } = differentiate(b, loss, wrt);
  invariant(blocked.length === 0, `${op} lets its gradient through`);
  const named = gradients.flatMap((value, i) =>
    value === null ? [] : [{ name: `dx${i}`, value }],
  );
  return b.finish(op, [{ name: "y", value: y }, ...named]);
}

const kindOf = ({ inputs, classes, kinds }: OpCase, i: number): InputKind =>
  kinds?.[i] ?? (classes !== undefined && i === inputs.length - 1 ? "indices" : "floats");

function dtypeOf(kind: InputKind): "f32" | "i64" | "bool" {
  if (kind === "truths") return "bool";
  return kind === "indices" || kind === "signed" ? "i64" : "f32";
}

const inputsOf = (each: OpCase, index: number): Map<string, HostTensor> =>
  new Map(each.inputs.map((shape, i) => [`x${i}`, drawn(kindOf(each, i), shape, each, index, i)]));

function drawn(
  kind: InputKind,
  shape: readonly number[],
  { classes = 1 }: OpCase,
  index: number,
  i: number,
): HostTensor {
  const from = (f: (value: number, place: number) => number): HostTensor => ({
    dtype: "f32",
    shape,
    data: normals(shape, index, i).map(f),
  });
  const below = (count: number): readonly number[] => [
    ...integers(createStream(1, "parity/integers"), index, i, count, elementCount(shape)),
  ];
  const whole = (values: readonly number[]): HostTensor => ({
    dtype: "i64",
    shape,
    data: BigInt64Array.from(values, BigInt),
  });
  switch (kind) {
    case "floats":
      return numbers(shape, index, i);
    case "positive":
      return from((value) => 0.5 + Math.abs(value));
    case "holes":
      return from((value, place) => (place % 3 === 1 ? NaN : value));
    case "indices":
      return whole(below(classes));
    case "signed":
      return whole(below(2 * classes).map((value) => value - classes + Number(value >= classes)));
    case "truths":
      return { dtype: "bool", shape, data: Uint8Array.from(below(2)) };
    default:
      return assertNever(kind);
  }
}

const numbers = (shape: readonly number[], major: number, minor: number): HostTensor => ({
  dtype: "f32",
  shape,
  data: normals(shape, major, minor),
});

const normals = (shape: readonly number[], major: number, minor: number): Float32Array =>
  Float32Array.from(normal(createStream(1, "parity/numbers"), major, minor, elementCount(shape)));
