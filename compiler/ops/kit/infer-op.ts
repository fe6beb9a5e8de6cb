/** The typing of one application of an op: the central checks, then the op's own shape rule. */

import { type Rejection, isRejection, reject } from "../../../grammar/diagnostic.js";
import { dtypeClassDiffers, dtypesDiffer, inputCount } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { Attrs } from "../../ir/graph.js";
import { type DTypeClass, type TensorType, belongsTo, printType } from "../../ir/type.js";
import type { Op } from "../define.js";
import { bindAttrs } from "./bind-attrs.js";

/** Normalized attributes and the types of the outputs. */
export interface Inferred {
  readonly attrs: Attrs;
  readonly outputs: readonly TensorType[];
}

/** Checks arity, dtype classes, equal dtypes within a class and attributes, then runs `op.infer`. */
export function inferOp(
  op: Op,
  inputTypes: readonly TensorType[],
  rawAttrs: Readonly<Record<string, unknown>>,
): Inferred | Rejection {
  const refused = checkCount(op, inputTypes.length) ?? checkDTypes(op, inputTypes);
  if (refused !== null) return refused;
  const attrs = bindAttrs(op, inputTypes, rawAttrs);
  if (isRejection(attrs)) return attrs;
  const outputs = op.infer(scopeOf(op, inputTypes, attrs));
  if (isRejection(outputs)) return outputs;
  return { attrs, outputs: "dtype" in outputs ? [outputs] : outputs };
}

/** The flat record that an op's rules take: inputs by name, a list under a variadic one, and attrs. */
export function scopeOf(
  op: Op,
  inputs: readonly unknown[],
  attrs: Attrs,
): Readonly<Record<string, unknown>> {
  const scope: Record<string, unknown> = {};
  if (op.variadic !== undefined) scope[op.variadic] = inputs;
  else
    Object.keys(op.inputs).forEach((name, i) => {
      scope[name] = at(inputs, i);
    });
  return Object.assign(scope, attrs);
}

/** The input's name, by position; positions of a variadic input share its name. */
export const inputNameOf = (op: Op, position: number): string =>
  op.variadic ?? at(Object.keys(op.inputs), position);

function checkCount(op: Op, actual: number): Rejection | null {
  const names = Object.keys(op.inputs);
  if (op.variadic !== undefined)
    return actual > 0
      ? null
      : reject(inputCount, { op: op.name, expected: "at least one tensor", actual }, op.variadic);
  if (actual === names.length) return null;
  const listed = names.map((name) => `\`${name}\``).join(", ");
  const plural = names.length === 1 ? "tensor" : "tensors";
  const expected = names.length === 0 ? "no tensors" : `${names.length} ${plural} (${listed})`;
  const blame = names[Math.min(actual, names.length - 1)] ?? op.name;
  return reject(inputCount, { op: op.name, expected, actual }, blame);
}

function checkDTypes(op: Op, types: readonly TensorType[]): Rejection | null {
  const seen = new Map<DTypeClass, { readonly name: string; readonly type: TensorType }>();
  for (const [i, type] of types.entries()) {
    const name = inputNameOf(op, i);
    const expected = op.inputs[name] ?? "any";
    if (!belongsTo(type.dtype, expected))
      return reject(
        dtypeClassDiffers,
        { op: op.name, input: name, expected: classNames[expected], actual: printType(type) },
        name,
      );
    const first = seen.get(expected);
    if (first === undefined) seen.set(expected, { name, type });
    else if (first.type.dtype !== type.dtype)
      return reject(
        dtypesDiffer,
        {
          first: first.name,
          firstType: printType(first.type),
          second: name,
          secondType: printType(type),
        },
        name,
      );
  }
  return null;
}

const classNames: Readonly<Record<DTypeClass, string>> = {
  float: "a float",
  int: "an integer",
  bool: "a bool",
  number: "a number",
  any: "a tensor",
};
