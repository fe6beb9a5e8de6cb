/** The safetensors format: a JSON header with types, shapes and offsets, then the elements. */

import { elementBytes } from "../../compiler/plan/elements.js";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import type { DType } from "../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { checkpointDamaged } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import { allocate, elementCount, type HostTensor } from "../tensor.js";

/** The file's names of types; others of the format (I8, F8_E4M3, …) are refused. */
const formatNames: Readonly<Record<DType, string>> = {
  f32: "F32",
  f16: "F16",
  bf16: "BF16",
  f64: "F64",
  i32: "I32",
  i64: "I64",
  u8: "U8",
  bool: "BOOL",
};
const dtypes = new Map(
  Object.entries(formatNames).map(([dtype, name]) => [name, dtype as DType] as const),
);

/** As the reference implementation: a longer header is taken for a damaged file. */
const maximalHeader = 100_000_000;

const headerEntry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.number().int().min(0)),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of a file in pieces that view the tensors' own memory. Tensors are ordered by element
 * size, largest first, then by key, so that each is aligned and equal contents give equal bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) =>
      y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header["__metadata__"] = metadata;
  let offset = 0;
  for (const [key, { dtype, shape, data }] of ordered) {
    header[key] = {
      dtype: formatNames[dtype],
      shape,
      data_offsets: [offset, offset + data.byteLength],
    };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(json.byteLength / 8) * 8;
  const front = Buffer.alloc(8 + length, " ");
  front.writeBigUInt64LE(BigInt(length), 0);
  json.copy(front, 8);
  return [front, ...ordered.map(([, { data }]) => bytesOf(data))];
}

/**
 * Reads a whole file strictly: a cut file, bad JSON, unknown types, sizes that contradict shapes,
 * overlaps and gaps are faults (exit code 2) that name the file, with the diagnostic of `describe`.
 */
export function readSafetensors(
  file: string,
  describe: (reason: string) => Diagnostic = (reason) =>
    diagnose(checkpointDamaged, { file, reason }, null),
): SafetensorsFile {
  const damaged = (reason: string): Fault => new Fault(describe(reason), exitCodes.environment);
  const descriptor = openOr(file, damaged);
  try {
    const total = fstatSync(descriptor).size;
    if (total < 8) throw damaged(`it has ${total} bytes, less than a header`);
    const front = Buffer.alloc(8);
    readExactly(descriptor, front, 0);
    const declared = front.readBigUInt64LE(0);
    if (declared > BigInt(maximalHeader)) throw damaged(`its header claims ${declared} bytes`);
    const length = Number(declared);
    if (8 + length > total) throw damaged("it ends within its header");
    const text = Buffer.alloc(length);
    readExactly(descriptor, text, 8);
    const { entries, metadata } = parseHeader(text, total - 8 - length, damaged);
    const tensors = new Map<string, HostTensor>();
    for (const { key, dtype, shape, begin } of entries) {
      const data = allocate(dtype, elementCount(shape));
      readExactly(descriptor, bytesOf(data), 8 + length + begin);
      tensors.set(key, { dtype, shape, data });
    }
    return { tensors, metadata };
  } finally {
    closeSync(descriptor);
  }
}

interface Entry {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(
  text: Buffer,
  bodyBytes: number,
  damaged: (reason: string) => Fault,
): { readonly entries: readonly Entry[]; readonly metadata: Readonly<Record<string, string>> } {
  let json: unknown;
  try {
    json = JSON.parse(text.toString("utf8"));
  } catch {
    throw damaged("its header is not JSON");
  }
  const record = z.record(z.string(), z.unknown()).safeParse(json);
  if (!record.success) throw damaged("its header is not an object");
  const { __metadata__: rawMetadata, ...raw } = record.data;
  const metadata = z.record(z.string(), z.string()).safeParse(rawMetadata ?? {});
  if (!metadata.success) throw damaged("its metadata are not strings");
  const entries = Object.entries(raw).map(([key, value]) => {
    const parsed = headerEntry.safeParse(value);
    if (!parsed.success) throw damaged(`its entry \`${key}\` is malformed`);
    const dtype = dtypes.get(parsed.data.dtype);
    if (dtype === undefined)
      throw damaged(`\`${key}\` has the unknown type \`${parsed.data.dtype}\``);
    const [begin, end] = parsed.data.data_offsets;
    const bytes = elementCount(parsed.data.shape) * elementBytes[dtype];
    if (end - begin !== bytes)
      throw damaged(`\`${key}\` takes ${end - begin} bytes where its shape needs ${bytes}`);
    return { key, dtype, shape: parsed.data.shape, begin, end };
  });
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let next = 0;
  for (const { key, begin, end } of entries) {
    if (begin < next) throw damaged(`\`${key}\` overlaps another tensor`);
    if (begin > next) throw damaged(`bytes before \`${key}\` belong to no tensor`);
    next = end;
  }
  if (next > bodyBytes) throw damaged(`it was cut: ${bodyBytes} of ${next} bytes are there`);
  if (next < bodyBytes) throw damaged(`${bodyBytes - next} bytes follow the last tensor`);
  return { entries, metadata: metadata.data };
}

const bytesOf = (data: HostTensor["data"]): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function openOr(file: string, damaged: (reason: string) => Fault): number {
  try {
    return openSync(file, "r");
  } catch {
    throw damaged("it cannot be opened");
  }
}

/** One read call takes less than 2 GiB. */
const readLimit = 2 ** 30;

function readExactly(descriptor: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.byteLength;) {
    const length = Math.min(readLimit, into.byteLength - done);
    const read = readSync(descriptor, into, done, length, position + done);
    if (read === 0) throw new Error("the file shrank while it was read");
    done += read;
  }
}
