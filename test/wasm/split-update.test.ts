/** Which updates become kernels, which stay in a graph, and what passes between the two. */

import { expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { GraphBuilder } from "../../compiler/ir/builder.js";
import type { Graph, NamedValue, Value } from "../../compiler/ir/graph.js";
import { printGraph } from "../../compiler/ir/print.js";
import { verifyGraph } from "../../compiler/ir/verify.js";
import { splitUpdate, type TensorRole } from "../../compiler/wasm/split-update.js";

interface Inputs {
  readonly b: GraphBuilder;
  readonly p: Value;
  readonly g: Value;
  readonly m: Value;
  readonly lr: Value;
}

/** Parameters `p0`, `p1`, … of these shapes, each with a gradient and a slot, updated by their rules. */
function updates(
  rules: readonly {
    readonly shape?: readonly number[];
    readonly rule: (inputs: Inputs) => { readonly p: Value; readonly m?: Value };
  }[],
  further: (b: GraphBuilder, gradients: readonly Value[]) => readonly NamedValue[] = () => [],
) {
  const b = createGraphBuilder();
  const lr = b.input("schedule:lr", { dtype: "f32", shape: [] });
  const roles = new Map<string, TensorRole>();
  const outputs: NamedValue[] = [];
  const paths = new Map<string, string>();
  const gradients: Value[] = [];
  for (const [i, { shape = [6], rule }] of rules.entries()) {
    const tensor = (name: string, role: TensorRole): Value => {
      roles.set(name, role);
      return b.input(name, { dtype: "f32", shape });
    };
    const path = `p${i}`;
    const p = tensor(path, { kind: "state", path });
    const g = tensor(`g${i}`, { kind: "gradient", path });
    const m = tensor(`m${i}`, { kind: "state", path: `${path}/m` });
    gradients.push(g);
    const after = rule({ b, p, g, m, lr });
    outputs.push({ name: `next:${path}`, value: after.p });
    paths.set(`next:${path}`, path);
    if (after.m === undefined) continue;
    outputs.push({ name: `next:m${i}`, value: after.m });
    paths.set(`next:m${i}`, `${path}/m`);
  }
  const graph: Graph = b.finish("apply", [...outputs, ...further(b, gradients)]);
  const split = splitUpdate(graph, { inputs: roles, outputs: paths });
  const rest = split?.rest ?? null;
  if (rest !== null) verifyGraph(rest);
  return {
    calls: (split?.calls ?? []).map(({ kernel, watched, length, scalars }) => ({
      kernel,
      watched,
      length,
      scalars: [...scalars],
    })),
    kernels: split?.kernels.length ?? 0,
    rest:
      rest === null
        ? null
        : printGraph(rest)
            .trim()
            .split("\n")
            .map((line) => line.trim()),
  };
}

const descent = ({ b, p, g, lr }: Inputs) => ({ p: b.sub(p, b.mul(g, lr)) });
const momentum = ({ b, p, g, m, lr }: Inputs) => {
  const next = b.add(b.scale(m, 0.9), g);
  return { p: b.sub(p, b.mul(next, lr)), m: next };
};

test("parameters of one rule share a kernel, whatever their shapes", () => {
  const { calls, kernels, rest } = updates([
    { rule: momentum },
    { rule: momentum, shape: [2, 3, 5] },
    { rule: descent },
  ]);
  expect(kernels).toBe(2);
  expect(calls).toEqual([
    { kernel: 0, watched: "p0", length: 6, scalars: ["scalar:0"] },
    { kernel: 0, watched: "p1", length: 30, scalars: ["scalar:0"] },
    { kernel: 1, watched: "p2", length: 6, scalars: ["scalar:0"] },
  ]);
  expect(rest).toEqual([
    'graph @"apply.rest"(%"schedule:lr": f32[]) {',
    'return "scalar:0" = %"schedule:lr"',
    "}",
  ]);
});

test("numbers are computed before, truths among them as 0 and 1", () => {
  const { calls, rest } = updates([
    {
      rule: ({ b, p, g, lr }) => ({
        p: b.where(b.less(lr, b.constant(0.5)), b.sub(p, b.mul(g, b.pow(lr, b.constant(2)))), g),
      }),
    },
  ]);
  expect(calls).toMatchObject([{ scalars: ["scalar:0", "scalar:1"] }]);
  expect(rest?.join("\n")).toContain("pow(");
  expect(rest?.join("\n")).toMatch(/cast\(.*\) \{dtype = "f32"\} : f32\[\]/u);
});

test("a number that depends on all gradients is one: clipping by their norm", () => {
  const b = (inputs: Inputs, norm: Value) => ({
    p: inputs.b.sub(inputs.p, inputs.b.mul(inputs.b.div(inputs.g, norm), inputs.lr)),
  });
  const norms: Value[] = [];
  const { calls, rest } = updates(
    [
      {
        rule: (inputs) => {
          norms.push(
            inputs.b.sqrt(inputs.b.sum(inputs.b.square(inputs.g), { axes: [0], keep: false })),
          );
          return b(inputs, norms[0] ?? inputs.lr);
        },
      },
      { rule: (inputs) => b(inputs, norms[0] ?? inputs.lr) },
    ],
    () => norms.map((value) => ({ name: "update:norm", value })),
  );
  expect(calls.map(({ watched }) => watched)).toEqual(["p0", "p1"]);
  expect(rest?.[0]).toBe('graph @"apply.rest"(%"schedule:lr": f32[], %g0: f32[6]) {');
  expect(rest?.join("\n")).toContain('"update:norm" = ');
});

test.each<[string, (inputs: Inputs) => { readonly p: Value; readonly m?: Value }]>([
  [
    "a length of the parameter",
    ({ b, p, g, m }) => ({
      p: b.sub(p, b.mul(g, b.sum(b.square(p), { axes: [0], keep: false }))),
      m: b.add(m, g),
    }),
  ],
  ["an op without an instruction", ({ b, p, g }) => ({ p: b.sub(p, b.exp(g)) })],
  [
    "a slot that is updated otherwise",
    ({ b, p, g, m }) => ({ p: b.sub(p, b.mul(g, m)), m: b.exp(m) }),
  ],
  ["other elements", ({ b, p, g }) => ({ p: b.sub(p, b.emit("flip", [g], { axes: [0] })) })],
  ["no gradient", ({ b, p, m }) => ({ p: b.sub(p, m) })],
])("an update that needs %s stays in the graph, with its slots; others do not", (_what, rule) => {
  const { calls, rest } = updates([{ rule }, { rule: descent }]);
  expect(calls.map(({ watched }) => watched)).toEqual(["p1"]);
  expect(rest?.at(-2)).toMatch(/^return "next:p0" = .*"scalar:0"/u);
  expect(updates([{ rule }])).toEqual({ calls: [], kernels: 0, rest: null });
});

test("a parameter that is one number stays in the graph", () => {
  const { calls } = updates([
    { rule: descent, shape: [] },
    { rule: descent, shape: [1] },
  ]);
  expect(calls.map(({ watched }) => watched)).toEqual(["p1"]);
});

test("a rule without numbers leaves no graph", () => {
  const { calls, rest } = updates([{ rule: ({ b, p, g }) => ({ p: b.sub(p, g) }) }]);
  expect(calls).toHaveLength(1);
  expect(rest).toBeNull();
});
