/** Parameter groups of a train: `group model.cnn.** where size(p) < 4096 { lr: 0.1 * lr }`. */

import type { Entry, Expr, Formal, GPath, GroupMember } from "../../grammar/ast.js";
import { duplicateKey, missingValue, unknownKey } from "../../grammar/diagnostics/names.js";
import { globMatchesNothing } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { isNumeric, numelOf } from "../ir/type.js";
import { type Bound, scopeOf } from "./bind.js";
import { evaluate, type Frame, type Member, report } from "./frame.js";
import { matchGlob, printGlob } from "./globs.js";
import { conform, isTensorType } from "./settings.js";
import type { CheckedOptimizer } from "./train.js";
import { describe } from "./value.js";

/** A group and the settings it gives, in place of the optimizer's. */
export interface CheckedGroup {
  readonly member: GroupMember;
  readonly settings: ReadonlyMap<string, Bound>;
}

/**
 * The entries of groups against the settings of the optimizer, which their expressions see under
 * their names. `null` when an entry is wrong; everything has been reported.
 */
export function checkGroups(
  frame: Frame,
  members: readonly GroupMember[],
  optimizer: CheckedOptimizer,
): readonly CheckedGroup[] | null {
  const inner: Frame = { ...frame, scope: scopeOf(frame, optimizer.settings) };
  const groups = members.map((member) => ({
    member,
    settings: settingsIn(inner, member.entries, optimizer),
  }));
  const sound = groups.flatMap(({ member, settings }) =>
    settings === null ? [] : [{ member, settings }],
  );
  return sound.length === groups.length ? sound : null;
}

function settingsIn(
  frame: Frame,
  entries: readonly Entry[],
  { declaration }: CheckedOptimizer,
): ReadonlyMap<string, Bound> | null {
  const settings = new Map<string, Bound>();
  const places = new Map<string, Span>();
  const known = declaration.formals.map(({ name }) => name.text);
  let sound = true;
  for (const { key: path, value, span } of entries) {
    const key = path.map(({ text }) => text).join(".");
    const keySpan = path[0]?.span ?? span;
    const earlier = places.get(key);
    const formal = declaration.formals.find(({ name }) => name.text === key);
    if (earlier !== undefined)
      report(frame, duplicateKey, { key, owner: "this group" }, keySpan, [
        { span: earlier, text: "first given here" },
      ]);
    else if (formal === undefined) {
      const owner = `\`${declaration.name.text}\``;
      report(frame, unknownKey, { key, owner, suggestion: suggest(key, known) }, keySpan);
    } else if (value === null) report(frame, missingValue, { key }, span);
    else {
      const meaning = settingOf(frame, formal, value, declaration.name.text);
      settings.set(key, { meaning, span: value.span });
    }
    places.set(key, earlier ?? span);
    if (settings.get(key)?.meaning.kind === "unknown" || !settings.has(key)) sound = false;
    if (earlier !== undefined) sound = false;
  }
  return sound ? settings : null;
}

function settingOf(frame: Frame, { name, type }: Formal, value: Expr, optimizer: string) {
  const meaning = evaluate(frame, value, type);
  return type === null || isTensorType(type)
    ? meaning
    : conform(frame, meaning, type, value.span, `\`${name.text}\` of \`${optimizer}\``);
}

/**
 * For every weight the settings that groups give it, and which group (by its position) gave each:
 * the first that matches and holds the key. A group that matches no weight is reported.
 */
export function settingsByWeight(
  frame: Frame,
  groups: readonly CheckedGroup[],
  weights: readonly Member[],
): ReadonlyMap<string, ReadonlyMap<string, Bound & { readonly group: number }>> {
  const result = new Map(
    weights.map(({ path }) => [path, new Map<string, Bound & { readonly group: number }>()]),
  );
  for (const [group, { member, settings }] of groups.entries())
    for (const path of matched(frame, member, weights))
      for (const [key, bound] of settings) {
        const own = result.get(path);
        if (own?.has(key) === false) own.set(key, { ...bound, group });
      }
  return result;
}

/** The name of the group of weights that weight decay is usually not for. */
const normsAndBiases = "norms_and_biases";

function matched(
  frame: Frame,
  { globs, where }: GroupMember,
  weights: readonly Member[],
): ReadonlySet<string> {
  const paths = weights.map(({ path }) => path);
  const found = new Set(
    globs.flatMap((glob) =>
      isNormsAndBiases(glob)
        ? weights.filter((weight) => weight.value.type.shape.length <= 1).map(({ path }) => path)
        : [...matchGlob(frame, glob, paths)],
    ),
  );
  const named = globs.find(isNormsAndBiases);
  if (where === null) {
    if (found.size === 0 && named !== undefined)
      report(frame, globMatchesNothing, { glob: normsAndBiases, suggestion: null }, named.span);
    return found;
  }
  const chosen = weights.filter((weight) => found.has(weight.path));
  const verdicts = chosen.map((weight) => holds(frame, where, weight));
  if (found.size > 0 && verdicts.every((verdict) => verdict === false)) {
    const { source, start, end } = where.span;
    const glob = `${globs.map(printGlob).join(", ")} where ${source.text.slice(start, end)}`;
    report(frame, globMatchesNothing, { glob, suggestion: null }, where.span);
  }
  return new Set(chosen.filter((_, i) => verdicts[i] === true).map(({ path }) => path));
}

const isNormsAndBiases = ({ segments: [first, second] }: GPath): boolean =>
  first?.text === normsAndBiases &&
  first.range === null &&
  first.index === null &&
  second === undefined;

/** `null` when the condition is none, which has been reported. */
function holds(frame: Frame, where: Expr, weight: Member): boolean | null {
  const meaning = evaluate(frame, ofParameter(where, weight));
  if (meaning.kind === "bool") return meaning.value;
  if (meaning.kind !== "unknown")
    report(
      frame,
      wrongType,
      {
        what: "the condition of a group",
        expected: "`bool`, such as `size(p) < 4096`",
        found: describe(meaning),
      },
      where.span,
    );
  return null;
}

/** The condition with `size(p)` and `rank(p)` as the numbers they are for this weight. */
function ofParameter(expr: Expr, weight: Member): Expr {
  switch (expr.kind) {
    case "unary":
      return { ...expr, operand: ofParameter(expr.operand, weight) };
    case "binary":
      return {
        ...expr,
        left: ofParameter(expr.left, weight),
        right: ofParameter(expr.right, weight),
      };
    case "call": {
      const [argument, second] = expr.args;
      const { callee } = expr;
      if (argument?.value.kind !== "name" || argument.value.name !== "p" || second !== undefined)
        return expr;
      const { shape, dtype } = weight.value.type;
      if (callee.kind !== "name" || !isNumeric(shape)) return expr;
      const { span } = expr;
      if (callee.name === "rank")
        return { kind: "number", value: shape.length, integer: true, span };
      return callee.name === "size"
        ? { kind: "number", value: numelOf({ dtype, shape }), integer: true, span }
        : expr;
    }
    default:
      return expr;
  }
}
