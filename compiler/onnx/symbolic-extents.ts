/** Extents that are known only when a graph runs, computed from the shapes of its inputs. */

import { invariant } from "../../grammar/invariant.js";
import { type Atom, type Dim, printDim } from "../ir/dim.js";
import type { NamedValue } from "../ir/graph.js";
import type { OnnxBuilder } from "../ops/kit/onnx-builder.js";

/** Where a symbol can be read off: an axis of a graph input. */
export type Symbols = ReadonlyMap<string, { readonly input: string; readonly axis: number }>;

/** The first place of every symbol that is an input's whole extent. */
export function symbolsOf(inputs: readonly NamedValue[]): Symbols {
  const symbols = new Map<string, { readonly input: string; readonly axis: number }>();
  for (const { name, value } of inputs)
    for (const [axis, dim] of value.type.shape.entries())
      if (typeof dim !== "number" && !symbols.has(dim.text))
        symbols.set(dim.text, { input: name, axis });
  return symbols;
}

/** A shape as an i64 vector: a constant where all is known, otherwise put together by nodes. */
export function writeExtents(o: OnnxBuilder, symbols: Symbols, shape: readonly Dim[]): string {
  const numbers = shape.flatMap((dim) => (typeof dim === "number" ? [dim] : []));
  if (numbers.length === shape.length) return o.ints(numbers);
  const parts = shape.map((dim) => writeExtent(o, symbols, dim));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : o.node("Concat", parts, { axis: 0 });
}

/** One extent as i64[1]: a sum of products of symbols and rounded quotients. */
function writeExtent(o: OnnxBuilder, symbols: Symbols, dim: Dim): string {
  if (typeof dim === "number") return o.ints([dim]);
  const place = symbols.get(dim.text);
  if (place !== undefined)
    return o.node("Shape", [place.input], { start: place.axis, end: place.axis + 1 });
  const terms = dim.terms.map(({ coefficient, atoms }) => {
    const factors = atoms.map((atom) => writeAtom(o, symbols, atom));
    if (coefficient !== 1 || factors.length === 0) factors.unshift(o.ints([coefficient]));
    return factors.reduce((left, right) => o.node("Mul", [left, right]));
  });
  return terms.reduce((left, right) => o.node("Add", [left, right]));
}

function writeAtom(o: OnnxBuilder, symbols: Symbols, atom: Atom): string {
  if (atom.kind === "name") {
    const place = symbols.get(atom.text);
    invariant(place !== undefined, `no input of the graph has the extent ${atom.text}`);
    return o.node("Shape", [place.input], { start: place.axis, end: place.axis + 1 });
  }
  // Integer division of extents, which are not negative, rounds down.
  invariant(atom.kind === "floor", `${printDim(atom.over)} is rounded up at run time`);
  const over = writeExtent(o, symbols, atom.over);
  return o.node("Div", [over, writeExtent(o, symbols, atom.under)]);
}
