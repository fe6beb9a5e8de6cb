/** Lowers exports and checks predictions: the graphs that a finished run writes with weights inside. */

import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import {
  readExports,
  exportedInputs,
  exportedValues,
  type CheckedExport,
} from "../check/exports.js";
import { batchName, createElaboration, type Session } from "../check/elaboration.js";
import { type Fact, report } from "../check/frame.js";
import { evaluateLoss } from "../check/losses.js";
import { applyModel } from "../check/model.js";
import { bindPredictions, predictionsOf } from "../check/predict.js";
import type { CheckedTrain } from "../check/train.js";
import { bindDims } from "../ir/bind-dims.js";
import type { Dim } from "../ir/dim.js";
import type { Graph } from "../ir/graph.js";
import type { Program } from "../modules.js";
import { graphSpec } from "./graph-spec.js";
import { pruned } from "./stage.js";
import type { Plan } from "../plan/schema.js";

export interface LoweredExports {
  readonly exports: Plan["exports"];
  /** By path inside the artifact. */
  readonly graphs: ReadonlyMap<string, Graph>;
}

/** The exports of the train; also the place where predictions that nothing reads are checked. */
export function lowerExports(
  session: Session,
  program: Program,
  train: CheckedTrain,
  facts: Fact[],
): LoweredExports {
  const exports: Plan["exports"] = [];
  const graphs = new Map<string, Graph>();
  const isAsked =
    program.root.module.declarations.some(({ kind }) => kind === "export") ||
    train.declaration.members.some(({ kind }) => kind === "predict");
  if (!isAsked) return { exports, graphs };
  const elaboration = createElaboration(session);
  const model = applyModel(elaboration, program.root, train, { training: false });
  if (model === null) return { exports, graphs };
  // Predictions may read the weights that losses own.
  for (const loss of train.losses) evaluateLoss(model, loss);
  const before = elaboration.facts.length;
  bindPredictions(model, train);
  const predictions = predictionsOf(model, train);
  facts.push(...elaboration.facts.slice(before));
  for (const checked of readExports(model.frame, program)) {
    if (checked.declaration.name.text !== train.declaration.name.text) continue;
    if (checked.weights === "ema" && !train.stages.some(hasAverage)) {
      const reason = `needs averaged weights, and \`${train.declaration.name.text}\` has no \`ema\``;
      report(
        model.frame,
        contradictoryKeys,
        { what: "`weights: ema`", reason },
        checked.weightsSpan,
      );
      continue;
    }
    const values = exportedValues(model, predictions, checked);
    if (values === null) continue;
    const graph = pruned(elaboration.builder.finish(checked.file, values));
    const fields = exportedInputs(model.frame, train, checked, graph);
    if (fields === null) continue;
    const bound = bindDims(ordered(graph, fields), bindingsOf(checked));
    const file = `exports/${checked.file}`;
    graphs.set(file, bound);
    exports.push({
      file: checked.file,
      weights: checked.weights,
      graph: graphSpec(bound, file, {
        draws: new Map(elaboration.draws.map((draw) => [`random:${draw.id}`, draw])),
        bindings: new Map([[batchName, checked.batch ?? 1]]),
      }),
      place: checked.place,
    });
  }
  return { exports, graphs };
}

const hasAverage = ({ named }: CheckedTrain["stages"][number]): boolean =>
  named.updates.ema !== null;

const bindingsOf = ({ batch }: CheckedExport): ReadonlyMap<string, Dim> =>
  batch === null ? new Map() : new Map([[batchName, batch]]);

/** The graph with its fields in this order, before all other inputs. */
function ordered(graph: Graph, fields: readonly string[]): Graph {
  const names = fields.map((name) => `field:${name}`);
  const isField = (name: string): boolean => names.includes(name);
  return {
    ...graph,
    inputs: [
      ...names.flatMap((name) => graph.inputs.filter((input) => input.name === name)),
      ...graph.inputs.filter(({ name }) => !isField(name)),
    ],
  };
}
