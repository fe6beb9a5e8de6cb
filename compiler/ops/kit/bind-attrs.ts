/** Attributes: defaults, kinds and ranges, checked once before any rule runs. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import {
  attributeKind,
  attributeMissing,
  attributeRange,
  attributeUnknown,
  axisOutOfRange,
  axisRepeated,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Dim, printDim } from "../../ir/dim.js";
import type { AttrValue, Attrs } from "../../ir/graph.js";
import { type TensorType, dtypes, printType } from "../../ir/type.js";
import type { AttrKind, Op } from "../define.js";

/**
 * Complete, normalized attributes in the op's order: defaults filled in, axes non-negative, single
 * integers spread over lists. A refusal blames the attribute. Axes refer to the first input; an
 * `axes` attribute with an empty default means all axes when it is not given.
 */
export function bindAttrs(
  op: Op,
  inputTypes: readonly TensorType[],
  raw: Readonly<Record<string, unknown>>,
): Attrs | Rejection {
  const known = Object.keys(op.attrs);
  for (const attribute of Object.keys(raw))
    if (!known.includes(attribute)) {
      const suggestion = suggest(attribute, known);
      return reject(attributeUnknown, { op: op.name, attribute, suggestion, known }, attribute);
    }
  const bound: Record<string, AttrValue> = {};
  for (const [name, kind] of Object.entries(op.attrs)) {
    const value = bindAttr({ op, name, kind, first: inputTypes[0] }, raw[name]);
    if (typeof value === "object" && "rejected" in value) return value;
    bound[name] = value;
  }
  return bound;
}

interface Place {
  readonly op: Op;
  readonly name: string;
  readonly kind: AttrKind<unknown>;
  readonly first: TensorType | undefined;
}

function bindAttr(place: Place, given: unknown): AttrValue | Rejection {
  const { op, name, kind, first } = place;
  const value = given ?? kind.fallback;
  if (value === undefined) return reject(attributeMissing, { op: op.name, attribute: name }, name);
  switch (kind.kind) {
    case "axis":
      return isInteger(value) ? boundAxis(place, value) : wrong(place, "an axis", value);
    case "axes": {
      if (given === undefined && isEmpty(value)) return (first?.shape ?? []).map((_, axis) => axis);
      const list = integers(value);
      return list === null ? wrong(place, "a list of axes", value) : boundAxes(place, list);
    }
    case "int":
      return isInteger(value) ? value : wrong(place, "an integer", value);
    case "dim":
      return isDim(value) ? value : wrong(place, "an integer or a dim", value);
    case "ints": {
      const list = integers(value);
      return list === null ? wrong(place, "a list of integers", value) : spread(place, value, list);
    }
    case "float":
      return typeof value === "number" ? value : wrong(place, "a number", value);
    case "floats": {
      const list = typeof value === "number" ? [value] : value;
      return isListOf(list, isNumber) ? list : wrong(place, "a list of numbers", value);
    }
    case "bool":
      return typeof value === "boolean" ? value : wrong(place, "`true` or `false`", value);
    case "shape": {
      const list = isDim(value) ? [value] : value;
      if (!isListOf(list, isDim)) return wrong(place, "a list of dims", value);
      const bad = list.find((dim) => typeof dim === "number" && dim < 0);
      return bad === undefined ? list : outOfRange(place, "a list of dims", printDim(bad));
    }
    case "dtype":
      return typeof value === "string" && dtypes.some((dtype) => dtype === value)
        ? value
        : wrong(place, `a dtype (${dtypes.join(", ")})`, value);
    case "choice": {
      const words = kind.choices ?? [];
      return typeof value === "string" && words.includes(value)
        ? value
        : wrong(place, `one of ${words.map((word) => `\`${word}\``).join(", ")}`, value);
    }
  }
}

function boundAxis({ name, first }: Place, axis: number): number | Rejection {
  const rank = first?.shape.length ?? 0;
  if (axis < -rank || axis >= rank) {
    const type = first === undefined ? "nothing" : printType(first);
    return reject(axisOutOfRange, { axis, type, rank }, name);
  }
  return axis < 0 ? axis + rank : axis;
}

function boundAxes(place: Place, axes: readonly number[]): readonly number[] | Rejection {
  const bound: number[] = [];
  for (const axis of axes) {
    const normal = boundAxis(place, axis);
    if (typeof normal !== "number") return normal;
    if (bound.includes(normal)) return reject(axisRepeated, { axis }, place.name);
    bound.push(normal);
  }
  return bound.toSorted((a, b) => a - b);
}

function spread(place: Place, value: unknown, list: readonly number[]): AttrValue | Rejection {
  const { length } = place.kind;
  if (length === undefined || list.length === length) return list;
  if (typeof value === "number") return Array.from({ length }, () => at(list, 0));
  return wrong(place, `one integer or a list of ${length}`, value);
}

const wrong = ({ name }: Place, expected: string, actual: unknown): Rejection =>
  reject(attributeKind, { attribute: name, expected, actual: show(actual) }, name);

const outOfRange = ({ name }: Place, expected: string, actual: string): Rejection =>
  reject(attributeRange, { attribute: name, expected, actual }, name);

function show(value: unknown): string {
  if (isDim(value)) return printDim(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return typeof value === "string" ? `\`${value}\`` : String(value);
}

const isNumber = (value: unknown): value is number => typeof value === "number";

const isInteger = (value: unknown): value is number => Number.isInteger(value);

const isDim = (value: unknown): value is Dim =>
  isInteger(value) || (typeof value === "object" && value !== null && "terms" in value);

const isListOf = <T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] =>
  Array.isArray(value) && value.every(is);

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function integers(value: unknown): readonly number[] | null {
  if (isInteger(value)) return [value];
  return isListOf(value, isInteger) ? value : null;
}
