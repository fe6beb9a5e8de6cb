/** Graphs made from an op's samples, and the numbers that go into them. */

import { at } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Attrs, Graph } from "../../compiler/ir/graph.js";
import type { DType } from "../../compiler/ir/type.js";
import { tensorType } from "../../compiler/ir/type.js";
import type { Op } from "../../compiler/ops/define.js";
import { type NdArray, type NestedNumbers, fromNested } from "../../compiler/ops/kit/ndarray.js";

/** A sample taken apart: the inputs by name and position, and the attributes it gives. */
export interface SampleParts {
  readonly why: string;
  readonly inputs: ReadonlyMap<string, NdArray>;
  readonly attrs: Attrs;
}

const sampleDTypes = { float: "f32", int: "i64", bool: "bool", number: "f32", any: "f32" } as const;

/** Splits a sample; the inputs of a variadic op are named `xs.0`, `xs.1`, … */
export function partsOf(op: Op, sample: Readonly<Record<string, unknown>>): SampleParts {
  const inputs = new Map<string, NdArray>();
  for (const [name, dtypeClass] of Object.entries(op.inputs)) {
    const nested = sample[name];
    const dtype: DType = sampleDTypes[dtypeClass];
    if (op.variadic === name && Array.isArray(nested))
      for (const [i, item] of nested.entries()) inputs.set(`${name}.${i}`, read(item, dtype));
    else inputs.set(name, read(nested, dtype));
  }
  const attrs: Record<string, Attrs[string]> = {};
  for (const name of Object.keys(op.attrs)) {
    const value = sample[name];
    if (isAttr(value)) attrs[name] = value;
  }
  return { why: String(sample["why"]), inputs, attrs };
}

const isNested = (value: unknown): value is NestedNumbers =>
  typeof value === "number" || (Array.isArray(value) && value.every(isNested));

function read(value: unknown, dtype: DType): NdArray {
  if (!isNested(value)) throw new Error(`a sample holds ${JSON.stringify(value)}`);
  return fromNested(value, dtype);
}

const isAttr = (value: unknown): value is Attrs[string] =>
  typeof value === "number" ||
  typeof value === "boolean" ||
  typeof value === "string" ||
  isNested(value);

/** A graph of one application of the op; outputs are `out0`, `out1`, … */
export function graphOf(op: Op, parts: SampleParts): Graph {
  const b = createGraphBuilder();
  const values = [...parts.inputs].map(([name, x]) => b.input(name, tensorType(x.dtype, x.shape)));
  const outputs = b.emitAll(op.name, values, parts.attrs);
  return b.finish(
    op.name,
    outputs.map((value, i) => ({ name: `out${i}`, value })),
  );
}

/** Numbers that repeat from run to run, between -1 and 1 and away from zero. */
export function fixedNumbers(count: number): readonly number[] {
  const numbers: number[] = [];
  let state = 12345;
  for (let i = 0; i < count; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const unit = state / 2147483648;
    numbers.push(unit < 0.5 ? -0.1 - 1.8 * unit : 0.1 + 1.8 * (unit - 0.5));
  }
  return numbers;
}

/** The largest difference, relative to the expected values with a floor of 1. */
export function largestError(actual: NdArray, expected: NdArray): number {
  let worst = 0;
  for (const [i, value] of expected.data.entries()) {
    const other = at([...actual.data.subarray(i, i + 1)], 0);
    if (Object.is(value, other)) continue;
    const error = Math.abs(value - other) / Math.max(1, Math.abs(value));
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
  }
  return worst;
}
