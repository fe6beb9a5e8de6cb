/** Draws random programs: one description, written down as a block of the language and as steps for PyTorch. */

import { isRejection } from "../grammar/diagnostic.js";
import { at, invariant } from "../grammar/invariant.js";
import type { Attrs } from "../compiler/ir/graph.js";
import { tensorType } from "../compiler/ir/type.js";
import { opNamed } from "../compiler/ops/index.js";
import { inferOp, scopeOf } from "../compiler/ops/kit/infer-op.js";
import { countOf, type NdArray, ndarray } from "../compiler/ops/kit/ndarray.js";
import { createDice, type Dice } from "./parity-dice.js";
import { makers, unsaturated } from "./parity-program-steps.js";

/** A value of a program under construction, with its numbers in f64. */
export interface Value {
  readonly name: string;
  readonly array: NdArray;
}

/** One step that a maker would like to make. */
export interface Proposal {
  /** An op, `einsum` or `rearrange`. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attrs?: Attrs;
  /** The results of what is no op. */
  readonly results?: readonly NdArray[];
  /** What stands behind the pipe for what is no op. */
  readonly text?: string;
  /** False where rounding could choose another branch, or a number explodes. */
  readonly safe?: boolean;
}

/** What makers choose from. */
export interface Pool extends Dice {
  /** A float value of a rank between the bounds; rather a new one than an old one. */
  readonly float: (least?: number, most?: number) => Value | null;
  readonly of: (fits: (value: Value) => boolean) => Value | null;
  /** A new input of normal numbers. */
  readonly weight: (shape: readonly number[]) => Value;
  /** An integer input, or an earlier result, with values from 0 to below `bound`. */
  readonly indices: (shape: readonly number[], bound: number) => Value;
}

/** One step as PyTorch reads it. */
export interface Step {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attrs: Attrs;
  readonly outputs: readonly string[];
}

export interface RandomProgram {
  readonly seed: number;
  readonly text: string;
  readonly inputs: readonly Value[];
  readonly steps: readonly Step[];
  readonly outputs: readonly string[];
  readonly losses: readonly string[];
}

/** Values stay below it, so that f32 has digits left for what is compared. */
const largest = 32;
const mostElements = 700;

/** A program of 5 to 40 steps and its losses; equal seeds give equal programs. */
export function randomProgram(seed: number): RandomProgram {
  const dice = createDice(seed);
  const inputs: Value[] = [];
  const values: Value[] = [];
  const steps: Step[] = [];
  const lines: string[] = [];
  const used = new Set<string>();
  let drawn = 0;
  let pending: Value[] = [];

  const offer = (prefix: string, array: NdArray): Value => {
    const value = { name: `${prefix}${drawn++}`, array };
    pending.push(value);
    return value;
  };
  const of: Pool["of"] = (fits) => {
    const found = values.filter(fits);
    const fresh = found.filter(({ name }) => !used.has(name));
    return found.length === 0
      ? null
      : dice.pick(fresh.length > 0 && dice.chance(0.6) ? fresh : found);
  };
  const pool: Pool = {
    ...dice,
    of,
    float: (least = 0, most = 5) =>
      of(({ array: { dtype, shape } }) => dtype === "f32" && within(shape.length, least, most)),
    weight: (shape) => offer("x", normals(dice, shape)),
    indices(shape, bound) {
      const known = of(
        ({ array }) =>
          array.dtype === "i64" &&
          String(array.shape) === String(shape) &&
          array.data.every((value) => value >= 0 && value < bound),
      );
      const numbers = Array.from({ length: countOf(shape) }, () => dice.below(bound));
      return known ?? offer("k", ndarray("i64", shape, numbers));
    },
  };

  /** Takes a proposal up, unless it is refused or unsafe. */
  function accept(proposal: Proposal): readonly Value[] | null {
    const made = outcome(proposal);
    if (made === null) return null;
    inputs.push(...pending.filter((value) => proposal.inputs.includes(value)));
    values.push(...pending.filter((value) => proposal.inputs.includes(value)));
    const outputs = made.results.map((array, i) => ({ name: `v${steps.length}_${i}`, array }));
    for (const { name } of proposal.inputs) used.add(name);
    values.push(...outputs);
    const names = outputs.map(({ name }) => name);
    const operands = proposal.inputs.map(({ name }) => name);
    lines.push(`  let ${names.join(", ")} = ${written(proposal, steps.length)}`);
    steps.push({ op: proposal.op, inputs: operands, attrs: made.attrs, outputs: names });
    return outputs;
  }

  const first = (...proposals: readonly Proposal[]): Value => {
    for (const proposal of proposals) {
      const outputs = accept(proposal);
      if (outputs !== null) return at(outputs, 0);
    }
    throw new Error(`no way to make ${proposals.map(({ op }) => op).join(" or ")}`);
  };

  for (const shape of firstShapes(dice)) {
    const value = pool.weight(shape);
    inputs.push(value);
    values.push(value);
  }
  const count = 5 + dice.below(36);
  while (steps.length < count) {
    pending = [];
    const proposal = dice.weighted(makers)(pool);
    if (proposal !== null) accept(proposal);
  }
  pending = [];
  const leaves = values.filter(({ name }) => !used.has(name));
  const losses = drawLosses(dice, leaves, first);
  const shown = leaves.filter((value) => !inputs.includes(value)).slice(-3);
  const outputs = [...shown, ...losses];
  return {
    seed,
    inputs,
    steps,
    outputs: shown.map(({ name }) => name),
    losses: losses.map(({ name }) => name),
    text: blockOf({ inputs, lines, outputs }),
  };
}

const within = (value: number, least: number, most: number): boolean =>
  value >= least && value <= most;

const normals = (dice: Dice, shape: readonly number[]): NdArray =>
  ndarray(
    "f32",
    shape,
    Array.from({ length: countOf(shape) }, () => Math.fround(dice.normal())),
  );

/** Shapes that broadcast with each other: one of up to five axes, and parts of it. */
function firstShapes(dice: Dice): readonly (readonly number[])[] {
  const rank = dice.below(6);
  const whole = Array.from({ length: rank }, () => 1 + dice.below(rank > 3 ? 3 : 5));
  const part = whole.slice(dice.below(rank + 1)).map((extent) => (dice.chance(0.3) ? 1 : extent));
  return dice.chance(0.5) ? [whole, part, [2, 3, 4, 5].slice(dice.below(3))] : [whole, part];
}

/** The numbers of a step and its complete attributes, or `null` where it would not do. */
function outcome(
  proposal: Proposal,
): { readonly results: readonly NdArray[]; readonly attrs: Attrs } | null {
  const { inputs, attrs: raw = {}, safe = true } = proposal;
  if (!safe) return null;
  if (proposal.results !== undefined) return checked(proposal.results, raw);
  const op = opNamed(proposal.op);
  const arrays = inputs.map(({ array }) => array);
  const inferred = inferOp(
    op,
    arrays.map(({ dtype, shape }) => tensorType(dtype, shape)),
    raw,
  );
  if (isRejection(inferred)) return null;
  const results = op.reference(scopeOf(op, arrays, inferred.attrs));
  return checked("dtype" in results ? [results] : results, inferred.attrs);
}

function checked(results: readonly NdArray[], attrs: Attrs) {
  const fits = results.every(
    ({ shape, data }) =>
      shape.length <= 5 &&
      data.length <= mostElements &&
      data.every((value) => Math.abs(value) <= largest),
  );
  return fits ? { results, attrs } : null;
}

/** One to three scalars that between them read every float leaf. */
function drawLosses(
  dice: Dice,
  leaves: readonly Value[],
  first: (...proposals: readonly Proposal[]) => Value,
): readonly Value[] {
  const floats = leaves.filter(({ array }) => array.dtype === "f32");
  const bounded = floats.map((leaf) => {
    const bend = leaf.array.data.every(unsaturated) ? dice.pick(["sin", "tanh", "sigmoid"]) : "sin";
    const bent = first({ op: bend, inputs: [leaf] });
    const doubled = dice.chance(0.5) ? first({ op: "mul", inputs: [bent, leaf] }) : bent;
    const mean = { op: "mean", inputs: [doubled] };
    return dice.chance(0.3) ? first({ op: "sum", inputs: [doubled] }, mean) : first(mean);
  });
  invariant(bounded.length > 0, "the last step of a chain is a leaf");
  const count = Math.min(bounded.length, 1 + dice.below(3));
  return Array.from({ length: count }, (_, i) =>
    bounded
      .filter((_value, n) => n % count === i)
      .reduce((sum, value) => {
        const inputs = [sum, value];
        // One of both stays small.
        return first({ op: "add", inputs }, { op: "sub", inputs });
      }),
  );
}

const operators: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  less: "<",
  less_equal: "<=",
  greater: ">",
  greater_equal: ">=",
  equal: "==",
  and: "and",
  or: "or",
};

/** The step in the language; `variant` turns between operators, calls and pipes. */
function written({ op, inputs, attrs = {}, text }: Proposal, variant: number): string {
  const names = inputs.map(({ name }) => name);
  const [first = "", ...rest] = names;
  if (text !== undefined) return `${rest.length > 0 ? `(${names.join(", ")})` : first} |> ${text}`;
  const operator = operators[op];
  if (op === "not") return `not ${first}`;
  if (operator !== undefined && (variant % 3 > 0 || op === "and" || op === "or"))
    return `${first} ${operator} ${rest.join("")}`;
  const settings = Object.entries(attrs).map(([key, value]) => `${key}: ${setting(value)}`);
  if (inputs.length === 0 || variant % 2 === 0)
    return `${op}(${[...names, ...settings].join(", ")})`;
  // All that is piped into an op of any number of inputs is all it takes.
  return opNamed(op).variadic === undefined
    ? `${first} |> ${op}(${[...rest, ...settings].join(", ")})`
    : `(${names.join(", ")}) |> ${op}(${settings.join(", ")})`;
}

const setting = (value: Attrs[string]): string =>
  Array.isArray(value) ? `[${value.join(", ")}]` : String(value);

function blockOf({
  inputs,
  lines,
  outputs,
}: {
  readonly inputs: readonly Value[];
  readonly lines: readonly string[];
  readonly outputs: readonly Value[];
}): string {
  const port = ({ array: { dtype, shape } }: Value): string => `${dtype}[${shape.join(", ")}]`;
  return [
    "block Random() {",
    ...inputs.map((value) => `  in ${value.name}: ${port(value)}`),
    ...outputs.map((value, i) => `  out y${i}: ${port(value)}`),
    ...lines,
    ...outputs.map(({ name }, i) => `  y${i} = ${name}`),
    "}",
    "",
  ].join("\n");
}
