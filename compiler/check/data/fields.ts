/** Checks a field: its reader against the source, its templates and columns, its declared type. */

import type { Expr, FieldMember } from "../../../grammar/ast.js";
import { arrayUnknown, severalParts } from "../../../grammar/diagnostics/dataset.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { notConstant, wrongType } from "../../../grammar/diagnostics/types.js";
import { printSpan, type Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { type DType, isFloat, printType, type TensorType } from "../../ir/type.js";
import type { FieldReader } from "../../plan/data.js";
import { evaluate, type Frame, report } from "../frame.js";
import { describe } from "../value.js";
import { chosenCall, takeArgument } from "./choice.js";
import { arrayNames, checkArray, checkColumn } from "./content.js";
import { type BoundCall, bindCall, type DataCall, keepsLimits, knownCall } from "./data-call.js";
import {
  fieldTypeOf,
  isRaw,
  matchesPattern,
  printPatterns,
  type TypePattern,
} from "./field-type.js";
import {
  errorPolicies,
  type FieldRole,
  type ReaderContext,
  type ReaderForm,
  readerForms,
  readerNames,
  textsOf,
} from "./reader-table.js";
import type { CheckedSource } from "./sources.js";
import { checkTemplate } from "./template.js";

/** A field as read, before transforms. */
export interface CheckedField {
  readonly name: string;
  readonly span: Span;
  readonly place: string;
  readonly type: TensorType;
  readonly reader: FieldReader;
  /** Which part of a `zip` is read. */
  readonly part: number | null;
  readonly role: FieldRole;
}

/** Whether a field exists: its condition holds. `null` after a report, or where nothing tells. */
export function isPresent(frame: Frame, { guard }: FieldMember): boolean | null {
  if (guard === null) return true;
  const condition = evaluate(frame, guard);
  if (condition.kind === "bool") return condition.value;
  if (condition.kind === "tensor")
    report(frame, notConstant, { what: "the condition of a field" }, guard.span);
  else if (condition.kind !== "unknown") {
    const params = { what: "the condition of a field", expected: "`bool`" };
    report(frame, wrongType, { ...params, found: describe(condition) }, guard.span);
  }
  return null;
}

export function checkField(
  frame: Frame,
  field: FieldMember,
  source: CheckedSource,
): CheckedField | null {
  const chosen = chooseReader(frame, field.reader, source);
  const type = fieldTypeOf(frame, field.type);
  if (chosen === null || type === null) return null;
  const { form, leaves, part, call } = chosen;
  const { rest, taken } = form.mayFail
    ? takeArgument(call, "on_error")
    : { rest: call, taken: null };
  const bound = bindCall(frame, form.formals, rest);
  const policy =
    taken === null
      ? null
      : chosenCall(frame, taken.value, `\`on_error\` of \`${form.name}\``, errorPolicies);
  if (bound === null || (taken !== null && policy === null)) return null;
  if (!keepsLimits(frame, bound, form.limits ?? {})) return null;
  const context: ReaderContext = { onError: policyOf(policy), root: rootOf(frame, bound) };
  if (!templatesAreKnown(frame, bound, source)) return null;
  for (const leaf of leaves)
    if (
      !typeFits(frame, field, type, form.types(leaf, bound)) ||
      !contentFits(frame, field, type, { leaf, bound, form })
    )
      return null;
  const isPhoto = form.role === "picture" && !form.sources.includes("geotiff");
  if (isPhoto && !channelsAreKnown(frame, field, type)) return null;
  return {
    name: field.name.text,
    span: field.span,
    place: printSpan(field.span),
    type,
    reader: form.make(bound, context),
    part,
    role: form.role,
  };
}

interface ChosenReader {
  readonly form: ReaderForm;
  readonly call: DataCall;
  /** The plain sources that it reads. */
  readonly leaves: readonly CheckedSource[];
  readonly part: number | null;
}

/** `image(…)` of the source, of the one part of a `zip` that answers it, or `left.image(…)` of that part. */
function chooseReader(frame: Frame, expr: Expr, source: CheckedSource): ChosenReader | null {
  const named = partCall(expr);
  if (named !== null && source.callee === "zip") {
    const part = source.parts.findIndex(({ name }) => name === named.part.name);
    const found = source.parts[part]?.source;
    if (found !== undefined) return readerOf(frame, named.call, found, part);
    const known = source.parts.flatMap(({ name }) => (name === null ? [] : [name]));
    const params = { name: named.part.name, suggestion: suggest(named.part.name, known) };
    report(frame, unknownName, params, named.part.span);
    return null;
  }
  if (source.callee !== "zip") return readerOf(frame, expr, source, null);
  const served = source.parts.map((part) => formsFor(leavesOf(part.source)));
  const call = knownCall(frame, expr, place(served.flat()));
  if (call === null) return null;
  const candidates = served.flatMap((forms, part) => {
    const form = forms.find((each) => each.name === call.callee && takes(each, call));
    return form === undefined || !holds(frame, source.parts[part]?.source, call)
      ? []
      : [{ form, part }];
  });
  // What goes by a template may be read beside any part.
  const [first, second] = candidates;
  const isTemplate = first?.form.formals.some(({ name }) => name.text === "file") === true;
  const leaf = first === undefined ? undefined : source.parts[first.part]?.source;
  if (first !== undefined && leaf !== undefined && (second === undefined || isTemplate))
    return { form: first.form, call, leaves: leavesOf(leaf), part: first.part };
  if (first !== undefined)
    report(
      frame,
      severalParts,
      { reader: `${call.callee}(…)`, parts: candidates.length },
      call.calleeSpan,
    );
  else noPartHolds(frame, source, call);
  return null;
}

/** Whether the call gives a template exactly where the form wants one. */
const takes = ({ formals }: ReaderForm, { callee, args }: DataCall): boolean =>
  !["image", "boxes"].includes(callee) ||
  formals.some(({ name }) => name.text === "file") ===
    args.some(
      ({ name, value }) => name?.text === "file" || (name === null && value.kind === "string"),
    );

/** Whether a part has the column or array that a call names, as far as one knows. */
function holds(frame: Frame, part: CheckedSource | undefined, call: DataCall): boolean {
  const name = givenName(frame, call);
  const leaf = part === undefined ? undefined : leavesOf(part)[0];
  if (name === null || leaf === undefined) return true;
  if (call.callee === "array") return arrayNames(leaf)?.includes(name) ?? true;
  return call.callee !== "column" || (leaf.names?.includes(name) ?? true);
}

function givenName(frame: Frame, { args }: DataCall): string | null {
  const argument = args.find(({ name }) => name?.text === "name") ?? args[0];
  if (argument === undefined || argument.value.kind !== "string") return null;
  const meaning = evaluate(frame, argument.value);
  return meaning.kind === "string" ? meaning.value : null;
}

function noPartHolds(frame: Frame, source: CheckedSource, call: DataCall): void {
  const known = source.parts.flatMap(({ source: part }) =>
    leavesOf(part).flatMap((leaf) =>
      call.callee === "array" ? (arrayNames(leaf) ?? []) : (leaf.names ?? []),
    ),
  );
  const name = givenName(frame, call) ?? call.callee;
  const params = { name, file: "zip", known, suggestion: suggest(name, known) };
  report(frame, arrayUnknown, params, call.span);
}

function partCall(expr: Expr) {
  if (expr.kind !== "call" || expr.callee.kind !== "member") return null;
  const { object, member } = expr.callee;
  if (object.kind !== "name") return null;
  const callee: Expr = { kind: "name", name: member.text, span: member.span };
  return { part: object, call: { ...expr, callee } };
}

function readerOf(
  frame: Frame,
  expr: Expr,
  source: CheckedSource,
  part: number | null,
): ChosenReader | null {
  const leaves = leavesOf(source);
  const forms = formsFor(leaves);
  const call = knownCall(frame, expr, place(forms));
  const form = forms.find(({ name }) => name === call?.callee);
  return call === null || form === undefined ? null : { form, call, leaves, part };
}

const place = (forms: readonly ReaderForm[]) => ({
  what: "a field's reader",
  known: [...new Set(forms.map(({ name }) => name))],
  elsewhere: readerNames,
});

const leavesOf = (source: CheckedSource): readonly CheckedSource[] =>
  source.callee === "concat" ? source.parts.map((part) => part.source) : [source];

const formsFor = ([first]: readonly CheckedSource[]): readonly ReaderForm[] =>
  readerForms.filter(({ sources }) => first !== undefined && sources.includes(first.callee));

function policyOf(policy: BoundCall | null): ReaderContext["onError"] {
  const max = policy?.callee === "skip" ? policy.settings.meaning("max") : null;
  return max?.kind === "quantity" ? { kind: "skip", max: max.value / 100 } : { kind: "error" };
}

function rootOf(frame: Frame, bound: BoundCall): string | null {
  const root = bound.bound.has("root") ? bound.path("root") : null;
  return root === null ? null : frame.elaboration.resolvePath(root, frame.module.name);
}

function templatesAreKnown(frame: Frame, bound: BoundCall, source: CheckedSource): boolean {
  const file = bound.bound.get("file");
  return (
    file?.meaning.kind !== "string" ||
    checkTemplate(frame, { text: file.meaning.value, span: file.span }, source.names)
  );
}

function typeFits(
  frame: Frame,
  field: FieldMember,
  type: TensorType,
  patterns: readonly TypePattern[],
): boolean {
  if (patterns.some((pattern) => matchesPattern(type, pattern))) return true;
  const what = `\`${field.name.text}\``;
  const found = `\`${printType(type)}\``;
  report(frame, wrongType, { what, expected: printPatterns(patterns), found }, field.type.span);
  return false;
}

/** Pictures are read as one or three channels, which nothing but the declaration says. */
function channelsAreKnown(frame: Frame, field: FieldMember, type: TensorType): boolean {
  const channels = type.shape.at(-3);
  if (channels === 1 || channels === 3) return true;
  const params = { what: `the channels of \`${field.name.text}\``, expected: "1 or 3" };
  const found = channels === undefined || isRaw(channels) ? "`_`" : String(channels);
  report(frame, wrongType, { ...params, found }, field.type.span);
  return false;
}

function contentFits(
  frame: Frame,
  field: FieldMember,
  type: TensorType,
  { leaf, bound, form }: { leaf: CheckedSource; bound: BoundCall; form: ReaderForm },
): boolean {
  const { settings } = bound;
  const spanOf = (name: string): Span => {
    const span = bound.bound.get(name)?.span;
    return span === undefined || span.source.name.startsWith("saic:") ? bound.span : span;
  };
  switch (form.name) {
    case "column": {
      const classes = settings.words("classes");
      return checkColumn(frame, leaf, {
        name: settings.text("name"),
        span: spanOf("name"),
        words: classes.length === 0 ? null : classes,
        expected: "one of its classes",
        allWords: true,
        type,
      });
    }
    case "columns":
      return textsOf(settings.meaning("names")).every((name) =>
        checkColumn(frame, leaf, {
          name,
          span: spanOf("names"),
          words: null,
          expected: "",
          allWords: false,
          type,
        }),
      );
    case "array": {
      const name = settings.meaning("name");
      return checkArray(
        frame,
        leaf,
        { name: name.kind === "string" ? name.value : null, span: spanOf("name") },
        { name: field.name.text, type, span: field.type.span },
      );
    }
    case "image": {
      const nodata = bound.bound.get("nodata")?.meaning;
      const value = nodata?.kind === "int" || nodata?.kind === "float" ? nodata.value : 0;
      if (isFloat(type.dtype) || isElement(type.dtype, value)) return true;
      const params = { what: "`nodata` of `image`", expected: `a value of \`${type.dtype}\`` };
      report(frame, wrongType, { ...params, found: String(value) }, spanOf("nodata"));
      return false;
    }
    default:
      return true;
  }
}

const isElement = (dtype: DType, value: number): boolean =>
  Number.isInteger(value) &&
  value >= (dtype === "u8" ? 0 : -(2 ** 31)) &&
  value < (dtype === "u8" ? 256 : 2 ** 31);
