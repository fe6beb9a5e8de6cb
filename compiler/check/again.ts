/**
 * An instance that is applied once more, as for the samples of a prediction: to the same tensors it
 * gives the tensors it gave, unless it draws.
 */

import type { BlockDecl } from "../../grammar/ast.js";
import { applicationKey, tensorsOf } from "./application-key.js";
import type { CallSite } from "./bind.js";
import type { Frame } from "./frame.js";
import type { Meaning, Recipe } from "./value.js";

/** By block, by its path, how it is applied and to what. */
export type Results = Map<BlockDecl, Map<string, Meaning>>;

/** The outputs of `apply`, or of the same application before it. Training moves states each time. */
export function applyAgain(
  frame: Frame,
  recipe: Recipe,
  call: CallSite,
  path: string,
  apply: () => Meaning,
): Meaning {
  const alike = frame.training ? null : applicationKey(frame, recipe, call, path);
  if (alike === null) return apply();
  const { results, builder, budget } = frame.elaboration;
  const ofBlock = results.get(recipe.declaration) ?? new Map<string, Meaning>();
  results.set(recipe.declaration, ofBlock);
  const key = [path, alike, ...tensorsOf(call).map(({ id }) => id)].join("\n");
  const known = ofBlock.get(key);
  if (known !== undefined) return known;
  const [inputs, effects] = [builder.inputs.length, budget.effects];
  const result = apply();
  if (builder.inputs.length === inputs && budget.effects === effects) ofBlock.set(key, result);
  return result;
}
