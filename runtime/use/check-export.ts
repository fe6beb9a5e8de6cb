/** Holds a model that is to be written against the run: the same records, the same weights. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { Exported } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { exportDiffers } from "../../grammar/diagnostics/use.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { SplitName } from "../data/dataset.js";
import { findRecords } from "../data/open-dataset.js";
import { evaluationOf } from "../data/passes.js";
import { createRecordReader } from "../data/read-record.js";
import { recordsOf } from "../data/split.js";
import type { Value } from "../data/value.js";
import { exitCodes, Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";
import type { ChosenWeights, OpenedRun } from "./open-run.js";
import { fileModel, graphModel, type ModelFile, type RecordModel } from "./run-model.js";
import { fitsOf } from "./stored-fits.js";

/** Enough to meet all classes, and little enough to be read at once. */
const mostRecords = 64;

/** How far a model may be off, by how its weights are stored; see `exportDiffers`. */
const tolerances: Readonly<Record<Exported["precision"], number>> = {
  f32: 1e-4,
  f16: 1e-2,
  bf16: 5e-2,
};

/** A byte of a resized picture that lies halfway between two may round to either. */
const halfwayBytes = 1e-2;

const toleranceOf = ({ precision, preprocess }: CheckedModel): number =>
  Math.max(tolerances[precision], preprocess ? halfwayBytes : 0);

export interface CheckedModel extends ModelFile {
  readonly precision: Exported["precision"];
  /** Whether raw records go in. */
  readonly preprocess: boolean;
}

/** Records of the run's data, to compare on: as they are read, and as evaluation sees them. */
export interface SampleRecords {
  readonly split: SplitName;
  readonly raw: readonly ReadonlyMap<string, Value>[];
  readonly prepared: readonly ReadonlyMap<string, Value>[];
}

/** The first records of the first split of val, test and train that has any. */
export async function sampleRecords({ folder, artifact }: OpenedRun): Promise<SampleRecords> {
  const { data, seed } = artifact.plan;
  const { records, manifest } = await findRecords(data, seed);
  const splits: readonly SplitName[] = ["val", "test", "train"];
  const split = splits.find((name) => recordsOf(manifest, name).length > 0) ?? "train";
  const reader = createRecordReader(data, seed, 0, fitsOf(data, folder));
  const raw: ReadonlyMap<string, Value>[] = [];
  const prepared: ReadonlyMap<string, Value>[] = [];
  for (const index of recordsOf(manifest, split).slice(0, mostRecords)) {
    const request = { index, record: at(records, index), kept: {} };
    const { fields } = await reader.read(request, evaluationOf(split), 0);
    prepared.push(fields);
    const own = new Map<string, Value>();
    for (const { name } of outputFields(data))
      own.set(name, await reader.readUpTo(name, request, 0));
    raw.push(own);
  }
  return { split, raw, prepared };
}

const outputFields = ({ fields, outputs }: DataProgram): DataProgram["fields"] =>
  fields.filter(({ name }) => outputs.some((output) => output.name === name));

export interface Comparison {
  readonly records: number;
  readonly split: SplitName;
  readonly tolerance: number;
  /** By output, the largest difference; `null` where the model draws and nothing can be compared. */
  readonly differences: Readonly<Record<string, number | null>>;
}

/**
 * Runs the model and the run's own graphs on the same records. Faults with exit code 4 where an
 * output differs by more than the tolerance.
 */
export async function compareModel(
  run: OpenedRun,
  { state }: ChosenWeights,
  model: CheckedModel,
  {
    sample,
    threads,
    tolerance,
  }: {
    readonly sample: SampleRecords;
    readonly threads: number;
    readonly tolerance: number | null;
  },
): Promise<Comparison> {
  const { plan } = run.artifact;
  const allowed = tolerance ?? toleranceOf(model);
  const theirs = await fileModel(plan, model, { threads });
  const specs = [plan.infer, ...(plan.predict === undefined ? [] : [plan.predict])];
  const known = new Set(theirs.outputs.map(({ name }) => name));
  const needed = specs.filter(({ outputs }) => outputs.some(({ name }) => known.has(name)));
  const ours: RecordModel[] = [];
  try {
    for (const spec of needed)
      ours.push(await graphModel(run, spec, state, { device: "cpu", threads }));
    const given = model.preprocess ? sample.raw : sample.prepared;
    const found = await results(theirs, given);
    const draws = model.spec.inputs.some(({ feed }) => feed.kind === "random");
    const again = draws ? await results(theirs, given) : null;
    const expected: ReadonlyMap<string, readonly HostTensor[]>[] = [];
    for (const each of ours) expected.push(await results(each, sample.prepared));
    const differences: Record<string, number | null> = {};
    for (const { name } of theirs.outputs) {
      const values = found.get(name) ?? [];
      // What differs from itself is drawn anew in every run.
      if (again !== null && difference(values, again.get(name) ?? []) > 0) {
        differences[name] = null;
        continue;
      }
      const own = expected.flatMap((each) => {
        const ownValues = each.get(name);
        return ownValues === undefined ? [] : [difference(values, ownValues)];
      });
      invariant(own.length > 0, `the run gives ${name}`);
      // An output and a prediction may have one name.
      differences[name] = Math.min(...own);
    }
    for (const [output, value] of Object.entries(differences))
      if (value !== null && !(value <= allowed))
        throw new Fault(
          diagnose(
            exportDiffers,
            {
              file: model.file,
              output,
              difference: value,
              tolerance: allowed,
              split: sample.split,
            },
            null,
          ),
          exitCodes.guard,
        );
    return { records: sample.raw.length, split: sample.split, tolerance: allowed, differences };
  } finally {
    await theirs.close();
    for (const each of ours) await each.close();
  }
}

async function results(
  model: RecordModel,
  records: readonly ReadonlyMap<string, Value>[],
): Promise<ReadonlyMap<string, readonly HostTensor[]>> {
  const all = new Map<string, HostTensor[]>(model.outputs.map(({ name }) => [name, []]));
  for (let start = 0; start < records.length; start += model.batch)
    for (const [name, values] of await model.run(records.slice(start, start + model.batch), start))
      all.get(name)?.push(...values);
  return all;
}

/** The largest distance of two numbers, relative to the largest number where that is above 1. */
function difference(a: readonly HostTensor[], b: readonly HostTensor[]): number {
  let most = 1;
  let worst = 0;
  for (const [i, tensor] of a.entries()) {
    const other = at(b, i);
    const [x, y] = [numbersOf(tensor), numbersOf(other)];
    for (let k = 0; k < tensor.data.length; k++) {
      const distance = Math.abs(x(k) - y(k));
      // Equal infinities have no distance; a number against none has an endless one.
      if (Object.is(x(k), y(k))) continue;
      most = Math.max(most, Math.abs(y(k)));
      worst = Number.isNaN(distance) ? Infinity : Math.max(worst, distance);
    }
  }
  return worst / most;
}
