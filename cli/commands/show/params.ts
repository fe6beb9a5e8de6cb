/** `saic show --what params`: every parameter with its shape and count. */

import { printType } from "../../../compiler/ir/type.js";
import type { StateEntry } from "../../../compiler/plan/schema.js";
import type { Shown, Subject } from "./subject.js";

interface ParameterSummary {
  readonly model: string;
  readonly total: number;
  readonly trainable: number;
  readonly parameters: readonly ParameterRow[];
  /** Parameters that losses own. */
  readonly loss: readonly ParameterRow[];
}

interface ParameterRow {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: StateEntry["dtype"];
  readonly count: number;
}

/** Parameters in the program's order; `trainable` counts those that learn in some stage. */
export const params: Subject = {
  name: "params",
  about: "parameters with their shapes and counts",
  text: (shown) => table(summaryOf(shown)),
  json: summaryOf,
};

function summaryOf({ lowered: { plan } }: Shown): ParameterSummary {
  const learning = new Set(plan.stages.flatMap((stage) => stage.trainable));
  const row = ({ path, shape, dtype }: StateEntry): ParameterRow => ({
    path,
    shape,
    dtype,
    count: shape.reduce((product, extent) => product * extent, 1),
  });
  const parameters = plan.state.filter((entry) => entry.role === "parameter");
  const rows = parameters.filter(({ path }) => path.startsWith("model.")).map(row);
  const count = (list: readonly ParameterRow[]): number =>
    list.reduce((sum, each) => sum + each.count, 0);
  return {
    model: plan.train,
    total: count(rows),
    trainable: count(rows.filter(({ path }) => learning.has(path))),
    parameters: rows,
    loss: parameters.filter(({ path }) => path.startsWith("loss.")).map(row),
  };
}

function table(summary: ParameterSummary): string {
  const width = Math.max(...summary.parameters.map(({ path }) => path.length), 4);
  const rows = summary.parameters.map(
    ({ path, shape, dtype, count }) =>
      `${path.padEnd(width)}  ${printType({ dtype, shape }).padEnd(22)} ${count.toLocaleString("en-US").padStart(12)}`,
  );
  const total = `${summary.total.toLocaleString("en-US")} parameters, ${summary.trainable.toLocaleString("en-US")} trainable`;
  return [...rows, total].join("\n");
}
