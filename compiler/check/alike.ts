/**
 * Blocks that are applied alike come out alike: the first of a kind is elaborated, with all that it
 * applies itself, the others are copies of its nodes with weights of their own. Networks apply a
 * few kinds of layers hundreds of times, and a program's blocks hold each other.
 */

import type { BlockDecl } from "../../grammar/ast.js";
import type { Node, Value } from "../ir/graph.js";
import { isFloat } from "../ir/type.js";
import { applicationKey, tensorsOf } from "./application-key.js";
import type { CallSite } from "./bind.js";
import {
  child,
  type Elaboration,
  entered,
  type Frame,
  isLibrary,
  maxApplications,
  maxDepth,
  type Member,
  type UserPlace,
  userPlace,
} from "./frame.js";
import { maxNodes } from "./ops.js";
import { type Meaning, type Recipe, tensorOf } from "./value.js";

/** What one application has added to its elaboration, by paths below the instance. */
interface Template {
  /** Members and nodes in the order in which they were made. */
  readonly steps: readonly (
    | { readonly member: Member; readonly path: string; readonly owner: string }
    | { readonly node: Node; readonly scope: string | null }
  )[];
  readonly updates: readonly { readonly path: string; readonly value: Value }[];
  /** The blocks that it has applied within. */
  readonly within: readonly Within[];
  /** The tensors at its ports. */
  readonly inputs: readonly Value[];
  readonly result: Meaning;
}

interface Within {
  readonly declaration: BlockDecl;
  readonly path: string;
  readonly isFrozen: boolean;
  /** How many blocks deeper than the template's own. */
  readonly depth: number;
}

/** The first application of its kind. */
interface Known {
  readonly elaboration: Elaboration;
  readonly before: Extent;
  readonly after: Extent;
  readonly path: string;
  readonly depth: number;
  readonly inputs: readonly Value[];
  readonly result: Meaning;
  /** Made when a second one comes; "none" where a copy would not do the same. */
  template: Template | "none" | null;
}

/** By block, by how it is applied. */
export type Templates = Map<BlockDecl, Map<string, Known>>;

/** Applications of blocks on their own, for all elaborations of a program. */
export interface TemplatesAlone {
  /** Of blocks that nothing else applies: what symbols leave undecided stays open. */
  readonly generic: Templates;
  /** Of blocks whose weights are counted, by how things are known; nobody reads their facts. */
  readonly counted: Map<string, Templates>;
}

/** What a block on its own may repeat, seen from where it is asked for. */
export function templatesAlone({
  alone,
  generic,
  everyBranch,
  recordAxis,
  known,
}: Elaboration): Pick<Elaboration, "templates" | "lent"> {
  const mode = JSON.stringify([generic, everyBranch, recordAxis === null, ...known]);
  const templates: Templates = alone.counted.get(mode) ?? new Map();
  alone.counted.set(mode, templates);
  const isLent = !everyBranch && recordAxis !== null && known.size === 0;
  return { templates, lent: isLent ? alone.generic : null };
}

/** The outputs of `apply`, or of an application before it that was alike. */
export function applyAlike(
  frame: Frame,
  recipe: Recipe,
  call: CallSite,
  path: string,
  apply: () => Meaning,
): Meaning {
  const { declaration } = recipe;
  const key = applicationKey(frame, recipe, call, path);
  if (key === null) return apply();
  const { elaboration } = frame;
  const { templates, lent } = elaboration;
  const ofBlock = templates.get(declaration) ?? new Map<string, Known>();
  templates.set(declaration, ofBlock);
  const known = ofBlock.get(key) ?? settled(lent?.get(declaration)?.get(key));
  if (known === undefined) {
    const before = extentOf(elaboration);
    const result = apply();
    const after = extentOf(elaboration);
    const depth = frame.trail.length;
    const inputs = tensorsOf(call);
    ofBlock.set(key, { elaboration, before, after, path, depth, inputs, result, template: null });
    return result;
  }
  known.template ??= templateOf(known);
  return (
    (known.template === "none" ? null : copyOf(frame, known.template, recipe, call, path)) ??
    apply()
  );
}

/** Where nothing was left open, another elaboration comes out the same. */
const settled = (known: Known | undefined): Known | undefined =>
  known?.before.open === known?.after.open ? known : undefined;

// The first of a kind -----------------------------------------------------------------------------

/** How much of everything there is; what grows beside nodes, weights and states is not copied. */
interface Extent {
  readonly nodes: number;
  readonly members: number;
  readonly updates: number;
  readonly inputs: number;
  readonly applications: number;
  /** Not compared within an elaboration. */
  readonly open: number;
  readonly effects: number;
  readonly others: readonly number[];
}

const extentOf = (e: Elaboration): Extent => ({
  nodes: e.builder.nodes.length,
  members: e.members.size,
  updates: e.updates.size,
  inputs: e.builder.inputs.length,
  applications: e.applications.length,
  open: e.budget.open,
  effects: e.budget.effects,
  others: [e.draws.length, e.stacks.size, e.lossSchedules.length, e.ordinals.size],
});

/** "none" where the application did what a copy does not: a draw, a shared block, a message. */
function templateOf({
  elaboration,
  before,
  after,
  path,
  depth,
  inputs,
  result,
}: Known): Template | "none" {
  const made = [...elaboration.members.values()].slice(before.members, after.members);
  const set = [...elaboration.updates].slice(before.updates, after.updates);
  const applied = elaboration.applications.slice(before.applications, after.applications);
  if (
    after.effects !== before.effects ||
    after.others.some((count, i) => count !== before.others[i]) ||
    after.inputs - before.inputs !== made.length
  )
    return "none";
  const nodes = elaboration.builder.nodes.slice(before.nodes, after.nodes);
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
  if (results === null || !read.every(({ id }) => own.has(id))) return "none";
  // Whether an integer state depends on the batch is asked of what arrives, which a type does not tell.
  if (
    inputs.length > 0 &&
    set.some(([, value]) => !isFloat(value.type.dtype) && reaches(nodes, value, inputs))
  )
    return "none";
  const paths = [
    ...made.flatMap((member) => [member.path, member.owner]),
    ...set.map(([name]) => name),
    ...applied.map((each) => each.path),
    ...nodes.flatMap(({ scope }) => (scope === "" ? [] : [scope])),
  ];
  if (!paths.every((other) => other === path || other.startsWith(`${path}.`))) return "none";
  const below = (other: string): string => other.slice(path.length + 1);
  const steps = [
    ...made.map((member) => ({
      at: member.value.id,
      member,
      path: below(member.path),
      owner: below(member.owner),
    })),
    ...nodes.map((node) => ({
      at: node.outputs[0]?.id ?? 0,
      node,
      scope: node.scope === "" ? null : below(node.scope),
    })),
  ].sort((a, b) => a.at - b.at);
  const updates = set.map(([name, value]) => ({ path: below(name), value }));
  const within = applied.map((each) => ({
    declaration: each.declaration,
    path: below(each.path),
    isFrozen: elaboration.isFrozen(each.path),
    depth: each.depth - depth,
  }));
  return { steps, updates, within, inputs, result };
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

/**
 * `null` where elaborating anew has something to report, as where a path is taken or the graph grows
 * too large, and where an instance within is frozen that was not, or the other way round.
 */
function copyOf(
  frame: Frame,
  template: Template,
  { declaration }: Recipe,
  call: CallSite,
  path: string,
): Meaning | null {
  const { applications, builder, members, updates, budget, isFrozen } = frame.elaboration;
  const pathOf = (below: string): string => child(path, below);
  const { steps, within } = template;
  const depth = frame.trail.length;
  if (
    budget.nodes + steps.length > maxNodes ||
    applications.length + within.length > maxApplications ||
    within.some(
      (each) =>
        depth + each.depth >= maxDepth ||
        isFrozen(pathOf(each.path)) !== each.isFrozen ||
        frame.trail.some((entry) => entry.declaration === each.declaration),
    ) ||
    steps.some((step) => "member" in step && members.has(pathOf(step.path)))
  )
    return null;
  for (const each of within)
    applications.push({ ...each, path: pathOf(each.path), depth: depth + each.depth });
  const values = new Map<number, Value>();
  const arriving = tensorsOf(call);
  for (const [i, { id }] of template.inputs.entries()) {
    const value = arriving[i];
    if (value !== undefined) values.set(id, value);
  }
  const renew = (value: Value): Value => values.get(value.id) ?? value;
  const inner: Frame = { ...frame, trail: entered(frame, declaration, call.span) };
  // What a user's own block asks for has its place there, wherever the block is applied.
  const placeOf = ({ span, place }: Member): UserPlace =>
    isLibrary(declaration.span) ? userPlace(inner, span) : place;
  for (const step of steps)
    if ("member" in step) {
      const { member } = step;
      const own = pathOf(step.path);
      const value = builder.input(own, member.value.type);
      values.set(member.value.id, value);
      const owner = pathOf(step.owner);
      members.set(own, { ...member, path: own, value, owner, place: placeOf(member) });
    } else {
      const { node } = step;
      const origin = step.scope === null ? node : { span: node.span, scope: pathOf(step.scope) };
      const outputs = builder.within(origin, () => builder.copy(node, node.inputs.map(renew)));
      for (const [i, { id }] of node.outputs.entries()) {
        const value = outputs[i];
        if (value !== undefined) values.set(id, value);
      }
      budget.nodes++;
    }
  for (const each of template.updates) updates.set(pathOf(each.path), renew(each.value));
  return renewed(template.result);

  function renewed(meaning: Meaning): Meaning {
    if (meaning.kind === "tensor") return tensorOf(renew(meaning.value), meaning.axes);
    if (meaning.kind !== "tuple") return meaning;
    const items = meaning.items.map((item) => ({ ...item, value: renewed(item.value) }));
    return { ...meaning, items };
  }
}
