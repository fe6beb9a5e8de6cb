/** Applies a train's model to a batch, and evaluates its losses and metrics on the outcome. */

import type { AssignMember, Expr, LossMember } from "../../grammar/ast.js";
import { alreadyDefined, unknownName } from "../../grammar/diagnostics/names.js";
import {
  ambiguousName,
  missingField,
  noTotal,
  notALoss,
} from "../../grammar/diagnostics/program.js";
import { shapesDiffer, wrongType } from "../../grammar/diagnostics/types.js";
import { type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Value } from "../ir/graph.js";
import { printType, type TensorType } from "../ir/type.js";
import type { ModuleScope } from "../modules.js";
import { bindArguments } from "./bind.js";
import { applyRecipe } from "./block.js";
import { batchDim, rootFrame } from "./elaboration.js";
import {
  bind,
  bindLazily,
  createScope,
  type Elaboration,
  evaluate,
  type Frame,
  report,
  type Scope,
} from "./frame.js";
import { settingsOf } from "./read.js";
import { signature } from "./signature.js";
import type { CheckedTrain } from "./train.js";
import { describe, type Loss, type Meaning, tensorOf, type TupleItem, unknown } from "./value.js";

/** A model applied to a batch. */
export interface AppliedModel {
  readonly elaboration: Elaboration;
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  readonly fields: ReadonlyMap<string, Value>;
  /** Sees outputs and fields by name, and `out.x`, `field.x`. */
  readonly frame: Frame;
}

/** `needed` limits the fields that become inputs; `all` keeps every one. */
export function applyModel(
  elaboration: Elaboration,
  module: ModuleScope,
  train: CheckedTrain,
  mode: { readonly training: boolean },
): AppliedModel | null {
  const frame: Frame = {
    ...rootFrame(elaboration, module),
    training: mode.training,
    sampling: mode.training,
  };
  const { declaration } = train.model;
  const fields = new Map<string, Value>();
  const fieldValue = (name: string, type: TensorType): Value => {
    const known = fields.get(name);
    if (known !== undefined) return known;
    const value = elaboration.builder.input(`field:${name}`, {
      dtype: type.dtype,
      shape: [batchDim, ...type.shape],
    });
    fields.set(name, value);
    return value;
  };
  const inputs: { name: string; meaning: Meaning; span: Span }[] = [];
  let complete = true;
  for (const port of declaration.members) {
    if (port.kind !== "port" || port.direction !== "in") continue;
    const type = train.data.fields.get(port.name.text);
    if (type !== undefined)
      inputs.push({
        name: port.name.text,
        meaning: tensorOf(fieldValue(port.name.text, type)),
        span: train.modelSpan,
      });
    else if (port.value === null) {
      complete = false;
      report(
        frame,
        missingField,
        {
          port: port.name.text,
          dataset: train.data.program.name,
          suggestion: suggest(port.name.text, train.data.fields.keys()),
        },
        train.modelSpan,
        [{ span: port.span, text: "the input is declared here" }],
      );
    }
  }
  if (!complete) return null;
  const call = { callee: declaration.name.text, inputs, args: [], span: train.modelSpan };
  const result = applyRecipe(frame, train.model, call, "model");
  const items: readonly TupleItem[] =
    result.kind === "tuple" ? result.items : [{ name: outputName(train), value: result }];
  const outputs = items.flatMap(({ name, value }) =>
    value.kind === "tensor" && name !== null ? [{ name, value: value.value }] : [],
  );
  if (outputs.length !== items.length) return null;
  return { elaboration, outputs, fields, frame: { ...frame, scope: recordScope() } };

  function recordScope() {
    const scope = createScope(null);
    const names = new Set(outputs.map(({ name }) => name));
    for (const { name, value } of outputs) {
      if (!train.data.fields.has(name)) bind(scope, name, tensorOf(value));
      else
        bindLazily(
          scope,
          name,
          () => {
            report(frame, ambiguousName, { name }, train.declaration.name.span);
            return unknown;
          },
          train.declaration.name.span,
        );
    }
    for (const [name, type] of train.data.fields)
      if (!names.has(name))
        bindLazily(scope, name, () => tensorOf(fieldValue(name, type)), train.modelSpan);
    bind(scope, "out", {
      kind: "tuple",
      items: outputs.map(({ name, value }) => ({ name, value: tensorOf(value) })),
    });
    bindLazily(
      scope,
      "field",
      () => ({
        kind: "tuple",
        items: [...train.data.fields].map(([name, type]) => ({
          name,
          value: tensorOf(fieldValue(name, type)),
        })),
      }),
      train.modelSpan,
    );
    return scope;
  }
}

const outputName = (train: CheckedTrain): string | null =>
  train.model.declaration.members.find(
    (member) => member.kind === "port" && member.direction === "out",
  )?.kind === "port"
    ? (train.model.declaration.members.flatMap((member) =>
        member.kind === "port" && member.direction === "out" ? [member.name.text] : [],
      )[0] ?? null)
    : null;

export interface NamedLoss {
  readonly name: string;
  readonly loss: Loss;
  readonly span: Span;
}

/** The named losses, the one to minimize last; `null` when one is wrong. */
export function evaluateLosses(
  model: AppliedModel,
  train: CheckedTrain,
): readonly NamedLoss[] | null {
  const { frame } = model;
  const scope = createScope(frame.scope);
  const inner: Frame = { ...frame, scope };
  const losses: NamedLoss[] = [];
  let sound = true;
  for (const assign of train.losses.flatMap((member) => lossLines(scope, member))) {
    const [name] = assign.names;
    if (name === undefined) continue;
    const meaning = evaluate(inner, assign.value);
    const earlier = losses.find((loss) => loss.name === name.text);
    if (earlier !== undefined)
      report(frame, alreadyDefined, { name: name.text }, name.span, [
        { span: earlier.span, text: "first defined here" },
      ]);
    bind(scope, name.text, meaning, name.span);
    if (meaning.kind === "loss")
      losses.push({ name: name.text, loss: meaning.loss, span: assign.span });
    else {
      sound = false;
      if (meaning.kind !== "unknown")
        report(frame, notALoss, { name: name.text, found: describe(meaning) }, assign.value.span);
    }
  }
  if (!sound) return null;
  const total =
    losses.find((loss) => loss.name === "total") ?? (losses.length === 1 ? losses[0] : undefined);
  if (total === undefined) {
    report(frame, noTotal, {}, train.losses[0]?.span ?? train.declaration.span);
    return null;
  }
  return [...losses.filter((loss) => loss !== total), total];
}

/** The assignments of the unnamed loss; its other lines were refused when the module was read. */
function lossLines(scope: Scope, { name, members }: LossMember): readonly AssignMember[] {
  if (name !== null) return [];
  for (const line of members)
    if (line.kind === "let")
      for (const each of line.names) bind(scope, each.text, unknown, each.span);
    else if (line.kind !== "assign") bind(scope, line.name.text, unknown, line.name.span);
  return members.filter((line): line is AssignMember => line.kind === "assign");
}

/** A metric with the tensors it reads. */
export interface EvaluatedMetric {
  readonly split: "val" | "test";
  readonly name: string;
  readonly kind: "accuracy" | "f1" | "auroc";
  readonly logits: Value;
  readonly labels: Value;
  readonly within: Value | null;
  readonly threshold: number;
  readonly span: Span;
}

const measures = {
  accuracy: signature("accuracy(logits, labels)"),
  f1: signature("f1(logits, labels, threshold: float = 0.5)"),
  auroc: signature("auroc(logits, labels, within = none)"),
} as const;

export function evaluateMetrics(
  model: AppliedModel,
  train: CheckedTrain,
): readonly EvaluatedMetric[] {
  const { frame } = model;
  const metrics: EvaluatedMetric[] = [];
  for (const member of train.metrics) {
    const split = member.split?.text ?? null;
    if (split !== null && split !== "val" && split !== "test") {
      report(
        frame,
        unknownName,
        { name: split, suggestion: suggest(split, ["val", "test"]) },
        member.split?.span ?? member.span,
      );
      continue;
    }
    const splits = split === null ? (["val", "test"] as const) : ([split] as const);
    for (const assign of member.assigns) {
      const read = evaluateMetric(frame, assign);
      if (read === null) continue;
      for (const each of splits) {
        const earlier = metrics.find(
          (metric) => metric.split === each && metric.name === read.name,
        );
        if (earlier === undefined) metrics.push({ ...read, split: each });
        else
          report(frame, alreadyDefined, { name: `${each}.${read.name}` }, assign.span, [
            { span: earlier.span, text: "first defined here" },
          ]);
      }
    }
  }
  return metrics;
}

function evaluateMetric(frame: Frame, assign: AssignMember): Omit<EvaluatedMetric, "split"> | null {
  const [name] = assign.names;
  const expr: Expr = assign.value;
  if (name === undefined || expr.kind === "broken") return null;
  const callee = expr.kind === "call" && expr.callee.kind === "name" ? expr.callee.name : null;
  const kind = (["accuracy", "f1", "auroc"] as const).find((measure) => measure === callee);
  if (expr.kind !== "call" || kind === undefined) {
    if (callee === null)
      report(
        frame,
        wrongType,
        {
          what: "a metric",
          expected: "`accuracy(…)`, `f1(…)` or `auroc(…)`",
          found: "another expression",
        },
        expr.span,
      );
    else
      report(
        frame,
        unknownName,
        { name: callee, suggestion: suggest(callee, Object.keys(measures)) },
        expr.span,
      );
    return null;
  }
  const bound = bindArguments(frame, frame, measures[kind], {
    callee: kind,
    inputs: [],
    args: expr.args,
    span: expr.span,
  });
  if (bound === null) return null;
  const settings = settingsOf(bound);
  if (!settings.isKnown) return null;
  const tensor = (key: string): Value | null => {
    const argument = bound.get(key);
    if (argument === undefined || argument.meaning.kind === "none") return null;
    if (argument.meaning.kind === "tensor") return argument.meaning.value;
    report(
      frame,
      wrongType,
      {
        what: `\`${key}\` of \`${kind}\``,
        expected: "a tensor",
        found: describe(argument.meaning),
      },
      argument.span,
    );
    return null;
  };
  const logits = tensor("logits");
  const labels = tensor("labels");
  if (logits === null || labels === null) return null;
  const label = bound.get("labels");
  const expected = labelType(kind, logits.type);
  const shape = printType(labels.type).slice(labels.type.dtype.length);
  if (!expected.includes(shape)) {
    report(
      frame,
      shapesDiffer,
      { what: "the label", expected: expected.join(" or "), found: printType(labels.type) },
      label?.span ?? expr.span,
    );
    return null;
  }
  return {
    name: name.text,
    kind,
    logits,
    labels,
    within: bound.has("within") ? tensor("within") : null,
    threshold: kind === "f1" ? settings.number("threshold") : 0.5,
    span: assign.span,
  };
}

/** Shapes of labels that fit: classes are one per record, binary ones are as the logits. */
function labelType(kind: EvaluatedMetric["kind"], logits: TensorType): readonly string[] {
  const print = (shape: TensorType["shape"]): string =>
    printType({ dtype: "f32", shape }).slice("f32".length);
  const same = print(logits.shape);
  return kind === "accuracy" && logits.shape.length > 1
    ? [print(logits.shape.slice(0, -1)), same]
    : [same];
}
