/** From graphs to files: passes, ONNX, kernels and the plan. What only checks never loads this. */

import type { Graph } from "./ir/graph.js";
import type { LoweredTrain } from "./lower/train.js";
import { emitOnnx } from "./onnx/emit.js";
import type { Target } from "./ops/define.js";
import type { Functions } from "./passes/pass.js";
import { runPasses } from "./passes/pipeline.js";
import type { Plan } from "./plan/schema.js";
import { compilerVersion } from "./version.js";
import { withKernels } from "./wasm/update-kernels.js";

export interface Artifact {
  readonly plan: Plan;
  /** Bytes by path inside the artifact's folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly graphs: ReadonlyMap<string, Graph>;
}

/**
 * Optimizes and writes the graphs of an analysis without errors. Where `functions` are kept, what
 * trains and evaluates calls coarse ops as functions; updates, inference and exports never do.
 */
export function emitArtifact(
  lowered: LoweredTrain,
  device: Target["device"],
  wanted: Functions = "inline",
): Artifact {
  const files = new Map<string, Uint8Array>();
  const graphs = new Map<string, Graph>();
  // Stages share their evaluation graph.
  const optimizedGraphs = { inline: new Map<Graph, Graph>(), keep: new Map<Graph, Graph>() };
  const calling = new Set(
    lowered.plan.stages.flatMap((stage) =>
      [stage.graphs.step, stage.graphs.grad, stage.graphs.eval].map((graph) => graph.file),
    ),
  );
  for (const [file, graph] of lowered.graphs) {
    const functions = calling.has(file) ? wanted : "inline";
    const optimized = optimizedGraphs[functions].get(graph) ?? runPasses(graph, functions);
    optimizedGraphs[functions].set(graph, optimized);
    const { plan } = lowered;
    const exported = plan.exports.find(({ graph }) => graph.file === file);
    const infers =
      exported !== undefined || file === plan.infer.file || file === plan.predict?.file;
    const purpose = infers ? "infer" : "train";
    const target: Target = { device, opset: exported?.opset ?? plan.opset, purpose };
    graphs.set(file, optimized);
    files.set(file, emitOnnx(optimized, { target, producerVersion: compilerVersion, functions }));
  }
  const kernels = device === "cpu" ? withKernels(lowered.plan, graphs) : null;
  for (const [file, module] of kernels?.modules ?? []) files.set(file, module);
  for (const [file, graph] of kernels?.graphs ?? []) {
    const target: Target = { device, opset: lowered.plan.opset, purpose: "train" };
    graphs.set(file, graph);
    files.set(file, emitOnnx(graph, { target, producerVersion: compilerVersion }));
  }
  const plan = kernels?.plan ?? lowered.plan;
  const encoder = new TextEncoder();
  files.set("plan.json", encoder.encode(`${JSON.stringify(plan, null, 1)}\n`));
  files.set("program.pipe", encoder.encode(lowered.programText));
  return { plan, files, graphs };
}
