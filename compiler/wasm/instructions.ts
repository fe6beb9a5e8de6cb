/** Which ops have instructions in kernels, and which: exactly what the ops' ONNX forms compute. */

import type { Attrs } from "../ir/graph.js";
import { simd, splatConst, type VectorOp } from "./encode.js";

/** Numbers, or truths as all ones and all zeros. */
export type KernelType = "f32" | "bool";

type Code = readonly number[];
/** From the code of each operand. */
export type Instruction = (operands: readonly Code[], attrs: Attrs) => Code;

interface Row {
  readonly takes: readonly KernelType[];
  readonly gives: KernelType;
  readonly code: Instruction;
}

const plain =
  (op: VectorOp): Instruction =>
  (operands) => [...operands.flat(), ...simd(op)];

const f32 = (arity: number, op: VectorOp | Instruction): Row => ({
  takes: Array.from({ length: arity }, () => "f32" as const),
  gives: "f32",
  code: typeof op === "string" ? plain(op) : op,
});
const comparison = (op: VectorOp): Row => ({
  takes: ["f32", "f32"],
  gives: "bool",
  code: plain(op),
});
const logic = (arity: number, op: VectorOp): Row => ({
  takes: Array.from({ length: arity }, () => "bool" as const),
  gives: "bool",
  code: plain(op),
});
const one = splatConst(1);
const zero = splatConst(0);
const where: Instruction = ([cond = [], a = [], b = []]) => [
  ...a,
  ...b,
  ...cond,
  ...simd("bitselect"),
];
/** 1 where the comparison with zero holds, else 0. */
const oneWhere = (x: Code, op: "gtF32" | "ltF32"): Code => [
  ...x,
  ...zero,
  ...simd(op),
  ...one,
  ...simd("and"),
];
/** NaN has no sign: it stays. */
const sign: Instruction = ([x = []]) => [
  ...x,
  ...oneWhere(x, "gtF32"),
  ...oneWhere(x, "ltF32"),
  ...simd("subF32"),
  ...x,
  ...x,
  ...simd("neF32"),
  ...simd("bitselect"),
];
const bound = (attrs: Attrs, name: string): number => {
  const value = attrs[name];
  return typeof value === "number" ? value : NaN;
};

/** By op; several rows where the types differ. */
const table: Readonly<Record<string, readonly Row[]>> = {
  add: [f32(2, "addF32")],
  sub: [f32(2, "subF32")],
  mul: [f32(2, "mulF32")],
  div: [f32(2, "divF32")],
  neg: [f32(1, "negF32")],
  abs: [f32(1, "absF32")],
  sqrt: [f32(1, "sqrtF32")],
  rsqrt: [f32(1, ([x = []]) => [...one, ...x, ...simd("sqrtF32"), ...simd("divF32")])],
  reciprocal: [f32(1, ([x = []]) => [...one, ...x, ...simd("divF32")])],
  square: [f32(1, ([x = []]) => [...x, ...x, ...simd("mulF32")])],
  maximum: [f32(2, "maxF32")],
  minimum: [f32(2, "minF32")],
  clip: [
    f32(1, ([x = []], attrs) => {
      const [low, high] = [bound(attrs, "low"), bound(attrs, "high")];
      return [...x, ...splatConst(low), ...simd("maxF32"), ...splatConst(high), ...simd("minF32")];
    }),
  ],
  ceil: [f32(1, "ceilF32")],
  floor: [f32(1, "floorF32")],
  round: [f32(1, "nearestF32")],
  sign: [f32(1, sign)],
  stop_gradient: [
    f32(1, ([x = []]) => x),
    { takes: ["bool"], gives: "bool", code: ([x = []]) => x },
  ],
  less: [comparison("ltF32")],
  less_equal: [comparison("leF32")],
  greater: [comparison("gtF32")],
  greater_equal: [comparison("geF32")],
  equal: [comparison("eqF32")],
  not_equal: [comparison("neF32")],
  isnan: [{ takes: ["f32"], gives: "bool", code: ([x = []]) => [...x, ...x, ...simd("neF32")] }],
  and: [logic(2, "and")],
  or: [logic(2, "or")],
  xor: [logic(2, "xor")],
  not: [logic(1, "not")],
  where: [
    { takes: ["bool", "f32", "f32"], gives: "f32", code: where },
    { takes: ["bool", "bool", "bool"], gives: "bool", code: where },
  ],
  cast: [
    { takes: ["bool"], gives: "f32", code: ([x = []]) => [...x, ...one, ...simd("and")] },
    { takes: ["f32"], gives: "bool", code: ([x = []]) => [...x, ...zero, ...simd("neF32")] },
  ],
};

/** `null` where kernels have no such op on these types. */
export const instructionFor = (
  op: string,
  takes: readonly KernelType[],
  gives: KernelType,
): Instruction | null =>
  table[op]?.find(
    (row) =>
      row.gives === gives &&
      row.takes.length === takes.length &&
      row.takes.every((type, i) => type === takes[i]),
  )?.code ?? null;

/** The ops of the table. */
export const kernelOps: readonly string[] = Object.keys(table);
