/** Checks what no train reaches: constants, datasets, blocks on their own with symbols for dims. */

import type { BlockDecl } from "../../grammar/ast.js";
import { namedDim } from "../ir/dim.js";
import type { Program } from "../modules.js";
import { applyRecipe } from "./block.js";
import { portInputs } from "./count.js";
import { datasetFindings } from "./data/dataset.js";
import { definitionMeaning } from "./definitions.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { bind, createScope, evaluate, type Fact, type Frame } from "./frame.js";
import { conform, isTensorType } from "./settings.js";
import { dimMeaning, type Meaning, unknown } from "./value.js";

/** Constants, params and datasets of the root module, read by something or not. */
export function checkSettled(session: Session, program: Program, facts: Fact[]): void {
  const frame = rootFrame(createElaboration(session), program.root);
  for (const declaration of program.root.module.declarations)
    if (declaration.kind === "const" || declaration.kind === "param")
      definitionMeaning(frame, { declaration, module: program.root }, declaration.name.span);
    else if (declaration.kind === "dataset")
      facts.push(...datasetFindings(frame, declaration).facts);
}

/** Blocks of the root module that nothing has applied. */
export function checkUnusedBlocks(session: Session, program: Program, facts: Fact[]): void {
  const templates = session.alone.generic;
  for (const declaration of program.root.module.declarations) {
    if (declaration.kind !== "block" || session.applied.has(declaration)) continue;
    const elaboration = createElaboration(session, { generic: "generic", templates });
    const frame = rootFrame(elaboration, program.root);
    const settings = symbolicSettings(frame, declaration);
    const recipe = { declaration, module: program.root, settings, shared: null };
    const inputs = portInputs(frame, recipe);
    if (inputs === null) continue;
    const call = { callee: declaration.name.text, inputs, args: [], span: declaration.name.span };
    applyRecipe(frame, recipe, call, "model");
    facts.push(...elaboration.facts);
  }
}

/** Defaults where there are some; sizes as symbols; the rest unknown. */
function symbolicSettings(frame: Frame, declaration: BlockDecl): ReadonlyMap<string, Meaning> {
  const settings = new Map<string, Meaning>();
  const inner: Frame = { ...frame, scope: createScope(frame.scope) };
  for (const { name, type, value } of declaration.formals) {
    const what = `\`${name.text}\``;
    const sized =
      type?.kind === "setting-type" &&
      type.alternatives.some(
        (one) => one.length === null && (one.name.text === "dim" || one.name.text === "int"),
      );
    const meaning = value === null ? null : evaluate(inner, value, type);
    const setting =
      meaning === null || value === null
        ? sized
          ? dimMeaning(namedDim(name.text))
          : unknown
        : type === null || isTensorType(type)
          ? meaning
          : conform(inner, meaning, type, value.span, what);
    settings.set(name.text, setting);
    bind(inner.scope, name.text, setting, name.span);
  }
  return settings;
}
