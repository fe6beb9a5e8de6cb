/** Solves the dims of one application: of its tensors all together, of lists item by item. */

import type { BlockDecl, MetricDecl, Port, TypeNode } from "../../grammar/ast.js";
import {
  portShape,
  unresolvedDim,
  variesByItem,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import { type Dim, namedDim, printDim, sameDim, sameShape } from "../ir/dim.js";
import { printType } from "../ir/type.js";
import { bind, createScope, evaluate, type Frame, leavesOpen, report } from "./frame.js";
import { bindConstants, type Input } from "./inputs.js";
import {
  type Arrival,
  genericNames,
  type Pattern,
  patternOf,
  solvePorts,
  unknownDim,
} from "./ports.js";
import { asDim, describe, dimMeaning, type Meaning, unknown } from "./value.js";

/** What the inputs of one application settle. */
export interface Solved {
  readonly dims: ReadonlyMap<string, Dim>;
  /** What `...` stands for; `null` when no input has one, or the items of a list differ in it. */
  readonly run: readonly Dim[] | null;
  /** Names that the inputs leave open: reading one is a mistake, which this reports. */
  readonly open: ReadonlyMap<string, () => void>;
}

/** `null` when the inputs do not fit, or nothing can be said of them; `base` sees the settings. */
export function solveInputs(
  frame: Frame,
  base: Frame,
  declaration: BlockDecl | MetricDecl,
  inputs: readonly Input[],
): Solved | null {
  const block = declaration.name.text;
  const open = new Map<string, () => void>();
  const arrivals: Arrival[] = [];
  const lists: ListInput[] = [];
  const assumed: Port[] = [];
  for (const { port, meaning, span } of inputs) {
    const isList = port.type.kind === "list-type";
    if (meaning.kind === "unknown") {
      // In a block by itself a list has no known length; all else can be checked.
      if (!leavesOpen(frame)) return null;
      assumed.push(port);
    } else if (meaning.kind === "none" && (port.value !== null || port.guard !== null)) {
      for (const name of namesIn(base, declaration, port.type))
        open.set(name, () => report(frame, unresolvedDim, { name, block }, port.type.span));
    } else if (isList && meaning.kind === "list") lists.push({ port, items: meaning.items, span });
    else if (!isList && meaning.kind === "tensor")
      arrivals.push({ port, type: meaning.value.type, span });
    else {
      const expected = isList ? "a list of tensors" : "a tensor";
      const what = `\`${port.name.text}\` of \`${block}\``;
      report(frame, wrongType, { what, expected, found: describe(meaning) }, span);
      return null;
    }
  }
  const tensors = solveTogether(frame, base, declaration, new Map(), arrivals);
  if (tensors === null) return null;
  const dims = new Map(tensors.dims);
  const runs: (readonly Dim[])[] = tensors.run === null ? [] : [tensors.run];
  const perItem = new Map<string, { readonly port: Port; readonly values: Dim[] }>();
  for (const list of lists) {
    const solved = solveItems(frame, base, declaration, tensors, list);
    if (solved === null) return null;
    for (const name of namesIn(base, declaration, list.port.type))
      if (!tensors.dims.has(name) && !perItem.has(name))
        perItem.set(name, { port: list.port, values: [] });
    for (const item of solved) {
      if (item.run !== null) runs.push(item.run);
      for (const [name, dim] of item.dims) perItem.get(name)?.values.push(dim);
    }
  }
  for (const [name, { port, values }] of perItem) {
    const [first] = values;
    if (first !== undefined && values.every((value) => sameDim(value, first)))
      dims.set(name, first);
    else
      open.set(name, () => {
        const found = values.map(printDim).join(", ");
        if (first === undefined) report(frame, unresolvedDim, { name, block }, port.type.span);
        else report(frame, variesByItem, { name, list: port.name.text, found }, port.type.span);
      });
  }
  for (const port of assumed)
    for (const name of namesIn(base, declaration, port.type))
      if (!dims.has(name)) dims.set(name, namedDim(name));
  for (const name of dims.keys()) open.delete(name);
  const [run] = runs;
  const isOne = run !== undefined && runs.every((other) => sameShape(other, run));
  return { dims, run: isOne ? run : null, open };
}

/** Generic names of a port's type; consts that read others are not evaluated for it. */
export function namesIn(
  base: Frame,
  declaration: BlockDecl | MetricDecl,
  type: TypeNode,
): readonly string[] {
  const frame: Frame = { ...base, scope: createScope(base.scope) };
  for (const member of declaration.members)
    if (member.kind === "const") bind(frame.scope, member.name.text, unknown);
  return collect(type);

  function collect(node: TypeNode): readonly string[] {
    if (node.kind !== "list-type") return genericNames(frame, node);
    return [...collect(node.item), ...namesOfLength(node.length)];
  }

  function namesOfLength(length: Extract<TypeNode, { kind: "list-type" }>["length"]) {
    if (length === null) return [];
    const { span } = length;
    const dtype = { text: "i64", span };
    const dim = { kind: "dim", axis: null, size: length, span } as const;
    return genericNames(frame, { kind: "tensor-type", dtype, dims: [dim], span });
  }
}

export interface Together {
  readonly dims: ReadonlyMap<string, Dim>;
  readonly run: readonly Dim[] | null;
}

/** Names that stand alone first, then consts, which may read them, and what is linear in one unknown. */
function solveTogether(
  frame: Frame,
  base: Frame,
  declaration: BlockDecl | MetricDecl,
  known: ReadonlyMap<string, Dim>,
  arrivals: readonly Arrival[],
): Together | null {
  const names = new Set(arrivals.flatMap(({ port }) => namesIn(base, declaration, port.type)));
  const lone = new Map(known);
  for (const arrival of arrivals)
    for (const [name, dim] of loneDims(arrival))
      if (names.has(name) && !lone.has(name)) lone.set(name, dim);
  const open = new Set([...names].filter((name) => !lone.has(name)));
  const solving: Frame = { ...base, scope: createScope(base.scope) };
  for (const [name, dim] of lone) bind(solving.scope, name, dimMeaning(dim));
  for (const name of open) bind(solving.scope, name, dimMeaning(unknownDim(name)));
  bindConstants(solving, declaration);
  const patterns = new Map<Port, Pattern>();
  for (const { port } of arrivals) {
    const pattern = patternOf(solving, port.type);
    if (pattern === null) return null;
    patterns.set(port, pattern);
  }
  const solution = solvePorts(frame, declaration.name.text, patterns, arrivals, open);
  return solution === null
    ? null
    : { dims: new Map([...lone, ...solution.dims]), run: solution.run };
}

/** Extents of the axes that have a name, or whose size is a bare one. */
function loneDims({ port, type }: Arrival): readonly (readonly [string, Dim])[] {
  if (port.type.kind !== "tensor-type") return [];
  const nodes = port.type.dims;
  const rank = type.shape.length;
  const dots = nodes.findIndex(({ size }) => size === null);
  if (dots < 0 ? nodes.length !== rank : nodes.length - 1 > rank) return [];
  return nodes.flatMap(({ axis, size }, i) => {
    const place = dots < 0 || i < dots ? i : i + rank - nodes.length;
    const names = [axis?.text, size?.kind === "name" ? size.name : undefined];
    return names.flatMap((name) =>
      name === undefined || size === null ? [] : [[name, at(type.shape, place)] as const],
    );
  });
}

export interface ListInput {
  readonly port: Port;
  readonly items: readonly Meaning[];
  readonly span: Arrival["span"];
}

/** Each item against the item's type, on its own: names that no tensor port holds are free in each. */
export function solveItems(
  frame: Frame,
  base: Frame,
  declaration: BlockDecl | MetricDecl,
  tensors: Together,
  { port, items, span }: ListInput,
): readonly Together[] | null {
  const { type } = port;
  if (type.kind !== "list-type") return [];
  const block = declaration.name.text;
  const known = new Map(tensors.dims);
  if (type.length !== null) {
    const { length } = type;
    const isName = length.kind === "name" && namesIn(base, declaration, type).includes(length.name);
    if (isName && !known.has(length.name)) known.set(length.name, items.length);
    const scope = createScope(base.scope);
    for (const [name, dim] of known) bind(scope, name, dimMeaning(dim));
    bindConstants({ ...base, scope }, declaration);
    const wanted = evaluate({ ...base, scope }, length);
    const count = asDim(wanted);
    if (wanted.kind === "unknown") return null;
    if (count === null || !sameDim(count, items.length)) {
      const what = `the length of \`${port.name.text}\` of \`${block}\``;
      const expected = describe(wanted).replace(/^the \w+ /, "");
      report(frame, wrongType, { what, expected, found: String(items.length) }, span);
      return null;
    }
  }
  const solved: Together[] = [];
  for (const [i, item] of items.entries()) {
    const text = `${port.name.text}[${i}]`;
    const own: Port = { ...port, name: { ...port.name, text }, type: type.item };
    if (item.kind === "unknown") return null;
    if (item.kind === "list") {
      const inner = { port: own, items: item.items, span };
      const nested = solveItems(frame, base, declaration, { ...tensors, dims: known }, inner);
      if (nested === null) return null;
      solved.push(...nested);
      continue;
    }
    if (item.kind !== "tensor" || type.item.kind === "list-type") {
      const expected = type.item.kind === "list-type" ? "a list of tensors" : "a tensor";
      report(
        frame,
        wrongType,
        { what: `\`${text}\` of \`${block}\``, expected, found: describe(item) },
        span,
      );
      return null;
    }
    const arrival = { port: own, type: item.value.type, span };
    const one = solveTogether(frame, base, declaration, known, [arrival]);
    if (one === null) return null;
    if (tensors.run !== null && one.run !== null && !sameShape(tensors.run, one.run)) {
      const { start, end, source } = type.item.span;
      const expected = source.text.slice(start, end);
      const found = printType(item.value.type);
      report(frame, portShape, { port: text, block, expected, found }, span);
      return null;
    }
    solved.push(one);
  }
  return solved;
}
