/** Solves the dims of a block's inputs: all ports of one application together, without search. */

import type { Expr, Name, Port, TensorTypeNode, TypeNode } from "../../grammar/ast.js";
import {
  negativeDim,
  notConstant,
  portShape,
  unresolvedDim,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import {
  type Dim,
  namedDim,
  namesOf,
  printDim,
  sameDim,
  solveLinear,
  substitute,
} from "../ir/dim.js";
import { type DType, dtypes, printType, type TensorType } from "../ir/type.js";
import { evaluate, type Frame, leavesOpen, report } from "./frame.js";
import { nameMeaning } from "./names.js";
import { asDim, describe } from "./value.js";

/** A type whose dims may hold unknowns; `"..."` is a run of any length. */
export interface Pattern {
  readonly dtype: DType;
  readonly dims: readonly (Dim | "...")[];
}

/** What arrived at a port. */
export interface Arrival {
  readonly port: Port;
  readonly type: TensorType;
  readonly span: Span;
}

/** Unknowns are told from the caller's symbols by this mark. */
const mark = "?";
export const unknownDim = (name: string): Dim => namedDim(mark + name);
const unmarked = (text: string): string => text.replaceAll(mark, "");

/** The names in a type that mean nothing yet: they are generic. */
export function genericNames(frame: Frame, type: TypeNode): readonly string[] {
  if (type.kind !== "tensor-type") return [];
  return type.dims.flatMap(({ axis, size }) => [
    ...(axis === null || nameMeaning(frame, axis.text, nameOf(axis)) !== null ? [] : [axis.text]),
    ...(size === null ? [] : freeNames(frame, size)),
  ]);
}

const nameOf = ({ text, span }: Name): Expr => ({ kind: "name", name: text, span });

function freeNames(frame: Frame, expr: Expr): readonly string[] {
  switch (expr.kind) {
    case "name":
      return nameMeaning(frame, expr.name, expr) === null ? [expr.name] : [];
    case "unary":
      return freeNames(frame, expr.operand);
    case "binary":
      return [...freeNames(frame, expr.left), ...freeNames(frame, expr.right)];
    case "call":
      return expr.args.flatMap((argument) => freeNames(frame, argument.value));
    case "index":
      return freeNames(frame, expr.object);
    default:
      return [];
  }
}

/** A type as written, its dims evaluated in `frame`; `null` when it is no tensor type. */
export function patternOf(frame: Frame, type: TypeNode): Pattern | null {
  const dtype =
    type.kind === "tensor-type" ? dtypes.find((name) => name === type.dtype.text) : undefined;
  if (type.kind !== "tensor-type" || dtype === undefined) {
    report(
      frame,
      wrongType,
      {
        what: "a port",
        expected: "a tensor type such as `f32[B, 3]`",
        found: `\`${textOf(type.span)}\``,
      },
      type.span,
    );
    return null;
  }
  const dims: (Dim | "...")[] = [];
  for (const node of type.dims) {
    if (node.kind === "ellipsis" || node.size === null) {
      dims.push("...");
      continue;
    }
    const dim = dimOf(frame, node.size);
    if (dim === null) return null;
    dims.push(dim);
  }
  return { dtype, dims };
}

const textOf = ({ source, start, end }: Span): string => source.text.slice(start, end);

function dimOf(frame: Frame, expr: Expr): Dim | null {
  const meaning = evaluate(frame, expr);
  if (meaning.kind === "unknown") return null;
  const dim = asDim(meaning);
  if (dim === null) {
    if (meaning.kind === "tensor") report(frame, notConstant, { what: "a dim" }, expr.span);
    else
      report(
        frame,
        wrongType,
        { what: "a dim", expected: "an integer", found: describe(meaning) },
        expr.span,
      );
    return null;
  }
  if (typeof dim !== "number" || dim >= 0) return dim;
  report(frame, negativeDim, { what: "a dim", value: String(dim) }, expr.span);
  return null;
}

/** A type all of whose dims are known, with `...` replaced by the block's run. */
export function typeOf(
  frame: Frame,
  type: TensorTypeNode | TypeNode,
  run: readonly Dim[] | null,
): TensorType | null {
  const pattern = patternOf(frame, type);
  if (pattern === null) return null;
  return {
    dtype: pattern.dtype,
    shape: pattern.dims.flatMap((dim) => (dim === "..." ? (run ?? []) : [dim])),
  };
}

export interface Solution {
  readonly dims: ReadonlyMap<string, Dim>;
  /** What `...` stands for; `null` when no port has one. */
  readonly run: readonly Dim[] | null;
}

interface Equation {
  readonly pattern: Dim;
  readonly value: Dim;
  readonly arrival: Arrival;
}

/** Binds every generic name, or reports why it cannot and gives `null`. */
export function solvePorts(
  frame: Frame,
  block: string,
  patterns: ReadonlyMap<Port, Pattern>,
  arrivals: readonly Arrival[],
  generics: ReadonlySet<string>,
): Solution | null {
  const equations: Equation[] = [];
  const solved = new Map<string, Dim>();
  let run: readonly Dim[] | null = null;
  for (const arrival of arrivals) {
    const pattern = patterns.get(arrival.port);
    if (pattern === undefined) return null;
    const aligned = align(pattern, arrival.type.shape);
    if (aligned === null || pattern.dtype !== arrival.type.dtype) return mismatch(arrival);
    if (aligned.run !== null) {
      if (
        run !== null &&
        (run.length !== aligned.run.length ||
          !run.every((dim, i) => sameDim(dim, at(aligned.run ?? [], i))))
      )
        return mismatch(arrival);
      run = aligned.run;
    }
    equations.push(...aligned.pairs.map(([dim, value]) => ({ pattern: dim, value, arrival })));
  }
  // Lone names first, over all ports; then what is linear in one unknown, until nothing moves.
  for (const { pattern, value } of equations) {
    const name = loneUnknown(pattern);
    if (name !== null && !solved.has(name)) solved.set(name, value);
  }
  for (let moved = true; moved;) {
    moved = false;
    for (const { pattern, value } of equations) {
      const current = substitute(pattern, solved) ?? pattern;
      const open = [...namesOf(current)].filter((name) => name.startsWith(mark));
      const [name] = open;
      if (open.length !== 1 || name === undefined) continue;
      const solution = solveLinear(current, name, value);
      if (solution === null) continue;
      solved.set(name, solution);
      moved = true;
    }
  }
  for (const { pattern, value, arrival } of equations) {
    const current = substitute(pattern, solved);
    if (current !== null && sameDim(current, value)) continue;
    const names = [...namesOf(current ?? 0)];
    // Several unknowns in one equation: what is left over is named below.
    if (names.filter((name) => name.startsWith(mark)).length > 1) continue;
    const known = names.filter((name) => !name.startsWith(mark));
    if (!isDecided(frame, [value, ...known.map(namedDim)]) && leavesOpen(frame)) return null;
    return mismatch(arrival);
  }
  for (const name of generics)
    if (!solved.has(mark + name)) {
      const holder = equations.find(({ pattern }) => namesOf(pattern).has(mark + name));
      const { port } = holder?.arrival ?? at(arrivals, 0);
      report(frame, unresolvedDim, { name, block }, port.type.span);
      return null;
    }
  return { dims: new Map([...solved].map(([name, dim]) => [name.slice(mark.length), dim])), run };

  function mismatch(arrival: Arrival): null {
    const pattern = patterns.get(arrival.port);
    const shown = pattern?.dims.map((dim) =>
      dim === "..." ? dim : unmarked(printDim(substitute(dim, solved) ?? dim)),
    );
    report(
      frame,
      portShape,
      {
        port: arrival.port.name.text,
        block,
        expected: `${pattern?.dtype ?? ""}[${shown?.join(", ") ?? ""}]`,
        found: printType(arrival.type),
      },
      arrival.span,
      [
        { span: arrival.span, text: `this is ${printType(arrival.type)}` },
        { span: arrival.port.type.span, text: "declared here" },
      ],
    );
    return null;
  }
}

/** Whether extents are numbers or the batch: in a block by itself other names may become anything. */
export const isDecided = (frame: Frame, dims: readonly Dim[]): boolean =>
  dims.every((dim) => typeof dim === "number" || sameDim(dim, frame.elaboration.recordAxis ?? 0));

const loneUnknown = (dim: Dim): string | null => {
  if (typeof dim === "number" || dim.terms.length !== 1) return null;
  const [term] = dim.terms;
  const [atom] = term?.atoms ?? [];
  return term?.coefficient === 1 &&
    term.atoms.length === 1 &&
    atom?.kind === "name" &&
    atom.text.startsWith(mark)
    ? atom.text
    : null;
};

/** Pairs pattern dims with extents around at most one `...`; `null` when the ranks cannot fit. */
function align(
  pattern: Pattern,
  shape: readonly Dim[],
): {
  readonly pairs: readonly (readonly [Dim, Dim])[];
  readonly run: readonly Dim[] | null;
} | null {
  const dots = pattern.dims.indexOf("...");
  const fixed = pattern.dims.filter((dim): dim is Dim => dim !== "...");
  if (dots < 0 ? fixed.length !== shape.length : fixed.length > shape.length) return null;
  const length = shape.length - fixed.length;
  const extents = dots < 0 ? shape : [...shape.slice(0, dots), ...shape.slice(dots + length)];
  return {
    pairs: fixed.map((dim, i) => [dim, at(extents, i)] as const),
    run: dots < 0 ? null : shape.slice(dots, dots + length),
  };
}
