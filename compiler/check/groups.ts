/** Parameter groups of a train: `group model.cnn.** where size(p) < 4096 { lr: 0.1 * lr }`. */

import type { Entry, Expr, Formal, GPath, GroupMember } from "../../grammar/ast.js";
import { duplicateKey, missingValue, unknownKey } from "../../grammar/diagnostics/names.js";
import { globMatchesNothing } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { isNumeric, numelOf } from "../ir/type.js";
import { type Bound, scopeOf } from "./bind.js";
import { bind, createScope, evaluate, type Frame, type Member, report } from "./frame.js";
import { type Captures, matchGlob, printGlob, withCaptures } from "./globs.js";
import { type CheckedOptimizer, optimizerOf } from "./optimizer-call.js";
import { conform, isTensorType } from "./settings.js";
import { describe, intOf } from "./value.js";

/** A setting that a group gives, and which group: `2`, or `2[3]` for its index 3. */
export interface GroupSetting extends Bound {
  readonly group: string;
}

/** What groups change for one weight. */
export interface OwnSettings {
  /** The rule that a group gives in the stage's place. */
  readonly optimizer: CheckedOptimizer | null;
  readonly settings: ReadonlyMap<string, GroupSetting>;
}

/** The settings of all weights, and the groups in order. */
export interface SettingsByWeight {
  readonly byWeight: ReadonlyMap<string, OwnSettings>;
  readonly groups: readonly string[];
}

/**
 * For every weight what groups give it: per key the first group that matches and holds it. Their
 * expressions see the optimizer's settings under their names, and the indices that ranges and paths
 * bind. Wrong entries, and groups that match no weight, are reported.
 */
export function settingsByWeight(
  frame: Frame,
  members: readonly GroupMember[],
  optimizer: CheckedOptimizer,
  weights: readonly Member[],
): SettingsByWeight {
  const byWeight = new Map(
    weights.map(({ path }) => [
      path,
      { optimizer: null as CheckedOptimizer | null, settings: new Map<string, GroupSetting>() },
    ]),
  );
  const order: string[] = [];
  for (const [position, member] of members.entries())
    for (const { group, inner, paths } of instancesOf(frame, member, position, weights)) {
      order.push(group);
      const rule = ruleIn(inner, member.entries);
      // One object for all its weights: by that, rules that come out the same are found.
      const settings = [...settingsIn(inner, member.entries, rule ?? optimizer)].map(
        ([key, bound]): readonly [string, GroupSetting] => [key, { ...bound, group }],
      );
      for (const path of paths) {
        const own = byWeight.get(path);
        if (own === undefined) continue;
        own.optimizer ??= rule;
        for (const [key, setting] of settings)
          if (!own.settings.has(key)) own.settings.set(key, setting);
      }
    }
  return { byWeight, groups: order };
}

/** A group for one choice of the indices that its range and its paths bind. */
interface GroupInstance {
  readonly group: string;
  readonly inner: Frame;
  readonly paths: readonly string[];
}

function instancesOf(
  frame: Frame,
  member: GroupMember,
  position: number,
  weights: readonly Member[],
): readonly GroupInstance[] {
  const instances: GroupInstance[] = [];
  for (const index of indicesOf(frame, member)) {
    const scope = createScope(frame.scope);
    const inner: Frame = { ...frame, scope };
    const name = member.binder?.name;
    if (index !== null && name !== undefined) bind(scope, name.text, intOf(index), name.span);
    const found = matched(inner, member, weights);
    // One index without weights is reported; the others would say the same.
    if (found === null) break;
    const chosen = new Map<string, { captures: Captures; paths: string[] }>();
    for (const [path, captures] of found) {
      const key = [...captures.names.values()].join(",");
      const known = chosen.get(key) ?? { captures, paths: [] };
      known.paths.push(path);
      chosen.set(key, known);
    }
    for (const [key, { captures, paths }] of chosen) {
      const parts = [...(index === null ? [] : [String(index)]), ...(key === "" ? [] : [key])];
      const group = `${position + 1}${parts.length === 0 ? "" : `[${parts.join(",")}]`}`;
      instances.push({ group, inner: withCaptures(inner, captures), paths });
    }
  }
  return instances;
}

/** The indices of `(i in 0 .. n)`, or one instance without an index. */
function indicesOf(frame: Frame, { binder }: GroupMember): readonly (number | null)[] {
  if (binder === null) return [null];
  const { from, to } = binder.range;
  const [low, high] = [from, to].map((expr) => (expr === null ? null : evaluate(frame, expr)));
  if (low?.kind === "int" && high?.kind === "int" && high.value - low.value < 10_000)
    return Array.from({ length: Math.max(0, high.value - low.value) }, (_, i) => low.value + i);
  if (low?.kind !== "unknown" && high?.kind !== "unknown") {
    const expected = "two integers known at compile time";
    const [lowText, highText] = [low, high].map((side) =>
      side === null || side === undefined ? "nothing" : describe(side),
    );
    const found = `${lowText ?? ""} and ${highText ?? ""}`;
    report(frame, wrongType, { what: "the range of a group", expected, found }, binder.range.span);
  }
  return [];
}

/** The rule of `optimizer: sgd(lr: 0.1)` in a group. */
function ruleIn(frame: Frame, entries: readonly Entry[]): CheckedOptimizer | null {
  const entry = entries.find(({ key }) => key.length === 1 && key[0]?.text === "optimizer");
  return entry === undefined ? null : optimizerOf(frame, entry.value);
}

function settingsIn(
  outer: Frame,
  entries: readonly Entry[],
  optimizer: CheckedOptimizer,
): ReadonlyMap<string, Bound> {
  const { declaration } = optimizer;
  const frame: Frame = { ...outer, scope: scopeOf(outer, optimizer.settings) };
  const settings = new Map<string, Bound>();
  const places = new Map<string, Span>();
  const known = ["optimizer", ...declaration.formals.map(({ name }) => name.text)];
  for (const { key: path, value, span } of entries) {
    const key = path.map(({ text }) => text).join(".");
    const keySpan = path[0]?.span ?? span;
    const earlier = places.get(key);
    const formal = declaration.formals.find(({ name }) => name.text === key);
    places.set(key, earlier ?? span);
    if (earlier !== undefined)
      report(frame, duplicateKey, { key, owner: "this group" }, keySpan, [
        { span: earlier, text: "first given here" },
      ]);
    else if (value === null) report(frame, missingValue, { key }, span);
    else if (key === "optimizer") continue;
    else if (formal === undefined) {
      const owner = `\`${declaration.name.text}\``;
      report(frame, unknownKey, { key, owner, suggestion: suggest(key, known) }, keySpan);
    } else {
      const meaning = settingOf(frame, formal, value, declaration.name.text);
      if (meaning.kind !== "unknown") settings.set(key, { meaning, span: value.span });
    }
  }
  return settings;
}

function settingOf(frame: Frame, { name, type }: Formal, value: Expr, optimizer: string) {
  const meaning = evaluate(frame, value, type);
  return type === null || isTensorType(type)
    ? meaning
    : conform(frame, meaning, type, value.span, `\`${name.text}\` of \`${optimizer}\``);
}

/** The name of the group of weights that weight decay is usually not for. */
const normsAndBiases = "norms_and_biases";

/** `null` when nothing matches, which is reported. */
function matched(
  frame: Frame,
  { globs, where }: GroupMember,
  weights: readonly Member[],
): ReadonlyMap<string, Captures> | null {
  const paths = weights.map(({ path }) => path);
  const found = new Map<string, Captures>();
  for (const glob of globs) {
    const own = isNormsAndBiases(glob)
      ? normsIn(frame, glob, weights)
      : matchGlob(frame, glob, paths);
    if (own === null) return null;
    for (const [path, captures] of own) if (!found.has(path)) found.set(path, captures);
  }
  if (where === null) return found;
  const chosen = weights.filter((weight) => found.has(weight.path));
  const verdicts = chosen.map((weight) => {
    const captures = found.get(weight.path) ?? noCaptures;
    return holds(withCaptures(frame, captures), where, weight);
  });
  if (verdicts.every((verdict) => verdict === false)) {
    const { source, start, end } = where.span;
    const glob = `${globs.map(printGlob).join(", ")} where ${source.text.slice(start, end)}`;
    report(frame, globMatchesNothing, { glob, suggestion: null }, where.span);
  }
  return new Map(
    chosen.flatMap(({ path }, i) =>
      verdicts[i] === true ? [[path, found.get(path) ?? noCaptures] as const] : [],
    ),
  );
}

const noCaptures: Captures = { names: new Map(), stars: [] };

function normsIn(
  frame: Frame,
  glob: GPath,
  weights: readonly Member[],
): ReadonlyMap<string, Captures> | null {
  const flat = weights.filter(({ value }) => value.type.shape.length <= 1);
  if (flat.length > 0) return new Map(flat.map(({ path }) => [path, noCaptures]));
  report(frame, globMatchesNothing, { glob: normsAndBiases, suggestion: null }, glob.span);
  return null;
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
