/** What a dataset's members have made of its fields so far: types in each split, steps, fits. */

import type { Span } from "../../../grammar/source.js";
import type { Dim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";
import type { DataFit, DataStep } from "../../plan/data.js";
import type { Fact } from "../frame.js";
import type { CheckedField } from "./fields.js";

/** The splits in the order in which they are dealt. */
export const splitNames = ["train", "val", "test"] as const;
export type SplitName = (typeof splitNames)[number];

export interface CheckedFit {
  readonly plan: DataFit;
  /** The type of the record it was fitted to. */
  readonly record: TensorType;
  /** What each result is called, and the type of all of them. */
  readonly results: readonly [string, string];
  readonly type: TensorType;
  /** The shape in which a result broadcasts against the record, followed through the transforms. */
  layout: readonly Dim[] | null;
  /** The limits that `rescale` maps to; `undefined` while nothing is rescaled. */
  scale: readonly [number, number] | null | undefined;
}

/** Fields by name with their types so far; members apply from top to bottom. */
export interface Preparation {
  readonly fields: ReadonlyMap<string, CheckedField>;
  readonly types: Readonly<Record<SplitName, Map<string, TensorType>>>;
  /** Fields and fits whose mistakes have been reported: nothing is said of what follows. */
  readonly broken: Set<string>;
  /** Fields whose condition does not hold: what transforms say of them is passed over. */
  readonly absent: ReadonlySet<string>;
  readonly steps: DataStep[];
  readonly fits: Map<string, CheckedFit>;
  readonly facts: Fact[];
  /** How often a kind of step has been applied to a field: draws are told apart by it. */
  readonly ordinals: Map<string, number>;
  /** Where the transform of one split last changed a field's type, by `split.field`. */
  readonly changes: Map<string, Span>;
}

export function prepare(
  fields: readonly CheckedField[],
  broken: ReadonlySet<string>,
  absent: ReadonlySet<string>,
): Preparation {
  const start = () => new Map(fields.map(({ name, type }) => [name, type]));
  return {
    fields: new Map(fields.map((field) => [field.name, field])),
    types: { train: start(), val: start(), test: start() },
    broken: new Set(broken),
    absent,
    steps: [],
    fits: new Map(),
    facts: [],
    ordinals: new Map(),
    changes: new Map(),
  };
}
