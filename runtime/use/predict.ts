/** Predicts for new files: reads them as the dataset reads its own, and runs the model in batches. */

import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { fileSkipped } from "../../grammar/diagnostics/use.js";
import { configureDecoder } from "../data/decode-image.js";
import type { Fits } from "../data/fits.js";
import { createRecordReader, type RecordReader } from "../data/read-record.js";
import type { DataRecord } from "../data/record.js";
import type { Value } from "../data/value.js";
import { Fault } from "../fault.js";
import type { HostTensor } from "../tensor.js";
import { type InputFile, type InputForm, recordsIn } from "./input-files.js";
import type { RecordModel } from "./run-model.js";

/** What was predicted for one record. */
export interface Prediction {
  readonly file: InputFile;
  /** The record in its file; `null` where the file is the record. */
  readonly record: string | null;
  readonly outputs: ReadonlyMap<string, HostTensor>;
}

export interface PredictOptions {
  readonly seed: number;
  readonly fits: Fits;
  /** Whether records are prepared as validation prepares them; raw ones go into a model that does. */
  readonly records: "prepared" | "raw";
  /** What becomes of a file that cannot be read. */
  readonly onError: "stop" | "skip";
  readonly onSkipped: (warning: Diagnostic) => void;
  /** Told of what the files hold beside records: sequences that are too short for one. */
  readonly onWarning: (warning: Diagnostic) => void;
}

interface Waiting {
  readonly file: InputFile;
  readonly record: string | null;
  readonly fields: ReadonlyMap<string, Value>;
}

/** Decoded frames that are held on to, as the tiles of one share it. */
const frameBytes = 64 * 2 ** 20;

/**
 * Predictions in the order of the files and of their records. Faults with exit code 6 at the first
 * record that cannot be read, unless it is to be skipped.
 */
export async function* predict(
  model: RecordModel,
  form: InputForm,
  files: readonly InputFile[],
  options: PredictOptions,
): AsyncGenerator<Prediction, void, undefined> {
  configureDecoder();
  let waiting: Waiting[] = [];
  let done = 0;
  for (const file of files)
    for await (const read of readFile(form, file, options)) {
      waiting.push(read);
      if (waiting.length < model.batch) continue;
      yield* await answered(model, waiting, done);
      done += waiting.length;
      waiting = [];
    }
  if (waiting.length > 0) yield* await answered(model, waiting, done);
}

async function answered(
  model: RecordModel,
  waiting: readonly Waiting[],
  firstRecord: number,
): Promise<readonly Prediction[]> {
  const results = await model.run(
    waiting.map(({ fields }) => fields),
    firstRecord,
  );
  return waiting.map(({ file, record }, i) => ({
    file,
    record,
    outputs: new Map(
      [...results].flatMap(([name, values]) => {
        const value = values[i];
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
  }));
}

async function* readFile(
  form: InputForm,
  file: InputFile,
  options: PredictOptions,
): AsyncGenerator<Waiting, void, undefined> {
  const { seed, fits, onError, onSkipped, onWarning } = options;
  /** `false` where the fault is the caller's. */
  const isSkipped = (error: unknown, name: string): boolean => {
    if (onError === "stop" || !(error instanceof Fault)) return false;
    onSkipped(diagnose(fileSkipped, { file: name, reason: error.diagnostic.message }, null));
    return true;
  };
  let found: Awaited<ReturnType<typeof recordsIn>>;
  try {
    found = await recordsIn(form, file, onWarning);
  } catch (error) {
    if (isSkipped(error, file.name)) return;
    throw error;
  }
  const { program, records } = found;
  const reader = createRecordReader(program, seed, frameBytes, fits);
  const names = program.fields.map(({ name }) => name);
  const isWhole = form.kind === "pictures" && records.length === 1;
  for (const [index, record] of records.entries()) {
    try {
      const fields = await fieldsOf(reader, { index, record }, names, options.records);
      yield { file, record: isWhole ? null : record.id, fields };
    } catch (error) {
      const name = isWhole ? file.name : `${file.name}, record ${record.id}`;
      if (!isSkipped(error, name)) throw error;
    }
  }
}

async function fieldsOf(
  reader: RecordReader,
  { index, record }: { readonly index: number; readonly record: DataRecord },
  names: readonly string[],
  records: PredictOptions["records"],
): Promise<ReadonlyMap<string, Value>> {
  const request = { index, record, kept: {} };
  if (records === "prepared") return (await reader.read(request, "val", 0)).fields;
  const raw = new Map<string, Value>();
  for (const name of names) raw.set(name, await reader.readUpTo(name, request, 0));
  return raw;
}
