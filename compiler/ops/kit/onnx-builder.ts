/** The vocabulary in which formulations write ONNX nodes, by value name. */

import type { TensorType } from "../../ir/type.js";
import type { Target } from "../define.js";

/** An input of the op being emitted. */
export interface OnnxOperand {
  readonly name: string;
  readonly type: TensorType;
}

/** Integers become INT(S), numbers wrapped as `{ float }` or `{ floats }` FLOAT(S), strings STRING. */
export type OnnxAttr =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface OnnxBuilder {
  readonly target: Target;
  /** Adds a node of domain ai.onnx with one output and returns the output's name. */
  node(
    opType: string,
    inputs: readonly string[],
    attrs?: Readonly<Record<string, OnnxAttr>>,
  ): string;
  /** The same with several outputs; an unused one is left out by giving its index to `skip`. */
  nodes(
    opType: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, OnnxAttr>>,
    outputs: number,
  ): readonly string[];
  /** A constant as an initializer, shared between equal ones. */
  floats(values: readonly number[], shape: readonly number[], dtype?: TensorType["dtype"]): string;
  /** What `make` gives, a constant that takes long to make, under a key that says all of it. */
  once(key: string, make: () => string): string;
  /** A 1-D i64 constant: axes, shapes, pads. */
  ints(values: readonly number[]): string;
  /** A reshape target; at most one dim may be symbolic (it becomes -1). */
  shape(type: TensorType["shape"]): string;
  /** A shape as a 1-D i64 vector, computed from the graph's inputs where a dim is symbolic. */
  extents(shape: TensorType["shape"]): string;
}
