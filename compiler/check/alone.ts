/** Checks what no train reaches: constants, datasets, blocks on their own with symbols for dims, `expect` lines. */

import type { BlockDecl, ExpectDecl } from "../../grammar/ast.js";
import { expectationFailed, wrongType } from "../../grammar/diagnostics/types.js";
import { namedDim } from "../ir/dim.js";
import type { Program } from "../modules.js";
import { applyRecipe } from "./block.js";
import { portInputs } from "./count.js";
import { checkDataset } from "./dataset.js";
import { definitionMeaning } from "./definitions.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { evaluate, type Fact, type Frame, report } from "./frame.js";
import { conform, isTensorType } from "./settings.js";
import { describe, dimMeaning, type Meaning, unknown } from "./value.js";

/** Constants, params and datasets of the root module, read by something or not. */
export function checkSettled(session: Session, program: Program): void {
  const frame = rootFrame(createElaboration(session), program.root);
  for (const declaration of program.root.module.declarations)
    if (declaration.kind === "const" || declaration.kind === "param")
      definitionMeaning(frame, { declaration, module: program.root }, declaration.name.span);
    else if (declaration.kind === "dataset") checkDataset(frame, declaration);
}

/** Blocks of the root module that nothing has applied. */
export function checkUnusedBlocks(session: Session, program: Program, facts: Fact[]): void {
  for (const declaration of program.root.module.declarations) {
    if (declaration.kind !== "block" || session.applied.has(declaration)) continue;
    const elaboration = createElaboration(session, { generic: "generic" });
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
  for (const { name, type, value } of declaration.formals) {
    const what = `\`${name.text}\``;
    if (value !== null) {
      const meaning = evaluate(frame, value, type);
      settings.set(
        name.text,
        type === null || isTensorType(type)
          ? meaning
          : conform(frame, meaning, type, value.span, what),
      );
      continue;
    }
    const sized =
      type?.kind === "setting-type" &&
      type.alternatives.some(
        (one) => one.length === null && (one.name.text === "dim" || one.name.text === "int"),
      );
    settings.set(name.text, sized ? dimMeaning(namedDim(name.text)) : unknown);
  }
  return settings;
}

/** `expect` lines of the root module; with an error elsewhere they could only repeat it. */
export function checkExpectations(session: Session, program: Program): void {
  if (session.diagnostics.some(({ severity }) => severity === "error")) return;
  for (const declaration of program.root.module.declarations)
    if (declaration.kind === "expect")
      checkExpectation(rootFrame(createElaboration(session), program.root), declaration);
}

function checkExpectation(frame: Frame, { condition }: ExpectDecl): void {
  const meaning = evaluate(frame, condition);
  if (meaning.kind === "unknown" || (meaning.kind === "bool" && meaning.value)) return;
  if (meaning.kind !== "bool") {
    report(
      frame,
      wrongType,
      { what: "an expectation", expected: "`bool`", found: describe(meaning) },
      condition.span,
    );
    return;
  }
  const { start, end, source } = condition.span;
  const side = (expr: typeof condition): string =>
    describe(evaluate(frame, expr)).replace(/^the (integer|float|dim) /, "");
  const found =
    condition.kind === "binary"
      ? `${side(condition.left)} ${condition.operator} ${side(condition.right)}`
      : "false";
  report(
    frame,
    expectationFailed,
    { condition: source.text.slice(start, end), found },
    condition.span,
  );
}
