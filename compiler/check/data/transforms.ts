/** Applies transforms to the types of fields, split by split, and sees that labels move with pixels. */

import type { AssignMember, Expr, Name, Step, TransformMember } from "../../../grammar/ast.js";
import { extentUnsettled, labelsLeftBehind } from "../../../grammar/diagnostics/dataset.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { outputCount } from "../../../grammar/diagnostics/program.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { printSpan } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { printType, sameType, type TensorType } from "../../ir/type.js";
import { type Frame, report } from "../frame.js";
import { isRaw } from "./field-type.js";
import type { CheckedField } from "./fields.js";
import { type Preparation, type SplitName, splitNames } from "./preparation.js";
import { bindStep, type BoundStep } from "./steps.js";

/** `false` after a report. */
export function applyTransform(
  frame: Frame,
  preparation: Preparation,
  member: TransformMember,
): boolean {
  const { split } = member;
  const only = split === null ? null : splitNames.find((name) => name === split.text);
  if (split !== null && only === undefined) {
    const params = { name: split.text, suggestion: suggest(split.text, splitNames) };
    report(frame, unknownName, params, split.span);
    return false;
  }
  return member.assigns
    .map((assign) => applyAssign(frame, preparation, only ?? null, assign))
    .every((sound) => sound);
}

function applyAssign(
  frame: Frame,
  preparation: Preparation,
  split: SplitName | null,
  assign: AssignMember,
): boolean {
  const names = assign.names.map(({ text }) => text);
  const chain = chainOf(assign.value);
  if (chain === null || chain.steps.length === 0 || !isSame(chain.inputs, names)) {
    const list = names.length === 1 ? names.join() : `(${names.join(", ")})`;
    const wanted = `${names.join(", ")} = ${list} |> step(…)`;
    if (chain !== null && chain.inputs.length !== names.length && chain.steps.length > 0) {
      const counts = { expected: names.length, found: chain.inputs.length };
      report(frame, outputCount, counts, assign.span);
    } else {
      const params = {
        what: "a transform",
        expected: `\`${wanted}\``,
        found: "another expression",
      };
      report(frame, wrongType, params, assign.value.span);
    }
    return false;
  }
  if (names.some((name) => preparation.broken.has(name))) return false;
  const missing = assign.names.find(
    ({ text }) => !preparation.fields.has(text) && !preparation.absent.has(text),
  );
  if (missing !== undefined) {
    const suggestion = suggest(missing.text, preparation.fields.keys());
    report(frame, unknownName, { name: missing.text, suggestion }, missing.span);
    return false;
  }
  const present = assign.names.filter(({ text }) => preparation.fields.has(text));
  if (present.length === 0) return true;
  if (names.length > 1 && !mayMoveTogether(frame, preparation, present)) return false;
  const sound = chain.steps.every((node) => {
    const step = bindStep(frame, preparation, node);
    return step !== null && applyStep(frame, preparation, split, present, step);
  });
  // What a wrong step leaves is not known.
  if (!sound) for (const name of names) preparation.broken.add(name);
  return sound;
}

/** Whether every field of a tuple has pixels or lies on them, and one of them is the picture. */
function mayMoveTogether(frame: Frame, { fields }: Preparation, names: readonly Name[]): boolean {
  const still = names.find(({ text }) => fields.get(text)?.role === "value");
  const pictures = names.filter(({ text }) => fields.get(text)?.role === "picture");
  if (still === undefined && pictures.length > 0) return true;
  const [first] = names;
  const named = still ?? first;
  if (named === undefined) return false;
  const type = fields.get(named.text)?.type;
  const params =
    still === undefined
      ? {
          what: `\`${named.text}\``,
          expected: "moved together with its picture",
          found: "a transform without it",
        }
      : {
          what: `\`${named.text}\` in a transform of several fields`,
          expected: "a picture, boxes, masks or tiles",
          found: type === undefined ? "nothing" : `\`${printType(type)}\``,
        };
  report(frame, wrongType, params, named.span);
  return false;
}

function applyStep(
  frame: Frame,
  preparation: Preparation,
  split: SplitName | null,
  names: readonly Name[],
  step: BoundStep,
): boolean {
  const { fields, types } = preparation;
  const [first] = names;
  if (first === undefined) return true;
  if (names.length > 1 && step.moves === null) {
    const params = { what: `the input of \`${step.name}\``, expected: "one field" };
    const found = names.map(({ text }) => `\`${text}\``).join(", ");
    report(frame, wrongType, { ...params, found }, step.span);
    return false;
  }
  if (step.moves !== null && names.length === 1 && liesOnPixels(fields.get(first.text))) {
    mayMoveTogether(frame, preparation, names);
    return false;
  }
  if (!labelsFollow(frame, preparation, names, step)) return false;
  const before = types[split ?? "train"].get(first.text);
  const splits = split === null ? splitNames : [split];
  const shown = new Map<string, TensorType>();
  for (const each of splits)
    for (const { text: name } of [...names, ...followers(preparation, names, step)]) {
      const type = types[each].get(name);
      if (type === undefined) return false;
      // Boxes and tiles have no extents of their own.
      if (step.moves !== null && fields.get(name)?.role === "marks") continue;
      const after = resultOf(frame, step, type);
      if (after === null) return false;
      types[each].set(name, after);
      if (names.some(({ text }) => text === name)) shown.set(printType(after), after);
      if (split !== null && !sameType(type, after))
        preparation.changes.set(`${each}.${name}`, step.span);
    }
  for (const type of shown.values()) preparation.facts.push({ span: step.span, type });
  if (before === undefined) return false;
  followFits(preparation, split, first.text, step, before);
  remember(preparation, { split, names, step, before });
  return true;
}

function resultOf(frame: Frame, step: BoundStep, type: TensorType): TensorType | null {
  const problem = step.problem(type);
  if (problem !== null) {
    const { setting, expected, found, span } = problem;
    report(frame, wrongType, { what: `\`${setting}\` of \`${step.name}\``, expected, found }, span);
    return null;
  }
  const after = step.result(type);
  if (after === "reported") return null;
  if (after !== null) return after;
  const what = `the input of \`${step.name}\``;
  const found = `\`${printType(type)}\``;
  report(frame, wrongType, { what, expected: step.takes, found }, step.span);
  return null;
}

const liesOnPixels = (field: CheckedField | undefined): boolean =>
  field?.role === "masks" || field?.role === "marks";

/** Labels of the same records that lie on the pixels of the named pictures and are not named. */
function labelsOf({ fields }: Preparation, names: readonly Name[]) {
  const pictures = names.flatMap(({ text }) => {
    const field = fields.get(text);
    return field?.role === "picture" ? [field] : [];
  });
  const parts = new Set(pictures.map(({ part }) => part));
  return [...fields.values()].filter(
    (field) =>
      liesOnPixels(field) &&
      parts.has(field.part) &&
      !names.some(({ text }) => text === field.name),
  );
}

/** Masks that a step moves with their picture although they are not named. */
const followers = (
  preparation: Preparation,
  names: readonly Name[],
  step: BoundStep,
): readonly { readonly text: string }[] =>
  step.moves === "fixed"
    ? labelsOf(preparation, names).flatMap(({ name, role }) =>
        role === "masks" ? [{ text: name }] : [],
      )
    : [];

function labelsFollow(
  frame: Frame,
  preparation: Preparation,
  names: readonly Name[],
  step: BoundStep,
): boolean {
  const left = step.moves === "drawn" ? labelsOf(preparation, names) : [];
  const picture = names.find(({ text }) => preparation.fields.get(text)?.role === "picture");
  if (left.length === 0 || picture === undefined) return true;
  const labels = left.map(({ name }) => name);
  const moved = names.map(({ text }) => text);
  const params = { step: step.name, image: picture.text, moved, labels };
  report(frame, labelsLeftBehind, params, step.span);
  return false;
}

/** A fit's layout goes through the steps that training records go through. */
function followFits(
  { fits }: Preparation,
  split: SplitName | null,
  field: string,
  step: BoundStep,
  before: TensorType,
): void {
  if (split !== null && split !== "train") return;
  for (const fit of fits.values()) {
    if (fit.plan.field !== field || fit.layout === null) continue;
    fit.layout = step.follow(fit.layout, before);
    if (step.fit?.fit === fit) fit.scale = step.fit.to;
  }
}

function remember(
  { ordinals, steps }: Preparation,
  applied: {
    readonly split: SplitName | null;
    readonly names: readonly Name[];
    readonly step: BoundStep;
    readonly before: TensorType;
  },
): void {
  const { split, names, step, before } = applied;
  const fields = names.map(({ text }) => text);
  const [field = ""] = fields;
  const draw = `${fields.join("+")}.${step.name}`;
  const ordinal = ordinals.get(draw) ?? 0;
  ordinals.set(draw, ordinal + 1);
  const which = fields.length === 1 ? { field } : { fields };
  steps.push({
    split,
    ...which,
    op: step.make(before),
    draw: `${draw}.${ordinal}`,
    place: printSpan(step.span),
  });
}

/** Whether every field ends in one type in all splits, its extents settled. */
export function settle(frame: Frame, preparation: Preparation): boolean {
  let sound = true;
  for (const [name, field] of preparation.fields) {
    const [train, val, test] = splitNames.map((split) => preparation.types[split].get(name));
    if (train === undefined || val === undefined || test === undefined) return false;
    const odd = sameType(val, test)
      ? sameType(train, val)
        ? null
        : "train"
      : sameType(train, val)
        ? "test"
        : "val";
    if (odd !== null) {
      sound = false;
      const other = odd === "train" ? "val" : "train";
      const found = { train, val, test }[odd];
      const expected = { train, val, test }[other];
      const change = splitNames.flatMap((s) => preparation.changes.get(`${s}.${name}`) ?? [])[0];
      report(
        frame,
        wrongType,
        {
          what: `\`${name}\` after the transforms of \`${odd}\``,
          expected: `\`${printType(expected)}\` as in \`${other}\``,
          found: `\`${printType(found)}\``,
        },
        preparation.changes.get(`${odd}.${name}`) ?? change ?? field.span,
      );
    } else if (train.shape.some(isRaw)) {
      sound = false;
      const isPixels = field.role === "picture" || field.role === "masks";
      const fix =
        isPixels && !isRaw(train.shape.at(-3))
          ? "a transform of every split settles it: `resize(height, width)`, or a crop"
          : "declare the extent: no transform settles it";
      report(frame, extentUnsettled, { field: name, type: printType(train), fix }, field.span);
    }
  }
  return sound;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

/** `x |> a() |> b()` or `(x, y) |> a()` as the fields and their steps in order. */
function chainOf(
  expr: Expr,
): { readonly inputs: readonly string[]; readonly steps: readonly Step[] } | null {
  if (expr.kind === "name") return { inputs: [expr.name], steps: [] };
  if (expr.kind === "tuple") {
    const inputs = expr.items.flatMap(({ name, value }) =>
      name === null && value.kind === "name" ? [value.name] : [],
    );
    return inputs.length === expr.items.length ? { inputs, steps: [] } : null;
  }
  if (expr.kind !== "pipe") return null;
  const inner = chainOf(expr.input);
  return inner === null ? null : { inputs: inner.inputs, steps: [...inner.steps, expr.step] };
}
