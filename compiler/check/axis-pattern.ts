/** Patterns of named axes against shapes: which extent each name has. */

import type { Argument, Axes, AxisItem, Name } from "../../grammar/ast.js";
import {
  patternExtent,
  patternRank,
  patternRepeats,
  patternUndetermined,
} from "../../grammar/diagnostics/einops.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, divideExactly, multiplyDims, printDim, sameDim } from "../ir/dim.js";
import { printType, type TensorType } from "../ir/type.js";
import { dimNamed } from "./axes.js";
import { evaluate, type Frame, leavesOpen, report } from "./frame.js";
import { isDecided } from "./ports.js";
import { asDim } from "./value.js";

/** Axes of a matched pattern, flat, in order: groups are taken apart, sizes of 1 left out. */
export type MatchedAxes = readonly string[];

/** Extents by name. The axes of `...` are called `...0`, `...1`, and so on. */
export type Extents = Map<string, Dim>;

/** Extents given after a pattern: `rearrange(B (h k) -> B h k, k: 4)`. */
export function givenExtents(frame: Frame, sizes: readonly Argument[]): Extents | null {
  const extents: Extents = new Map();
  for (const { name, value } of sizes) {
    const dim = asDim(evaluate(frame, value));
    if (name === null || dim === null) return null;
    extents.set(name.text, dim);
  }
  return extents;
}

/** A name that means a dim in the block keeps that meaning; others are the pattern's own. */
function extentOf(frame: Frame, name: Name, extents: Extents): Dim | null {
  const known = extents.get(name.text);
  if (known !== undefined) return known;
  const dim = dimNamed(frame, name.text, name.span);
  if (dim !== null) extents.set(name.text, dim);
  return dim;
}

/** Matches a pattern with a type and adds what it learns to `extents`; `null` after a report. */
export function matchAxes(
  frame: Frame,
  pattern: Axes,
  type: TensorType,
  extents: Extents,
): MatchedAxes | null {
  const { items } = pattern;
  const dots = items.findIndex((item) => item.kind === "axis" && item.name.text === "...");
  const fixed = dots < 0 ? items.length : items.length - 1;
  if (dots < 0 ? fixed !== type.shape.length : fixed > type.shape.length) {
    report(frame, patternRank, { pattern: fixed, type: printType(type) }, pattern.span);
    return null;
  }
  const run = type.shape.length - fixed;
  const names: string[] = [];
  let axis = 0;
  for (const [i, item] of items.entries()) {
    if (i === dots) {
      for (let k = 0; k < run; k++, axis++) {
        names.push(`...${k}`);
        if (!learn(frame, `...${k}`, at(type.shape, axis), extents, item)) return null;
      }
      continue;
    }
    const matched = matchItem(frame, item, at(type.shape, axis++), extents);
    if (matched === null) return null;
    names.push(...matched);
  }
  return distinct(frame, names, pattern) ? names : null;
}

function matchItem(
  frame: Frame,
  item: AxisItem,
  dim: Dim,
  extents: Extents,
): readonly string[] | null {
  switch (item.kind) {
    case "size":
      if (sameDim(dim, item.value)) return [];
      differ(frame, String(item.value), { wanted: item.value, multiple: false, dim }, item.span);
      return null;
    case "axis":
      extentOf(frame, item.name, extents);
      return learn(frame, item.name.text, dim, extents, item) ? [item.name.text] : null;
    case "axes":
      return matchGroup(frame, item, dim, extents);
  }
}

/** The product of a group is its axis: all extents but one must be known. */
function matchGroup(
  frame: Frame,
  group: Extract<AxisItem, { kind: "axes" }>,
  dim: Dim,
  extents: Extents,
): readonly string[] | null {
  const members = group.items.flatMap((item) => (item.kind === "axis" ? [item.name] : []));
  let known: Dim = 1;
  const open: Name[] = [];
  for (const name of members) {
    const extent = extentOf(frame, name, extents);
    if (extent === null) open.push(name);
    else known = multiplyDims(known, extent);
  }
  const [first] = open;
  if (open.length > 1) {
    report(frame, patternUndetermined, { axes: open.map(({ text }) => text) }, group.span);
    return null;
  }
  const rest = divideExactly(dim, known);
  if (first !== undefined && rest !== null) extents.set(first.text, rest);
  if (first === undefined ? sameDim(dim, known) : rest !== null)
    return members.map(({ text }) => text);
  const axis = `(${members.map(({ text }) => text).join(" ")})`;
  differ(frame, axis, { wanted: known, multiple: first !== undefined, dim }, group.span);
  return null;
}

/** In a block by itself symbols may come to agree. */
function differ(
  frame: Frame,
  axis: string,
  {
    wanted,
    multiple,
    dim,
  }: { readonly wanted: Dim; readonly multiple: boolean; readonly dim: Dim },
  span: Span,
): void {
  if (!isDecided(frame, [wanted, dim]) && leavesOpen(frame)) return;
  const expected = multiple ? `a multiple of ${printDim(wanted)}` : printDim(wanted);
  report(frame, patternExtent, { axis, expected, found: printDim(dim) }, span);
}

function learn(frame: Frame, name: string, dim: Dim, extents: Extents, item: AxisItem): boolean {
  const known = extents.get(name);
  if (known === undefined) extents.set(name, dim);
  else if (!sameDim(known, dim)) {
    differ(frame, name, { wanted: known, multiple: false, dim }, item.span);
    return false;
  }
  return true;
}

/** Whether no name stands twice; a repeated one is reported. */
export function distinct(frame: Frame, names: readonly string[], pattern: Axes): boolean {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated === undefined) return true;
  report(frame, patternRepeats, { axis: repeated }, pattern.span);
  return false;
}
