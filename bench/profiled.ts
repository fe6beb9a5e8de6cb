/** Runs a graph under ONNX Runtime's profiler: what its kernels took, and the bytes that they moved. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { dtypeBytes } from "../compiler/ir/type.js";
import type { GraphSpec, Plan, Stage } from "../compiler/plan/schema.js";
import { at, invariant } from "../grammar/invariant.js";
import type { Tensors } from "../runtime/executor/executor.js";
import { elementCount, type HostTensor } from "../runtime/tensor.js";
import { tensorsOf } from "../runtime/train/apply.js";
import { feederOf, fixedBatch, initialState } from "../scripts/step-inputs.js";

/** One run of one kernel. */
export interface KernelRun {
  readonly node: string;
  /** The ONNX operator. */
  readonly onnx: string;
  readonly ms: number;
  /** Of all it reads and writes, whatever lies in a cache. */
  readonly bytes: number;
}

export interface Profile {
  readonly kernels: readonly KernelRun[];
  /** Wall time of a run on average. */
  readonly ms: number;
}

/** They give the same memory another shape. */
const views: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Shape"]);

const size = z.coerce.number().default(0);
const event = z.object({
  cat: z.string().optional(),
  name: z.string().optional(),
  dur: z.number().default(0),
  args: z
    .object({
      op_name: z.string().default(""),
      activation_size: size,
      parameter_size: size,
      output_size: size,
    })
    .loose()
    .optional(),
});

/** The graph in a session of its own, of the public API: the kernels are the same. */
export async function profileGraph(
  file: string,
  feeds: Tensors,
  { runs, threads }: { readonly runs: number; readonly threads: number },
): Promise<Profile> {
  const folder = mkdtempSync(join(tmpdir(), "saic-profile-"));
  try {
    const session = await InferenceSession.create(file, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: "1", force_spinning_stop: "1" } },
    });
    const values = Object.fromEntries(
      [...feeds].map(([name, tensor]) => [name, toSession(tensor)] as const),
    );
    const start = performance.now();
    for (let i = 0; i < runs; i++) await session.run(values);
    const ms = (performance.now() - start) / runs;
    session.endProfiling();
    await session.release();
    return { kernels: readKernels(folder), ms };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readKernels(folder: string): readonly KernelRun[] {
  const file = readdirSync(folder).find((name) => name.endsWith(".json"));
  invariant(file, "ONNX Runtime wrote a profile");
  const events = z.array(event).parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  return events.flatMap(({ cat, name, dur, args }) => {
    if (cat !== "Node" || args === undefined || name?.endsWith("_kernel_time") !== true) return [];
    const bytes = args.activation_size + args.parameter_size + args.output_size;
    return {
      node: name.slice(0, -"_kernel_time".length),
      onnx: args.op_name,
      ms: dur / 1000,
      bytes: views.has(args.op_name) ? 0 : bytes,
    };
  });
}

/** Bytes that the kernels of one run read and write. */
export async function bytesMoved(file: string, feeds: Tensors, threads: number): Promise<number> {
  const { kernels } = await profileGraph(file, feeds, { runs: 1, threads });
  return kernels.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Those of the gradient in a step of the first stage. */
export async function gradientBytes(
  plan: Plan,
  { folder, classes, threads }: { folder: string; classes: number; threads: number },
): Promise<number> {
  const { grad } = at(plan.stages, 0).graphs;
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes });
  const sources = { update: 1, batch, gradients: new Map(), firstRecord: 0 };
  const feeds = feederOf(plan, 1000).feeder(grad, { ...sources, state: initialState(plan) });
  return bytesMoved(join(folder, grad.file), feeds, threads);
}

/** Bytes of a graph whose inputs are read once and whose outputs are written once: none moves fewer. */
export const fewestBytes = ({ inputs, outputs }: GraphSpec): number =>
  [...inputs, ...outputs].reduce(
    (sum, { dtype, shape }) => sum + elementCount(shape.map(Number)) * dtypeBytes(dtype),
    0,
  );

/** Bytes of an update by kernels: state is read and written, gradients are read. */
export const kernelBytes = (stage: Stage): number =>
  tensorsOf(stage, stage.kernels?.calls ?? []).reduce(
    (sum, { kind, shape }) => sum + 4 * elementCount(shape) * (kind === "state" ? 2 : 1),
    0,
  );

function toSession({ dtype, shape, data }: HostTensor): Tensor {
  const types = { f32: "float32", i64: "int64", bool: "bool", u8: "uint8" } as const;
  invariant(dtype === "f32" || dtype === "i64" || dtype === "bool" || dtype === "u8", dtype);
  return new Tensor(types[dtype], data, shape);
}
