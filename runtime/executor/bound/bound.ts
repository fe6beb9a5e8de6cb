/** The executor on ONNX Runtime's C API: graphs read and write memory that the caller owns. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GraphInput, GraphOutput, GraphSpec } from "../../../compiler/plan/schema.js";
import { at, invariant } from "../../../grammar/invariant.js";
import {
  createOpenGraphs,
  type Executor,
  type ExecutorOptions,
  type Graph,
  type Tensors,
} from "../executor.js";
import { compareNames, graphRefused, mismatch, refusalOf, requireFile } from "../refusals.js";
import { elementTypes, type Handle, OrtError, type Port } from "./api.js";
import { type Engine, startEngine } from "./engine.js";
import { createKernelHost } from "./kernels.js";
import { outputMemory, sketchOf } from "./memory.js";
import { callOf, createPorts } from "./ports.js";

/** What it takes: the addon, and the library that it calls. */
export interface BoundExecutor extends Executor {
  readonly name: "bound";
  /** Path of ONNX Runtime's library. */
  readonly library: string;
}

/**
 * Graphs run in a thread of their own, one after another, on the CPU alone. Rejects with an error
 * that names the reason where koffi or the library do not load, or do not compute what they should.
 */
export async function createBoundExecutor({
  threads,
}: Omit<ExecutorOptions, "device">): Promise<BoundExecutor> {
  const engine = await startEngine(threads);
  const graphs = createOpenGraphs();
  return {
    name: "bound",
    device: "cpu",
    library: engine.library,
    kernels: createKernelHost(engine, threads),
    load: (folder, spec) =>
      graphs.load((onClose) => loadGraph(engine, join(folder, spec.file), spec, threads, onClose)),
    close: graphs.close,
  };
}

async function loadGraph(
  engine: Engine,
  file: string,
  spec: GraphSpec,
  threads: number,
  onClose: () => void,
): Promise<Graph> {
  requireFile(file);
  let session: Handle;
  try {
    session = await engine.load(new Uint8Array(readFileSync(file)), threads);
  } catch (error) {
    throw refusalOf(error, `loading \`${file}\``, file);
  }
  const { api } = engine;
  try {
    comparePorts(file, "inputs", api.inputsOf(session), spec.inputs);
    comparePorts(file, "outputs", api.outputsOf(session), spec.outputs);
  } catch (error) {
    await engine.release(session);
    throw error;
  }
  const inputs = createPorts(api, spec.inputs.map(sketchOf));
  const outputs = createPorts(api, spec.outputs.map(sketchOf));
  const call = callOf(session, inputs, outputs);
  let state: "idle" | "running" | "closed" = "idle";
  return {
    spec,
    run: async (feeds, spare = nothing) => {
      invariant(state === "idle", `\`${spec.file}\` is ${state}`);
      state = "running";
      try {
        const results = outputMemory(api, spec, feeds, spare);
        for (const [index, { name }] of spec.inputs.entries()) {
          const tensor = feeds.get(name);
          if (tensor === undefined) throw graphRefused(file, `input \`${name}\` is missing`);
          inputs.bind(index, tensor);
        }
        for (const [index, { name }] of spec.outputs.entries()) {
          const tensor = results.get(name);
          invariant(tensor, `\`${name}\` has memory`);
          outputs.bind(index, tensor);
        }
        await engine.run(call);
        return results;
      } catch (error) {
        if (!(error instanceof OrtError)) throw error;
        throw refusalOf(error, `running \`${spec.file}\``, file);
      } finally {
        inputs.settle();
        outputs.settle();
        state = "idle";
      }
    },
    close: async () => {
      if (state === "closed") return;
      invariant(state === "idle", `\`${spec.file}\` is ${state}`);
      state = "closed";
      onClose();
      inputs.close();
      outputs.close();
      await engine.release(session);
    },
  };
}

const nothing: Tensors = new Map();

/** A tensor's memory is ours: a graph that took it for larger than it is would write beyond it. */
function comparePorts(
  file: string,
  what: "inputs" | "outputs",
  found: readonly Port[],
  expected: readonly (GraphInput | GraphOutput)[],
): void {
  const names = found.map(({ name }) => name);
  compareNames(file, what, names, expected);
  for (const { name, dtype, shape } of expected) {
    const port = at(found, names.indexOf(name));
    if (port.element !== elementTypes[dtype])
      throw mismatch(file, `\`${name}\` among its ${what} is not a tensor of \`${dtype}\``);
    // A rank that is not known looks like a scalar's; a run compares what it really gives.
    if (port.shape.length === 0) continue;
    const differs =
      port.shape.length !== shape.length ||
      shape.some((extent, axis) => {
        const theirs = port.shape[axis] ?? -1;
        return typeof extent === "number" && theirs >= 0 && extent !== theirs;
      });
    if (differs)
      throw mismatch(
        file,
        `\`${name}\` has the shape [${port.shape.join(", ")}], in the plan [${shape.join(", ")}]`,
      );
  }
}
