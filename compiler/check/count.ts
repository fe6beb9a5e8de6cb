/** Blocks on their own, applied to inputs of symbolic extent: their weights, their inputs. */

import type { BlockDecl, Port, TypeNode } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { namedDim } from "../ir/dim.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Value } from "../ir/graph.js";
import { isNumeric, printType, type TensorType } from "../ir/type.js";
import { templatesAlone } from "./alike.js";
import type { CallSite } from "./bind.js";
import { applyRecipe } from "./block.js";
import { moduleFrame, namesAreUnique } from "./definitions.js";
import { bind, createScope, type Elaboration, evaluate, type Frame, report } from "./frame.js";
import { bindConstants, presence } from "./inputs.js";
import { typeOf } from "./ports.js";
import { recipeOf } from "./recipe.js";
import { namesIn } from "./solve.js";
import { asDim, describe, dimMeaning, type Meaning, tensorOf, unknown } from "./value.js";

/** A block applied to inputs of symbolic extent, apart from everything else. */
export interface AppliedAlone {
  readonly elaboration: Elaboration;
  readonly outputs: readonly Value[];
}

/** `null` when `model` is no block or cannot be applied, which is reported. */
export function applyAlone(frame: Frame, model: Meaning, call: CallSite): AppliedAlone | null {
  const { span, callee } = call;
  const made =
    model.kind === "definition" && model.definition.declaration.kind === "block"
      ? recipeOf(frame, model.definition, {
          callee: model.definition.declaration.name.text,
          inputs: [],
          args: [],
          span,
        })
      : model;
  if (made.kind !== "recipe") {
    const what = `\`model\` of \`${callee}\``;
    const place = call.args[0]?.value.span ?? span;
    if (made.kind !== "unknown")
      report(frame, wrongType, { what, expected: "a block", found: describe(made) }, place);
    return null;
  }
  const { recipe } = made;
  const elaboration: Elaboration = {
    ...frame.elaboration,
    builder: createGraphBuilder(),
    members: new Map(),
    updates: new Map(),
    draws: [],
    stacks: new Map(),
    facts: [],
    taps: new Map(),
    ordinals: new Map(),
    applications: [],
    results: new Map(),
    ...templatesAlone(frame.elaboration),
  };
  const inner: Frame = {
    ...moduleFrame(frame, recipe.module),
    elaboration,
    path: "model",
    training: false,
    sampling: false,
  };
  const inputs = portInputs(inner, recipe);
  if (inputs === null) return null;
  const site = { callee: recipe.declaration.name.text, inputs, args: [], span };
  const before = elaboration.diagnostics.length;
  const result = applyRecipe(inner, recipe, site, "model");
  if (isSettled(result)) return { elaboration, outputs: tensorsIn(result) };
  // A mistake has been reported, here or at an earlier use; what depends on extents has not.
  if (elaboration.diagnostics.length === before && !frame.elaboration.generic) {
    const what = `\`model\` of \`${callee}\``;
    const expected = "a block whose inputs have extents that are numbers";
    const found = describe(made);
    report(frame, wrongType, { what, expected, found }, call.args[0]?.value.span ?? span);
  }
  return null;
}

const isSettled = (meaning: Meaning): boolean =>
  meaning.kind === "tuple"
    ? meaning.items.every(({ value }) => isSettled(value))
    : meaning.kind === "list"
      ? meaning.items.every(isSettled)
      : meaning.kind !== "unknown";

const tensorsIn = (meaning: Meaning): readonly Value[] => {
  if (meaning.kind === "tensor") return [meaning.value];
  if (meaning.kind === "list") return meaning.items.flatMap(tensorsIn);
  return meaning.kind === "tuple" ? meaning.items.flatMap(({ value }) => tensorsIn(value)) : [];
};

/** The weights of a block; `null` also when some extent is not a number. */
export function weightsOf(
  frame: Frame,
  model: Meaning,
  call: CallSite,
): readonly { readonly path: string; readonly type: TensorType }[] | null {
  const applied = applyAlone(frame, model, call);
  if (applied === null) return null;
  const weights = [...applied.elaboration.members.values()].flatMap(({ role, path, value }) =>
    role === "weight" ? [{ path, type: value.type }] : [],
  );
  const open = weights.find(({ type }) => !isNumeric(type.shape));
  if (open === undefined) return weights;
  const expected = "of known size without its inputs";
  const found = `\`${printType(open.type)}\``;
  report(frame, wrongType, { what: `\`${open.path}\``, expected, found }, call.span);
  return null;
}

/** Inputs for every `in` port, generic names as symbols. */
export function portInputs(
  frame: Frame,
  recipe: Extract<Meaning, { kind: "recipe" }>["recipe"],
): { name: string; meaning: Meaning; span: Span }[] | null {
  const ports = recipe.declaration.members.filter(
    (member): member is Port => member.kind === "port" && member.direction === "in",
  );
  if (!namesAreUnique(frame, recipe.declaration)) return null;
  const scope = createScope(frame.scope);
  for (const [name, meaning] of recipe.settings) bind(scope, name, meaning);
  const inner: Frame = { ...frame, scope };
  for (const port of ports)
    for (const name of namesIn(inner, recipe.declaration, port.type))
      bind(scope, name, dimMeaning(namedDim(name)));
  bindConstants(inner, recipe.declaration);
  for (const { type } of ports)
    for (const { axis, size } of type.kind === "tensor-type" ? type.dims : []) {
      if (axis === null || size === null || !scope.names.has(axis.text)) continue;
      // `T = 3` says what the symbol is worth.
      const extent = evaluate(inner, size);
      if (asDim(extent) !== null) bind(scope, axis.text, extent);
    }
  const inputs: { name: string; meaning: Meaning; span: Span }[] = [];
  for (const port of ports) {
    if (port.value !== null || presence(inner, port.guard) !== "present") continue;
    const meaning = portInput(inner, recipe.declaration, port.name.text, port.type);
    if (meaning === null) return null;
    inputs.push({ name: port.name.text, meaning, span: port.span });
  }
  return inputs;
}

/** A tensor of symbolic extents, or a list of them, unknown where its length is. */
function portInput(
  frame: Frame,
  declaration: BlockDecl,
  name: string,
  type: TypeNode,
): Meaning | null {
  if (type.kind !== "list-type") {
    const tensor = typeOf(frame, type, [namedDim("...")]);
    if (tensor === null) return null;
    return tensorOf(frame.elaboration.builder.input(name, tensor));
  }
  const length = type.length === null ? unknown : evaluate(frame, type.length);
  if (length.kind === "int") {
    const items = Array.from({ length: length.value }, (_, i) =>
      portInput(frame, declaration, `${name}.${i}`, type.item),
    );
    return items.every((item) => item !== null) ? { kind: "list", items } : null;
  }
  if (frame.elaboration.generic) return unknown;
  report(
    frame,
    wrongType,
    {
      what: "`model` of `params`",
      expected: "a block whose lists say how long they are",
      found: `\`${declaration.name.text}\` with the list \`${name}\``,
    },
    type.span,
  );
  return null;
}
