/** The executor on onnxruntime-node's public API: one session per graph, outputs as fresh buffers. */

import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { DType } from "../../compiler/plan/data.js";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { dtypeUnsupported } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import type { HostTensor, TensorData } from "../tensor.js";
import {
  createOpenGraphs,
  type Executor,
  type ExecutorOptions,
  type Graph,
  type Tensors,
} from "./executor.js";
import { refusalByDevice, requireDevice } from "./devices.js";
import { compareNames, mismatch, refusalOf, requireFile } from "./refusals.js";

/** The binding's names of types. It has none for bf16: such a tensor cannot pass. */
const sessionTypes: Readonly<Record<DType, Tensor.Type | null>> = {
  f32: "float32",
  f16: "float16",
  bf16: null,
  f64: "float64",
  i32: "int32",
  i64: "int64",
  u8: "uint8",
  bool: "bool",
};

/** Faults with exit code 2, naming the library, when the device has no working provider. */
export function createSessionExecutor(options: ExecutorOptions): Executor {
  requireDevice(options.device);
  const graphs = createOpenGraphs();
  return {
    name: "session",
    device: options.device,
    kernels: null,
    load: (folder, spec) =>
      graphs.load((onClose) => loadGraph(join(folder, spec.file), spec, options, onClose)),
    close: graphs.close,
  };
}

async function loadGraph(
  file: string,
  spec: GraphSpec,
  options: ExecutorOptions,
  onClose: () => void,
): Promise<Graph> {
  for (const { name, dtype } of [...spec.inputs, ...spec.outputs]) sessionType(name, dtype);
  const session = await createSession(file, options);
  compareNames(file, "inputs", session.inputNames, spec.inputs);
  compareNames(file, "outputs", session.outputNames, spec.outputs);
  const outputs = spec.outputs.map(({ name }) => name);
  return {
    spec,
    run: async (feeds) => {
      const values: Record<string, Tensor> = {};
      for (const [name, tensor] of feeds) values[name] = toSession(name, tensor);
      let results: InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(values, outputs);
      } catch (error) {
        throw refusalOf(error, `running \`${spec.file}\``, file);
      }
      return fromSession(spec, results);
    },
    close: async () => {
      onClose();
      await session.release();
    },
  };
}

async function createSession(file: string, options: ExecutorOptions): Promise<InferenceSession> {
  requireFile(file);
  try {
    return await InferenceSession.create(file, {
      executionProviders: [options.device],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: "1", force_spinning_stop: "1" } },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const refused = refusalByDevice(options.device, message);
    if (refused !== null) throw refused;
    throw refusalOf(error, `loading \`${file}\``, file);
  }
}

function toSession(name: string, { dtype, shape, data }: HostTensor): Tensor {
  return new Tensor(sessionType(name, dtype), data, shape);
}

function fromSession(spec: GraphSpec, results: InferenceSession.OnnxValueMapType): Tensors {
  const outputs = new Map<string, HostTensor>();
  for (const { name, dtype } of spec.outputs) {
    const value = results[name];
    const shape = value === undefined || !("dims" in value) ? null : value.dims;
    const data = value === undefined || !("data" in value) ? null : elements(value.data);
    if (shape === null || data === null || value?.type !== sessionType(name, dtype))
      throw mismatch(spec.file, `output \`${name}\` is not a tensor of \`${dtype}\``);
    outputs.set(name, { dtype, shape, data });
  }
  return outputs;
}

/** Narrows what the binding returns; a Float16Array of newer engines is viewed by its bits. */
function elements(data: unknown): TensorData | null {
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) return null;
  const { buffer, byteOffset, byteLength } = data;
  if (data instanceof Float32Array) return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (data instanceof Float64Array) return new Float64Array(buffer, byteOffset, byteLength / 8);
  if (data instanceof Int32Array) return new Int32Array(buffer, byteOffset, byteLength / 4);
  if (data instanceof BigInt64Array) return new BigInt64Array(buffer, byteOffset, byteLength / 8);
  if (data instanceof Uint8Array) return new Uint8Array(buffer, byteOffset, byteLength);
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

function sessionType(name: string, dtype: DType): Tensor.Type {
  const type = sessionTypes[dtype];
  if (type !== null) return type;
  throw new Fault(
    diagnose(dtypeUnsupported, { name, dtype, executor: "session" }, null),
    exitCodes.environment,
  );
}
