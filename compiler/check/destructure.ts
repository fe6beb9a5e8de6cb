/** Bodies and destructuring: `let a, b = …`, `{ let … value }`. */

import type { Body, Name, TypeNode } from "../../grammar/ast.js";
import { outputCount } from "../../grammar/diagnostics/program.js";
import { bind, child, createScope, evaluate, type Frame, report } from "./frame.js";
import { type Meaning, unknown } from "./value.js";

/** `{ let … value }`: the lets are seen by the value alone. */
export function evaluateBody(frame: Frame, body: Body, expected: TypeNode | null = null): Meaning {
  if (body.lets.length === 0) return evaluate(frame, body.value, expected);
  const inner: Frame = { ...frame, scope: createScope(frame.scope) };
  for (const item of body.lets) {
    const meaning = evaluate(inner, item.value);
    if (item.kind === "const") bind(inner.scope, item.name.text, meaning, item.name.span);
    else destructure(inner, item.names, shareRecipe(inner, item.names, meaning));
  }
  return evaluate(inner, body.value, expected);
}

/** `let enc = Encoder(64)`: all applications of `enc` share the weights under `enc`. */
export const shareRecipe = (frame: Frame, names: readonly Name[], meaning: Meaning): Meaning =>
  meaning.kind === "recipe" && meaning.recipe.shared === null
    ? {
        kind: "recipe",
        recipe: { ...meaning.recipe, shared: child(frame.path, names[0]?.text ?? "") },
      }
    : meaning;

/** Binds `let a, b = …`. */
export function destructure(frame: Frame, names: readonly Name[], meaning: Meaning): void {
  const values = spread(frame, names, meaning);
  names.forEach((name, i) => {
    if (name.text !== "_") bind(frame.scope, name.text, values[i] ?? unknown, name.span);
  });
}

/** One meaning per name; a call's outputs or a list are taken apart. */
export function spread(frame: Frame, names: readonly Name[], meaning: Meaning): readonly Meaning[] {
  if (names.length === 1) return [meaning];
  if (meaning.kind === "unknown") return names.map(() => unknown);
  const items =
    meaning.kind === "tuple"
      ? meaning.items.map((item) => item.value)
      : meaning.kind === "list"
        ? meaning.items
        : [meaning];
  const first = names[0];
  if (items.length !== names.length && first !== undefined)
    report(frame, outputCount, { expected: names.length, found: items.length }, first.span);
  return items;
}
