/** The steps of random programs that multiply, select, normalize and rearrange. */

import { at } from "../grammar/invariant.js";
import {
  countOf,
  generate,
  type NdArray,
  reduceAxes,
  reshaped,
  transposed,
  valueAt,
} from "../compiler/ops/kit/ndarray.js";
import type { Value } from "./parity-programs.js";
import { axisOf, lanesOf, type Maker, sized, spread } from "./parity-step-kit.js";

const matmul: Maker = (pool) => {
  const a = pool.float(1);
  if (a === null) return null;
  const inner = at(a.array.shape, -1);
  const b = pool.of(
    ({ array: { dtype, shape } }) =>
      dtype === "f32" && shape.length > 0 && at(shape, Math.max(-2, -shape.length)) === inner,
  );
  const lead = pool.chance(0.5) ? [] : a.array.shape.slice(0, -2);
  const fresh = (): Value =>
    pool.weight(pool.chance(0.2) ? [inner] : [...lead, inner, 1 + pool.below(4)]);
  return { op: "matmul", inputs: [a, b === null || pool.chance(0.5) ? fresh() : b] };
};

const joined =
  (op: string): Maker =>
  (pool) => {
    const x = pool.float(op === "concat" ? 1 : 0, 4);
    if (x === null) return null;
    const { shape } = x.array;
    const axis = op === "concat" ? axisOf(pool, x) : pool.below(shape.length + 1);
    const place = axis < 0 ? axis + shape.length : axis;
    const others = Array.from({ length: 1 + pool.below(2) }, () =>
      pool.chance(0.4)
        ? pool.weight(op === "concat" ? shape.with(place, 1 + pool.below(3)) : shape)
        : (pool.of(
            ({ array }) =>
              array.dtype === "f32" &&
              array.shape.length === shape.length &&
              array.shape.every((n, i) => (op === "concat" && i === place) || n === at(shape, i)),
          ) ?? x),
    );
    return { op, inputs: [x, ...others], attrs: { axis } };
  };

const gather: Maker = (pool) => {
  const x = pool.float(1, 4);
  if (x === null) return null;
  const axis = axisOf(pool, x);
  const index = pool.indices(
    pool.chance(0.3) ? [2, 2] : [1 + pool.below(5)],
    at(x.array.shape, axis),
  );
  return { op: "gather", inputs: [x, index], attrs: { axis } };
};

const takeAlong: Maker = (pool) => {
  const x = pool.float(1);
  if (x === null) return null;
  const axis = axisOf(pool, x);
  const place = axis < 0 ? axis + x.array.shape.length : axis;
  const shape = x.array.shape.with(place, 1 + pool.below(4));
  const index = pool.indices(shape, at(x.array.shape, place));
  return { op: "take_along", inputs: [x, index], attrs: { axis } };
};

const scatter =
  (op: "scatter_add" | "scatter_along"): Maker =>
  (pool) => {
    const x = pool.float(1);
    if (x === null) return null;
    const { shape } = x.array;
    const size = 1 + pool.below(5);
    const index = pool.indices(op === "scatter_add" ? shape.slice(0, 1) : shape, size);
    const axis = op === "scatter_add" ? {} : { axis: axisOf(pool, x) };
    return { op, inputs: [index, x], attrs: { size, ...axis } };
  };

const crossEntropy: Maker = (pool) => {
  const x = pool.float(1, 4);
  if (x === null) return null;
  const classes = at(x.array.shape, -1);
  const labels = pool.indices(x.array.shape.slice(0, -1), classes);
  const weights = Array.from({ length: classes }, (_, i) => 0.5 + (i % 3) / 2);
  return {
    op: "softmax_cross_entropy",
    inputs: [x, labels],
    attrs: {
      ...(pool.chance(0.3) && { smoothing: 0.125 }),
      ...(pool.chance(0.3) && { weights }),
      ...(pool.chance(0.3) && { ignore: pool.below(classes) }),
    },
  };
};

const rowNorm =
  (op: "layer_norm" | "rms_norm"): Maker =>
  (pool) => {
    const x = pool.float(1);
    if (x === null) return null;
    const { shape } = x.array;
    const axes = shape.map((_, axis) => axis).slice(op === "rms_norm" ? -1 : -1 - pool.below(2));
    const scale = axes.map((axis) => at(shape, axis));
    const weights = Array.from({ length: op === "rms_norm" ? 1 : 2 }, () => pool.weight(scale));
    const safe = lanesOf(x, axes).every(op === "rms_norm" ? sized : spread);
    return { op, inputs: [x, ...weights], attrs: { eps: pool.pick([1e-5, 1e-3]) }, safe };
  };

const channelNorm =
  (op: "batch_norm" | "group_norm"): Maker =>
  (pool) => {
    const x = pool.float(2, 4);
    if (x === null) return null;
    const { shape } = x.array;
    const channels = at(shape, 1);
    const weights = [pool.weight([channels]), pool.weight([channels])];
    const axes = shape.map((_, axis) => axis);
    if (op === "batch_norm") {
      const lanes = lanesOf(x, axes.toSpliced(1, 1));
      return { op, inputs: [x, ...weights], attrs: { eps: 1e-3 }, safe: lanes.every(spread) };
    }
    const groups = pool.pick([1, 2, 3, 4, 5].filter((n) => channels % n === 0));
    const grouped = reshaped(
      x.array,
      [at(shape, 0), groups, -1].with(2, x.array.data.length / at(shape, 0) / groups),
    );
    const safe = lanesOf({ ...x, array: grouped }, [2]).every(spread);
    return { op, inputs: [x, ...weights], attrs: { groups, eps: 1e-5 }, safe };
  };

const attention: Maker = (pool) => {
  const q = pool.float(3, 4);
  if (q === null) return null;
  const { shape } = q.array;
  const lead = shape.slice(0, -2);
  const causal = pool.chance(0.4);
  const keys = causal ? at(shape, -2) : 1 + pool.below(4);
  const scale = pool.pick([0.5, 0.25]);
  const k = pool.weight([...lead, keys, at(shape, -1)]);
  const v = pool.weight([...lead, keys, 1 + pool.below(3)]);
  if (causal || pool.chance(0.5))
    return { op: "scaled_dot_product", inputs: [q, k, v], attrs: { scale, causal } };
  const bias = pool.weight([at(shape, -2), keys]);
  return { op: "scaled_dot_product_biased", inputs: [q, k, v, bias], attrs: { scale } };
};

/** One step of an LSTM. */
const lstmCell: Maker = (pool) => {
  const c = pool.float(2, 2);
  if (c === null) return null;
  const [records = 1, hidden = 1] = c.array.shape;
  return { op: "lstm_cell", inputs: [pool.weight([records, 4 * hidden]), c], attrs: {} };
};

const letters = ["a", "b", "c", "d", "e", "f", "g"];

/** A sum of products over named axes; the second and third operand share some of them. */
const einsum: Maker = (pool) => {
  const x = pool.float(1, 4);
  if (x === null) return null;
  const extents = new Map(x.array.shape.map((extent, i) => [at(letters, i), extent]));
  const patterns = [[...extents.keys()]];
  const inputs = [x];
  for (let i = 0; i < 1 + pool.below(2); i++) {
    const shared = [...extents.keys()].filter(() => pool.chance(0.4)).slice(0, 3);
    const next = at(letters, extents.size);
    if (pool.chance(0.6) || shared.length === 0) {
      extents.set(next, 1 + pool.below(3));
      shared.push(next);
    }
    const pattern = pool.shuffled(shared);
    patterns.push([...pattern]);
    inputs.push(pool.weight(pattern.map((name) => extents.get(name) ?? 1)));
  }
  const output = pool.shuffled([...extents.keys()].filter(() => pool.chance(0.5))).slice(0, 5);
  const result = contracted(inputs, patterns, output, extents);
  const text = `einsum(${patterns.map((names) => names.join(" ")).join(", ")} -> ${output.join(" ")})`;
  const equation = `${patterns.map((names) => names.join("")).join(",")}->${output.join("")}`;
  return output.length === 0 || result === null
    ? null
    : { op: "einsum", inputs, attrs: { equation }, results: [result], text };
};

function contracted(
  inputs: readonly Value[],
  patterns: readonly (readonly string[])[],
  output: readonly string[],
  extents: ReadonlyMap<string, number>,
): NdArray | null {
  const names = [...extents.keys()];
  const whole = names.map((name) => extents.get(name) ?? 1);
  if (countOf(whole) > 3000) return null;
  const products = generate("f32", whole, (index) =>
    inputs.reduce((product, { array }, i) => {
      const place = at(patterns, i).map((name) => at(index, names.indexOf(name)));
      return product * valueAt(array, place);
    }, 1),
  );
  const axes = names.flatMap((name, axis) => (output.includes(name) ? [] : [axis]));
  const kept = names.filter((name) => output.includes(name));
  const summed = reduceAxes(products, { axes, keep: false }, (values) =>
    values.reduce((sum, value) => sum + value, 0),
  );
  return transposed(
    summed,
    output.map((name) => kept.indexOf(name)),
  );
}

/** Splits one axis, moves all and merges two. */
const rearrange: Maker = (pool) => {
  const x = pool.float(2, 4);
  if (x === null) return null;
  const { shape } = x.array;
  const cut = shape.findIndex((extent) => extent === 4);
  const split = cut < 0 ? [...shape] : shape.toSpliced(cut, 1, 2, 2);
  const names = split.map((_, i) => at(letters, i));
  const left = names.flatMap((name, i) =>
    cut < 0 || i !== cut + 1 ? [cut === i ? `(${name} ${at(names, i + 1)})` : name] : [],
  );
  const order = pool.shuffled(split.map((_, i) => i));
  const merged = pool.below(order.length - 1);
  const right = order.flatMap((axis, i) =>
    i === merged + 1
      ? []
      : [i === merged ? `(${at(names, axis)} ${at(names, at(order, i + 1))})` : at(names, axis)],
  );
  const turned = transposed(reshaped(x.array, split), order);
  const final = turned.shape.toSpliced(
    merged,
    2,
    at(turned.shape, merged) * at(turned.shape, merged + 1),
  );
  const given = cut < 0 ? "" : `, ${at(names, cut)}: 2`;
  return {
    op: "rearrange",
    inputs: [x],
    attrs: { split, order, shape: final },
    results: [reshaped(turned, final)],
    text: `rearrange(${left.join(" ")} -> ${right.join(" ")}${given})`,
  };
};

/** Every maker with its weight. */
export const algebraMakers: readonly (readonly [number, Maker])[] = [
  [8, matmul],
  [4, joined("concat")],
  [3, joined("stack")],
  [3, gather],
  [3, takeAlong],
  [2, scatter("scatter_add")],
  [2, scatter("scatter_along")],
  [3, crossEntropy],
  [3, rowNorm("layer_norm")],
  [2, rowNorm("rms_norm")],
  [2, channelNorm("group_norm")],
  [2, channelNorm("batch_norm")],
  [3, attention],
  [1, lstmCell],
  [6, einsum],
  [4, rearrange],
];
