/** The tensor IR: an immutable SSA graph. Passes return new graphs, they never edit one. */

import type { Span } from "../../grammar/source.js";
import type { Dim } from "./dim.js";
import type { TensorType } from "./type.js";

/** One result of a node, or a graph input. Its identity is the `id`, unique in its graph. */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
}

export type AttrValue = number | boolean | string | Dim | readonly number[] | readonly Dim[];

export type Attrs = Readonly<Record<string, AttrValue>>;

/** One application of an op. `attrs` are complete and normalized: axes are not negative. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  /** The place in the program this node comes from; gradients carry their forward node's. */
  readonly span: Span | null;
  /** The block instance it belongs to: `model.layer1.0`; empty outside of any. */
  readonly scope: string;
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** `nodes` stand in topological order; input and output names are unique. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly NamedValue[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly NamedValue[];
}
