/** `each`: a block over an axis, with weights of its own for every index. */

import type { EachStep } from "../../grammar/ast.js";
import { sharedInEach } from "../../grammar/diagnostics/axes.js";
import { countAlong, cutInputs, stackOutputs } from "./along.js";
import { child, evaluate, type Frame, report } from "./frame.js";
import type { ApplyCopy, StepInput } from "./repeat.js";
import { type Meaning, unknown } from "./value.js";

/**
 * Carried out by unrolling: the weights of index i are those under `base.i`, each a leaf of its own
 * for rules, freezing, draws and checkpoints.
 */
export function each(
  frame: Frame,
  step: EachStep,
  inputs: readonly StepInput[],
  base: string,
  applyCopy: ApplyCopy,
): Meaning {
  const along = countAlong(frame, "each", step.axis, inputs);
  if (along === null) return unknown;
  const callee = evaluate(frame, step.body.callee);
  if (callee.kind === "recipe" && callee.recipe.shared !== null) {
    const { source, start, end } = step.body.callee.span;
    report(frame, sharedInEach, { name: source.text.slice(start, end) }, step.body.callee.span);
    return unknown;
  }
  const rows = cutInputs(frame, inputs, along, "whole");
  if (rows === null) return unknown;
  const path = child(frame.path, base);
  const isBlock = callee.kind === "definition" || callee.kind === "recipe";
  if (isBlock) frame.elaboration.stacks.set(path, { axis: step.axis.text, count: along.count });
  const results: Meaning[] = [];
  for (const [index, row] of rows.entries()) {
    const result = applyCopy(frame, step.body, row, child(path, String(index)));
    // What is wrong with one copy is wrong with all.
    if (result.kind === "unknown") return unknown;
    results.push(result);
  }
  return stackOutputs(frame, "each", results, along, step.span);
}
