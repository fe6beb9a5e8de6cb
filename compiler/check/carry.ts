/** What a scanned block carries from one step to the next. */

import type { BlockDecl, Owned } from "../../grammar/ast.js";
import { carryNotUpdated, carryOutside } from "../../grammar/diagnostics/axes.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import type { Dim } from "../ir/dim.js";
import { printType, sameType } from "../ir/type.js";
import { givenAxes } from "./axes.js";
import { child, evaluate, type Frame, leavesOpen, report, type ScanStep } from "./frame.js";
import { presence } from "./inputs.js";
import { isDecided, typeOf } from "./ports.js";
import { asNumber, describe, type Meaning, tensorOf, unknown } from "./value.js";

/** The value at entry: what the step before has set, in the first step the initial value. */
export function carriedValue(frame: Frame, node: Owned, run: readonly Dim[] | null): Meaning {
  const { scan } = frame;
  if (scan === undefined) {
    // A block by itself may be meant for a scan: all else in it is checked.
    if (!leavesOpen(frame)) {
      report(frame, carryOutside, { name: node.name.text }, node.span);
      return unknown;
    }
  } else {
    const path = child(frame.path, node.name.text);
    const count = (scan.counts.get(path) ?? -1) + 1;
    scan.counts.set(path, count);
    const before = scan.entry.get(keyOf(scan, path));
    if (before !== undefined) return before;
  }
  if (node.as !== null) {
    const expected = "without a path, since no checkpoint holds it";
    report(frame, wrongType, { what: "a carry", expected, found: "`as`" }, node.as.span);
    return unknown;
  }
  return conformed(frame, node, run, evaluate(frame, node.value), node.value.span);
}

/** `h <- value`: what the next step finds. */
export function setCarry(
  frame: Frame,
  node: Owned,
  run: readonly Dim[] | null,
  value: Meaning,
  span: Span,
): void {
  const next = conformed(frame, node, run, value, span);
  const { scan } = frame;
  scan?.exit.set(keyOf(scan, child(frame.path, node.name.text)), next);
}

/** Every carry is set once per step. */
export function checkCarriesSet(
  frame: Frame,
  declaration: BlockDecl,
  updated: ReadonlySet<string>,
): void {
  for (const member of declaration.members)
    if (
      member.kind === "owned" &&
      member.role === "carry" &&
      !updated.has(member.name.text) &&
      presence(frame, member.guard) !== "absent"
    )
      report(frame, carryNotUpdated, { name: member.name.text }, member.span);
}

/** Each application of one instance within a step carries its own value. */
const keyOf = (scan: ScanStep, path: string): string => `${path}#${scan.counts.get(path) ?? 0}`;

/** A value of the declared type: a number fills it, a list has items of it. */
function conformed(
  frame: Frame,
  node: Owned,
  run: readonly Dim[] | null,
  value: Meaning,
  span: Span,
): Meaning {
  const item = node.type.kind === "list-type" ? node.type.item : node.type;
  const isList = item !== node.type;
  const declared = typeOf(frame, item, run);
  const parts = isList ? (value.kind === "list" ? value.items : null) : [value];
  if (declared === null || [value, ...(parts ?? [])].some(({ kind }) => kind === "unknown"))
    return unknown;
  const axes = givenAxes(item, declared.shape.length);
  const number = asNumber(value);
  if (!isList && number !== null)
    return tensorOf(
      frame.elaboration.builder.constant(number, declared.dtype, declared.shape),
      axes,
    );
  const tensors = parts?.flatMap((part) => (part.kind === "tensor" ? [part.value] : [])) ?? [];
  if (parts === null || tensors.length < parts.length) {
    const expected = isList ? "a list of tensors" : "a number or a tensor";
    const what = `\`${node.name.text}\``;
    report(frame, wrongType, { what, expected, found: describe(value) }, span);
    return unknown;
  }
  const odd = tensors.find(({ type }) => !sameType(type, declared));
  if (odd === undefined) {
    const items = tensors.map((tensor) => tensorOf(tensor, axes));
    return isList ? { kind: "list", items } : at(items, 0);
  }
  // Between symbols of a generic block nothing is decided before it is applied.
  if (!isDecided(frame, [...odd.type.shape, ...declared.shape]) && leavesOpen(frame))
    return unknown;
  const what = isList ? `what \`${node.name.text}\` holds` : `\`${node.name.text}\``;
  const [expected, found] = [printType(declared), printType(odd.type)];
  report(frame, wrongType, { what, expected, found }, span);
  return unknown;
}
