/** `init { model.cnn: load(file)  model.head.**: normal(0.02) }`: what weights start from. */

import type { Expr, GPath, InitMember } from "../../grammar/ast.js";
import { missingValue, unknownName } from "../../grammar/diagnostics/names.js";
import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { isNumeric, printType } from "../ir/type.js";
import type { Initializer, WeightSource } from "../plan/initial.js";
import { cannotCarryOut, evaluate, type Frame, type Member, report } from "./frame.js";
import { type Captures, matchGlob, withCaptures } from "./globs.js";
import { checkFile } from "./init-files.js";
import { checkSource, type InitTarget, isSource, nearestSource } from "./init-sources.js";
import { resolveInit } from "./members.js";
import { nameMeaning } from "./names.js";
import { asNumber, describe } from "./value.js";

/**
 * The members with the initial values that the rules give: per weight the first rule that matches.
 * Initializers hold for weights, files for weights and states; what comes from elsewhere than an
 * initializer is noted as the member's source, and held against the file where the host can read it.
 * Everything wrong is reported.
 */
export function initialized<T extends Member>(
  frame: Frame,
  inits: readonly InitMember[],
  members: readonly T[],
): readonly T[] {
  const decided = new Map<string, Initializer | null>();
  const sources = new Map<string, WeightSource>();
  for (const { globs, value, span } of inits.flatMap(({ rules }) => rules)) {
    const [first] = globs;
    if (value === null) {
      if (first !== undefined) report(frame, missingValue, { key: textOf(first) }, span);
      continue;
    }
    const fromFile = isSource(value);
    const eligible = fromFile ? members : members.filter(({ role }) => role === "weight");
    const matched = targetsOf(frame, globs, eligible);
    if (matched === null) continue;
    const targets = matched.filter(({ member }) => !decided.has(member.path));
    for (const { member } of matched) if (!decided.has(member.path)) decided.set(member.path, null);
    if (fromFile) {
      // Checked on all that match, so that the order of rules hides no mistake.
      const read = checkSource(frame, value, matched, members);
      if (read === null) continue;
      if (read.form === "hub") cannotCarryOut(frame, "`hub` in `init`", value.span);
      const own = targets.flatMap(({ member }) => {
        const source = read.sources.get(member.path);
        return source === undefined ? [] : [{ member, source }];
      });
      for (const { member, source } of own) sources.set(member.path, source);
      checkFile(frame, value, own);
      continue;
    }
    for (const target of targets) {
      const init = initializerFor(frame, value, target);
      if (init === null) break;
      decided.set(target.member.path, init);
    }
  }
  reportCycles(frame, inits, sources);
  return members.map((member) => {
    const init = decided.get(member.path) ?? null;
    const source = sources.get(member.path);
    if (source !== undefined) return { ...member, source };
    return init === null ? member : { ...member, init };
  });
}

const textOf = ({ span: { source, start, end } }: GPath): string => source.text.slice(start, end);

/** `null` when a path is wrong or matches nothing. */
function targetsOf(
  frame: Frame,
  globs: readonly GPath[],
  members: readonly Member[],
): readonly InitTarget[] | null {
  const targets = new Map<string, Captures>();
  const paths = members.map(({ path }) => path);
  for (const glob of globs) {
    const own = matchGlob(frame, glob, paths);
    if (own === null) return null;
    for (const [path, captures] of own) if (!targets.has(path)) targets.set(path, captures);
  }
  return members.flatMap((member) => {
    const captures = targets.get(member.path);
    return captures === undefined ? [] : [{ member, captures }];
  });
}

function initializerFor(
  frame: Frame,
  value: Expr,
  { member, captures }: InitTarget,
): Initializer | null {
  const inner = withCaptures(frame, captures);
  const callee = value.kind === "call" && value.callee.kind === "name" ? value.callee : null;
  const suggestion = callee === null ? null : nearestSource(callee.name);
  if (callee !== null && suggestion !== null && nameMeaning(inner, callee.name, callee) === null) {
    report(frame, unknownName, { name: callee.name, suggestion }, callee.span);
    return null;
  }
  const meaning = evaluate(inner, value);
  const number = asNumber(meaning);
  if (number !== null) return { kind: "constant", value: number };
  if (meaning.kind === "unknown") return null;
  const { type } = member.value;
  if (meaning.kind === "init") {
    const init = resolveInit(meaning.recipe, type.shape);
    if (init !== null || !isNumeric(type.shape)) return init;
  }
  const what = `the initial value of \`${member.path}\``;
  const expected =
    meaning.kind === "init"
      ? `one that \`${printType(type)}\` has`
      : "a number, an initializer, `load`, `copy`, `blend` or `hub`";
  report(frame, wrongType, { what, expected, found: describe(meaning) }, value.span);
  return null;
}

/** Copies that lead back to themselves have no beginning. */
function reportCycles(
  frame: Frame,
  inits: readonly InitMember[],
  sources: ReadonlyMap<string, WeightSource>,
): void {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): boolean => {
    if (above.includes(path)) {
      const what = `\`${path}\``;
      const reason = "starts from itself, through `copy` or `blend`";
      const place = inits[0]?.span;
      if (place !== undefined) report(frame, contradictoryKeys, { what, reason }, place);
      return true;
    }
    if (done.has(path)) return false;
    done.add(path);
    return readBy(sources.get(path)).some((source) => visit(source, [...above, path]));
  };
  for (const path of sources.keys()) if (visit(path, [])) return;
}

/** Weights of the same model that a weight is made from. */
function readBy(source: WeightSource | undefined): readonly string[] {
  if (source?.kind === "copy") return [source.of];
  return source?.kind === "blend" ? [source.a, source.b] : [];
}
