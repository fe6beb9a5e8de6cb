/** Recipes: a block with its settings bound. */

import { type CallSite, bindArguments } from "./bind.js";
import { moduleFrame } from "./definitions.js";
import { type Frame, leavesOpen } from "./frame.js";
import type { Definition } from "../modules.js";
import { invariant } from "../../grammar/invariant.js";
import { type Meaning, unknown } from "./value.js";

/** `Conv2d(64, kernel: 3)`: unknown when a setting is wrong, so that nothing follows from it. */
export function recipeOf(frame: Frame, definition: Definition, call: CallSite): Meaning {
  const { declaration, module } = definition;
  invariant(declaration.kind === "block", "a recipe is made of a block");
  const home = moduleFrame(frame, module);
  const bound = bindArguments(frame, home, declaration.formals, call);
  if (bound === null) return unknown;
  const settings = new Map([...bound].map(([name, { meaning }]) => [name, meaning]));
  if ([...settings.values()].some(({ kind }) => kind === "unknown") && !leavesOpen(frame))
    return unknown;
  return { kind: "recipe", recipe: { declaration, module, settings, shared: null } };
}
