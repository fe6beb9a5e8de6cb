/** Kernels against the ops' references: every op, random expressions, every length of a tail. */

import { expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { kernelOps } from "../../compiler/wasm/instructions.js";
import { splitUpdate, type UpdateNames } from "../../compiler/wasm/split-update.js";
import { at } from "../../grammar/invariant.js";
import { createStream, integers, normal } from "../../runtime/random.js";
import { interpretRounded, loadKernel } from "./run-kernel.js";

const names: UpdateNames = {
  inputs: new Map([
    ["p", { kind: "state", path: "p" }],
    ["m", { kind: "state", path: "m" }],
    ["g", { kind: "gradient", path: "p" }],
  ]),
  outputs: new Map([
    ["next:p", "p"],
    ["next:m", "m"],
  ]),
};
const stream = createStream(7, "kernels");
const fround = (values: Iterable<number>): readonly number[] => Array.from(values, Math.fround);

/** Holds the graph's one kernel against the references on arrays of that length. */
async function compareWith(graph: Graph, lengths: readonly number[]): Promise<void> {
  const split = splitUpdate(graph, names);
  if (split === null) throw new Error("the update is elementwise");
  const [call] = split.calls;
  const run = await loadKernel(at(split.kernels, 0));
  for (const length of lengths) {
    const given = new Map<string, readonly number[]>(
      ["p", "m", "g"].map((name, i) => [name, fround(normal(stream, length, i, length))]),
    );
    const scalars = fround(normal(stream, length, 3, 2));
    const inputs = new Map<string, NdArray>([
      ...[...given].map(([name, data]) => [name, ndarray("f32", [length], data)] as const),
      ...scalars.map((value, i) => [`s${i}`, ndarray("f32", [], [value])] as const),
    ]);
    const expected = interpretRounded(resized(graph, length), inputs);
    const numbers =
      split.rest === null ? new Map<string, NdArray>() : interpretRounded(split.rest, inputs);
    const tensors = call?.tensors ?? [];
    const keys = tensors.map(({ kind, path }) => (kind === "gradient" ? "g" : path));
    const result = run(
      keys.map((key) => given.get(key) ?? []),
      (call?.scalars ?? []).map((name) => numbers.get(name)?.data[0] ?? NaN),
    );
    for (const [i, key] of keys.entries()) {
      const wanted = expected.get(`next:${key}`)?.data ?? given.get(key) ?? [];
      expect(at(result.arrays, i), `${key} of length ${length}`).toEqual([...wanted]);
    }
    const before = given.get("p") ?? [];
    const after = expected.get("next:p")?.data ?? [];
    expect(result.changed).toBe(before.some((value, i) => value !== after[i]));
  }
}

/** The same graph on tensors of another length. */
function resized(graph: Graph, length: number): Graph {
  const value = ({ id, type }: Value): Value => ({
    id,
    type: type.shape.length === 0 ? type : { ...type, shape: [length] },
  });
  return {
    ...graph,
    inputs: graph.inputs.map((each) => ({ ...each, value: value(each.value) })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      attrs:
        "shape" in node.attrs && at(node.outputs, 0).type.shape.length > 0
          ? { ...node.attrs, shape: [length] }
          : node.attrs,
      inputs: node.inputs.map(value),
      outputs: node.outputs.map(value),
    })),
    outputs: graph.outputs.map((each) => ({ ...each, value: value(each.value) })),
  };
}

const unary = [
  "neg",
  "abs",
  "reciprocal",
  "square",
  "ceil",
  "floor",
  "round",
  "sign",
  "stop_gradient",
];
const binary = ["add", "sub", "mul", "div", "maximum", "minimum"];
const comparisons = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"];
const logic = ["and", "or", "xor"];

/** A rule of `size` random operations on a parameter, its gradient, a slot and two numbers. */
function randomRule(index: number, size: number): Graph {
  const b = createGraphBuilder();
  const type = { dtype: "f32", shape: [5] } as const;
  const scalar = { dtype: "f32", shape: [] } as const;
  const tensors = ["p", "m", "g"].map((name) => b.input(name, type));
  const numbers = ["s0", "s1"].map((name) => b.input(name, scalar));
  const truths: Value[] = [b.less(at(tensors, 0), at(tensors, 1))];
  let drawn = 0;
  const draw = (below: number): number => integers(stream, 1000 + index, drawn++, below, 1)[0] ?? 0;
  const one = <T>(from: readonly T[]): T => at(from, draw(from.length));
  const tensor = (): Value => one(tensors);
  const other = (): Value =>
    [tensor(), one(numbers), b.constant(one([-2, 0.1, 0.5, 3])), b.constant(1.5, "f32", [5])][
      draw(4)
    ] ?? tensor();
  for (let i = 0; i < size; i++)
    switch (draw(6)) {
      case 0:
        tensors.push(b.emit(one(unary), [tensor()]));
        break;
      case 1:
      case 2:
        tensors.push(b.emit(one(binary), [tensor(), other()]));
        break;
      case 3:
        truths.push(b.emit(one(comparisons), [tensor(), other()]));
        break;
      case 4:
        truths.push(b.emit(one(logic), [one(truths), b.emit("not", [one(truths)])]));
        break;
      default:
        tensors.push(b.where(one(truths), tensor(), other()));
    }
  const [p, m, g] = [at(tensors, 0), at(tensors, 1), at(tensors, 2)];
  const result = b.add(at(tensors, -1), b.mul(g, b.cast(at(truths, -1), "f32")));
  return b.finish("rule", [
    { name: "next:p", value: b.sub(p, result) },
    { name: "next:m", value: b.add(b.mul(m, b.sqrt(b.emit("abs", [tensor()]))), at(tensors, -2)) },
  ]);
}

test("random rules, with the bits of f32 arithmetic", async () => {
  for (let i = 0; i < 150; i++) await compareWith(randomRule(i, 3 + (i % 40)), [1, 4, 7, 64]);
});

test("every length from 0 to 70", async () => {
  const lengths = Array.from({ length: 71 }, (_, i) => i);
  for (const i of [1, 2, 3]) await compareWith(randomRule(1000 + i, 20), lengths);
});

const edges = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -2.5,
  3.25,
  -7.75,
  1e30,
  -1e30,
  2 ** -120,
  Infinity,
  -Infinity,
  NaN,
];

/** One op on tensors, its truths from comparisons with 1 and its result as a number. */
function graphOf(op: string): Graph {
  const b = createGraphBuilder();
  const type = { dtype: "f32", shape: [edges.length ** 2] } as const;
  const [p, m, g] = ["p", "m", "g"].map((name) => b.input(name, type));
  if (p === undefined || m === undefined || g === undefined) throw new Error("three inputs");
  const truth = (value: Value): Value => b.less(value, b.constant(1));
  const forms: Readonly<Record<string, () => Value>> = {
    where: () => b.where(truth(p), m, g),
    not: () => b.emit("not", [truth(p)]),
    cast: () => b.cast(b.cast(p, "bool"), "f32"),
    clip: () => b.emit("clip", [p], { low: -0.5, high: 1.25 }),
    isnan: () => b.emit("isnan", [p]),
    ...Object.fromEntries(
      [
        "neg",
        "abs",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "square",
        "ceil",
        "floor",
        "round",
        "sign",
        "stop_gradient",
      ].map((name) => [name, () => b.emit(name, [p])]),
    ),
    ...Object.fromEntries(logic.map((name) => [name, () => b.emit(name, [truth(p), truth(m)])])),
  };
  const value = forms[op]?.() ?? b.emit(op, [p, m]);
  const number = value.type.dtype === "bool" ? b.cast(value, "f32") : value;
  // The parameter must be updated, by its gradient.
  return b.finish(op, [
    { name: "next:p", value: b.add(p, b.mul(g, b.constant(0))) },
    { name: "next:m", value: number },
  ]);
}

test.each(kernelOps)("%s on all pairs of edge values", async (op) => {
  const graph = graphOf(op);
  const split = splitUpdate(graph, names);
  const [call] = split?.calls ?? [];
  if (split === null || call === undefined) throw new Error("the update is elementwise");
  const run = await loadKernel(at(split.kernels, 0));
  const p = fround(edges.flatMap((value) => edges.map(() => value)));
  const m = fround(edges.flatMap(() => edges));
  const g = p.map((_, i) => i / 4);
  const given = new Map([
    ["p", p],
    ["m", m],
    ["g", g],
  ]);
  const keys = call.tensors.map(({ kind, path }) => (kind === "gradient" ? "g" : path));
  const { arrays } = run(
    keys.map((key) => given.get(key) ?? []),
    [],
  );
  const inputs = new Map(
    [...given].map(([name, data]) => [name, ndarray("f32", [p.length], data)]),
  );
  const expected = interpretRounded(graph, inputs).get("next:m")?.data ?? [];
  const found = at(arrays, keys.indexOf("m"));
  for (const [i, value] of found.entries()) {
    const wanted = expected[i] ?? NaN;
    // Two roundings differ from one.
    const close = Math.abs(value - wanted) <= 2 ** -22 * Math.abs(wanted);
    const same = value === wanted || (Number.isNaN(value) && Number.isNaN(wanted));
    const at = `${op}(${p[i]}, ${m[i]}) = ${value}, not ${wanted}`;
    expect(same || (op === "rsqrt" && close), at).toBe(true);
  }
});

test("what changes is told, for elements of vectors and of tails, and NaN is a change", async () => {
  const b = createGraphBuilder();
  const type = { dtype: "f32", shape: [9] } as const;
  const [p, g] = [b.input("p", type), b.input("g", type)];
  const graph = b.finish("rule", [{ name: "next:p", value: b.sub(p, g) }]);
  const split = splitUpdate(graph, names);
  if (split === null) throw new Error("the update is elementwise");
  const run = await loadKernel(at(split.kernels, 0));
  for (let length = 1; length < 12; length++) {
    const ones = Array.from({ length }, () => 1);
    expect(run([ones, ones.map(() => 0)], []).changed).toBe(false);
    expect(run([ones.map(() => 0), ones.map(() => -0)], []).changed).toBe(false);
    for (let place = 0; place < length; place++)
      for (const value of [1, NaN])
        expect(run([ones, ones.map((_, i) => (i === place ? value : 0))], []).changed).toBe(true);
  }
});
