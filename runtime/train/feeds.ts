/** Gathers what a graph is fed: the batch, the state, schedules, counts and random numbers. */

import type { GraphInput, GraphSpec } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent } from "../../grammar/diagnostics/run.js";
import { invariant } from "../../grammar/invariant.js";
import type { Batch } from "../data/dataset.js";
import type { Tensors } from "../executor/executor.js";
import { exitCodes, Fault } from "../fault.js";
import { initialize } from "../initialize.js";
import { createStream, type RandomStream, uniform } from "../random.js";
import type { Schedules, Timeline } from "../schedule.js";
import { allocate, elementCount, type HostTensor } from "../tensor.js";

/** What does not change during a run. */
export interface FeedContext {
  readonly seed: number;
  readonly timeline: Timeline;
  readonly schedules: Schedules;
  /** Updates that were skipped, by stage: they count for no optimizer. */
  readonly skipped?: readonly number[];
}

/** What one run of a graph is fed from. */
export interface FeedSources {
  /** The update being made, counted from 1. */
  readonly update: number;
  /** `null` for graphs that read no batch. */
  readonly batch: Batch | null;
  readonly state: Tensors;
  /** By parameter path. */
  readonly gradients: Tensors;
  /** Position of the batch's first record in the update's (or the pass's) records. */
  readonly firstRecord: number;
  /** In an update of several micro-batches: its weights by atom, and what they came to so far. */
  readonly accumulation?: {
    readonly divisors: ReadonlyMap<string, number>;
    /** By the name of the output; absent before the first. */
    readonly soFar: Tensors;
  };
}

/** Feeds by input name. */
export type Feeder = (spec: GraphSpec, sources: FeedSources) => Tensors;

/** The counter's minor part of draws that are made once per update. */
const perUpdate = 0xffffffff;

/** Makes the feeder of a run; random numbers depend on (seed, draw, update, record) alone. */
export function createFeeder({ seed, timeline, schedules, skipped = [] }: FeedContext): Feeder {
  const streams = new Map<string, RandomStream>();
  const streamOf = (draw: string): RandomStream => {
    const known = streams.get(draw);
    if (known !== undefined) return known;
    const stream = createStream(seed, `draw/${draw}`);
    streams.set(draw, stream);
    return stream;
  };

  const random = (
    input: GraphInput,
    feed: { readonly draw: string; readonly perRecord: boolean },
    { update, firstRecord }: FeedSources,
  ): HostTensor => {
    const shape = staticShape(input);
    const stream = streamOf(feed.draw);
    const length = elementCount(shape);
    if (input.dtype !== "f32") throw inconsistent(`the draw \`${feed.draw}\` is not \`f32\``);
    if (!feed.perRecord)
      return { dtype: "f32", shape, data: uniform(stream, update, perUpdate, length) };
    const [records = 1] = shape;
    const each = length / records;
    const data = new Float32Array(length);
    for (let record = 0; record < records; record++)
      data.set(uniform(stream, update, firstRecord + record, each), record * each);
    return { dtype: "f32", shape, data };
  };

  const zeroed = new Map<string, HostTensor>();
  const zeros = (input: GraphInput): HostTensor => {
    const tensor = zeroed.get(input.name) ?? filled(input, 0);
    zeroed.set(input.name, tensor);
    return tensor;
  };

  const tensorFor = (input: GraphInput, sources: FeedSources): HostTensor => {
    const { feed, dtype } = input;
    switch (feed.kind) {
      case "field":
        return known(sources.batch?.fields.get(feed.field), `no field \`${feed.field}\``);
      case "valid": {
        const valid = known(sources.batch?.valid, "no batch");
        return { dtype: "bool", shape: [valid.length], data: valid };
      }
      case "state":
        return known(sources.state.get(feed.path), `no state \`${feed.path}\``);
      case "gradient":
        return known(sources.gradients.get(feed.path), `no gradient of \`${feed.path}\``);
      case "schedule":
        return filled(input, schedules.valueAt(feed.schedule, sources.update));
      case "count": {
        const since = timeline.stages[feed.since];
        if (since === undefined) throw inconsistent(`there is no stage ${feed.since}`);
        const idle = skipped.slice(feed.since).reduce((sum, count) => sum + count, 0);
        return filled(input, sources.update - since.start - idle);
      }
      case "random": {
        const tensor = random(input, feed, sources);
        invariant(tensor.dtype === dtype, "a draw has its input's dtype");
        return tensor;
      }
      case "divisor": {
        const reason = `no weight of \`${feed.atom}\``;
        return filled(input, known(sources.accumulation?.divisors.get(feed.atom), reason));
      }
      case "so_far": {
        const { soFar } = known(sources.accumulation, "earlier micro-batches");
        return soFar.get(feed.output) ?? zeros(input);
      }
      case "total":
        throw inconsistent(`\`${input.name}\` is a total, which no batch feeds`);
    }
  };

  return (spec, sources) =>
    new Map(spec.inputs.map((input) => [input.name, tensorFor(input, sources)] as const));
}

const filled = (input: GraphInput, value: number): HostTensor => {
  const shape = staticShape(input);
  const { dtype } = input;
  return {
    dtype,
    shape,
    data:
      elementCount(shape) === 0
        ? allocate(dtype, 0)
        : initialize({ kind: "constant", value }, 0, input.name, shape, dtype),
  };
};

function staticShape({ name, shape }: GraphInput): readonly number[] {
  return shape.map((extent) => {
    if (typeof extent === "string") throw inconsistent(`input \`${name}\` has a symbolic dim`);
    return extent;
  });
}

function known<T>(value: T | undefined, reason: string): T {
  if (value === undefined) throw inconsistent(`a graph asks for what is not there: ${reason}`);
  return value;
}

const inconsistent = (reason: string): Fault =>
  new Fault(diagnose(artifactInconsistent, { reason }, null), exitCodes.environment);
