/** Where weights come from: `load`, `copy`, `blend` and `hub`, checked against the model. */

import type { Argument, CallExpr, Expr, GPath } from "../../grammar/ast.js";
import { sourceMissing, sourceShape, unknownPolicy } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { printType, sameType } from "../ir/type.js";
import { type Bound, bindArguments } from "./bind.js";
import { type Frame, type Member, report } from "./frame.js";
import { type Captures, withCaptures } from "./globs.js";
import { globOfExpr, pathFromTemplate } from "./path-expr.js";
import { isKnown } from "./read.js";
import { signature } from "./signature.js";
import { asNumber, describe } from "./value.js";

/** A weight that a rule matches, and what its open parts stand for there. */
export interface InitTarget {
  readonly member: Member;
  readonly captures: Captures;
}

/** A source that is sound. */
export interface CheckedSource {
  readonly form: string;
  /** Weights of the same model that each target is made from. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

const forms = {
  load: signature("load(file: path, from = none, resize = none, missing: error | keep = error)"),
  copy: signature("copy(path, noise: init = 0)"),
  blend: signature("blend(a, b, alpha = 0.5)"),
  hub: signature("hub(name: string)"),
} as const;
type Form = keyof typeof forms;

/** Arguments that are no values: paths, and calls from a list of their own. */
const unevaluated: Readonly<Record<Form, readonly string[]>> = {
  load: ["from", "resize"],
  copy: ["path"],
  blend: ["a", "b", "alpha"],
  hub: [],
};

/** Whether the value is a call of one of the sources. */
export const isSource = (value: Expr): value is CallExpr => formOf(value) !== null;

/** The source that a misspelt call may mean. */
export const nearestSource = (name: string): string | null => suggest(name, Object.keys(forms));

const formOf = (value: Expr): Form | null =>
  value.kind === "call" && value.callee.kind === "name" && value.callee.name in forms
    ? (value.callee.name as Form)
    : null;

/** `null` when it is wrong for one of the targets, which is reported. */
export function checkSource(
  frame: Frame,
  call: CallExpr,
  targets: readonly InitTarget[],
  members: readonly Member[],
): CheckedSource | null {
  const form = formOf(call) ?? "load";
  const written = new Map<string, Expr>();
  const args = call.args.map((argument, i) => {
    const name = argument.name?.text ?? forms[form][i]?.name.text ?? "";
    if (!unevaluated[form].includes(name)) return argument;
    written.set(name, argument.value);
    return standIn(argument);
  });
  for (const target of targets) {
    const inner = withCaptures(frame, target.captures);
    const site = { callee: form, inputs: [], args, span: call.span };
    const bound = bindArguments(inner, frame, forms[form], site);
    if (bound === null || [...bound.values()].some(({ meaning }) => !isKnown(meaning))) return null;
    if (!settingsAreSound(inner, form, bound, written, target)) return null;
  }
  const sources = new Map<string, readonly string[]>();
  const read = form === "copy" ? ["path"] : form === "blend" ? ["a", "b"] : [];
  for (const target of targets) {
    const own: string[] = [];
    for (const key of form === "load" ? ["from"] : read) {
      const expr = written.get(key);
      if (expr === undefined) continue;
      const path = templatePath(frame, expr, target);
      if (path === null) return null;
      if (form === "load") continue;
      if (!isThere(frame, path, target, members, expr)) return null;
      own.push(path);
    }
    sources.set(target.member.path, own);
  }
  return { form, sources };
}

const standIn = (argument: Argument): Argument => ({
  ...argument,
  value: { kind: "bool", value: true, span: argument.value.span },
});

function settingsAreSound(
  frame: Frame,
  form: Form,
  bound: ReadonlyMap<string, Bound>,
  written: ReadonlyMap<string, Expr>,
  target: InitTarget,
): boolean {
  const text = (key: string): string => {
    const meaning = bound.get(key)?.meaning;
    return meaning?.kind === "string" ? meaning.value : "";
  };
  if (form === "load") {
    const resize = written.get("resize");
    return (
      fits(frame, bound, "file", text("file") !== "", "a path of a file") &&
      (resize === undefined || resizeIsSound(frame, resize, target))
    );
  }
  if (form === "hub") {
    const named = /^[\w.-]+(\/[\w.-]+)+$/.test(text("name"));
    return fits(frame, bound, "name", named, "a name such as `timm/resnet34`");
  }
  const alpha = written.get("alpha");
  return form !== "blend" || alpha === undefined || alphaIsSound(frame, alpha);
}

function fits(
  frame: Frame,
  bound: ReadonlyMap<string, Bound>,
  key: string,
  sound: boolean,
  expected: string,
): boolean {
  const given = bound.get(key);
  if (sound || given === undefined) return sound;
  const found = describe(given.meaning);
  report(frame, wrongType, { what: `\`${key}\``, expected, found }, given.span);
  return false;
}

const resizeForms = ["nearest", "linear", "bicubic"];
const resizeFormals = signature("resize(axes: int[])");

/** `bicubic(axes: [1, 2])`: axes that the weight has. */
function resizeIsSound(frame: Frame, expr: Expr, { member }: InitTarget): boolean {
  const name = expr.kind === "call" && expr.callee.kind === "name" ? expr.callee.name : "";
  if (expr.kind !== "call" || !resizeForms.includes(name)) {
    const suggestion = suggest(name, resizeForms);
    const shown = name === "" ? "this expression" : name;
    const params = { key: "resize", name: shown, suggestion, forms: resizeForms };
    report(frame, unknownPolicy, params, expr.span);
    return false;
  }
  const call = { callee: name, inputs: [], args: expr.args, span: expr.span };
  const axes = bindArguments(frame, frame, resizeFormals, call)?.get("axes");
  if (axes === undefined || !isKnown(axes.meaning)) return false;
  const { type } = member.value;
  const items = axes.meaning.kind === "list" ? axes.meaning.items : [];
  const wrong = items.find((item) => {
    const axis = asNumber(item) ?? NaN;
    return !(axis >= 0 && axis < type.shape.length);
  });
  if (wrong === undefined) return true;
  const expected = `axes of \`${member.path}\`, which is ${printType(type)}`;
  const found = describe(wrong);
  report(frame, wrongType, { what: `\`axes\` of \`${name}\``, expected, found }, axes.span);
  return false;
}

const rangeFormals = signature("uniform(low: float, high: float)");

/** A share from 0 to 1, or `uniform(0.2, 0.8)` for one that is drawn per weight. */
function alphaIsSound(frame: Frame, expr: Expr): boolean {
  const drawn =
    expr.kind === "call" && expr.callee.kind === "name" && expr.callee.name === "uniform";
  const shares: (readonly [number | null, string])[] = [];
  if (drawn) {
    const call = { callee: "uniform", inputs: [], args: expr.args, span: expr.span };
    const bound = bindArguments(frame, frame, rangeFormals, call);
    if (bound === null) return false;
    for (const { meaning } of bound.values())
      if (meaning.kind === "unknown") return false;
      else shares.push([asNumber(meaning), describe(meaning)]);
  } else {
    const meaning = frame.elaboration.evaluate(frame, expr, null);
    if (meaning.kind === "unknown") return false;
    shares.push([asNumber(meaning), describe(meaning)]);
  }
  const wrong = shares.find(([share]) => share === null || share < 0 || share > 1);
  if (wrong === undefined) return true;
  const what = "`alpha` of `blend`";
  const expected = "from 0 to 1, or `uniform(low, high)`";
  report(frame, wrongType, { what, expected, found: wrong[1] }, expr.span);
  return false;
}

function templatePath(frame: Frame, expr: Expr, target: InitTarget): string | null {
  const glob: GPath | null = globOfExpr(expr);
  if (glob !== null) return pathFromTemplate(frame, glob, target.captures);
  const expected = "a path such as `model.blocks.{i}.**`";
  const what = "the source of a weight";
  report(frame, wrongType, { what, expected, found: "another expression" }, expr.span);
  return null;
}

/** Whether the model has such a weight of the target's type, other than the target. */
function isThere(
  frame: Frame,
  path: string,
  { member: target, captures }: InitTarget,
  members: readonly Member[],
  expr: Expr,
): boolean {
  const glob = captures.stars.length;
  const source = members.find((member) => member.path === path);
  if (source === undefined) {
    const known = members.map((member) => member.path);
    const suggestion = glob > 0 ? null : suggest(path, known);
    report(frame, sourceMissing, { path, target: target.path, suggestion }, expr.span);
    return false;
  }
  if (sameType(source.value.type, target.value.type)) return true;
  const found = printType(source.value.type);
  const expected = printType(target.value.type);
  report(frame, sourceShape, { path, found, target: target.path, expected }, expr.span);
  return false;
}
