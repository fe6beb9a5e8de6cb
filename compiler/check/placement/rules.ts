/** The layouts that a shard's rules give: `split(E, over: expert)`, `fsdp(over: data)`, `replicate()`. */

import type { Argument, CallExpr, Expr } from "../../../grammar/ast.js";
import { unknownMember, unknownName } from "../../../grammar/diagnostics/names.js";
import { meshAxisTwice } from "../../../grammar/diagnostics/placement.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Bound, bindArguments } from "../bind.js";
import { bind, createScope, type Frame, report } from "../frame.js";
import { signature } from "../signature.js";
import { asNumber } from "../value.js";
import type { LayoutPart } from "./layouts.js";
import type { MeshAxes } from "./mesh.js";

/** A part of a layout and where it is written. */
export interface WrittenPart {
  readonly part: LayoutPart;
  readonly span: Span;
}

/** Weights below this many elements are not worth dividing, unless `min_size` says otherwise. */
const smallest = 1024;

const forms = new Map([
  ["split", signature("split(axis: word | int, over: word[])")],
  ["fsdp", signature(`fsdp(over: word[], min_size: float = ${smallest})`)],
  ["replicate", signature("replicate()")],
]);

const expected =
  "`split(axis, over: …)`, `fsdp(over: …)`, `replicate()` or a list of the first two";

/** The parts of a rule's value; `null` when one is wrong, which is reported. */
export function layoutParts(
  frame: Frame,
  value: Expr,
  mesh: { readonly name: string; readonly axes: MeshAxes },
): readonly WrittenPart[] | null {
  const exprs = value.kind === "list" ? value.items : [value];
  const parts: WrittenPart[] = [];
  let sound = true;
  for (const expr of exprs) {
    const form = formOf(frame, expr);
    const read = form === null ? null : partOf(frame, form);
    if (form === null || read === null) sound = false;
    else if (read.over.length > 0 && !areAxes(frame, read.over, form, mesh)) sound = false;
    else if (read.part !== null) parts.push({ part: read.part, span: expr.span });
    else if (exprs.length > 1) {
      sound = false;
      const found = "`replicate()` among others";
      report(frame, wrongType, { what: "a layout", expected, found }, expr.span);
    }
  }
  return sound && areDisjoint(frame, parts) ? parts : null;
}

function formOf(frame: Frame, expr: Expr): CallExpr | null {
  if (expr.kind === "broken") return null;
  if (expr.kind === "call" && expr.callee.kind === "name") {
    const { name } = expr.callee;
    if (forms.has(name)) return expr;
    const suggestion = suggest(name, forms.keys());
    if (suggestion !== null) {
      report(frame, unknownName, { name, suggestion }, expr.callee.span);
      return null;
    }
  }
  const { source, start, end } = expr.span;
  const found = `\`${source.text.slice(start, end)}\``;
  report(frame, wrongType, { what: "a layout", expected, found }, expr.span);
  return null;
}

/** A part, or `null` for `replicate()`; and the names it is over. */
function partOf(
  frame: Frame,
  call: CallExpr,
): { readonly part: LayoutPart | null; readonly over: readonly string[] } | null {
  const name = calleeOf(call);
  const formals = forms.get(name) ?? [];
  // A bare name is an axis here, whatever else it means in the program.
  const scope = createScope(frame.scope);
  for (const { text, span } of namesIn(call.args)) bind(scope, text, { kind: "word", text }, span);
  const inner: Frame = { ...frame, scope };
  const site = { callee: name, inputs: [], args: call.args, span: call.span };
  const bound = bindArguments(inner, frame, formals, site);
  if (bound === null || [...bound.values()].some(({ meaning }) => meaning.kind === "unknown"))
    return null;
  const over = wordsOf(bound.get("over"));
  if (name === "replicate") return { part: null, over };
  if (over.length === 0) {
    const params = { what: "`over`", expected: "at least one mesh axis", found: "none" };
    report(frame, wrongType, params, bound.get("over")?.span ?? call.span);
    return null;
  }
  if (name === "fsdp") {
    const minSize = asNumber(bound.get("min_size")?.meaning ?? { kind: "none" }) ?? smallest;
    return { part: { kind: "fsdp", over, minSize }, over };
  }
  const axis = bound.get("axis")?.meaning;
  if (axis?.kind !== "int" && axis?.kind !== "word") return null;
  const at = axis.kind === "int" ? axis.value : axis.text;
  return { part: { kind: "split", axis: at, over }, over };
}

const calleeOf = ({ callee }: CallExpr): string => (callee.kind === "name" ? callee.name : "");

/** Bare names among the arguments that name axes. */
function namesIn(
  args: readonly Argument[],
): readonly { readonly text: string; readonly span: Span }[] {
  return args
    .filter(({ name }) => name?.text !== "min_size")
    .flatMap(({ value }) => (value.kind === "list" ? value.items : [value]))
    .flatMap((value) => (value.kind === "name" ? [{ text: value.name, span: value.span }] : []));
}

const wordsOf = (bound: Bound | undefined): readonly string[] =>
  bound?.meaning.kind === "list"
    ? bound.meaning.items.flatMap((item) => (item.kind === "word" ? [item.text] : []))
    : [];

function areAxes(
  frame: Frame,
  over: readonly string[],
  call: CallExpr,
  { name, axes }: { readonly name: string; readonly axes: MeshAxes },
): boolean {
  const unknown = over.find((axis) => !axes.has(axis));
  if (unknown === undefined) return true;
  const span = namesIn(call.args).findLast(({ text }) => text === unknown)?.span ?? call.span;
  const suggestion = suggest(unknown, axes.keys());
  report(
    frame,
    unknownMember,
    { owner: `the mesh \`${name}\``, member: unknown, suggestion },
    span,
  );
  return false;
}

function areDisjoint(frame: Frame, parts: readonly WrittenPart[]): boolean {
  const seen = new Set<string>();
  for (const { part, span } of parts)
    for (const axis of part.over) {
      if (seen.has(axis)) {
        report(frame, meshAxisTwice, { axis }, span);
        return false;
      }
      seen.add(axis);
    }
  return true;
}
