/** Splits the graph `apply` into kernels, for updates that are elementwise, and a graph of the rest. */

import { at, invariant } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Graph, NamedValue, Node, Value } from "../ir/graph.js";
import { isNumeric, numelOf, sameType, tensorType } from "../ir/type.js";
import { splatOf } from "../passes/pattern.js";
import { withoutDeadNodes } from "../passes/rebuild.js";
import { instructionFor, type KernelType } from "./instructions.js";
import type { Kernel, Step } from "./kernel.js";

/** What the inputs and outputs of the graph mean. */
export interface UpdateNames {
  /** Of an input: a parameter's gradient, or a state tensor by its path. */
  readonly inputs: ReadonlyMap<string, TensorRole>;
  /** Of an output: the state whose new value it is. */
  readonly outputs: ReadonlyMap<string, string>;
}

export interface TensorRole {
  readonly kind: "state" | "gradient";
  readonly path: string;
}

/** A kernel for one group of tensors that are updated together. */
export interface KernelCall {
  readonly kernel: number;
  /** What each port is. */
  readonly tensors: readonly TensorRole[];
  /** Elements of each tensor. */
  readonly length: number;
  /** Outputs of the rest. */
  readonly scalars: readonly string[];
  /** The path of the watched port's tensor. */
  readonly watched: string;
}

export interface SplitUpdate {
  readonly kernels: readonly Kernel[];
  readonly calls: readonly KernelCall[];
  /** The numbers that kernels take, and updates without an elementwise form; `null` when empty. */
  readonly rest: Graph | null;
}

/**
 * A group of tensors has the elementwise form when all that is updated is of f32 and of one shape,
 * each element depends on the same element of the group's tensors alone and on numbers, and these
 * numbers depend on no state: on schedules, counts and gradients. All else stays in the rest, which
 * runs first, on the old state. `null` when nothing has the form.
 */
export function splitUpdate(graph: Graph, names: UpdateNames): SplitUpdate | null {
  const source: Source = {
    producers: new Map(
      graph.nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)),
    ),
    roles: new Map(
      graph.inputs.flatMap(({ name, value }) => {
        const role = names.inputs.get(name);
        return role === undefined ? [] : [[value.id, role] as const];
      }),
    ),
    dependsOnState: stateDependents(graph, names),
  };
  const kept = new Set<NamedValue>();
  const elementwise: Written[] = [];
  for (const output of graph.outputs) {
    const path = names.outputs.get(output.name);
    const reads = path === undefined ? null : tensorsRead(source, output.value);
    if (path === undefined || reads === null) kept.add(output);
    else elementwise.push({ output, path, reads });
  }
  const leftOut = new Set([...kept].map(({ name }) => names.outputs.get(name)));
  const kernels = new Map<string, { readonly index: number; readonly kernel: Kernel }>();
  const calls: KernelCall[] = [];
  const scalars = new Map<number, { readonly name: string; readonly value: Value }>();
  const nameOf = (value: Value): string => {
    const found = scalars.get(value.id) ?? { name: `scalar:${scalars.size}`, value };
    scalars.set(value.id, found);
    return found.name;
  };
  for (const group of groupsOf(elementwise)) {
    const formed = formKernel(source, group, leftOut);
    if (formed === null) {
      for (const { output } of group) kept.add(output);
      continue;
    }
    const key = JSON.stringify(formed.kernel);
    const known = kernels.get(key) ?? { index: kernels.size, kernel: formed.kernel };
    kernels.set(key, known);
    calls.push({
      kernel: known.index,
      tensors: formed.tensors,
      length: formed.length,
      scalars: formed.scalars.map(nameOf),
      watched: at(formed.tensors, formed.kernel.watched).path,
    });
  }
  return calls.length === 0
    ? null
    : {
        kernels: [...kernels.values()].map(({ kernel }) => kernel),
        calls,
        rest: restOf(
          graph,
          graph.outputs.filter((output) => kept.has(output)),
          [...scalars.values()],
        ),
      };
}

interface Source {
  readonly producers: ReadonlyMap<number, Node>;
  /** Of the tensors among the graph's inputs, by value. */
  readonly roles: ReadonlyMap<number, TensorRole>;
  /** Values that depend on some state. */
  readonly dependsOnState: ReadonlySet<number>;
}

/** An output with the tensors among the inputs that it reads. */
interface Written {
  readonly output: NamedValue;
  readonly path: string;
  readonly reads: readonly TensorRole[];
}

function stateDependents(graph: Graph, names: UpdateNames): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { name, value } of graph.inputs)
    if (names.inputs.get(name)?.kind === "state") found.add(value.id);
  for (const node of graph.nodes)
    if (node.inputs.some(({ id }) => found.has(id)))
      for (const { id } of node.outputs) found.add(id);
  return found;
}

const isScalar = ({ type }: Value): boolean => type.shape.length === 0;

const kernelType = ({ type }: Value): KernelType | null =>
  type.dtype === "f32" || type.dtype === "bool" ? type.dtype : null;

/** `null` where an element depends on more than numbers and the same element of such tensors. */
function tensorsRead(source: Source, output: Value): readonly TensorRole[] | null {
  if (isScalar(output) || output.type.dtype !== "f32" || !isNumeric(output.type.shape)) return null;
  const reads: TensorRole[] = [];
  const visited = new Set<number>();
  const fits = (value: Value): boolean => {
    if (visited.has(value.id)) return true;
    visited.add(value.id);
    const type = kernelType(value);
    if (type === null) return false;
    if (isScalar(value)) return !source.dependsOnState.has(value.id);
    if (!sameType(tensorType("f32", value.type.shape), output.type)) return false;
    const node = source.producers.get(value.id);
    if (node === undefined) {
      const role = source.roles.get(value.id);
      if (role !== undefined) reads.push(role);
      return role !== undefined && type === "f32";
    }
    if (splatOf(node) !== null) return true;
    const types = node.inputs.map(kernelType);
    return (
      types.every((each) => each !== null) &&
      instructionFor(node.op, types, type) !== null &&
      node.inputs.every(fits)
    );
  };
  return fits(output) ? reads : null;
}

const keyOf = ({ kind, path }: TensorRole): string => `${kind}:${path}`;

/** Outputs that read or write a tensor in common stand together, in order. */
function groupsOf(written: readonly Written[]): readonly (readonly Written[])[] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    return root;
  };
  for (const { path, reads } of written)
    for (const read of reads) {
      const [from, to] = [rootOf(keyOf(read)), rootOf(keyOf({ kind: "state", path }))];
      if (from !== to) parents.set(from, to);
    }
  const groups = new Map<string, Written[]>();
  for (const each of written) {
    const root = rootOf(keyOf({ kind: "state", path: each.path }));
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [each]);
    else group.push(each);
  }
  return [...groups.values()];
}

interface FormedKernel {
  readonly kernel: Kernel;
  readonly tensors: readonly TensorRole[];
  readonly length: number;
  readonly scalars: readonly Value[];
}

/**
 * The kernel of a group; `null` unless it updates one parameter by its gradient, and all tensors
 * that it reads are updated by it or by nothing.
 */
function formKernel(
  source: Source,
  group: readonly Written[],
  leftOut: ReadonlySet<string | undefined>,
): FormedKernel | null {
  const tensors: TensorRole[] = [];
  const portOf = (role: TensorRole): number => {
    const found = tensors.findIndex((each) => keyOf(each) === keyOf(role));
    return found === -1 ? tensors.push(role) - 1 : found;
  };
  const scalars: Value[] = [];
  const steps: Step[] = [];
  const stepOf = new Map<number, number>();
  const add = (value: Value): number => {
    const known = stepOf.get(value.id);
    if (known !== undefined) return known;
    const step = stepFor(value);
    stepOf.set(value.id, steps.length);
    return steps.push(step) - 1;
  };
  const stepFor = (value: Value): Step => {
    const type = kernelType(value);
    invariant(type !== null, "the value fits");
    const node = source.producers.get(value.id);
    const filling = splatOf(node);
    if (filling !== null) return { kind: "constant", value: filling, type };
    if (isScalar(value)) return { kind: "scalar", index: scalars.push(value) - 1, type };
    if (node !== undefined)
      return { kind: "op", op: node.op, attrs: node.attrs, args: node.inputs.map(add), type };
    const role = source.roles.get(value.id);
    invariant(role !== undefined, "an input that fits has a role");
    return { kind: "tensor", port: portOf(role) };
  };
  const [first] = group;
  if (first === undefined) return null;
  const writes = group.map(({ output, path }) => ({
    step: add(output.value),
    port: portOf({ kind: "state", path }),
  }));
  const gradients = tensors.filter(({ kind }) => kind === "gradient");
  const [gradient] = gradients;
  const watched = tensors.findIndex(
    ({ kind, path }) => kind === "state" && path === gradient?.path,
  );
  const fits =
    gradients.length === 1 &&
    writes.some(({ port }) => port === watched) &&
    tensors.every(({ kind, path }) => kind === "gradient" || !leftOut.has(path)) &&
    group.every(({ output }) => sameType(output.value.type, first.output.value.type));
  return fits
    ? {
        kernel: { ports: tensors.length, scalars: scalars.length, steps, writes, watched },
        tensors,
        length: numelOf(first.output.value.type),
        scalars,
      }
    : null;
}

/** The graph of what is kept and of the numbers; truths leave it as 0 and 1. */
function restOf(
  graph: Graph,
  kept: readonly NamedValue[],
  scalars: readonly NamedValue[],
): Graph | null {
  if (kept.length + scalars.length === 0) return null;
  const needed = withoutDeadNodes({ ...graph, outputs: [...kept, ...scalars] });
  const read = new Set([
    ...needed.nodes.flatMap((node) => node.inputs.map(({ id }) => id)),
    ...needed.outputs.map(({ value }) => value.id),
  ]);
  const b = createGraphBuilder();
  const renewed = new Map<number, Value>();
  const renew = ({ id }: Value): Value => {
    const value = renewed.get(id);
    invariant(value !== undefined, `%${id} is used before it is made`);
    return value;
  };
  for (const { name, value } of needed.inputs)
    if (read.has(value.id)) renewed.set(value.id, b.input(name, value.type));
  for (const node of needed.nodes) {
    const outputs = b.within(node, () => b.copy(node, node.inputs.map(renew)));
    for (const [i, { id }] of node.outputs.entries()) renewed.set(id, at(outputs, i));
  }
  const numbers = new Set(scalars.map(({ name }) => name));
  return b.finish(
    `${graph.name}.rest`,
    needed.outputs.map(({ name, value }) => ({
      name,
      value: numbers.has(name) ? b.cast(renew(value), "f32") : renew(value),
    })),
  );
}
