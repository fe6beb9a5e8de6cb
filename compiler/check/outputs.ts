/** What a block gives: outputs assigned by name, each checked against its declared type. */

import type { BlockDecl, Name, Port } from "../../grammar/ast.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import { assignsNoOutput, outputNotAssigned } from "../../grammar/diagnostics/program.js";
import { portShape, wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Dim } from "../ir/dim.js";
import { printType, sameType } from "../ir/type.js";
import { bind, evaluate, type Frame, leavesOpen, report } from "./frame.js";
import { presence } from "./inputs.js";
import { isDecided, typeOf } from "./ports.js";
import { solveItems } from "./solve.js";
import { describe, type Meaning, none, tensorOf, unknown } from "./value.js";

/** `a, b = …`: gives outputs their values, which later lines may read. */
export function assign(
  frame: Frame,
  outs: readonly Port[],
  outputs: Map<string, Meaning>,
  names: readonly Name[],
  values: readonly Meaning[],
): void {
  for (const [i, name] of names.entries()) {
    if (name.text === "_") continue;
    const known = outs.map((port) => port.name.text);
    if (!known.includes(name.text))
      report(
        frame,
        assignsNoOutput,
        { name: name.text, suggestion: suggest(name.text, known) },
        name.span,
      );
    else if (outputs.has(name.text)) report(frame, alreadyDefined, { name: name.text }, name.span);
    const value = values[i] ?? unknown;
    outputs.set(name.text, value);
    bind(frame.scope, name.text, value, name.span);
  }
}

/** The value of one output, of its declared type; an output whose condition is false is `none`. */
export function checkOutput(
  { frame, settled }: { readonly frame: Frame; readonly settled: Frame },
  declaration: BlockDecl,
  port: Port,
  outputs: ReadonlyMap<string, Meaning>,
  run: readonly Dim[] | null,
): Meaning {
  const block = declaration.name.text;
  const presentness = presence(frame, port.guard);
  if (presentness === "absent") return none;
  if (presentness === "unknown") return unknown;
  const value =
    outputs.get(port.name.text) ?? (port.value === null ? null : evaluate(frame, port.value));
  if (value === null) {
    report(frame, outputNotAssigned, { port: port.name.text, block }, port.span);
    return unknown;
  }
  if (value.kind === "unknown") return unknown;
  const span = valueSpan(declaration, port);
  if (port.type.kind === "list-type")
    return checkList(settled, declaration, port, value, run, span);
  const declared = typeOf(frame, port.type, run);
  if (declared === null) return unknown;
  if (value.kind === "tensor" && sameType(value.value.type, declared)) return tensorOf(value.value);
  if (
    value.kind === "tensor" &&
    value.value.type.dtype === declared.dtype &&
    !isDecided(frame, [...declared.shape, ...value.value.type.shape]) &&
    leavesOpen(frame)
  )
    return unknown;
  const found = value.kind === "tensor" ? printType(value.value.type) : describe(value);
  report(
    frame,
    portShape,
    { port: port.name.text, block, expected: printType(declared), found },
    span,
    [{ span: port.type.span, text: "declared here" }],
  );
  return unknown;
}

/** Names that the block leaves open may differ between the items. */
function checkList(
  frame: Frame,
  declaration: BlockDecl,
  port: Port,
  value: Meaning,
  run: readonly Dim[] | null,
  span: Span,
): Meaning {
  if (value.kind !== "list") {
    const what = `\`${port.name.text}\` of \`${declaration.name.text}\``;
    report(frame, wrongType, { what, expected: "a list of tensors", found: describe(value) }, span);
    return unknown;
  }
  const known = { dims: new Map<string, Dim>(), run };
  const list = { port, items: value.items, span };
  return solveItems(frame, frame, declaration, known, list) === null ? unknown : value;
}

const valueSpan = (declaration: BlockDecl, port: Port): Span =>
  declaration.members.find(
    (member) =>
      member.kind === "assign" && member.names.some((name) => name.text === port.name.text),
  )?.span ?? port.span;
