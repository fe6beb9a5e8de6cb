/** Runs a model on prepared records: a graph of the run, or a file with its weights inside. */

import { InferenceSession, Tensor } from "onnxruntime-node";
import type { DType } from "../../compiler/plan/data.js";
import type { ExecutablePlan, GraphSpec } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { graphRejected } from "../../grammar/diagnostics/run.js";
import { invariant } from "../../grammar/invariant.js";
import type { Value } from "../data/value.js";
import type { Device, Tensors } from "../executor/executor.js";
import { createSessionExecutor } from "../executor/session.js";
import { exitCodes, Fault } from "../fault.js";
import { createSchedules, createTimeline } from "../schedule.js";
import { allocate, arrayOn, elementCount, type HostTensor, type TensorData } from "../tensor.js";
import { createFeeder } from "../train/feeds.js";
import type { OpenedRun } from "./open-run.js";

/** What goes in and comes out of a model for one record. */
export interface RecordModel {
  /** The fields that it reads. */
  readonly fields: readonly string[];
  readonly outputs: readonly RecordOutput[];
  /** At most this many records at once. */
  readonly batch: number;
  /** By output, the values of each record, in the order given. */
  readonly run: (
    records: readonly ReadonlyMap<string, Value>[],
    firstRecord: number,
  ) => Promise<ReadonlyMap<string, readonly HostTensor[]>>;
  readonly close: () => Promise<void>;
}

export interface RecordOutput {
  readonly name: string;
  readonly dtype: DType;
  /** Of one record. */
  readonly shape: readonly number[];
}

export interface RunModelOptions {
  readonly device: Device;
  readonly threads: number;
}

/** A graph of the run with these weights. */
export async function graphModel(
  { artifact: { plan, folder } }: OpenedRun,
  spec: GraphSpec,
  state: Tensors,
  options: RunModelOptions,
): Promise<RecordModel> {
  const executor = createSessionExecutor(options);
  const graph = await executor.load(folder, spec);
  const feeder = feederOf(plan);
  const outputs = spec.outputs.map(recordOutput);
  return {
    fields: fieldsOf(spec),
    outputs: outputs.map(({ output }) => output),
    batch: plan.batch,
    run: async (records, firstRecord) => {
      const fields = new Map(
        fieldsOf(spec).map((field) => [field, stacked(records, field, plan.batch)] as const),
      );
      const valid = Uint8Array.from({ length: plan.batch }, (_, i) => (i < records.length ? 1 : 0));
      const batch = { fields, valid, count: records.length };
      const sources = { update: 1, batch, state, gradients: new Map(), firstRecord };
      const results = await graph.run(feeder(spec, sources));
      return rows(outputs, results, records.length);
    },
    close: async () => {
      await graph.close();
      await executor.close();
    },
  };
}

/** A model with its weights inside; `spec` tells its inputs and outputs. */
export async function fileModel(
  plan: ExecutablePlan,
  { bytes, spec, file }: ModelFile,
  { threads }: { readonly threads: number },
): Promise<RecordModel> {
  const fault = (error: unknown): Fault => {
    const reason = error instanceof Error ? error.message : String(error);
    return new Fault(diagnose(graphRejected, { file, reason }, null), exitCodes.environment);
  };
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw fault(error);
  }
  // Fields are inputs under their own names, but where an output has the name.
  const inputs = spec.inputs.flatMap(({ name, feed }) =>
    feed.kind === "field"
      ? [{ field: feed.field, input: session.inputNames.includes(name) ? name : feed.field }]
      : [],
  );
  const missing = inputs.find(({ input }) => !session.inputNames.includes(input));
  if (missing !== undefined || session.inputNames.length !== inputs.length)
    throw fault(`it takes ${session.inputNames.join(", ")}, not what the run says`);
  const fixed = spec.inputs.find(({ feed }) => feed.kind === "field")?.shape[0];
  const batch = typeof fixed === "number" ? fixed : plan.batch;
  const outputs = spec.outputs.map((output) => recordOutput(symbolic(plan, output)));
  return {
    fields: inputs.map(({ field }) => field),
    outputs: outputs.map(({ output }) => output),
    batch,
    run: async (records) => {
      const count = typeof fixed === "number" ? fixed : records.length;
      const feeds = Object.fromEntries(
        inputs.map(({ field, input }) => [input, toOrt(stacked(records, field, count))]),
      );
      let results: InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(feeds);
      } catch (error) {
        throw fault(error);
      }
      const tensors = new Map(
        spec.outputs.map(({ name, dtype }) => [name, fromOrt(results[name], dtype)] as const),
      );
      return rows(outputs, tensors, records.length);
    },
    close: () => session.release(),
  };
}

/** A model as bytes, by a name for messages. */
export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly spec: GraphSpec;
  readonly file: string;
}

type Output = GraphSpec["outputs"][number];

/** The output with its symbol for records, which a model of a fixed batch has lost. */
function symbolic({ infer, predict }: ExecutablePlan, output: Output): Output {
  if (output.shape.some((extent) => typeof extent === "string")) return output;
  const whole = [...infer.outputs, ...(predict?.outputs ?? [])].find(
    ({ name, shape }) =>
      name === output.name &&
      shape.length === output.shape.length &&
      shape.every((extent, i) => typeof extent === "string" || extent === output.shape[i]),
  );
  return whole ?? output;
}

export const fieldsOf = (spec: GraphSpec): readonly string[] =>
  spec.inputs.flatMap(({ feed }) => (feed.kind === "field" ? [feed.field] : []));

/** Batches of an epoch that nobody counts: enough for an update in the shortest of stages. */
const someBatches = 2 ** 20;

/** What an evaluation feeds beside records and weights: schedules of losses stand at their start. */
function feederOf(plan: ExecutablePlan): ReturnType<typeof createFeeder> {
  const timeline = createTimeline(plan, someBatches);
  return createFeeder({ seed: plan.seed, timeline, schedules: createSchedules(plan, timeline) });
}

/** Where an output holds records: on which axis, `null` where all share one value. */
interface Located {
  readonly output: RecordOutput;
  readonly axis: number | null;
}

function recordOutput({ name, dtype, shape }: Output): Located {
  const axis = shape.findIndex((extent) => typeof extent === "string");
  const rest = shape.filter((extent) => typeof extent === "number");
  return { output: { name, dtype, shape: rest }, axis: axis < 0 ? null : axis };
}

/** Records one after another on a new first axis, the last again where there are fewer than `count`. */
export function stacked(
  records: readonly ReadonlyMap<string, Value>[],
  field: string,
  count: number,
): HostTensor {
  const values = records.map((record) => record.get(field));
  const [first] = values;
  invariant(first !== undefined, `a record has ${field}`);
  const { dtype, shape } = first;
  const each = elementCount(shape);
  const data = allocate(dtype, count * each);
  for (let i = 0; i < count; i++) {
    const value = values[Math.min(i, values.length - 1)];
    invariant(value !== undefined, `a record has ${field}`);
    copy(value.data, data, i * each);
  }
  return { dtype, shape: [count, ...shape], data };
}

function copy(from: TensorData, to: TensorData, at: number): void {
  if (from instanceof BigInt64Array && to instanceof BigInt64Array) to.set(from, at);
  else if (!(from instanceof BigInt64Array) && !(to instanceof BigInt64Array)) to.set(from, at);
}

/** The values of each of the first `count` records. */
function rows(
  outputs: readonly Located[],
  tensors: Tensors,
  count: number,
): ReadonlyMap<string, readonly HostTensor[]> {
  return new Map(
    outputs.map(({ output: { name, dtype, shape }, axis }) => {
      const tensor = tensors.get(name);
      invariant(tensor !== undefined, `the model gives ${name}`);
      const values = Array.from({ length: count }, (_, record) => ({
        dtype,
        shape,
        data: axis === null ? tensor.data : recordOf(tensor, axis, record),
      }));
      return [name, values] as const;
    }),
  );
}

function recordOf({ dtype, shape, data }: HostTensor, axis: number, record: number): TensorData {
  const outer = elementCount(shape.slice(0, axis));
  const inner = elementCount(shape.slice(axis + 1));
  const extent = shape[axis] ?? 1;
  const row = allocate(dtype, outer * inner);
  for (let i = 0; i < outer; i++)
    copy(
      data.subarray((i * extent + record) * inner, (i * extent + record + 1) * inner),
      row,
      i * inner,
    );
  return row;
}

const types: Readonly<Record<DType, Tensor.Type | null>> = {
  f32: "float32",
  f16: "float16",
  bf16: null,
  f64: "float64",
  i32: "int32",
  i64: "int64",
  u8: "uint8",
  bool: "bool",
};

function toOrt({ dtype, shape, data }: HostTensor): Tensor {
  const type = types[dtype];
  invariant(type !== null, "no field is bf16");
  return new Tensor(type, data, shape);
}

function fromOrt(
  value: InferenceSession.OnnxValueMapType[string] | undefined,
  dtype: DType,
): HostTensor {
  invariant(
    value !== undefined && "data" in value && ArrayBuffer.isView(value.data),
    "it is a tensor",
  );
  const { buffer, byteOffset } = value.data;
  const shape = [...value.dims];
  return { dtype, shape, data: arrayOn(dtype, buffer, byteOffset, elementCount(shape)) };
}
