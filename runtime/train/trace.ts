/** `on_nan: stop(dump: true)`: runs an update that went wrong again, with every value in view. */

import { join } from "node:path";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { tracedNotFinite } from "../../grammar/diagnostics/run.js";
import type { Files } from "../atomic-file.js";
import { encodeSafetensors } from "../checkpoint/safetensors.js";
import type { Executor, Tensors } from "../executor/executor.js";
import { exitCodes, Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder, FeedSources } from "./feeds.js";

/** Where a trace reads graphs and writes what it finds. */
export interface TraceContext {
  readonly folder: string;
  readonly executor: Executor;
  readonly feeder: Feeder;
  readonly dump: { readonly folder: string; readonly files: Files };
}

/** What a value of the graph looks like. */
interface Seen {
  readonly name: string;
  readonly what: string;
  readonly place: string;
  readonly shape: readonly number[];
  readonly notFinite: number;
  /** Over the finite elements; `null` where there are none. */
  readonly least: number | null;
  readonly largest: number | null;
}

/**
 * Faults with exit code 4, naming the first value of the update that is not finite, and writes all
 * values up to it as figures and the tensors of that one. Returns when all are finite after all.
 */
export async function trace(
  { folder, executor, feeder, dump }: TraceContext,
  spec: GraphSpec,
  sources: FeedSources,
  when: string,
): Promise<void> {
  const graph = await executor.load(folder, spec);
  let feeds: Tensors;
  let outputs: Tensors;
  try {
    feeds = feeder(spec, sources);
    outputs = await graph.run(feeds);
  } finally {
    await graph.close();
  }
  const seen: Seen[] = [];
  for (const { name, what, place, tensor } of valuesOf(spec, feeds, outputs)) {
    const figures = { name, what, place, shape: tensor.shape, ...figuresOf(tensor) };
    seen.push(figures);
    if (figures.notFinite === 0) continue;
    const file = join(dump.folder, "not-finite.json");
    const found = { when, first: figures, values: seen };
    dump.files.publish(file, `${JSON.stringify(found, null, 1)}\n`);
    const tensors = new Map([...floats(feeds)].filter(([key]) => key.startsWith("field:")));
    tensors.set(name, tensor);
    dump.files.writeSynced(
      join(dump.folder, "not-finite.safetensors"),
      encodeSafetensors(tensors, { format: "pt" }),
    );
    const count = tensor.data.length;
    const params = { when, what, place, notFinite: figures.notFinite, count, file };
    throw new Fault(diagnose(tracedNotFinite, params, null), exitCodes.guard);
  }
}

/** Inputs, then values in the order in which they are computed. */
function* valuesOf(spec: GraphSpec, feeds: Tensors, outputs: Tensors) {
  for (const { name, feed } of spec.inputs) {
    const tensor = feeds.get(name);
    const what = feed.kind === "field" ? `the field \`${feed.field}\`` : `\`${name}\``;
    if (tensor?.dtype === "f32") yield { name, what, place: "", tensor };
  }
  for (const { name, meaning } of spec.outputs) {
    const tensor = outputs.get(name);
    if (meaning.kind !== "value" || tensor === undefined) continue;
    const scope = meaning.scope === "" ? "" : ` of \`${meaning.scope}\``;
    yield { name, what: `\`${meaning.op}\`${scope}`, place: meaning.place, tensor };
  }
}

const floats = (tensors: Tensors): Map<string, HostTensor> =>
  new Map([...tensors].filter(([, { dtype }]) => dtype === "f32"));

function figuresOf(tensor: HostTensor): Pick<Seen, "notFinite" | "least" | "largest"> {
  const value = numbersOf(tensor);
  let [notFinite, least, largest] = [0, Infinity, -Infinity];
  for (let i = 0; i < tensor.data.length; i++) {
    const number = value(i);
    if (Number.isFinite(number)) {
      if (number < least) least = number;
      if (number > largest) largest = number;
    } else notFinite++;
  }
  return least > largest
    ? { notFinite, least: null, largest: null }
    : { notFinite, least, largest };
}
