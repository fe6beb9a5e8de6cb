/** Writes the placements of a train into its plan. */

import type { Placement } from "../check/placement/shard.js";
import type { Layout } from "../plan/layout.js";
import type { Plan } from "../plan/schema.js";

/** The plan with one layout for every `shard` of its train; unchanged without any. */
export const withLayouts = (plan: Plan, placements: readonly Placement[]): Plan =>
  placements.length === 0
    ? plan
    : { ...plan, layouts: placements.map((placement) => layoutOf(plan, placement)) };

function layoutOf(plan: Plan, placement: Placement): Layout {
  const { mesh, axes, batchOver, batchPerDevice, rows } = placement;
  const byRecords = (shape: readonly unknown[]): string[][] =>
    shape.map((_, axis) => (axis === 0 ? [...batchOver] : []));
  const fields = new Map(
    plan.stages.flatMap(({ graphs }) =>
      graphs.eval.inputs.flatMap(({ feed, shape }) =>
        feed.kind === "field" ? [[feed.field, shape] as const] : [],
      ),
    ),
  );
  const outputs = plan.infer.outputs.filter(
    ({ meaning, shape }) => meaning.kind === "output" && typeof shape[0] === "string",
  );
  return {
    mesh,
    axes: [...axes].map(([name, devices]) => ({ name, devices })),
    batch: { over: [...batchOver], perDevice: batchPerDevice },
    state: rows.map(({ entry, cuts, local, pieces }) => ({
      path: entry.path,
      cuts: entry.shape.map((_, axis) =>
        cuts.flatMap((cut) => (cut.kind !== "leaves" && cut.axis === axis ? [...cut.over] : [])),
      ),
      dealt: cuts.flatMap(({ kind, axis, over }) =>
        kind === "leaves" ? [{ axis: String(axis), over: [...over] }] : [],
      ),
      local: [...local],
      pieces,
    })),
    values: [
      ...[...fields].map(([name, shape]) => ({
        kind: "field" as const,
        name,
        cuts: byRecords(shape),
      })),
      ...outputs.map(({ name, shape }) => ({
        kind: "output" as const,
        name,
        cuts: byRecords(shape),
      })),
    ],
  };
}
