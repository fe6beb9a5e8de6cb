/** Applies a train's model to a batch, and gives names to what comes out. */

import { ambiguousName, missingField } from "../../grammar/diagnostics/program.js";
import { type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Value } from "../ir/graph.js";
import type { TensorType } from "../ir/type.js";
import type { ModuleScope } from "../modules.js";
import { applyRecipe } from "./block.js";
import { batchDim, rootFrame } from "./elaboration.js";
import {
  bind,
  bindLazily,
  createScope,
  type Elaboration,
  type Frame,
  report,
  type Scope,
} from "./frame.js";
import { presence } from "./inputs.js";
import { flatOutputs, type NamedOutput, outputMeanings } from "./model-outputs.js";
import type { CheckedTrain } from "./train.js";
import { type Meaning, tensorOf, unknown } from "./value.js";

/** A model applied to a batch. */
export interface AppliedModel {
  readonly elaboration: Elaboration;
  readonly outputs: readonly NamedOutput[];
  readonly fields: ReadonlyMap<string, Value>;
  /** Sees outputs and fields by name, and `out.x`, `field.x`. */
  readonly frame: Frame;
  /**
   * The outputs of the same model applied once more, with draws of its own and batch statistics
   * as they are kept: for predictions that are sampled. `null` when an output is wrong.
   */
  readonly sample: () => AppliedModel["outputs"] | null;
  /** The names in sight of a train's lines with these outputs in place of the model's. */
  readonly record: (outputs: AppliedModel["outputs"]) => Scope;
}

/** Feeds the model's inputs from the fields of their names; a field becomes an input when it is read. */
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
  const settled: Frame = { ...frame, module: train.model.module, scope: createScope(null) };
  for (const [name, meaning] of train.model.settings) bind(settled.scope, name, meaning);
  const inputs: { name: string; meaning: Meaning; span: Span }[] = [];
  let complete = true;
  for (const port of declaration.members) {
    if (port.kind !== "port" || port.direction !== "in") continue;
    if (presence(settled, port.guard) === "absent") continue;
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
  const outputs = outputsOf(frame);
  if (outputs === null) return null;
  const scope = record(outputs);
  return { elaboration, outputs, fields, frame: { ...frame, scope }, sample, record };

  function outputsOf(place: Frame): AppliedModel["outputs"] | null {
    return flatOutputs(declaration, applyRecipe(place, train.model, call, "model"));
  }

  function sample(): AppliedModel["outputs"] | null {
    // Taps are those of the evaluation; weights are the ones it has made.
    const again = { ...elaboration, taps: new Map<string, readonly Meaning[]>() };
    return outputsOf({
      ...frame,
      elaboration: again,
      sampling: true,
      training: false,
      again: true,
    });
  }

  function record(named: AppliedModel["outputs"]): Scope {
    const inSight = createScope(null);
    const given = outputMeanings(declaration, named);
    for (const [name, meaning] of given) {
      if (!train.data.fields.has(name)) bind(inSight, name, meaning);
      else
        bindLazily(
          inSight,
          name,
          () => {
            report(frame, ambiguousName, { name }, train.declaration.name.span);
            return unknown;
          },
          train.declaration.name.span,
        );
    }
    for (const [name, type] of train.data.fields)
      if (!given.has(name))
        bindLazily(inSight, name, () => tensorOf(fieldValue(name, type)), train.modelSpan);
    bind(inSight, "out", {
      kind: "tuple",
      items: [...given].map(([name, value]) => ({ name, value })),
    });
    bindLazily(
      inSight,
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
    return inSight;
  }
}
