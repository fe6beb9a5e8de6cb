/** What random programs are made of: each entry proposes one step, as often as its weight says. */

import { at } from "../grammar/invariant.js";
import type { Attrs } from "../compiler/ir/graph.js";
import { broadcastShapes } from "../compiler/ops/kit/broadcast.js";
import { countOf, generate, type NdArray, valueAt } from "../compiler/ops/kit/ndarray.js";
import { algebraMakers } from "./parity-algebra-steps.js";
import { imageMakers } from "./parity-image-steps.js";
import type { Pool, Proposal, Value } from "./parity-programs.js";
import { axesOf, axisOf, lanesOf, type Maker, margin, ordered, spread } from "./parity-step-kit.js";

const away = (x: number, kink: number): boolean => x === kink || Math.abs(x - kink) > margin;
const everyElement = ({ array }: Value, holds: (x: number) => boolean): boolean =>
  array.data.every(holds);

const unary =
  (op: string, attrs: Attrs = {}, safe: (x: number) => boolean = () => true): Maker =>
  (pool) => {
    const x = pool.float();
    return x === null ? null : { op, inputs: [x], attrs, safe: everyElement(x, safe) };
  };
const offKinks =
  (...kinks: readonly number[]) =>
  (x: number): boolean =>
    kinks.every((kink) => away(x, kink));
const positive = (x: number): boolean => x > 0.05;
/** ONNX Runtime's sigmoid in f32 is right to 1e-7 of one, so that small results have few digits. */
export const unsaturated = (x: number): boolean => Math.abs(x) < 6;

/** Two float values that broadcast; where none are found, a new input. */
function pair(pool: Pool): readonly [Value, Value] | null {
  const a = pool.float();
  if (a === null) return null;
  const { shape } = a.array;
  const b = pool.of(
    ({ array }) => array.dtype === "f32" && broadcastShapes(shape, array.shape) !== null,
  );
  const fresh = (): Value =>
    pool.weight(shape.slice(pool.below(shape.length + 1)).map((n) => (pool.chance(0.3) ? 1 : n)));
  const other = b === null || b === a || pool.chance(0.2) ? fresh() : b;
  return pool.chance(0.5) ? [a, other] : [other, a];
}

const binary =
  (op: string, safe: (a: number, b: number) => boolean = () => true): Maker =>
  (pool) => {
    const found = pair(pool);
    if (found === null) return null;
    const [a, b] = found;
    return { op, inputs: [a, b], safe: everyPair(a.array, b.array, safe) };
  };

function everyPair(a: NdArray, b: NdArray, holds: (a: number, b: number) => boolean): boolean {
  const shape = broadcastShapes(a.shape, b.shape) ?? [];
  if (!shape.every((extent) => typeof extent === "number")) return false;
  const inside = (x: NdArray, index: readonly number[]): number =>
    valueAt(
      x,
      x.shape.map((extent, i) => (extent === 1 ? 0 : at(index, i + index.length - x.shape.length))),
    );
  let sound = true;
  generate("bool", shape, (index) => {
    sound &&= holds(inside(a, index), inside(b, index));
    return 0;
  });
  return sound;
}

const reduce =
  (op: string, more: (pool: Pool) => Attrs, safe: (lane: readonly number[]) => boolean): Maker =>
  (pool) => {
    const x = pool.float(1);
    if (x === null) return null;
    const axes = axesOf(pool, x);
    const attrs = { axes, keep: pool.chance(0.5), ...more(pool) };
    return { op, inputs: [x], attrs, safe: lanesOf(x, axes).every(safe) };
  };
const always = (): boolean => true;
const nothing = (): Attrs => ({});

const alongAxis =
  (
    op: string,
    more: (pool: Pool, extent: number) => Attrs = nothing,
    safe: (lane: readonly number[]) => boolean = always,
  ): Maker =>
  (pool) => {
    const x = pool.float(1);
    if (x === null) return null;
    const axis = axisOf(pool, x);
    const attrs = { axis, ...more(pool, at(x.array.shape, axis)) };
    return { op, inputs: [x], attrs, safe: lanesOf(x, [axis]).every(safe) };
  };

/** Something of the whole shape of a value. */
const shaped =
  (op: string, attrs: (pool: Pool, shape: readonly number[]) => Attrs, least = 1): Maker =>
  (pool) => {
    const x = pool.float(least);
    return x === null ? null : { op, inputs: [x], attrs: attrs(pool, x.array.shape) };
  };

/** The same elements in another shape. */
function refactored(pool: Pool, shape: readonly number[]): readonly number[] {
  const primes: number[] = [];
  let rest = countOf(shape);
  for (let p = 2; p <= rest; p++) for (; rest % p === 0; rest /= p) primes.push(p);
  const extents = Array.from({ length: 1 + pool.below(5) }, () => 1);
  for (const p of pool.shuffled(primes)) {
    const place = pool.below(extents.length);
    extents[place] = at(extents, place) * p;
  }
  return extents;
}

const comparison =
  (op: string): Maker =>
  (pool) =>
    binary(op, (a, b) => a === b || Math.abs(a - b) > margin)(pool);

const bools = (pool: Pool): Value | null => pool.of(({ array }) => array.dtype === "bool");

const logical =
  (op: string): Maker =>
  (pool) => {
    const a = bools(pool);
    const b = pool.of(
      ({ array }) =>
        array.dtype === "bool" &&
        a !== null &&
        broadcastShapes(a.array.shape, array.shape) !== null,
    );
    return a === null || b === null ? null : { op, inputs: op === "not" ? [a] : [a, b] };
  };

const where: Maker = (pool) => {
  const condition = bools(pool);
  const found = condition === null ? null : pair(pool);
  if (condition === null || found === null) return null;
  const common = broadcastShapes(at(found, 0).array.shape, at(found, 1).array.shape);
  return common === null || broadcastShapes(common, condition.array.shape) === null
    ? null
    : { op: "where", inputs: [condition, ...found] };
};

const cast: Maker = (pool) => {
  const x = pool.of(({ array }) => array.dtype !== "f32");
  return x === null ? null : { op: "cast", inputs: [x], attrs: { dtype: "f32" } };
};

const split: Maker = (pool) => {
  const x = pool.float(1);
  if (x === null) return null;
  const axis = axisOf(pool, x);
  const extent = at(x.array.shape, axis);
  if (extent < 2) return null;
  const first = 1 + pool.below(extent - 1);
  return { op: "split", inputs: [x], attrs: { sizes: [first, extent - first], axis } };
};

const padding = (pool: Pool, shape: readonly number[]): Attrs => {
  const mode = pool.pick(["constant", "constant", "edge", "reflect"]);
  const counts = (): readonly number[] =>
    shape.map((extent) =>
      pool.chance(0.5) ? 0 : pool.below(mode === "reflect" ? Math.min(extent, 3) : 3),
    );
  return mode === "constant"
    ? { before: counts(), after: counts(), value: pool.pick([0, 1.5]) }
    : { before: counts(), after: counts(), mode };
};

const expand: Maker = (pool) => {
  const x = pool.float(0, 4);
  if (x === null) return null;
  const grown = x.array.shape.map((n) => (n === 1 ? 1 + pool.below(3) : n));
  const shape = pool.chance(0.5) ? [1 + pool.below(3), ...grown] : grown;
  return pool.chance(0.5)
    ? { op: "expand", inputs: [x], attrs: { shape } }
    : { op: "expand_like", inputs: [x, pool.weight(shape)] };
};

const scaled: Maker = (pool) => {
  const x = pool.float();
  const y = pool.of(({ array }) => array.dtype === "f32" && array.shape.length === 0);
  return x === null || y === null ? null : { op: "mul", inputs: [x, y] };
};

/** Every maker with its weight. */
export const makers: readonly (readonly [number, Maker])[] = [
  ...["neg", "exp", "sin", "cos", "square"].map((op) => [2, unary(op)] as const),
  ...["tanh", "sigmoid", "erf", "silu", "softplus"].map(
    (op) => [2, unary(op, {}, unsaturated)] as const,
  ),
  ...["expm1", "stop_gradient"].map((op) => [1, unary(op)] as const),
  [2, unary("gelu", {}, unsaturated)],
  [1, unary("gelu", { approximate: "tanh" }, unsaturated)],
  [4, unary("relu", {}, offKinks(0))],
  [2, unary("abs", {}, offKinks(0))],
  [1, unary("sign", {}, offKinks(0))],
  [1, unary("leaky_relu", { slope: 0.25 }, offKinks(0))],
  [1, unary("elu", { alpha: 0.5 }, offKinks(0))],
  [1, unary("hardsigmoid", {}, offKinks(-3, 3))],
  [1, unary("hardswish", {}, offKinks(-3, 3))],
  [1, unary("clip", { low: -0.75, high: 1.25 }, offKinks(-0.75, 1.25))],
  [1, unary("clip", { low: 0 }, offKinks(0))],
  ...["floor", "ceil"].map((op) => [1, unary(op, {}, (x) => away(x, Math.round(x)))] as const),
  [1, unary("round", {}, (x) => Math.abs(x - Math.floor(x) - 0.5) > margin)],
  ...["sqrt", "rsqrt", "log"].map((op) => [2, unary(op, {}, positive)] as const),
  [1, unary("log1p", {}, (x) => x > -0.9)],
  [2, unary("reciprocal", {}, (x) => Math.abs(x) > 0.2)],
  [6, binary("add")],
  [4, binary("sub")],
  [6, binary("mul")],
  [3, scaled],
  [3, binary("div", (_a, b) => Math.abs(b) > 0.2)],
  [1, binary("pow", (a) => positive(a))],
  ...["maximum", "minimum"].map((op) => [2, comparison(op)] as const),
  ...["less", "less_equal", "greater", "greater_equal"].map((op) => [1, comparison(op)] as const),
  ...["and", "or", "xor", "not"].map((op) => [1, logical(op)] as const),
  [5, where],
  [3, cast],
  [5, shaped("transpose", (pool, shape) => ({ order: pool.shuffled(shape.map((_, i) => i)) }))],
  [5, shaped("reshape", (pool, shape) => ({ shape: refactored(pool, shape) }), 0)],
  [1, shaped("flatten", (pool, shape) => ({ from: pool.below(shape.length) }))],
  [2, shaped("unsqueeze", (pool, shape) => ({ axis: pool.below(shape.length + 1) }), 0)],
  [2, squeeze],
  [3, expand],
  [3, split],
  [4, alongAxis("slice", sliceOf)],
  [3, shaped("pad", padding)],
  [2, shaped("tile", (pool, shape) => ({ repeats: shape.map(() => 1 + pool.below(2)) }))],
  [2, shaped("flip", (pool, shape) => ({ axes: [pool.below(shape.length)] }))],
  [2, alongAxis("roll", (pool) => ({ shift: pool.below(7) - 3 }))],
  [4, reduce("sum", nothing, always)],
  [4, reduce("mean", nothing, always)],
  [2, reduce("var", (pool) => ({ correction: pool.below(2) }), spread)],
  [1, reduce("prod", nothing, (lane) => lane.every((x) => Math.abs(x) > 0.05))],
  ...["amax", "amin"].map((op) => [2, reduce(op, nothing, (lane) => ordered(lane))] as const),
  [2, alongAxis("logsumexp", (pool) => ({ keep: pool.chance(0.5) }))],
  [2, alongAxis("cumsum", (pool) => ({ exclusive: pool.chance(0.3), reverse: pool.chance(0.3) }))],
  [
    2,
    alongAxis(
      "top_k",
      (pool, extent) => ({ k: 1 + pool.below(extent) }),
      (lane) => ordered(lane, true),
    ),
  ],
  ...["argmax", "argmin"].map(
    (op) =>
      [
        1,
        alongAxis(
          op,
          (pool) => ({ keep: pool.chance(0.5) }),
          (lane) => ordered(lane, true),
        ),
      ] as const,
  ),
  [4, alongAxis("softmax")],
  [2, alongAxis("log_softmax")],
  ...algebraMakers,
  ...imageMakers,
];

function squeeze(pool: Pool): Proposal | null {
  const x = pool.of(({ array }) => array.dtype === "f32" && array.shape.includes(1));
  return x === null
    ? null
    : { op: "squeeze", inputs: [x], attrs: { axis: x.array.shape.indexOf(1) } };
}

function sliceOf(pool: Pool, extent: number): Attrs {
  const from = pool.below(extent);
  const to = from + 1 + pool.below(extent - from);
  return { from, to, ...(pool.chance(0.3) && { step: 2 }) };
}
