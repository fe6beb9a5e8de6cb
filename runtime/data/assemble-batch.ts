/** Reads the records of one batch and lays them out as tensors. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { at, invariant } from "../../grammar/invariant.js";
import { elementCount, type TensorData } from "../tensor.js";
import type { CacheReport } from "./disk-cache.js";
import { inOrder } from "./map-in-order.js";
import type { Pass } from "./passes.js";
import type { RecordReader, Request } from "./read-record.js";
import type { MemoryKind, SpareMemory } from "./spare-memory.js";
import { inSharedMemory, type StoredValue } from "./stored-value.js";
import type { Value } from "./value.js";
import { inMemory, type ValueStore } from "./value-store.js";

export interface BatchJob {
  readonly pass: Pass;
  /** `null` reads what is the same in every epoch, to be kept, and makes no batch. */
  readonly epoch: number | null;
  /** At least one, at most a batch. */
  readonly requests: readonly Request[];
  /** Whether values should come back for later epochs. */
  readonly keep: boolean;
  /** Where the batch is written. */
  readonly memory: MemoryKind;
}

export interface AssembledBatch {
  /** By field: the tensor's elements, padded with the last record's. */
  readonly fields: Readonly<Record<string, TensorData>>;
  /** Values after the fixed steps that were not known before, in shared memory. */
  readonly fresh: readonly {
    readonly index: number;
    readonly field: string;
    readonly value: StoredValue;
  }[];
  /** What happened in the cache on disk, where anything did. */
  readonly cache: CacheReport | null;
}

/** What a thread reads with. */
export interface Reading {
  readonly reader: RecordReader;
  readonly store: ValueStore;
  readonly memory: SpareMemory;
  /** Told in its first element which of the job's records is being read. */
  readonly place?: Int32Array;
}

/** Records of a batch that are read at once: while one is transformed, others are decoded. */
const recordsAtOnce = 3;

/** The batch of a job. The first record that cannot be read, in order, is the fault. */
export async function assembleBatch(
  program: DataProgram,
  { reader, store, memory, place: told }: Reading,
  job: BatchJob,
): Promise<AssembledBatch> {
  const { batch } = program.loader;
  const outputs = job.epoch === null ? [] : program.outputs;
  const fields = Object.fromEntries(
    outputs.map((output) => [
      output.name,
      memory.take(job.memory, output.dtype, batch * elementCount(output.shape)),
    ]),
  );
  const fresh: AssembledBatch["fresh"][number][] = [];
  const begin = (place: number): void => {
    if (told !== undefined) Atomics.store(told, 0, place);
  };
  const lengths = new Map(outputs.map(({ name, shape }) => [name, elementCount(shape)]));
  const rows = job.requests.map((request, row) => ({
    ...request,
    keeps: job.keep,
    rowOf: (field: string): TensorData | undefined => {
      const length = lengths.get(field) ?? 0;
      return fields[field]?.subarray(row * length, (row + 1) * length);
    },
  }));
  const reading = inOrder(rows, recordsAtOnce, (request) =>
    reader.read(request, job.pass, job.epoch),
  );
  // The last part of a padded batch may hold no record at all.
  if (rows.length === 0)
    for (const data of Object.values(fields)) {
      if (data instanceof BigInt64Array) data.fill(0n);
      else data.fill(0);
    }
  let place = 0;
  begin(place);
  for await (const read of reading) {
    const request = at(job.requests, place);
    const last = place === job.requests.length - 1;
    for (const output of outputs) {
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
          fresh.push({
            index: request.index,
            field,
            value: inSharedMemory(inMemory(value, program)),
          });
    begin(++place);
  }
  return { fields, fresh, cache: store.report() };
}

/** The memory of a batch. */
export const buffersOf = ({ fields }: AssembledBatch): readonly ArrayBufferLike[] =>
  Object.values(fields).map(({ buffer }) => buffer);

/** What of it moves, and is not copied, when it crosses threads. */
export const movedWith = (batch: AssembledBatch): ArrayBuffer[] =>
  buffersOf(batch).filter((buffer) => buffer instanceof ArrayBuffer);

/** Rows are of one length, so row `i` of the batch starts at `i` times the value's length. */
function write(target: TensorData, { data }: Value, row: number): void {
  const offset = row * data.length;
  // It may have been written there already.
  if (data.buffer === target.buffer && data.byteOffset === offset * data.BYTES_PER_ELEMENT) return;
  if (target instanceof BigInt64Array && data instanceof BigInt64Array) target.set(data, offset);
  else if (
    !(target instanceof BigInt64Array) &&
    !(data instanceof BigInt64Array) &&
    target.BYTES_PER_ELEMENT === data.BYTES_PER_ELEMENT
  )
    target.set(data, offset);
  else invariant(false, "a field was read in another dtype than its output's");
}

/** Cuts a list of record indices into batches, the last one as long as it comes. */
export function cutBatches(order: ArrayLike<number>, batch: number): (readonly number[])[] {
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
