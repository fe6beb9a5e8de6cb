/** Peak memory of one device that carries its part of a train. */

import { invariant } from "../../../grammar/invariant.js";
import { batchName } from "../record-axis.js";
import type { TrainFigures } from "./figures.js";
import { bytesOf } from "../../ir/cost.js";
import { estimateMemory } from "../../ir/memory.js";
import { dtypeBytes, numelOf } from "../../ir/type.js";
import { bytesPerDevice, type KeyLayout } from "./layouts.js";
import type { Placement } from "./shard.js";

/** In bytes, for one device. */
export interface PeakMemory {
  /** Weights, buffers and slots, once. */
  readonly state: number;
  /** The largest weight that lies in pieces, put together for its use. */
  readonly gathered: number;
  /** The most that gradients, the device's share of the batch and its activations take together. */
  readonly pass: number;
  readonly total: number;
}

/**
 * The largest stage counts. Gradients are divided like their weights. Activations are those of the
 * device's records: what splitting weights by an axis or dealing leaves would save of them is not
 * taken off. Without a placement, one device holds everything. `null` when the train has errors with
 * the device's share of the batch, which are reported.
 */
export function peakMemory(figures: TrainFigures, placement: Placement | null): PeakMemory | null {
  const local = placement === null ? figures : placement.perDevice();
  if (local === null) return null;
  const { plan, graphs } = local;
  const parts = new Map(
    (placement?.rows ?? []).map((row) => [row.entry.path, row.bytesPerDevice] as const),
  );
  const whole = (path: string): number => {
    const entry = plan.state.find((each) => each.path === path);
    invariant(entry !== undefined, `no state ${path}`);
    return numelOf(entry) * dtypeBytes(entry.dtype);
  };
  const share = (path: string): number => parts.get(path) ?? whole(path);
  const passes = plan.stages.map(({ graphs: { grad } }) => {
    const graph = graphs.get(grad.file);
    invariant(graph !== undefined, `no graph ${grad.file}`);
    const sizes = new Map<number, number>();
    for (const [i, { feed }] of grad.inputs.entries()) {
      const id = graph.inputs[i]?.value.id;
      // The state is counted by itself, also what this stage does not read.
      if (feed.kind === "state" && id !== undefined) sizes.set(id, 0);
    }
    for (const [i, { meaning }] of grad.outputs.entries()) {
      const id = graph.outputs[i]?.value.id;
      if ((meaning.kind === "gradient" || meaning.kind === "state") && id !== undefined)
        sizes.set(id, share(meaning.path));
    }
    return estimateMemory(
      graph,
      new Map([[batchName, plan.batch]]),
      (value) => sizes.get(value.id) ?? bytesOf(value.type),
    ).peakBytes;
  });
  const state = placement === null ? plan.stateBytes : bytesPerDevice(placement.rows);
  const gathered = Math.max(0, ...(placement?.rows ?? []).map(gatheredBytes));
  const pass = Math.max(...passes);
  return { state, gathered, pass, total: state + gathered + pass };
}

/** What a weight that lies in pieces takes beside its own piece while it is put together. */
function gatheredBytes({ entry, cuts, local }: KeyLayout): number {
  const over = cuts.find(({ kind }) => kind === "fsdp")?.devices ?? 1;
  const piece = numelOf({ dtype: entry.dtype, shape: local }) * dtypeBytes(entry.dtype);
  return entry.role === "parameter" ? piece * (over - 1) : 0;
}
