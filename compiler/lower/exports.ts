/** Lowers exports and checks predictions: the graphs that a finished run writes with weights inside. */

import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import {
  readExports,
  exportedInputs,
  exportedValues,
  type CheckedExport,
} from "../check/exports.js";
import { batchName, createElaboration, type Session } from "../check/elaboration.js";
import { cannotCarryOut, type Fact, type Frame, report } from "../check/frame.js";
import { evaluateLoss } from "../check/losses.js";
import { applyModel } from "../check/model.js";
import { bindPredictions, type Prediction, predictionsOf } from "../check/predict.js";
import type { CheckedTrain } from "../check/train.js";
import { bindDims } from "../ir/bind-dims.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Dim } from "../ir/dim.js";
import type { Graph } from "../ir/graph.js";
import type { Program } from "../modules.js";
import { graphSpec } from "./graph-spec.js";
import { hindrance, preprocessed } from "./preprocess.js";
import { pruned } from "./stage.js";
import type { GraphSpec, Plan } from "../plan/schema.js";

export interface LoweredExports {
  readonly exports: Plan["exports"];
  /** What `predict` gives, of batches of the loader's size; `null` without one. */
  readonly predict: GraphSpec | null;
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
  if (!isAsked) return { exports, predict: null, graphs };
  const elaboration = createElaboration(session);
  const model = applyModel(elaboration, program.root, train, { training: false });
  if (model === null) return { exports, predict: null, graphs };
  // Predictions may read the weights that losses own.
  for (const loss of train.losses) evaluateLoss(model, loss);
  const before = elaboration.facts.length;
  bindPredictions(model, train);
  const predictions = predictionsOf(model, train);
  facts.push(...elaboration.facts.slice(before));
  const draws = new Map(elaboration.draws.map((draw) => [`random:${draw.id}`, draw]));
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
    const prepared = ordered(graph, fields);
    if (checked.preprocess && !canPreprocess(model.frame, train, checked, fields)) continue;
    const raw = checked.preprocess ? preprocessed(prepared, train.data.program, fields) : prepared;
    const bound = bindDims(raw, bindingsOf(checked));
    const file = `exports/${checked.file}`;
    graphs.set(file, bound);
    exports.push({
      file: checked.file,
      weights: checked.weights,
      precision: checked.precision,
      opset: checked.opset,
      preprocess: checked.preprocess,
      graph: graphSpec(bound, file, {
        draws,
        bindings: new Map([[batchName, checked.batch ?? 1]]),
      }),
      place: checked.place,
    });
  }
  const whole = predictionGraph(elaboration.builder, predictions);
  if (whole === null) return { exports, predict: null, graphs };
  const bindings = new Map([[batchName, train.data.program.loader.batch]]);
  const predict = bindDims(whole, bindings);
  graphs.set(predictFile, predict);
  const context = { draws, bindings };
  // The batch's symbol stays in the outputs' shapes: it tells where the records are.
  const { outputs } = graphSpec(whole, predictFile, context);
  return { exports, predict: { ...graphSpec(predict, predictFile, context), outputs }, graphs };
}

const predictFile = "predict.onnx";

/** All predictions; `null` where there are none. */
function predictionGraph(builder: GraphBuilder, predictions: readonly Prediction[]): Graph | null {
  const values = predictions.flatMap(({ name, value }) =>
    value.kind === "tensor" ? [{ name, value: value.value }] : [],
  );
  if (values.length === 0 || values.length < predictions.length) return null;
  return pruned(builder.finish("predict", values));
}

/** Whether raw records can go in; what stands in the way is reported. */
function canPreprocess(
  frame: Frame,
  train: CheckedTrain,
  { preprocessSpan: span }: CheckedExport,
  fields: readonly string[],
): boolean {
  const found = hindrance(train.data.program, fields);
  if (found === null) return true;
  const { field, reason, isDrawn } = found;
  if (isDrawn)
    report(
      frame,
      contradictoryKeys,
      { what: "`preprocess: true`", reason: `needs the same \`${field}\` every time: ${reason}` },
      span,
    );
  else cannotCarryOut(frame, `\`preprocess\` of \`${field}\`, ${reason},`, span);
  return false;
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
