/** The state of a new run: initializers, and what the rules of `init` read from files and weights. */

import { existsSync } from "node:fs";
import type { Initializer, WeightSource } from "../compiler/plan/initial.js";
import { bfloatBits, halfBits } from "../compiler/plan/elements.js";
import type { Plan, StateEntry } from "../compiler/plan/schema.js";
import { fitOf, type TensorForm } from "../compiler/plan/tensor-fit.js";
import { diagnose } from "../grammar/diagnostic.js";
import {
  weightsFileMissing,
  weightsKeyMissing,
  weightsMalformed,
  weightsNoneFound,
  weightsTensorDiffers,
} from "../grammar/diagnostics/weights.js";
import { assertNever, invariant } from "../grammar/invariant.js";
import { suggest } from "../grammar/suggest.js";
import type { State } from "./checkpoint/checkpoint.js";
import { readSafetensors } from "./checkpoint/safetensors.js";
import { exitCodes, Fault } from "./fault.js";
import { initialize } from "./initialize.js";
import { createStream, uniformDouble } from "./random.js";
import { resample } from "./resample.js";
import { numbersOf } from "./metrics/numbers.js";
import { elementCount, type HostTensor } from "./tensor.js";
import { type Settle, staying } from "./train/residence.js";

/** Where every parameter and buffer came from, by path, and what was left over in files. */
export interface StartReport {
  readonly loaded: readonly string[];
  readonly resized: readonly string[];
  /** Absent in their file, by a rule that allows it: they have their initializer's values. */
  readonly kept: readonly string[];
  readonly copied: readonly string[];
  readonly blended: readonly string[];
  readonly initialized: readonly string[];
  /** Keys that no rule has read. */
  readonly unread: readonly { readonly file: string; readonly keys: readonly string[] }[];
}

type Load = Extract<WeightSource, { kind: "load" }>;

/**
 * State by path; `known` tensors stay as they are. Faults with exit code 2 where a file is not there
 * or damaged, or lacks a tensor or has it in another form. The report is `null` for a plan without
 * sources. Each tensor goes to where `settle` puts it as soon as it is made.
 */
export function startState(
  plan: Plan,
  known: State,
  settle: Settle = staying,
): { readonly state: Map<string, HostTensor>; readonly report: StartReport | null } {
  const entries = new Map(plan.state.map((entry) => [entry.path, entry] as const));
  const files = createFileReader(plan, known);
  const ways = new Map<string, Exclude<keyof StartReport, "unread">>();
  const state = new Map<string, HostTensor>();
  // A weight is made after those it is made from.
  const valueOf = (entry: StateEntry): HostTensor => {
    const { path } = entry;
    const made = state.get(path) ?? settle(path, known.get(path) ?? tensorOf(entry));
    state.set(path, made);
    return made;
  };
  const valueAt = (path: string): HostTensor => {
    const entry = entries.get(path);
    invariant(entry !== undefined, `there is no state ${path}`);
    return valueOf(entry);
  };
  const tensorOf = (entry: StateEntry): HostTensor => {
    const { source, path, shape, dtype } = entry;
    const drawn = (init: Initializer): HostTensor => ({
      dtype,
      shape,
      data: initialize(init, plan.seed, path, shape, dtype),
    });
    if (entry.role === "parameter" || entry.role === "buffer") ways.set(path, wayOf(source));
    switch (source?.kind) {
      case undefined:
        return drawn(entry.init);
      case "load": {
        const stored = files.tensor(source);
        if (stored === null) ways.set(path, "kept");
        else if (fitOf(stored, entry, source.resize) === "resize") ways.set(path, "resized");
        return stored === null ? drawn(entry.init) : fitted(stored, entry, source);
      }
      case "copy": {
        const { dtype: from, data } = valueAt(source.of);
        invariant(from === dtype, `${source.of} is ${from}`);
        if (source.noise === null) return { dtype, shape, data: data.slice() };
        const noise = toNumbers(drawn(source.noise));
        const sums = toNumbers({ dtype, shape, data }).map((x, i) => x + (noise[i] ?? 0));
        return fromNumbers(entry, sums);
      }
      case "blend": {
        const { low, high } = source.alpha;
        const [u = 0] = uniformDouble(createStream(plan.seed, `init/${path}`), 0, 0, 1);
        const alpha = low + (high - low) * u;
        const b = toNumbers(valueAt(source.b));
        const mixed = toNumbers(valueAt(source.a)).map(
          (x, i) => alpha * x + (1 - alpha) * (b[i] ?? 0),
        );
        return fromNumbers(entry, mixed);
      }
      default:
        return assertNever(source);
    }
  };
  for (const entry of plan.state) valueOf(entry);
  const named = (way: string): readonly string[] =>
    [...ways].flatMap(([path, own]) => (own === way ? [path] : []));
  const report: StartReport = {
    loaded: named("loaded"),
    resized: named("resized"),
    kept: named("kept"),
    copied: named("copied"),
    blended: named("blended"),
    initialized: named("initialized"),
    unread: files.unread(),
  };
  const sourced = plan.state.some(({ source, path }) => source !== undefined && ways.has(path));
  // In the plan's order, whatever was made first.
  const ordered = new Map(plan.state.map((entry) => [entry.path, valueOf(entry)] as const));
  return { state: ordered, report: sourced ? report : null };
}

function wayOf(source: WeightSource | undefined) {
  switch (source?.kind) {
    case undefined:
      return "initialized";
    case "load":
      return "loaded";
    case "copy":
      return "copied";
    case "blend":
      return "blended";
    default:
      return assertNever(source);
  }
}

function toNumbers(tensor: HostTensor): Float64Array<ArrayBuffer> {
  const value = numbersOf(tensor);
  return new Float64Array(elementCount(tensor.shape)).map((_, i) => value(i));
}

function fromNumbers({ dtype, shape }: StateEntry, numbers: Float64Array<ArrayBuffer>): HostTensor {
  switch (dtype) {
    case "f32":
      return { dtype, shape, data: Float32Array.from(numbers) };
    case "f64":
      return { dtype, shape, data: numbers };
    case "f16":
      return { dtype, shape, data: Uint16Array.from(numbers, halfBits) };
    case "bf16":
      return { dtype, shape, data: Uint16Array.from(numbers, bfloatBits) };
    case "i64":
      return { dtype, shape, data: BigInt64Array.from(numbers, BigInt) };
    case "i32":
      return { dtype, shape, data: Int32Array.from(numbers) };
    case "u8":
    case "bool":
      return { dtype, shape, data: Uint8Array.from(numbers) };
  }
}

const printForm = ({ dtype, shape }: TensorForm): string => `${dtype}[${shape.join(", ")}]`;

const wrong = (diagnostic: Fault["diagnostic"]): Fault =>
  new Fault(diagnostic, exitCodes.environment);

/** The stored tensor in the weight's shape and type. */
function fitted(stored: HostTensor, entry: StateEntry, source: Load): HostTensor {
  const { shape, dtype } = entry;
  const fit = fitOf(stored, entry, source.resize);
  if (fit === "differs") {
    const { file, key, place } = source;
    const params = { file, key, target: entry.path, more: 0 };
    const forms = { found: printForm(stored), expected: printForm(entry) };
    throw wrong(diagnose(weightsTensorDiffers, { ...params, ...forms }, null, { place }));
  }
  if (fit === "same" && stored.dtype === dtype) return stored;
  const numbers = toNumbers(stored);
  const { resize } = source;
  return fromNumbers(
    entry,
    fit === "same" || resize === null
      ? numbers
      : resample(numbers, stored.shape, shape, resize.mode),
  );
}

/** The files that the sources of a plan name, each read once. */
function createFileReader(plan: Plan, known: State) {
  const loads = plan.state.flatMap(({ source, path }) =>
    source?.kind === "load" && !known.has(path) ? [{ source, path }] : [],
  );
  const files = new Map<string, ReadonlyMap<string, HostTensor>>();
  const read = new Map<string, Set<string>>();
  for (const { source, path } of loads) {
    const { file, key, place } = source;
    if (!existsSync(file)) throw wrong(diagnose(weightsFileMissing, { file }, null, { place }));
    const malformed = (problem: string) =>
      diagnose(weightsMalformed, { file, problem }, null, { place });
    const tensors = files.get(file) ?? readSafetensors(file, malformed).tensors;
    files.set(file, tensors);
    read.set(file, (read.get(file) ?? new Set()).add(key));
    if (tensors.has(key) || source.missing === "keep") continue;
    const params = { file, key, target: path, more: 0 };
    const suggestion = suggest(key, tensors.keys());
    throw wrong(diagnose(weightsKeyMissing, { ...params, suggestion }, null, { place }));
  }
  // Each rule must find something.
  const rules = new Map<string, Load[]>();
  for (const { source } of loads) {
    const own = rules.get(source.place);
    if (own === undefined) rules.set(source.place, [source]);
    else own.push(source);
  }
  for (const own of rules.values()) {
    const [first] = own;
    const found = own.some(({ file, key }) => files.get(file)?.has(key) === true);
    if (first === undefined || found) continue;
    const { file, key, place } = first;
    const params = { file, key, weights: own.length };
    throw wrong(diagnose(weightsNoneFound, params, null, { place }));
  }
  return {
    tensor: ({ file, key }: Load): HostTensor | null => files.get(file)?.get(key) ?? null,
    unread: (): StartReport["unread"] =>
      [...files].map(([file, tensors]) => ({
        file,
        keys: [...tensors.keys()].filter((key) => read.get(file)?.has(key) !== true),
      })),
  };
}
