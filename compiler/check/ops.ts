/** Applies an op: constants become tensors, attributes are read, the shape rule decides. */

import type { Span } from "../../grammar/source.js";
import { isRejection, type Label } from "../../grammar/diagnostic.js";
import { dimTooLarge, missingArgument, wrongType } from "../../grammar/diagnostics/types.js";
import { tooDeep } from "../../grammar/diagnostics/program.js";
import { lossNotLinear } from "../../grammar/diagnostics/training.js";
import { type Dim, namesOf, printDim } from "../ir/dim.js";
import type { Attrs, AttrValue, Value } from "../ir/graph.js";
import { belongsTo, type DType, isFloat, printType } from "../ir/type.js";
import { opNamed } from "../ops/index.js";
import type { Op } from "../ops/define.js";
import { inferOp } from "../ops/kit/infer-op.js";
import { type NamedOperand, resultAxes } from "./axes.js";
import { type Frame, leavesOpen, pushAt, report } from "./frame.js";
import { isDecided } from "./ports.js";
import { constantFunction } from "./numbers.js";
import { scalarBinary, scalarCall } from "./scalars.js";
import { asNumber, describe, intOf, type Meaning, tensorOf, unknown } from "./value.js";

export interface Operand {
  readonly meaning: Meaning;
  readonly span: Span;
}

/** Graphs beyond this size are a mistake in a count. */
export const maxNodes = 200_000;

/** Applies the op called `name`; a mistake is reported and gives `unknown`. */
export function applyOp(
  frame: Frame,
  name: string,
  operands: readonly Operand[],
  attrs: Attrs,
  span: Span,
  attrSpans: ReadonlyMap<string, Span> = new Map(),
): Meaning {
  const op = opNamed(name);
  if (operands.some(({ meaning }) => meaning.kind === "unknown")) return unknown;
  const constant = constantOp(name, operands);
  if (constant?.kind === "int" && !Number.isSafeInteger(constant.value)) {
    report(frame, dimTooLarge, { value: constant.value.toExponential(3) }, span);
    return unknown;
  }
  if (constant !== null) return constant;
  const inputs = inputValues(frame, op, operands, span);
  if (inputs === null) return unknown;
  const inferred = inferOp(
    op,
    inputs.map((input) => input.type),
    attrs,
  );
  if (isRejection(inferred)) {
    // Between symbols of a generic block nothing is decided before it is applied.
    if (!inputs.every(({ type }) => isDecided(frame, type.shape)) && leavesOpen(frame))
      return unknown;
    const place = placeOfBlame(op, inferred.blame, operands, attrSpans) ?? span;
    pushAt(frame, place, typeLabels(operands, place), (at, extra) => inferred.diagnose(at, extra));
    return unknown;
  }
  if (++frame.elaboration.budget.nodes > maxNodes) {
    if (frame.elaboration.budget.nodes === maxNodes + 1)
      report(frame, tooDeep, { limit: `${maxNodes} nodes` }, span);
    return unknown;
  }
  const named = inputs.map(({ type }, i): NamedOperand => {
    const { meaning, span: place } = operands[i] ?? { meaning: unknown, span };
    return { type, axes: meaning.kind === "tensor" ? meaning.axes : undefined, span: place };
  });
  const axes = resultAxes(frame, op, named, inferred, span);
  if (axes === "differ") return unknown;
  const { builder } = frame.elaboration;
  const outputs = builder.within({ span, scope: frame.path }, () =>
    builder.emitAll(name, inputs, attrs),
  );
  const [first] = outputs;
  if (outputs.length === 1 && first !== undefined) return tensorOf(first, axes[0]);
  return {
    kind: "tuple",
    items: outputs.map((value, i) => ({ name: null, value: tensorOf(value, axes[i]) })),
  };
}

/** An op on compile-time numbers or on values over time is computed here. */
function constantOp(name: string, operands: readonly Operand[]): Meaning | null {
  if (operands.length === 0 || operands.some(({ meaning }) => meaning.kind === "tensor"))
    return null;
  const [first, second] = operands.map(({ meaning }) => meaning);
  if (first !== undefined && operands.some(({ meaning }) => meaning.kind === "scalar")) {
    if (second === undefined) return scalarCall(name, first);
    const operator = { pow: "pow", minimum: "min", maximum: "max" }[name];
    return operator === "pow" || operator === "min" || operator === "max"
      ? scalarBinary(operator, first, second)
      : null;
  }
  return constantFunction(
    name,
    operands.map(({ meaning }) => meaning),
  );
}

function inputValues(
  frame: Frame,
  op: Op,
  operands: readonly Operand[],
  span: Span,
): readonly Value[] | null {
  const names = Object.keys(op.inputs);
  if (op.variadic === undefined && operands.length < names.length) {
    report(frame, missingArgument, { callee: op.name, name: names[operands.length] ?? "" }, span);
    return null;
  }
  const values: Value[] = [];
  for (const [i, operand] of operands.entries()) {
    const key = op.variadic ?? names[i] ?? "";
    const { meaning } = operand;
    if (meaning.kind === "tensor") {
      const counts = meaning.value.type.dtype === "bool" && op.traits?.includes("counts") === true;
      values.push(counts ? frame.elaboration.builder.cast(meaning.value, "f32") : meaning.value);
      continue;
    }
    if (meaning.kind === "loss") {
      report(frame, lossNotLinear, { operator: op.name }, operand.span);
      return null;
    }
    // A size that a use of the block or the data are still to give: only its kind matters here.
    const isOpen = meaning.kind === "dim" && !readsRecords(frame, meaning.dim);
    const value = promote(frame, op, key, isOpen ? intOf(1) : meaning, operands);
    if (value === null) {
      report(
        frame,
        wrongType,
        {
          what: `\`${key}\` of \`${op.name}\``,
          expected:
            asNumber(meaning) === null
              ? "a tensor"
              : `\`${partnerType(op, key, operands) ?? "f32"}\``,
          found: describe(meaning),
        },
        operand.span,
      );
      return null;
    }
    values.push(value);
  }
  return values;
}

/** Whether a size depends on how many records there are. */
function readsRecords(frame: Frame, dim: Dim): boolean {
  const { recordAxis } = frame.elaboration;
  return recordAxis !== null && namesOf(dim).has(printDim(recordAxis)) && !leavesOpen(frame);
}

/** A number beside a tensor takes the dtype of the tensor of its class; a float never an integer's. */
function promote(
  frame: Frame,
  op: Op,
  key: string,
  meaning: Meaning,
  operands: readonly Operand[],
): Value | null {
  const number = meaning.kind === "bool" ? Number(meaning.value) : asNumber(meaning);
  if (number === null) return null;
  const partner = partnerType(op, key, operands);
  const dtype = partner ?? (meaning.kind === "bool" ? "bool" : "f32");
  const dtypeClass = op.inputs[key];
  const fits =
    dtypeClass !== undefined &&
    // A tensor that the op does not take is to blame itself.
    (partner !== null || belongsTo(dtype, dtypeClass)) &&
    (meaning.kind === "bool" ? dtype === "bool" : dtype !== "bool") &&
    (meaning.kind === "float" ? isFloat(dtype) : true);
  return fits ? frame.elaboration.builder.constant(number, dtype) : null;
}

/** The dtype of the first tensor that must share it. */
function partnerType(op: Op, key: string, operands: readonly Operand[]): DType | null {
  const names = Object.keys(op.inputs);
  for (const [i, { meaning }] of operands.entries())
    if (meaning.kind === "tensor" && op.inputs[op.variadic ?? names[i] ?? ""] === op.inputs[key])
      return meaning.value.type.dtype;
  return null;
}

function placeOfBlame(
  op: Op,
  blame: string,
  operands: readonly Operand[],
  attrSpans: ReadonlyMap<string, Span>,
): Span | null {
  const index = Object.keys(op.inputs).indexOf(blame);
  return attrSpans.get(blame) ?? (index < 0 ? null : (operands[index]?.span ?? null));
}

/** Says what type each tensor operand has, at the place it comes from. */
function typeLabels(operands: readonly Operand[], primary: Span): readonly Label[] {
  return operands.flatMap(({ meaning, span }) =>
    meaning.kind === "tensor"
      ? [
          {
            span,
            text: `${span === primary ? "this" : "here"} is ${printType(meaning.value.type)}`,
          },
        ]
      : [],
  );
}

/** Reads an attribute's value; `null` when its kind does not fit (the op then says what it wants). */
export function attrValue(meaning: Meaning): AttrValue | null {
  switch (meaning.kind) {
    case "int":
    case "float":
    case "bool":
      return meaning.value;
    case "dim":
      return meaning.dim;
    case "word":
      return meaning.text;
    case "string":
      return meaning.value;
    case "list": {
      const items = meaning.items.map((item) => (item.kind === "dim" ? item.dim : asNumber(item)));
      return items.every((item) => item !== null) ? items : null;
    }
    default:
      return null;
  }
}
