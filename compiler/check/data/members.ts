/** What a dataset's name leads to: its classes, those of a field, the groups of a split, its fits. */

import type { DatasetDecl, FieldMember, Name } from "../../../grammar/ast.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Definition } from "../../modules.js";
import { evaluate, type Frame, report, userPlace } from "../frame.js";
import { intOf, type Meaning, tensorOf, unknown } from "../value.js";
import { datasetFindings } from "./dataset.js";
import { splitMember } from "./groups.js";
import { type CheckedFit, splitNames } from "./preparation.js";

/** `Shapes.classes`, `Cars.weather`, `FigLib.val`, `Sim.range`; `null` where there is no such member. */
export function datasetMember(
  frame: Frame,
  home: Frame,
  { declaration }: Definition,
  member: Name,
): Meaning | null {
  if (declaration.kind !== "dataset") return null;
  const { text: name } = member;
  const field = declaration.members.find(
    (item): item is FieldMember => item.kind === "field" && item.name.text === name,
  );
  if (field !== undefined) return fieldMember(frame, home, declaration, field, member);
  const split = splitNames.find((each) => each === name);
  if (split !== undefined) return splitMember(frame, home, declaration, member, split);
  if (name === "classes") return classesOf(home, declaration);
  if (!declaration.members.some((item) => item.kind === "fit" && item.name.text === name))
    return null;
  const fit = datasetFindings(home, declaration).fits.get(name);
  return fit === undefined ? unknown : rangeOf(frame, declaration, fit, member);
}

/** The classes that the source is given, or that its file tells. */
function classesOf(home: Frame, declaration: DatasetDecl): Meaning | null {
  for (const item of declaration.members) {
    if (item.kind !== "entry" || item.key[0]?.text !== "source" || item.value?.kind !== "call")
      continue;
    const count = classCount(home, item.value);
    if (count !== null) return intOf(count);
  }
  const { classes } = datasetFindings(home, declaration);
  return classes.length === 0 ? null : intOf(classes.length);
}

/** `Cars.weather.classes`. */
function fieldMember(
  frame: Frame,
  home: Frame,
  { name: owner }: DatasetDecl,
  { reader, name }: FieldMember,
  member: Name,
): Meaning {
  const count = reader.kind === "call" ? classCount(home, reader) : null;
  if (count !== null) return { kind: "tuple", items: [{ name: "classes", value: intOf(count) }] };
  const what = `\`${owner.text}.${name.text}\``;
  const params = { what, expected: "a field with a list of classes", found: "one without" };
  report(frame, wrongType, params, member.span);
  return unknown;
}

function classCount(
  home: Frame,
  call: Extract<FieldMember["reader"], { kind: "call" }>,
): number | null {
  const argument = call.args.find(({ name }) => name?.text === "classes");
  if (argument === undefined) return null;
  if (argument.value.kind === "list") return argument.value.items.length;
  const list = evaluate(home, argument.value);
  return list.kind === "list" ? list.items.length : null;
}

/** A fit's results as constant state of the graph at hand. */
function rangeOf(frame: Frame, declaration: DatasetDecl, fit: CheckedFit, member: Name): Meaning {
  const { builder, members } = frame.elaboration;
  const owner = `data.${declaration.name.text}.${fit.plan.name}`;
  const items = fit.results.map((name) => {
    const path = `${owner}.${name}`;
    const value = members.get(path)?.value ?? builder.input(path, fit.type);
    if (!members.has(path))
      members.set(path, {
        path,
        role: "state",
        value,
        init: { kind: "constant", value: 0 },
        unused: false,
        span: member.span,
        place: userPlace(frame, member.span),
        owner,
      });
    return { name, value: tensorOf(value) };
  });
  const { layout, scale } = fit;
  const { kind } = fit.plan;
  return { kind: "tuple", items, range: { kind, layout, to: scale } };
}
