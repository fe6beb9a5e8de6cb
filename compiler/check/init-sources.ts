/** Where weights come from: `load`, `copy`, `blend` and `hub`, checked against the model. */

import type { Argument, CallExpr, Expr, GPath } from "../../grammar/ast.js";
import { sourceMissing, sourceShape, unknownPolicy } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { printType, sameType } from "../ir/type.js";
import type { Resizing, WeightSource } from "../plan/initial.js";
import { type Bound, bindArguments } from "./bind.js";
import { type Frame, type Member, report } from "./frame.js";
import { type Captures, withCaptures } from "./globs.js";
import { resolveInit } from "./members.js";
import { globOfExpr } from "./glob-expr.js";
import { pathFromTemplate } from "./path-expr.js";
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
  readonly form: Form;
  /** By the path of each target. */
  readonly sources: ReadonlyMap<string, WeightSource>;
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
  const sources = new Map<string, WeightSource>();
  for (const target of targets) {
    const inner = withCaptures(frame, target.captures);
    const site = { callee: form, inputs: [], args, span: call.span };
    const bound = bindArguments(inner, frame, forms[form], site);
    if (bound === null || [...bound.values()].some(({ meaning }) => !isKnown(meaning))) return null;
    const request = { frame: inner, bound, written, target, members, call };
    const source =
      form === "load"
        ? loaded(request)
        : form === "copy"
          ? copied(request)
          : form === "blend"
            ? blended(request)
            : named(request);
    if (source === null) return null;
    if (source !== "hub") sources.set(target.member.path, source);
  }
  return { form, sources };
}

/** What a call gives for one weight. */
interface Request {
  readonly frame: Frame;
  readonly bound: ReadonlyMap<string, Bound>;
  readonly written: ReadonlyMap<string, Expr>;
  readonly target: InitTarget;
  readonly members: readonly Member[];
  readonly call: CallExpr;
}

const textOf = ({ bound }: Request, key: string): string => {
  const meaning = bound.get(key)?.meaning;
  return meaning?.kind === "string" || meaning?.kind === "word"
    ? meaning.kind === "string"
      ? meaning.value
      : meaning.text
    : "";
};

function loaded(request: Request): WeightSource | null {
  const { frame, bound, written, target, call } = request;
  const file = textOf(request, "file");
  if (!fits(frame, bound, "file", file !== "", "a path of a file")) return null;
  const resize = written.get("resize");
  const resizing = resize === undefined ? null : resizingOf(frame, resize, target);
  if (resize !== undefined && resizing === null) return null;
  const from = written.get("from");
  const key =
    from === undefined
      ? target.member.path.replace(/^model\./, "")
      : templatePath(frame, from, target);
  if (key === null) return null;
  return {
    kind: "load",
    file: frame.elaboration.resolvePath(file, frame.module.name),
    key,
    missing: textOf(request, "missing") === "keep" ? "keep" : "error",
    resize: resizing,
    place: printSpan(call.span),
  };
}

function copied(request: Request): WeightSource | null {
  const of = sourcePath(request, "path");
  if (of === null) return null;
  const { frame, bound, target } = request;
  const noise = bound.get("noise");
  const meaning = noise?.meaning;
  const number = meaning === undefined ? 0 : asNumber(meaning);
  if (number !== null)
    return {
      kind: "copy",
      of,
      noise: number === 0 ? null : { kind: "constant", value: number },
    };
  const { shape, dtype } = target.member.value.type;
  const init = meaning?.kind === "init" ? resolveInit(meaning.recipe, shape) : null;
  if (init !== null && dtype.startsWith("f")) return { kind: "copy", of, noise: init };
  const expected = `one that \`${printType(target.member.value.type)}\` has`;
  const found = meaning === undefined ? "nothing" : describe(meaning);
  report(
    frame,
    wrongType,
    { what: `the noise of \`${target.member.path}\``, expected, found },
    noise?.span ?? request.call.span,
  );
  return null;
}

function blended(request: Request): WeightSource | null {
  const alpha = request.written.get("alpha");
  const range = alpha === undefined ? { low: 0.5, high: 0.5 } : alphaOf(request.frame, alpha);
  if (range === null) return null;
  const a = sourcePath(request, "a");
  const b = a === null ? null : sourcePath(request, "b");
  return a === null || b === null ? null : { kind: "blend", a, b, alpha: range };
}

function named(request: Request): "hub" | null {
  const sound = /^[\w.-]+(\/[\w.-]+)+$/.test(textOf(request, "name"));
  return fits(request.frame, request.bound, "name", sound, "a name such as `timm/resnet34`")
    ? "hub"
    : null;
}

/** A weight of the same model, of the target's type. */
function sourcePath(request: Request, key: string): string | null {
  const { frame, written, target, members } = request;
  const expr = written.get(key);
  const path = expr === undefined ? null : templatePath(frame, expr, target);
  if (expr === undefined || path === null) return null;
  return isThere(frame, path, target, members, expr) ? path : null;
}

const standIn = (argument: Argument): Argument => ({
  ...argument,
  value: { kind: "bool", value: true, span: argument.value.span },
});

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

const resizeForms = ["nearest", "linear", "bicubic"] as const;
const resizeFormals = signature("resize(axes: int[])");

/** `bicubic(axes: [1, 2])`: axes that the weight has. */
function resizingOf(frame: Frame, expr: Expr, { member }: InitTarget): Resizing | null {
  const name = expr.kind === "call" && expr.callee.kind === "name" ? expr.callee.name : "";
  const mode = resizeForms.find((form) => form === name);
  if (expr.kind !== "call" || mode === undefined) {
    const suggestion = suggest(name, resizeForms);
    const shown = name === "" ? "this expression" : name;
    const params = { key: "resize", name: shown, suggestion, forms: resizeForms };
    report(frame, unknownPolicy, params, expr.span);
    return null;
  }
  const call = { callee: name, inputs: [], args: expr.args, span: expr.span };
  const axes = bindArguments(frame, frame, resizeFormals, call)?.get("axes");
  if (axes === undefined || !isKnown(axes.meaning)) return null;
  const { type } = member.value;
  const items = axes.meaning.kind === "list" ? axes.meaning.items : [];
  const wrong = items.find((item) => {
    const axis = asNumber(item) ?? NaN;
    return !(axis >= 0 && axis < type.shape.length);
  });
  if (wrong === undefined) return { mode, axes: items.map((item) => asNumber(item) ?? 0) };
  const expected = `axes of \`${member.path}\`, which is ${printType(type)}`;
  const found = describe(wrong);
  report(frame, wrongType, { what: `\`axes\` of \`${name}\``, expected, found }, axes.span);
  return null;
}

const rangeFormals = signature("uniform(low: float, high: float)");

/** A share from 0 to 1, or `uniform(0.2, 0.8)` for one that is drawn per weight. */
function alphaOf(frame: Frame, expr: Expr): { readonly low: number; readonly high: number } | null {
  const drawn =
    expr.kind === "call" && expr.callee.kind === "name" && expr.callee.name === "uniform";
  const shares: (readonly [number | null, string])[] = [];
  if (drawn) {
    const call = { callee: "uniform", inputs: [], args: expr.args, span: expr.span };
    const bound = bindArguments(frame, frame, rangeFormals, call);
    if (bound === null) return null;
    for (const { meaning } of bound.values())
      if (meaning.kind === "unknown") return null;
      else shares.push([asNumber(meaning), describe(meaning)]);
  } else {
    const meaning = frame.elaboration.evaluate(frame, expr, null);
    if (meaning.kind === "unknown") return null;
    shares.push([asNumber(meaning), describe(meaning)]);
  }
  const wrong = shares.find(([share]) => share === null || share < 0 || share > 1);
  if (wrong === undefined) {
    const low = shares[0]?.[0] ?? 0;
    return { low, high: shares[1]?.[0] ?? low };
  }
  const what = "`alpha` of `blend`";
  const expected = "from 0 to 1, or `uniform(low, high)`";
  report(frame, wrongType, { what, expected, found: wrong[1] }, expr.span);
  return null;
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
