/**
 * Layers of the standard library that are applied alike come out alike: the first of a kind is
 * elaborated, the others are copies of its nodes with weights of their own. Networks apply a few
 * kinds of layers hundreds of times.
 */

import type { BlockDecl } from "../../grammar/ast.js";
import type { Node, Value } from "../ir/graph.js";
import { isFloat, printType } from "../ir/type.js";
import type { CallSite } from "./bind.js";
import { entered, type Frame, isLibrary, type Member, userPlace } from "./frame.js";
import { maxNodes } from "./ops.js";
import { type Meaning, type Recipe, tensorOf } from "./value.js";

/** What one application has added to its elaboration, by paths below the instance. */
interface Template {
  /** Members and nodes in the order in which they were made. */
  readonly steps: readonly (
    | { readonly member: Member; readonly suffix: string }
    | { readonly node: Node; readonly inside: boolean }
  )[];
  readonly updates: readonly { readonly suffix: string; readonly value: Value }[];
  /** The tensors at its ports. */
  readonly inputs: readonly Value[];
  readonly result: Meaning;
}

/** By block, by how it is applied; `null` for what cannot be copied. */
export type Templates = Map<BlockDecl, Map<string, Template | null>>;

/** The outputs of `apply`, or of an application before it that was alike. */
export function applyAlike(
  frame: Frame,
  recipe: Recipe,
  call: CallSite,
  path: string,
  apply: () => Meaning,
): Meaning {
  const { declaration } = recipe;
  const key = isLibrary(declaration.span) ? keyOf(frame, recipe, call, path) : null;
  if (key === null) return apply();
  const { templates } = frame.elaboration;
  const known = templates.get(declaration) ?? new Map<string, Template | null>();
  templates.set(declaration, known);
  const template = known.get(key);
  if (template === null) return apply();
  if (template === undefined) {
    const before = extentOf(frame);
    const result = apply();
    known.set(key, templateOf(frame, before, tensorsOf(call), path, result));
    return result;
  }
  return copyOf(frame, template, recipe, call, path) ?? apply();
}

const tensorsOf = ({ inputs }: CallSite): readonly Value[] =>
  inputs.flatMap(({ meaning }) => (meaning.kind === "tensor" ? [meaning.value] : []));

// What decides how an application comes out -------------------------------------------------------

/** `null` where more than settings and types decides, or where an instance is applied again. */
function keyOf(frame: Frame, recipe: Recipe, call: CallSite, path: string): string | null {
  if (recipe.shared !== null || frame.again === true || frame.scan !== undefined) return null;
  const frozen = frame.elaboration.isFrozen(path);
  const flags = [frame.training && !frozen, frame.sampling && !frozen, frame.unused, frozen];
  const parts = [flags.map(Number).join(""), [...(frame.portNames ?? [])].join(" ")];
  for (const [name, meaning] of recipe.settings) {
    const text = settingText(meaning);
    if (text === null) return null;
    parts.push(`${name}: ${text}`);
  }
  const tensors = tensorsOf(call);
  for (const { name, meaning } of call.inputs) {
    const text = meaning.kind === "tensor" ? tensorText(meaning, tensors) : settingText(meaning);
    if (text === null) return null;
    parts.push(`${name ?? ""}= ${text}`);
  }
  return parts.join("\n");
}

/** Its type, its axes' names, and which of the inputs it is, since one tensor may arrive twice. */
const tensorText = (
  { value, axes }: Extract<Meaning, { kind: "tensor" }>,
  tensors: readonly Value[],
): string =>
  `${printType(value.type)} ${axes === undefined ? "-" : JSON.stringify(axes)} ${tensors.findIndex(({ id }) => id === value.id)}`;

function settingText(meaning: Meaning): string | null {
  switch (meaning.kind) {
    case "int":
    case "float":
    case "bool":
      return `${meaning.kind} ${String(meaning.value)}${Object.is(meaning.value, -0) ? " negative" : ""}`;
    case "string":
      return JSON.stringify(meaning.value);
    case "word":
      return `word ${meaning.text}`;
    case "dim":
      return `dim ${meaning.dim.text}`;
    case "none":
      return "none";
    case "init":
      return `init ${JSON.stringify(meaning.recipe)}`;
    case "list": {
      const items = meaning.items.map(settingText);
      return items.includes(null) ? null : `[${items.join(", ")}]`;
    }
    default:
      return null;
  }
}

// The first of a kind -----------------------------------------------------------------------------

/** How much of everything there is; what grows beside nodes, weights and states is not copied. */
interface Extent {
  readonly nodes: number;
  readonly members: number;
  readonly updates: number;
  readonly inputs: number;
  readonly applications: number;
  readonly others: readonly number[];
}

function extentOf({ elaboration: e }: Frame): Extent {
  return {
    nodes: e.builder.nodes.length,
    members: e.members.size,
    updates: e.updates.size,
    inputs: e.builder.inputs.length,
    applications: e.budget.applications,
    others: [
      e.diagnostics.length,
      e.uncarried.length,
      e.draws.length,
      e.stacks.size,
      e.lossSchedules.length,
      e.taps.size,
      e.ordinals.size,
    ],
  };
}

/** `null` where the application did what a copy does not: another block, a draw, a message. */
function templateOf(
  frame: Frame,
  before: Extent,
  inputs: readonly Value[],
  path: string,
  result: Meaning,
): Template | null {
  const after = extentOf(frame);
  const { builder, members, updates } = frame.elaboration;
  const made = [...members.values()].slice(before.members);
  const set = [...updates].slice(before.updates);
  const isPlain =
    after.applications === before.applications &&
    after.others.every((count, i) => count === before.others[i]) &&
    after.inputs - before.inputs === made.length;
  const below = `${path}.`;
  if (
    !isPlain ||
    ![...made.map((member) => member.path), ...set.map(([name]) => name)].every((name) =>
      name.startsWith(below),
    )
  )
    return null;
  const suffixOf = (name: string): string => name.slice(below.length);
  const nodes = builder.nodes.slice(before.nodes);
  const own = new Set(
    [...inputs, ...made.map(({ value }) => value), ...nodes.flatMap(({ outputs }) => outputs)].map(
      ({ id }) => id,
    ),
  );
  const results = valuesIn(result);
  const read = [
    ...nodes.flatMap((node) => node.inputs),
    ...set.map(([, value]) => value),
    ...(results ?? []),
  ];
  if (results === null || !read.every(({ id }) => own.has(id))) return null;
  if (!nodes.every(({ scope }) => scope === path || scope === "")) return null;
  // Whether an integer state depends on the batch is asked of what arrives, which a type does not tell.
  if (
    inputs.length > 0 &&
    set.some(([, value]) => !isFloat(value.type.dtype) && reaches(nodes, value, inputs))
  )
    return null;
  const steps = [
    ...made.map((member) => ({ at: member.value.id, member, suffix: suffixOf(member.path) })),
    ...nodes.map((node) => ({ at: node.outputs[0]?.id ?? 0, node, inside: node.scope === path })),
  ].sort((a, b) => a.at - b.at);
  return {
    steps,
    updates: set.map(([name, value]) => ({ suffix: suffixOf(name), value })),
    inputs,
    result,
  };
}

/** Whether `value` is made of one of `inputs`. */
function reaches(nodes: readonly Node[], value: Value, inputs: readonly Value[]): boolean {
  const needed = new Set([value.id]);
  for (const node of nodes.toReversed())
    if (node.outputs.some(({ id }) => needed.has(id)))
      for (const { id } of node.inputs) needed.add(id);
  return inputs.some(({ id }) => needed.has(id));
}

/** The tensors of a result; `null` where it is more than tensors. */
function valuesIn(meaning: Meaning): readonly Value[] | null {
  if (meaning.kind === "tensor") return [meaning.value];
  if (meaning.kind !== "tuple") return null;
  const items = meaning.items.map(({ value }) => valuesIn(value));
  return items.every((item) => item !== null) ? items.flat() : null;
}

// The others --------------------------------------------------------------------------------------

/** `null` where a path is taken or the graph grows too large, which is to be reported. */
function copyOf(
  frame: Frame,
  template: Template,
  { declaration }: Recipe,
  call: CallSite,
  path: string,
): Meaning | null {
  const { builder, members, updates, budget } = frame.elaboration;
  const values = new Map<number, Value>();
  const arriving = tensorsOf(call);
  for (const [i, { id }] of template.inputs.entries()) {
    const value = arriving[i];
    if (value !== undefined) values.set(id, value);
  }
  const pathOf = (suffix: string): string => `${path}.${suffix}`;
  if (budget.nodes + template.steps.length > maxNodes) return null;
  if (template.steps.some((step) => "member" in step && members.has(pathOf(step.suffix))))
    return null;
  const renew = (value: Value): Value => values.get(value.id) ?? value;
  const inner: Frame = { ...frame, trail: entered(frame, declaration, call.span) };
  for (const step of template.steps)
    if ("member" in step) {
      const { member } = step;
      const own = pathOf(step.suffix);
      const value = builder.input(own, member.value.type);
      values.set(member.value.id, value);
      members.set(own, {
        ...member,
        path: own,
        value,
        owner: path,
        place: userPlace(inner, member.span),
      });
    } else {
      const { node, inside } = step;
      const origin = inside ? { span: node.span, scope: path } : node;
      const outputs = builder.within(origin, () => builder.copy(node, node.inputs.map(renew)));
      for (const [i, { id }] of node.outputs.entries()) {
        const value = outputs[i];
        if (value !== undefined) values.set(id, value);
      }
      budget.nodes++;
    }
  for (const { suffix, value } of template.updates) updates.set(pathOf(suffix), renew(value));
  return renewed(template.result);

  function renewed(meaning: Meaning): Meaning {
    if (meaning.kind === "tensor") return tensorOf(renew(meaning.value), meaning.axes);
    if (meaning.kind !== "tuple") return meaning;
    const items = meaning.items.map((item) => ({ ...item, value: renewed(item.value) }));
    return { ...meaning, items };
  }
}
