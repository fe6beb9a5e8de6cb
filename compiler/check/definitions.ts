/** What declared names mean: constants are evaluated once, blocks and functions wait for their call. */

import type {
  BlockDecl,
  DatasetDecl,
  Declaration,
  Name,
  ParamDecl,
  TypeNode,
} from "../../grammar/ast.js";
import { diagnose } from "../../grammar/diagnostic.js";
import {
  alreadyDefined,
  cyclicDefinition,
  missingKey,
  unknownMember,
} from "../../grammar/diagnostics/names.js";
import { outOfRange } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Definition, ModuleScope } from "../modules.js";
import { createScope, evaluate, type Frame, report } from "./frame.js";
import { weightsMeaning } from "./glob-expr.js";
import { meshAxes, meshSize, sizeMember } from "./placement/mesh.js";
import { conform } from "./settings.js";
import { asNumber, describe, intOf, type Meaning, unknown } from "./value.js";

/** A frame at the top of a module: only its declarations are in sight. */
export const moduleFrame = (frame: Frame, module: ModuleScope): Frame => ({
  ...frame,
  module,
  scope: createScope(null),
});

export function definitionMeaning(frame: Frame, definition: Definition, span: Span): Meaning {
  const { declaration, module } = definition;
  switch (declaration.kind) {
    case "fn":
      return { kind: "fn", declaration, module };
    case "optimizer":
      return { kind: "rule", declaration, module };
    case "schedule":
      return { kind: "timeline", declaration, module };
    case "block":
    case "dataset":
    case "train":
    case "metric":
    case "mesh":
    case "shard":
    case "variant":
    case "sweep":
    case "export":
      return { kind: "definition", definition };
    case "const":
    case "param":
      return constantMeaning(frame, definition, span);
  }
}

function constantMeaning(frame: Frame, { declaration, module }: Definition, span: Span): Meaning {
  const { constants } = frame.elaboration;
  const known = constants.get(declaration);
  if (known === null) {
    report(frame, cyclicDefinition, { name: nameOf(declaration) }, span);
    return unknown;
  }
  if (known !== undefined) return known;
  constants.set(declaration, null);
  const home = moduleFrame(frame, module);
  const meaning =
    declaration.kind === "param"
      ? paramMeaning(home, declaration)
      : declaration.kind === "const"
        ? evaluate(home, declaration.value)
        : unknown;
  constants.set(declaration, meaning);
  return meaning;
}

const nameOf = (declaration: Declaration): string =>
  "name" in declaration ? declaration.name.text : "";

function paramMeaning(frame: Frame, param: ParamDecl): Meaning {
  const name = param.name.text;
  if (param.value === null) {
    const params = { key: `--${name.replaceAll("_", "-")}`, owner: "this program" };
    // Where files lie does not bear on whether a program is sound: only running it asks for that.
    if (!isPath(param.type)) report(frame, missingKey, params, param.name.span);
    else if (!uncarriedAt(frame, param.name.span))
      frame.elaboration.uncarried.push(diagnose(missingKey, params, param.name.span));
    return unknown;
  }
  const value = takesWeights(param.type)
    ? weightsMeaning(frame, param.value, `\`${name}\``)
    : evaluate(frame, param.value, param.type);
  const meaning = conform(frame, value, param.type, param.value.span, `\`${name}\``);
  if (param.range !== null) checkRange(frame, param, meaning);
  return meaning;
}

/** `weights[]`: its items are paths, which mean nothing as values. */
const takesWeights = (type: TypeNode): boolean =>
  type.kind === "tensor-type" && type.dtype.text === "weights";

const isPath = (type: TypeNode): boolean =>
  type.kind === "setting-type" && type.alternatives.every(({ name }) => name.text === "path");

const uncarriedAt = ({ elaboration }: Frame, { source, start }: Span): boolean =>
  elaboration.uncarried.some(({ span }) => span?.source === source && span.start === start);

function checkRange(frame: Frame, param: ParamDecl, meaning: Meaning): void {
  const range = param.range === null ? unknown : evaluate(frame, param.range);
  const value = asNumber(meaning);
  if (range.kind !== "range" || value === null || param.value === null) return;
  const low = asNumber(range.from) ?? -Infinity;
  const high = range.to === null ? Infinity : (asNumber(range.to) ?? Infinity);
  if (value >= low && value <= high) return;
  report(
    frame,
    outOfRange,
    { what: `\`${param.name.text}\``, value: String(value), low: String(low), high: String(high) },
    param.value.span,
    param.range === null ? [] : [{ span: param.range.span, text: "the range is declared here" }],
  );
}

/** `Shapes.classes`, how many classes a dataset names; `pod.expert`, the devices along an axis; `pod.size`. */
export function memberOfDefinition(frame: Frame, definition: Definition, member: Name): Meaning {
  const { declaration, module } = definition;
  if (declaration.kind === "mesh") {
    const axes = meshAxes(moduleFrame(frame, module), declaration);
    if (axes === null) return unknown;
    const devices = member.text === sizeMember ? meshSize(axes) : axes.get(member.text);
    if (devices !== undefined) return intOf(devices);
    const owner = `the mesh \`${declaration.name.text}\``;
    const suggestion = suggest(member.text, [...axes.keys(), sizeMember]);
    report(frame, unknownMember, { owner, member: member.text, suggestion }, member.span);
    return unknown;
  }
  const found = frame.elaboration.datasetMember(
    frame,
    moduleFrame(frame, module),
    definition,
    member,
  );
  if (found !== null) return found;
  report(
    frame,
    unknownMember,
    {
      owner: describe({ kind: "definition", definition }),
      member: member.text,
      suggestion:
        declaration.kind === "dataset" ? suggest(member.text, memberNames(declaration)) : null,
    },
    member.span,
  );
  return unknown;
}

/** What a dataset's name may lead to, for suggestions. */
const memberNames = ({ members }: DatasetDecl): readonly string[] => [
  "classes",
  ...members.flatMap((member) =>
    member.kind === "field" || member.kind === "fit" ? [member.name.text] : [],
  ),
];

/** Blocks whose names have been found to be their own. */
const sound = new WeakSet<BlockDecl>();

/** Whether a block's settings, ports, members and lets have names of their own; a double one is reported. */
export function namesAreUnique(frame: Frame, block: BlockDecl): boolean {
  if (sound.has(block)) return true;
  const names = [
    ...block.formals.map(({ name }) => name),
    ...block.members.flatMap((member) => {
      switch (member.kind) {
        case "port":
        case "owned":
        case "const":
          return [member.name];
        case "let":
          return member.names.filter(({ text }) => text !== "_");
        default:
          return [];
      }
    }),
  ];
  const seen = new Map<string, Name>();
  for (const name of names) {
    const earlier = seen.get(name.text);
    seen.set(name.text, name);
    if (earlier === undefined) continue;
    report(frame, alreadyDefined, { name: name.text }, name.span, [
      { span: earlier.span, text: "first defined here" },
    ]);
    return false;
  }
  sound.add(block);
  return true;
}
