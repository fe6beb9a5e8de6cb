/** Counts a block's parameters by applying it to inputs of symbolic extent. */

import type { Port } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { namedDim } from "../ir/dim.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import { printType, sizeOf } from "../ir/type.js";
import { applyRecipe } from "./block.js";
import { moduleFrame, namesAreUnique } from "./definitions.js";
import { bind, createScope, type Elaboration, type Frame, report } from "./frame.js";
import { genericNames, typeOf } from "./ports.js";
import { recipeOf } from "./recipe.js";
import { dimMeaning, type Meaning, tensorOf } from "./value.js";

/** Elements of all weights; `null` when some extent is not a number. */
export function countParameters(frame: Frame, model: Meaning, span: Span): number | null {
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
    if (made.kind !== "unknown")
      report(
        frame,
        wrongType,
        { what: "`model` of `params`", expected: "a block", found: made.kind },
        span,
      );
    return null;
  }
  const { recipe } = made;
  const elaboration: Elaboration = {
    ...frame.elaboration,
    builder: createGraphBuilder(),
    members: new Map(),
    updates: new Map(),
    draws: [],
    facts: [],
    ordinals: new Map(),
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
  const call = { callee: recipe.declaration.name.text, inputs, args: [], span };
  const result = applyRecipe(inner, recipe, call, "model");
  if (result.kind === "unknown") return null;
  let total = 0;
  for (const member of elaboration.members.values()) {
    if (member.role !== "weight") continue;
    const size = sizeOf(member.value.type);
    if (typeof size !== "number") {
      const expected = "of known size without its inputs";
      const found = `\`${printType(member.value.type)}\``;
      report(frame, wrongType, { what: `\`${member.path}\``, expected, found }, span);
      return null;
    }
    total += size;
  }
  return total;
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
    for (const name of genericNames(inner, port.type))
      bind(scope, name, dimMeaning(namedDim(name)));
  const inputs: { name: string; meaning: Meaning; span: Span }[] = [];
  for (const port of ports) {
    if (port.value !== null) continue;
    const type = typeOf(inner, port.type, [namedDim("...")]);
    if (type === null) return null;
    const value = frame.elaboration.builder.input(port.name.text, type);
    inputs.push({ name: port.name.text, meaning: tensorOf(value), span: port.span });
  }
  return inputs;
}
