/** Scattering rows: the rules shared by the ops that combine updates with an equal index. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import { attributeRange, dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, printDim, sameDim } from "../../ir/dim.js";
import { type TensorType, printType, rankOf, tensorType } from "../../ir/type.js";
import { wideIndex } from "./wide-index.js";
import { type NdArray, boundShape, countOf, generate, ndarray, valueAt } from "./ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "./onnx-builder.js";
import { onnxDType } from "./onnx-dtype.js";
import { type FactorRole, type ShardingRule, shardingRule } from "./sharding.js";

/** `[size, ...rest]` for updates `[...index, ...rest]`, or a refusal. */
export function segmentsType(
  op: string,
  { index, updates, size }: { index: TensorType; updates: TensorType; size: Dim },
): TensorType | Rejection<"updates" | "size"> {
  if (typeof size === "number" && size < 1) {
    const actual = String(size);
    return reject(attributeRange, { attribute: "size", expected: "at least 1", actual }, "size");
  }
  if (rankOf(updates) < rankOf(index)) {
    const expected = `at least ${rankOf(index)} axes`;
    const actual = printType(updates);
    return reject(rankDiffers, { op, input: "updates", expected, actual }, "updates");
  }
  for (const [axis, dim] of index.shape.entries()) {
    const other = at(updates.shape, axis);
    if (!sameDim(dim, other))
      return reject(
        dimsDiffer,
        { what: `axis ${axis} of index and updates`, left: printDim(dim), right: printDim(other) },
        "updates",
      );
  }
  return tensorType(updates.dtype, [size, ...updates.shape.slice(rankOf(index))]);
}

/** The index's axes have the given role; the axes after them may be cut. */
export function segmentsSharding(
  { index, updates }: { index: TensorType; updates: TensorType },
  role: FactorRole,
): ShardingRule {
  const names = updates.shape.map((_, axis) => `d${axis}`);
  const lead = names.slice(0, rankOf(index));
  return shardingRule([lead, names], [["size", ...names.slice(lead.length)]], {
    size: "replicate",
    ...Object.fromEntries(lead.map((name) => [name, role])),
  });
}

/** `ScatterND` into a tensor filled with `start`. */
export function scatterRows(
  o: OnnxBuilder,
  operands: {
    readonly index: OnnxOperand;
    readonly updates: OnnxOperand;
    readonly size: Dim;
    readonly start: number;
    readonly reduction: "add" | "min" | "max";
  },
): string {
  const { index, updates, size, start, reduction } = operands;
  const shape = boundShape([size, ...updates.type.shape.slice(rankOf(index.type))]);
  const base = o.node("Expand", [o.floats([start], [], updates.type.dtype), o.ints(shape)]);
  const wide = wideIndex(o, index);
  // `ScatterND` takes i64 only.
  const rows = index.type.dtype === "i32" ? o.node("Cast", [wide], { to: onnxDType("i64") }) : wide;
  const column = o.node("Unsqueeze", [rows, o.ints([-1])]);
  return o.node("ScatterND", [base, column, updates.name], { reduction });
}

/** Combines every update with the row its index names. */
export function combineRows(
  { index, updates, size }: { index: NdArray; updates: NdArray; size: Dim },
  start: number,
  combine: (a: number, b: number) => number,
): NdArray {
  const lead = index.shape.length;
  const shape = boundShape([size, ...updates.shape.slice(lead)]);
  const rows = at(shape, 0);
  const width = countOf(shape.slice(1));
  const data = new Float64Array(countOf(shape)).fill(start);
  let place = 0;
  generate("i64", updates.shape, (full) => {
    const named = valueAt(index, full.slice(0, lead));
    const target = (named < 0 ? named + rows : named) * width + (place % width);
    data[target] = combine(data[target] ?? NaN, updates.data[place] ?? NaN);
    place++;
    return 0;
  });
  return ndarray(updates.dtype, shape, data);
}
