/** A kernel: an elementwise expression over tensors of one length, as one pass over memory. */

import { at, invariant } from "../../grammar/invariant.js";
import type { Attrs } from "../ir/graph.js";
import {
  access,
  code,
  getLocal,
  i32Const,
  noValue,
  setLocal,
  simd,
  splatConst,
  storeFirst,
  unsigned,
  type ValueType,
  type WasmFunction,
} from "./encode.js";
import { instructionFor, type KernelType } from "./instructions.js";

/** One value of the expression; `args` are earlier steps. */
export type Step =
  | { readonly kind: "tensor"; readonly port: number }
  | { readonly kind: "scalar"; readonly index: number; readonly type: KernelType }
  | { readonly kind: "constant"; readonly value: number; readonly type: KernelType }
  | {
      readonly kind: "op";
      readonly op: string;
      readonly attrs: Attrs;
      readonly args: readonly number[];
      readonly type: KernelType;
    };

export interface Kernel {
  /** Tensors that are read, written, or both; all of f32 and of one length. */
  readonly ports: number;
  /** Numbers that are the same for all elements; a truth comes as 0 or 1. */
  readonly scalars: number;
  readonly steps: readonly Step[];
  /** What is written where, after all has been read. */
  readonly writes: readonly { readonly port: number; readonly step: number }[];
  /** The port whose change is told: the parameter's. */
  readonly watched: number;
}

/** Elements of a vector. */
const lanes = 4;

/**
 * `(address of each port, length, scalars…) -> i32`: computes all elements in place, and tells by 0
 * or 1 whether some element of the watched port is another number than before.
 */
export function kernelFunction(name: string, kernel: Kernel): WasmFunction {
  const { ports, scalars, steps, writes, watched } = kernel;
  const params: readonly ValueType[] = [
    ...Array.from({ length: ports + 1 }, () => "i32" as const),
    ...Array.from({ length: scalars }, () => "f32" as const),
  ];
  const rest = ports;
  const local = (step: number): number => params.length + step;
  const flag = local(steps.length);
  const old = steps.findIndex((step) => step.kind === "tensor" && step.port === watched);
  const now = writes.find(({ port }) => port === watched)?.step;
  // What is written and never read may have held anything.
  const changed =
    now === undefined || old === -1
      ? []
      : [...getLocal(local(old)), ...getLocal(local(now)), ...simd("neF32")];

  const before = steps.flatMap((step, i) => {
    if (step.kind === "constant") return [...constantOf(step), ...setLocal(local(i))];
    if (step.kind !== "scalar") return [];
    const splat = [...getLocal(ports + 1 + step.index), ...simd("splatF32")];
    const value = step.type === "f32" ? splat : [...splat, ...splatConst(0), ...simd("neF32")];
    return [...value, ...setLocal(local(i))];
  });
  const compute = (load: "load" | "loadZero32"): readonly number[] =>
    steps.flatMap((step, i) => {
      if (step.kind === "tensor")
        return [...getLocal(step.port), ...access(load, 0), ...setLocal(local(i))];
      if (step.kind !== "op") return [];
      const types = step.args.map((arg) => typeOf(at(steps, arg)));
      const instruction = instructionFor(step.op, types, step.type);
      invariant(instruction !== null, `kernels have no \`${step.op}\` of these types`);
      const operands = step.args.map((arg) => getLocal(local(arg)));
      return [...instruction(operands, step.attrs), ...setLocal(local(i))];
    });
  const notice = (mask: readonly number[]): readonly number[] =>
    changed.length === 0
      ? []
      : [...changed, ...mask, ...getLocal(flag), ...simd("or"), ...setLocal(flag)];
  const write = (store: readonly number[]): readonly number[] =>
    writes.flatMap(({ port, step }) => [...getLocal(port), ...getLocal(local(step)), ...store]);

  /** Turns of the loop while that many elements are left. */
  const turns = (elements: number, body: readonly number[]): readonly number[] => {
    const isOver = [...getLocal(rest), ...i32Const(elements), code.i32LessUnsigned];
    const advance = Array.from({ length: ports }, (_, port) => [
      ...getLocal(port),
      ...i32Const(4 * elements),
      code.i32Add,
      ...setLocal(port),
    ]).flat();
    const count = [...getLocal(rest), ...i32Const(elements), code.i32Sub, ...setLocal(rest)];
    return [
      ...begin(code.block),
      ...begin(code.loop),
      ...isOver,
      ...branch(code.branchIf, 1),
      ...body,
      ...advance,
      ...count,
      ...branch(code.branch, 0),
      code.end,
      code.end,
    ];
  };

  return {
    name,
    params,
    result: "i32",
    locals: Array.from({ length: steps.length + 1 }, () => "v128" as const),
    body: [
      ...before,
      ...turns(lanes, [...compute("load"), ...notice([]), ...write(access("store", 0))]),
      // The same instructions on vectors of one element and three zeros.
      ...turns(1, [
        ...compute("loadZero32"),
        ...notice([...firstLane(), ...simd("and")]),
        ...write(storeFirst()),
      ]),
      ...(changed.length === 0 ? i32Const(1) : [...getLocal(flag), ...simd("anyTrue")]),
    ],
  };
}

export const typeOf = (step: Step): KernelType => (step.kind === "tensor" ? "f32" : step.type);

/** Truths are vectors of all ones and all zeros. */
const constantOf = ({ value, type }: { readonly value: number; readonly type: KernelType }) =>
  type === "f32" ? splatConst(value) : [...simd("const"), ...Array(16).fill(value === 0 ? 0 : 255)];

const begin = (what: number): readonly number[] => [what, noValue];
const branch = (how: number, levels: number): readonly number[] => [how, ...unsigned(levels)];

const firstLane = (): readonly number[] => [
  ...simd("const"),
  ...Array.from({ length: 16 }, (_, i) => (i < 4 ? 255 : 0)),
];
