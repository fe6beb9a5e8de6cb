/** Predictions: named values of a train's outcome, sampled several times where that is asked for. */

import type { AssignMember, PredictMember } from "../../grammar/ast.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import { nothingDrawn } from "../../grammar/diagnostics/metrics.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import type { Value } from "../ir/graph.js";
import { bindArguments } from "./bind.js";
import { spread } from "./destructure.js";
import { bind, bindLazily, evaluate, type Frame, report, type Scope } from "./frame.js";
import { lossRecord } from "./losses.js";
import type { AppliedModel } from "./model.js";
import { signature } from "./signature.js";
import type { CheckedTrain } from "./train.js";
import { describe, type Meaning, type TupleItem, unknown } from "./value.js";

/** A value that metrics read as `predict.p` or `predict.mc.p`, and exports write. */
export interface Prediction {
  /** `p`, `mc.p`. */
  readonly name: string;
  readonly value: Meaning;
  readonly span: Span;
}

/** Makes `predict` and `loss` readable beside the model's outputs; evaluated when first read. */
export function bindPredictions(model: AppliedModel, train: CheckedTrain): void {
  const { scope } = model.frame;
  const span = train.declaration.name.span;
  bindLazily(scope, "loss", () => lossRecord(model, train.losses), span);
  if (predictsOf(train).length > 0)
    bindLazily(scope, "predict", () => recordOf(predictionsOf(model, train)), span);
}

const predictsOf = (train: CheckedTrain): readonly PredictMember[] =>
  train.declaration.members.filter((member): member is PredictMember => member.kind === "predict");

/** Evaluates every `predict` of the train; what is wrong is reported and unknown. */
export function predictionsOf(model: AppliedModel, train: CheckedTrain): readonly Prediction[] {
  const found: Prediction[] = [];
  for (const member of predictsOf(train)) {
    const frame = frameOf(model, train, member);
    for (const assign of member.assigns)
      for (const [name, value] of assigned(frame, assign)) {
        const path = member.name === null ? name.text : `${member.name.text}.${name.text}`;
        const earlier = found.find(
          (other) => other.name === path || other.name.startsWith(`${path}.`),
        );
        if (earlier === undefined) found.push({ name: path, value, span: name.span });
        else
          report(model.frame, alreadyDefined, { name: `predict.${path}` }, name.span, [
            { span: earlier.span, text: "first defined here" },
          ]);
      }
  }
  return found;
}

/** `mc.p` becomes `p` of the record `mc`. */
function recordOf(predictions: readonly Prediction[]): Meaning {
  const items: TupleItem[] = [];
  for (const { name, value } of predictions) {
    const [head = "", tail] = name.split(".");
    if (tail === undefined) items.push({ name: head, value });
    else if (!items.some((item) => item.name === head))
      items.push({
        name: head,
        value: {
          kind: "tuple",
          items: predictions.flatMap((other) =>
            other.name.startsWith(`${head}.`)
              ? [{ name: other.name.slice(head.length + 1), value: other.value }]
              : [],
          ),
        },
      });
  }
  return { kind: "tuple", items };
}

/** The lines of a block see each other in order, and the outputs: sampled, where it says so. */
function frameOf(model: AppliedModel, train: CheckedTrain, member: PredictMember): Frame {
  const samples = samplesOf(model.frame, member);
  const sampled =
    samples === null ? model.outputs : sampledOutputs(model, samples.value, samples.span);
  const scope: Scope = model.record(sampled);
  bindLazily(scope, "loss", () => lossRecord(model, train.losses), member.span);
  return { ...model.frame, scope, sampling: samples !== null };
}

const predictFormals = signature("predict(samples: int | none = none)");

function samplesOf(
  frame: Frame,
  { name, args, span }: PredictMember,
): { readonly value: number; readonly span: Span } | null {
  const call = { callee: name?.text ?? "predict", inputs: [], args, span };
  const samples = bindArguments(frame, frame, predictFormals, call)?.get("samples");
  if (samples?.meaning.kind !== "int") return null;
  const { value } = samples.meaning;
  if (value >= 1) return { value, span: samples.span };
  report(
    frame,
    wrongType,
    { what: "`samples`", expected: "at least 1", found: String(value) },
    samples.span,
  );
  return null;
}

/** What depends on a draw is made `samples` times and stacked on a new first axis; the rest is kept. */
function sampledOutputs(model: AppliedModel, samples: number, span: Span): AppliedModel["outputs"] {
  const runs = Array.from({ length: samples }, () => model.sample());
  if (!runs.every((run) => run !== null)) return model.outputs;
  const drawn = drawnValues(model);
  const first = at(runs, 0);
  if (!first.some(({ value }) => drawn.has(value.id))) {
    report(model.frame, nothingDrawn, { samples }, span);
    return model.outputs;
  }
  const { builder } = model.elaboration;
  return first.map(({ name, value }, i) => ({
    name,
    value: drawn.has(value.id)
      ? builder.within({ span, scope: "predict" }, () =>
          builder.emit(
            "stack",
            runs.map((run) => at(run, i).value),
            { axis: 0 },
          ),
        )
      : value,
  }));
}

/** The ids of all values that depend on random numbers. */
function drawnValues({ elaboration }: AppliedModel): ReadonlySet<Value["id"]> {
  const drawn = new Set(elaboration.draws.map(({ value }) => value.id));
  for (const node of elaboration.builder.nodes)
    if (node.inputs.some((input) => drawn.has(input.id)))
      for (const output of node.outputs) drawn.add(output.id);
  return drawn;
}

/** The tensors that a line names; later lines see them. */
function assigned(
  frame: Frame,
  { names, value }: AssignMember,
): readonly (readonly [AssignMember["names"][number], Meaning])[] {
  const values = spread(frame, names, evaluate(frame, value));
  return names.flatMap((name, i) => {
    if (name.text === "_") return [];
    const meaning = values[i] ?? unknown;
    bind(frame.scope, name.text, meaning, name.span);
    if (meaning.kind === "tensor" || meaning.kind === "unknown") return [[name, meaning] as const];
    report(
      frame,
      wrongType,
      { what: `the prediction \`${name.text}\``, expected: "a tensor", found: describe(meaning) },
      value.span,
    );
    return [[name, unknown] as const];
  });
}
