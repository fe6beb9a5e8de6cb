/** `fit range = minmax(x, axes: [0]) -> (lo: f32[M], hi: f32[M])`: statistics of the training split. */

import type { FitMember } from "../../../grammar/ast.js";
import { alreadyDefined, unknownName } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { printSpan } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { isFloat, isNumeric, printType, sameType, type TensorType } from "../../ir/type.js";
import { type Frame, report } from "../frame.js";
import { typeOf } from "../ports.js";
import { signature } from "../signature.js";
import { type BoundCall, bindCall, knownCall } from "./data-call.js";
import type { CheckedFit, Preparation } from "./preparation.js";

/** What each fit computes, over the records of the training split and the axes given, by itself all. */
const fitForms = {
  minmax: { formals: signature("minmax(axes: int[] = [])"), results: ["lo", "hi"] },
  standard: { formals: signature("standard(axes: int[] = [])"), results: ["mean", "std"] },
} as const;
type FitName = keyof typeof fitForms;
const fitNames = Object.keys(fitForms);

/** Adds a fit of a field as it is by then; `false` after a report. */
export function checkFit(frame: Frame, preparation: Preparation, member: FitMember): boolean {
  const { text: name, span: nameSpan } = member.name;
  const fit = fitOf(frame, preparation, member);
  if (fit === null) {
    preparation.broken.add(name);
    return false;
  }
  if (preparation.fits.has(name) || preparation.fields.has(name)) {
    report(frame, alreadyDefined, { name }, nameSpan);
    return false;
  }
  preparation.fits.set(name, fit);
  preparation.facts.push({ span: member.value.span, type: fit.type });
  return true;
}

function fitOf(frame: Frame, preparation: Preparation, member: FitMember): CheckedFit | null {
  const call = knownCall(frame, member.value, { what: "a fit", known: fitNames, elsewhere: [] });
  const kind = fitNames.find((known): known is FitName => known === call?.callee);
  if (call === null || kind === undefined) return null;
  const form = fitForms[kind];
  const [first, ...args] = call.args;
  if (first?.value.kind !== "name") {
    const params = { what: `what \`${kind}\` fits`, expected: "the name of a field" };
    const found = first === undefined ? "nothing" : "another expression";
    report(frame, wrongType, { ...params, found }, first?.span ?? call.span);
    return null;
  }
  const field = first.value.name;
  if (preparation.broken.has(field)) return null;
  const record = preparation.types.train.get(field);
  if (record === undefined) {
    const suggestion = suggest(field, preparation.fields.keys());
    report(frame, unknownName, { name: field, suggestion }, first.value.span);
    return null;
  }
  if (!(record.dtype === "u8" || isFloat(record.dtype)) || !isNumeric(record.shape)) {
    const params = { what: `what \`${kind}\` fits`, expected: "numbers of known extents" };
    report(frame, wrongType, { ...params, found: `\`${printType(record)}\`` }, first.value.span);
    return null;
  }
  const bound = bindCall(frame, form.formals, { ...call, args });
  // Without the setting all axes are fitted over; `axes: []` is over the records alone.
  const whole = args.length === 0 ? record.shape.map((_, axis) => axis) : null;
  const axes = bound === null ? null : (whole ?? axesOf(frame, bound, record));
  if (axes === null) return null;
  const shape = record.shape.filter((_, axis) => !axes.includes(axis));
  const dtype = record.dtype === "f64" ? "f64" : "f32";
  const type: TensorType = { dtype, shape };
  if (!resultsFit(frame, member, kind, type)) return null;
  return {
    plan: {
      name: member.name.text,
      kind,
      field,
      axes: [...axes],
      after: preparation.steps.length,
      dtype,
      shape,
      place: printSpan(member.span),
    },
    record,
    results: form.results,
    type,
    layout: record.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)),
    scale: undefined,
  };
}

/** The axes from 0 on, in order; `null` after a report. */
function axesOf(frame: Frame, call: BoundCall, record: TensorType): readonly number[] | null {
  const { shape } = record;
  const given = call.settings.numbers("axes");
  const axes = given.map((axis) => (axis < 0 ? axis + shape.length : axis));
  const isSound = axes.every(
    (axis, i) => axis >= 0 && axis < shape.length && axes.indexOf(axis) === i,
  );
  if (isSound) return axes.toSorted((a, b) => a - b);
  const params = {
    what: `\`axes\` of \`${call.callee}\``,
    expected: `different axes of \`${printType(record)}\``,
    found: `[${given.join(", ")}]`,
  };
  report(frame, wrongType, params, call.bound.get("axes")?.span ?? call.span);
  return null;
}

function resultsFit(frame: Frame, member: FitMember, kind: FitName, type: TensorType): boolean {
  const { results } = fitForms[kind];
  const names = member.outputs.map(({ name }) => name?.text ?? "");
  if (names.length !== results.length || results.some((name, i) => names[i] !== name)) {
    const shown = results.map((name) => `${name}: ${printType(type)}`).join(", ");
    const found = names.map((name) => (name === "" ? "one without a name" : `\`${name}\``));
    const params = { what: `the results of \`${kind}\``, expected: `\`(${shown})\`` };
    report(frame, wrongType, { ...params, found: found.join(", ") }, member.span);
    return false;
  }
  for (const output of member.outputs) {
    const declared = typeOf(frame, output.type, null);
    if (declared === null) return false;
    if (sameType(declared, type)) continue;
    const params = {
      what: `\`${output.name?.text ?? ""}\` of \`${kind}\``,
      expected: `\`${printType(type)}\``,
      found: `\`${printType(declared)}\``,
    };
    report(frame, wrongType, params, output.type.span);
    return false;
  }
  return true;
}
