/** Reads the records of one batch and lays them out as tensors. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { at, invariant } from "../../grammar/invariant.js";
import { allocate, arrayOn, elementCount, type TensorData } from "../tensor.js";
import type { Pass } from "./passes.js";
import type { RecordReader, Request } from "./read-record.js";
import type { Value } from "./value.js";

export interface BatchJob {
  readonly pass: Pass;
  readonly epoch: number;
  /** At least one, at most a batch. */
  readonly requests: readonly Request[];
  /** Whether values should come back for later epochs. */
  readonly keep: boolean;
}

export interface AssembledBatch {
  /** By field: the tensor's elements, padded with the last record's. */
  readonly fields: Readonly<Record<string, TensorData<ArrayBuffer>>>;
  /** Values after the fixed steps that were not known before, in shared memory. */
  readonly fresh: readonly {
    readonly index: number;
    readonly field: string;
    readonly value: Value;
  }[];
}

/** The batch of a job. The first record that cannot be read, in order, is the fault. */
export async function assembleBatch(
  program: DataProgram,
  reader: RecordReader,
  job: BatchJob,
): Promise<AssembledBatch> {
  const { batch } = program.loader;
  const fields = Object.fromEntries(
    program.outputs.map((output) => [
      output.name,
      allocate(output.dtype, batch * elementCount(output.shape)),
    ]),
  );
  const fresh: AssembledBatch["fresh"][number][] = [];
  for (const [place, request] of job.requests.entries()) {
    const read = await reader.read(request, job.pass, job.epoch);
    const last = place === job.requests.length - 1;
    for (const output of program.outputs) {
      const value = read.fields.get(output.name);
      const target = fields[output.name];
      invariant(value !== undefined && target !== undefined, `no field ${output.name} was read`);
      invariant(value.dtype === output.dtype, `${output.name} was read as ${value.dtype}`);
      invariant(
        value.data.length === elementCount(output.shape),
        `${output.name} has a wrong length`,
      );
      for (let i = place; i < (last ? batch : place + 1); i++) write(target, value, i);
    }
    if (job.keep)
      for (const [field, value] of read.fixed)
        if (request.kept[field] === undefined)
          fresh.push({ index: request.index, field, value: share(value) });
  }
  return { fields, fresh };
}

/** The buffers that move, and are not copied, when a batch crosses threads. */
export const buffersOf = (batch: AssembledBatch): ArrayBuffer[] =>
  Object.values(batch.fields).map((data) => data.buffer);

/** Rows are of one length, so row `i` of the batch starts at `i` times the value's length. */
function write(target: TensorData, { data }: Value, row: number): void {
  const offset = row * data.length;
  if (target instanceof BigInt64Array && data instanceof BigInt64Array) target.set(data, offset);
  else if (
    !(target instanceof BigInt64Array) &&
    !(data instanceof BigInt64Array) &&
    target.BYTES_PER_ELEMENT === data.BYTES_PER_ELEMENT
  )
    target.set(data, offset);
  else invariant(false, "a field was read in another dtype than its output's");
}

/** A copy in shared memory, which later jobs hand to any thread without copying. */
function share(value: Value): Value {
  const { dtype, data } = value;
  const buffer = new SharedArrayBuffer(data.byteLength);
  new Uint8Array(buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { ...value, data: arrayOn(dtype, buffer, 0, data.length) };
}

/** Cuts a list of record indices into batches, the last one as long as it comes. */
export function cutBatches(
  order: ArrayLike<number>,
  batch: number,
): readonly (readonly number[])[] {
  const all = Array.from(order);
  return Array.from({ length: Math.ceil(all.length / batch) }, (_, i) =>
    all.slice(i * batch, (i + 1) * batch),
  );
}

/** 1 for each record of the batch, 0 for padding. */
export function validity(count: number, batch: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: batch }, (_, i) => (i < count ? 1 : 0));
}

/** The requests of a batch of record indices. */
export const requestsFor = (
  indices: readonly number[],
  records: readonly Request["record"][],
  kept: (index: number) => Request["kept"],
): readonly Request[] =>
  indices.map((index) => ({ index, record: at(records, index), kept: kept(index) }));
