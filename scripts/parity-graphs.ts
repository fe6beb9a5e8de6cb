/** Compiles random programs and writes down what they and their gradients are, for `test/parity`. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHost } from "../cli/host.js";
import { differentiate } from "../compiler/autodiff/differentiate.js";
import { applyRecipe } from "../compiler/check/block.js";
import { createElaboration, createSession, rootFrame } from "../compiler/check/elaboration.js";
import { type Meaning, tensorOf } from "../compiler/check/value.js";
import type { Graph, NamedValue, Value } from "../compiler/ir/graph.js";
import { interpret } from "../compiler/ir/interpret.js";
import { isFloat, tensorType } from "../compiler/ir/type.js";
import { loadProgram } from "../compiler/modules.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import type { NdArray } from "../compiler/ops/kit/ndarray.js";
import type { Functions } from "../compiler/passes/pass.js";
import { runPasses } from "../compiler/passes/pipeline.js";
import { compilerVersion } from "../compiler/version.js";
import { at, invariant } from "../grammar/invariant.js";
import { renderDiagnostic } from "../grammar/render.js";
import { createSource } from "../grammar/source.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import type { Executor, Tensors } from "../runtime/executor/executor.js";
import type { HostTensor } from "../runtime/tensor.js";
import { specOf } from "./parity-ops.js";
import { randomProgram, type RandomProgram } from "./parity-programs.js";

const count = 300;
/** Programs of one file of tensors. */
const chunk = 25;

/**
 * Writes `programs.json`, with the names of all ops in the graphs, and a file of tensors per chunk, whose keys begin with the seed: `feed` for
 * inputs, and outputs and gradients four times: `exact` by the reference implementations in f64, `plain`
 * by ONNX Runtime, `optimized` after all passes, and `functions` with calls of coarse ops. The
 * gradient of loss `i` for `x0` is `di/x0`.
 */
export async function writeGraphFixtures(
  folder: string,
  executor: Executor,
  seeds: readonly number[] = Array.from({ length: count }, (_, i) => i),
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const programs: object[] = [];
  const met = new Set<string>();
  for (let start = 0; start < seeds.length; start += chunk) {
    const tensors = new Map<string, HostTensor>();
    for (const seed of seeds.slice(start, start + chunk)) {
      const program = randomProgram(seed);
      const { inputs, ...described } = program;
      programs.push({ ...described, inputs: inputs.map(({ name }) => name) });
      for (const [key, tensor] of await run(program, folder, executor, met))
        tensors.set(`${seed}/${key}`, tensor);
    }
    const file = join(folder, `${start / chunk}.safetensors`);
    writeFileSync(file, Buffer.concat(encodeSafetensors(tensors)));
  }
  rmSync(join(folder, "graph.onnx"), { force: true });
  writeFileSync(join(folder, "programs.json"), JSON.stringify({ chunk, programs, met: [...met] }));
}

/** `met` gets the names of all ops in the graphs that run. */
async function run(
  program: RandomProgram,
  folder: string,
  executor: Executor,
  met: Set<string>,
): Promise<Tensors> {
  const plain = differentiated(program);
  const [optimized, kept] = [runPasses(plain), runPasses(plain, "keep")];
  for (const { nodes } of [plain, optimized, kept]) for (const { op } of nodes) met.add(op);
  const arrays = new Map(program.inputs.map(({ name, array }) => [name, array] as const));
  const feeds = new Map([...arrays].map(([name, array]) => [name, hostTensor(array)]));
  const kinds: Readonly<Record<string, Tensors>> = {
    feed: feeds,
    exact: new Map([...interpret(plain, arrays)].map(([k, v]) => [k, hostTensor(v, "f64")])),
    plain: await computed(plain, feeds, folder, executor),
    optimized: await computed(optimized, feeds, folder, executor),
    functions: await computed(kept, feeds, folder, executor, "keep"),
  };
  return new Map(
    Object.entries(kinds).flatMap(([kind, tensors]) =>
      [...tensors].map(([name, tensor]) => [`${kind}/${name}`, tensor] as const),
    ),
  );
}

/** The block on inputs of its own types, with the gradient of each loss. */
export function differentiated({ seed, text, inputs, outputs, losses }: RandomProgram): Graph {
  const host = createHost();
  const source = createSource(`random-${seed}.pipe`, text);
  const { root, diagnostics } = loadProgram(source, host);
  const session = createSession(host, diagnostics);
  const elaboration = createElaboration(session);
  const { builder } = elaboration;
  const declaration = root.module.declarations.find(({ kind }) => kind === "block");
  invariant(declaration?.kind === "block", `program ${seed} is a block`);
  const { span } = declaration.name;
  const given = inputs.map(({ name, array: { dtype, shape } }) => ({
    name,
    value: builder.input(name, tensorType(dtype, shape)),
  }));
  const call = {
    callee: "Random",
    inputs: given.map(({ name, value }) => ({ name, meaning: tensorOf(value), span })),
    args: [],
    span,
  };
  const recipe = { declaration, module: root, settings: new Map<string, Meaning>(), shared: null };
  const result = applyRecipe(rootFrame(elaboration, root), recipe, call, "model");
  if (session.diagnostics.length > 0)
    throw new Error(
      `${session.diagnostics.map((each) => renderDiagnostic(each, { color: "never" })).join("\n")}\n${text}`,
    );
  const values = valuesOf(result);
  const named: NamedValue[] = [...outputs, ...losses].map((name, i) => ({
    name,
    value: at(values, i),
  }));
  const wrt = given.filter(({ value }) => isFloat(value.type.dtype));
  for (const [i, loss] of values.slice(outputs.length).entries()) {
    const { gradients, blocked } = differentiate(
      builder,
      loss,
      wrt.map(({ value }) => value),
    );
    invariant(blocked.length === 0, `program ${seed} lets its gradients through`);
    for (const [n, value] of gradients.entries())
      if (value !== null) named.push({ name: `d${i}/${at(wrt, n).name}`, value });
  }
  return builder.finish(`random_${seed}`, named);
}

const valuesOf = (meaning: Meaning): readonly Value[] =>
  meaning.kind === "tensor"
    ? [meaning.value]
    : meaning.kind === "tuple"
      ? meaning.items.flatMap(({ value }) => valuesOf(value))
      : [];

async function computed(
  graph: Graph,
  feeds: Tensors,
  folder: string,
  executor: Executor,
  functions: Functions = "inline",
): Promise<Tensors> {
  const target = { device: "cpu", opset: 18, purpose: "train" } as const;
  writeFileSync(
    join(folder, "graph.onnx"),
    emitOnnx(graph, { target, producerVersion: compilerVersion, functions }),
  );
  const loaded = await executor.load(folder, specOf(graph, "graph.onnx"));
  try {
    return await loaded.run(feeds);
  } finally {
    await loaded.close();
  }
}

function hostTensor({ dtype, shape, data }: NdArray, floats: "f32" | "f64" = "f32"): HostTensor {
  switch (dtype) {
    case "f32":
      return floats === "f64"
        ? { dtype: "f64", shape, data: Float64Array.from(data) }
        : { dtype, shape, data: Float32Array.from(data) };
    case "i64":
      return { dtype, shape, data: BigInt64Array.from(data, BigInt) };
    case "bool":
      return { dtype, shape, data: Uint8Array.from(data) };
    default:
      throw new Error(`random programs have no ${dtype}`);
  }
}
