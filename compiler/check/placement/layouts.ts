/** Layouts: what part of every state tensor lies on one device of a mesh. */

import { at, invariant } from "../../../grammar/invariant.js";
import { dtypeBytes, numelOf, printType } from "../../ir/type.js";
import type { StateEntry } from "../../plan/schema.js";
import type { MeshAxes } from "./mesh.js";

/** One part of a layout; the mesh axes of the parts of one layout are disjoint. */
export type LayoutPart =
  | {
      readonly kind: "split";
      /** By position, or by the name that `each` gave it. */
      readonly axis: number | string;
      readonly over: readonly string[];
    }
  | {
      readonly kind: "fsdp";
      readonly over: readonly string[];
      /** Weights of fewer elements stay whole. */
      readonly minSize: number;
    };

/** Parts in order, for the paths (of weights and states) that this rule is the first to match. */
export interface PlacementRule {
  readonly paths: ReadonlySet<string>;
  readonly parts: readonly LayoutPart[];
}

/** Instances that `each` has made: under `path` there are `path.0` to `path.{count - 1}`. */
export type Stacks = ReadonlyMap<string, { readonly axis: string; readonly count: number }>;

export interface PlacementInput {
  readonly mesh: MeshAxes;
  readonly rules: readonly PlacementRule[];
  readonly state: readonly StateEntry[];
  readonly stacks: Stacks;
  /** For every stage the weights that learn in it: what is frozen apart is cut apart. */
  readonly trainable: readonly ReadonlySet<string>[];
}

/** One row of the table. */
export interface KeyLayout {
  readonly entry: StateEntry;
  /** What is done to it, as in `split(E, over: expert)`; empty when every device holds all of it. */
  readonly cuts: readonly Cut[];
  /** The shape of the piece on a device that has one. */
  readonly local: readonly number[];
  /** Over how many devices the tensor is divided; the others hold copies. */
  readonly pieces: number;
  /** On average over the devices: whole leaves lie on some of them only. */
  readonly bytesPerDevice: number;
}

export interface Cut {
  readonly kind: "split" | "fsdp" | "leaves";
  /** The position that is cut, or the name of the axis whose leaves are dealt. */
  readonly axis: number | string;
  readonly over: readonly string[];
  readonly devices: number;
}

/** Why a rule's part cannot be done to a tensor. `rule` and `part` are positions. */
export type LayoutProblem = { readonly rule: number; readonly part: number } & (
  | {
      readonly kind: "no-axis";
      readonly entry: StateEntry;
      readonly axis: number | string;
      readonly known: readonly string[];
    }
  | {
      readonly kind: "not-divisible";
      readonly what: string;
      readonly extent: string;
      readonly over: readonly string[];
      readonly devices: number;
    }
  | { readonly kind: "slot"; readonly slot: StateEntry; readonly pieces: number }
);

export interface Layouts {
  readonly rows: readonly KeyLayout[];
  readonly problems: readonly LayoutProblem[];
}

/**
 * Lays out every tensor of the state. Weights, and states inside a dealt instance, follow the first
 * rule that matches; a slot of its weight's shape is cut like it, a scalar stays whole, one of
 * another shape is cut where its blocks end; the rest is whole on every device.
 */
export function layoutsOf(input: PlacementInput): Layouts {
  const problems: LayoutProblem[] = [];
  const rows = new Map<string, KeyLayout>();
  const slots = new Map<string | null, StateEntry[]>();
  for (const entry of input.state)
    if (entry.role === "slot") slots.set(entry.of, [...(slots.get(entry.of) ?? []), entry]);
  for (const entry of input.state) {
    if (entry.role === "slot") {
      const owner = entry.of === null ? undefined : rows.get(entry.of);
      invariant(owner !== undefined, `the slot ${entry.path} has no parameter`);
      const row = slotRow(entry, owner);
      if (row === null)
        problems.push({
          kind: "slot",
          slot: entry,
          pieces: cutPieces(owner.cuts),
          ...placeOf(owner),
        });
      rows.set(entry.path, row ?? wholeRow(entry));
      continue;
    }
    rows.set(entry.path, ownRow(input, entry, slots.get(entry.path) ?? [], problems));
  }
  return { rows: [...rows.values()], problems: [...problems, ...unevenStacks(input)] };

  function placeOf({ entry }: KeyLayout): { readonly rule: number; readonly part: number } {
    return { rule: input.rules.findIndex(({ paths }) => paths.has(entry.path)), part: 0 };
  }
}

/** Bytes of all state on one device. */
export const bytesPerDevice = (rows: readonly KeyLayout[]): number =>
  rows.reduce((sum, row) => sum + row.bytesPerDevice, 0);

const devicesOver = (mesh: MeshAxes, over: readonly string[]): number =>
  over.reduce((product, axis) => product * (mesh.get(axis) ?? 1), 1);

function ownRow(
  input: PlacementInput,
  entry: StateEntry,
  slots: readonly StateEntry[],
  problems: LayoutProblem[],
): KeyLayout {
  const rule = input.rules.findIndex(({ paths }) => paths.has(entry.path));
  const local = [...entry.shape];
  const cuts: Cut[] = [];
  for (const [position, part] of (input.rules[rule]?.parts ?? []).entries()) {
    const { over } = part;
    const devices = devicesOver(input.mesh, over);
    const place = { rule, part: position };
    const undivided = (extent: string): void => {
      const what = `\`${entry.path}\`, ${printType(entry)},`;
      problems.push({ kind: "not-divisible", ...place, what, extent, over, devices });
    };
    const cutAt = (axis: number): void => {
      local[axis] = (local[axis] ?? 0) / devices;
      cuts.push({ kind: part.kind, axis, over, devices });
    };
    /** Whether the slots can be cut with it, cut along that axis. */
    const follow = (axis: number): boolean => {
      const cut: Cut = { kind: "fsdp", axis, over, devices };
      const shape = local.map((extent, i) => (i === axis ? extent / devices : extent));
      const owner = row(entry, [...cuts, cut], shape);
      return slots.every((slot) => slotRow(slot, owner) !== null);
    };
    const { axis } = part.kind === "split" ? part : { axis: axisToCut(local, devices, follow) };
    if (typeof axis === "string") {
      if (stackOf(input.stacks, entry.path, axis) !== null)
        cuts.push({ kind: "leaves", axis, over, devices });
      else if (entry.role === "parameter") {
        const known = stackAxes(input.stacks, entry.path);
        problems.push({ kind: "no-axis", ...place, entry, axis, known });
      }
    } else if (entry.role !== "parameter") continue;
    else if (part.kind === "fsdp") {
      if (numelOf(entry) < part.minSize) continue;
      if (axis === null) undivided(`the extents ${entry.shape.join(", ")}`);
      else cutAt(axis);
    } else if (axis !== null) {
      const extent = local[axis];
      if (extent === undefined)
        problems.push({ kind: "no-axis", ...place, entry, axis, known: [] });
      else if (extent % devices === 0) cutAt(axis);
      else undivided(`the extent ${extent} at axis ${axis}`);
    }
  }
  return row(entry, cuts, local);
}

function row(entry: StateEntry, cuts: readonly Cut[], local: readonly number[]): KeyLayout {
  const pieces = cuts.reduce((product, { devices }) => product * devices, 1);
  const bytes = numelOf(entry) * dtypeBytes(entry.dtype);
  return { entry, cuts, local, pieces, bytesPerDevice: bytes / pieces };
}

const wholeRow = (entry: StateEntry): KeyLayout => row(entry, [], entry.shape);

/**
 * The axis of largest extent that `devices` divides, the first of equals; one along which the slots
 * follow, where there is one.
 */
function axisToCut(
  shape: readonly number[],
  devices: number,
  follow: (axis: number) => boolean,
): number | null {
  const axes = [...shape.keys()]
    .filter((axis) => at(shape, axis) % devices === 0)
    .toSorted((a, b) => at(shape, b) - at(shape, a));
  return axes.find(follow) ?? axes[0] ?? null;
}

/** Into how many pieces the tensor itself is cut; dealing leaves leaves each of them whole. */
const cutPieces = (cuts: readonly Cut[]): number =>
  cuts.reduce((product, { kind, devices }) => (kind === "leaves" ? product : product * devices), 1);

/** `null` where a slot of another shape does not follow. */
function slotRow(slot: StateEntry, owner: KeyLayout): KeyLayout | null {
  const { entry, cuts, local } = owner;
  const alike =
    slot.shape.length === entry.shape.length &&
    slot.shape.every((extent, i) => extent === entry.shape[i]);
  if (alike) return row(slot, cuts, local);
  const dealt = cuts.filter(({ kind }) => kind === "leaves");
  const pieces = cutPieces(cuts);
  const size = numelOf(slot);
  if (pieces === 1 || size <= 1) return row(slot, dealt, slot.shape);
  // Blocks run through the weight's elements in order: only pieces of its first axis keep them whole.
  const block = numelOf(entry) / size;
  const contiguous = cuts.every(({ kind, axis }) => kind === "leaves" || axis === 0);
  const [first = 1, ...others] = slot.shape;
  const fits =
    Number.isInteger(block) && first % pieces === 0 && (numelOf(entry) / pieces) % block === 0;
  return contiguous && fits ? row(slot, cuts, [first / pieces, ...others]) : null;
}

/** The innermost stack of an axis that a path lies in, and its index there. */
function stackOf(
  stacks: Stacks,
  path: string,
  axis: string,
): { readonly path: string; readonly index: number } | null {
  const segments = path.split(".");
  for (let i = segments.length - 2; i > 0; i--) {
    const instance = segments.slice(0, i).join(".");
    if (stacks.get(instance)?.axis === axis) return { path: instance, index: Number(segments[i]) };
  }
  return null;
}

const stackAxes = (stacks: Stacks, path: string): readonly string[] =>
  [...stacks].flatMap(([instance, { axis }]) => (path.startsWith(`${instance}.`) ? [axis] : []));

/**
 * Stacks whose leaves cannot be dealt evenly: leaves that one rule places and that learn in the same
 * stages are one segment, a tensor of its own in the graph, and each segment must divide.
 */
function unevenStacks(input: PlacementInput): readonly LayoutProblem[] {
  const segments = new Map<
    string,
    {
      readonly stack: string;
      readonly rule: number;
      readonly part: number;
      readonly leaves: Set<number>;
    }
  >();
  for (const entry of input.state) {
    if (entry.role === "slot") continue;
    const rule = input.rules.findIndex(({ paths }) => paths.has(entry.path));
    for (const [part, layout] of (input.rules[rule]?.parts ?? []).entries()) {
      if (layout.kind !== "split" || typeof layout.axis !== "string") continue;
      const found = stackOf(input.stacks, entry.path, layout.axis);
      if (found === null) continue;
      const learns = input.trainable.map((paths) => (paths.has(entry.path) ? 1 : 0)).join("");
      // Of one leaf each tensor may be frozen by itself.
      const inside = entry.path.slice(`${found.path}.${found.index}`.length);
      const key = [found.path, rule, part, inside, learns].join(" ");
      const segment = segments.get(key) ?? { stack: found.path, rule, part, leaves: new Set() };
      segment.leaves.add(found.index);
      segments.set(key, segment);
    }
  }
  const problems = new Map<string, LayoutProblem>();
  for (const { stack, rule, part, leaves } of segments.values()) {
    const over = input.rules[rule]?.parts[part]?.over ?? [];
    const devices = devicesOver(input.mesh, over);
    if (leaves.size % devices === 0) continue;
    const whole = input.stacks.get(stack);
    const all = whole?.count === leaves.size;
    const extent = `${leaves.size} ${leaves.size === 1 ? "leaf" : "leaves"} of the axis \`${whole?.axis ?? ""}\`${all ? "" : ` in one piece (of ${whole?.count ?? 0})`}`;
    const what = `\`${stack}\``;
    problems.set(`${what} ${extent}`, {
      kind: "not-divisible",
      rule,
      part,
      what,
      extent,
      over,
      devices,
    });
  }
  return [...problems.values()];
}
