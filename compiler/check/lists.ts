/** Lists: indices and slices, and what the language's own functions make of them. */

import type { IndexExpr } from "../../grammar/ast.js";
import { dimNotNumeric } from "../../grammar/diagnostics/shape.js";
import { inexactDivision, wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, printDim } from "../ir/dim.js";
import { printType } from "../ir/type.js";
import { type Frame, leavesOpen, report } from "./frame.js";
import { applyOp, type Operand } from "./ops.js";
import { describe, intOf, type Meaning, unknown } from "./value.js";

/** `xs[1]`, `xs[-1]`, `xs[a .. b]`, `xs[a ..]`: an item, or the list of those from a up to b. */
export function indexed(
  frame: Frame,
  expr: IndexExpr,
  object: Meaning,
  position: Meaning,
): Meaning {
  if (object.kind === "unknown" || position.kind === "unknown") return unknown;
  if (object.kind !== "list" && object.kind !== "tuple") {
    report(
      frame,
      wrongType,
      { what: "what is indexed", expected: "a list", found: describe(object) },
      expr.object.span,
    );
    return unknown;
  }
  const items = object.kind === "list" ? object.items : object.items.map((item) => item.value);
  if (position.kind === "range") return sliceOf(frame, items, position, expr.index.span);
  const item = position.kind === "int" ? items.at(position.value) : undefined;
  if (item !== undefined) return item;
  if (position.kind === "dim" && leavesOpen(frame)) return unknown;
  report(
    frame,
    wrongType,
    { what: "an index", expected: `an integer below ${items.length}`, found: describe(position) },
    expr.index.span,
  );
  return unknown;
}

function sliceOf(
  frame: Frame,
  items: readonly Meaning[],
  range: Extract<Meaning, { kind: "range" }>,
  span: Span,
): Meaning {
  const bounds = rangeBounds(frame, range, span);
  if (bounds === null) return unknown;
  const { length } = items;
  const counted = (bound: number): number => (bound < 0 ? bound + length : bound);
  const [from, to] = [counted(bounds.from), counted(bounds.to ?? length)];
  if (from >= 0 && from <= to && to <= length)
    return { kind: "list", items: items.slice(from, to) };
  const found = `${bounds.from} .. ${bounds.to ?? ""}`.trimEnd();
  const expected = `within the ${length} items of the list`;
  report(frame, wrongType, { what: "a slice", expected, found: `\`${found}\`` }, span);
  return unknown;
}

/** The bounds of a range of integers; `null` where they are none, which is reported, or not known. */
export function rangeBounds(
  frame: Frame,
  { from, to }: Extract<Meaning, { kind: "range" }>,
  span: Span,
): { readonly from: number; readonly to: number | null } | null {
  const ends = to === null ? [from] : [from, to];
  if (ends.some(({ kind }) => kind === "unknown")) return null;
  if (ends.some(({ kind }) => kind === "dim") && leavesOpen(frame)) return null;
  if (from.kind === "int" && (to === null || to.kind === "int"))
    return { from: from.value, to: to === null ? null : to.value };
  const wrong = ends.find(({ kind }) => kind !== "int") ?? from;
  const found = describe(wrong);
  report(frame, wrongType, { what: "a bound of a range", expected: "an integer", found }, span);
  return null;
}

/** Reductions of a tensor that take a list together item by item, and the op that does it. */
const folds: ReadonlyMap<string, string> = new Map([
  ["sum", "add"],
  ["prod", "mul"],
  ["amax", "maximum"],
  ["amin", "minimum"],
]);

/** `sum(xs)` of a list: item by item; `null` where the op is not applied to a list. */
export function foldList(
  frame: Frame,
  op: string,
  operands: readonly Operand[],
  settings: readonly string[],
  span: Span,
): Meaning | null {
  const [operand] = operands;
  const fold = folds.get(op);
  if (fold === undefined || operand?.meaning.kind !== "list") return null;
  const { items } = operand.meaning;
  const [first, ...rest] = items;
  const [setting] = settings;
  if (setting !== undefined || (first === undefined && fold !== "add")) {
    const what = `what \`${op}\` takes${setting === undefined ? "" : ` with \`${setting}\``}`;
    const expected = setting === undefined ? "a list of at least one item" : "a tensor";
    report(frame, wrongType, { what, expected, found: describe(operand.meaning) }, operand.span);
    return unknown;
  }
  const types = items.flatMap((item) =>
    item.kind === "tensor" ? [printType(item.value.type)] : [],
  );
  const other = types.find((type) => type !== types[0]);
  if (other !== undefined) {
    const what = `the items that \`${op}\` takes`;
    const expected = `of one type, ${types[0] ?? ""}`;
    report(frame, wrongType, { what, expected, found: other }, operand.span);
    return unknown;
  }
  return rest.reduce<Meaning>(
    (total, item) =>
      applyOp(
        frame,
        fold,
        [total, item].map((meaning) => ({ meaning, span: operand.span })),
        {},
        span,
      ),
    first ?? intOf(0),
  );
}

type Tensor = Extract<Meaning, { kind: "tensor" }>;

/** The tensors along an axis, as a list. */
export function unstacked(frame: Frame, x: Tensor, axis: number, span: Span): Meaning {
  const place = placeOf(frame, "unstack", x, axis, span);
  if (place === null) return unknown;
  const extent = at(x.value.type.shape, place);
  if (typeof extent !== "number") return notNumeric(frame, "unstack", extent, span);
  return list(
    Array.from({ length: extent }, (_, i) => {
      const window = { axis: place, from: i, to: i + 1 };
      const part = applyOp(frame, "slice", [{ meaning: x, span }], window, span);
      return applyOp(frame, "squeeze", [{ meaning: part, span }], { axis: place }, span);
    }),
  );
}

/** `n` equal parts of an axis, as a list. */
export function chunked(frame: Frame, x: Tensor, n: number, axis: number, span: Span): Meaning {
  const place = placeOf(frame, "chunk", x, axis, span);
  if (place === null) return unknown;
  const extent = at(x.value.type.shape, place);
  if (typeof extent !== "number") return notNumeric(frame, "chunk", extent, span);
  if (n < 1 || extent % n !== 0) {
    const remainder = n < 1 ? null : String(extent % n);
    report(frame, inexactDivision, { left: String(extent), right: String(n), remainder }, span);
    return unknown;
  }
  const sizes = Array.from({ length: n }, () => extent / n);
  const parts = applyOp(frame, "split", [{ meaning: x, span }], { sizes, axis: place }, span);
  if (parts.kind !== "tuple") return parts.kind === "unknown" ? unknown : list([parts]);
  return list(parts.items.map(({ value }) => value));
}

const list = (items: readonly Meaning[]): Meaning => ({ kind: "list", items });

function placeOf(frame: Frame, callee: string, x: Tensor, axis: number, span: Span): number | null {
  const { shape } = x.value.type;
  const place = axis < 0 ? axis + shape.length : axis;
  if (place >= 0 && place < shape.length) return place;
  const what = `\`axis\` of \`${callee}\``;
  const expected = `an axis of ${printType(x.value.type)}`;
  report(frame, wrongType, { what, expected, found: String(axis) }, span);
  return null;
}

/** In a block by itself an extent may be a symbol: nothing is known of the parts then. */
function notNumeric(frame: Frame, op: string, dim: Dim, span: Span): Meaning {
  if (!leavesOpen(frame)) report(frame, dimNotNumeric, { op, dim: printDim(dim) }, span);
  return unknown;
}
