/** `scan` and `carry` against the same steps written out, and against central differences. */

import { expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { checkGradients } from "../ops/check-gradients.js";
import { blockProgram, expectSame } from "./block-program.js";

const body = `
  weight w: f32[D, 3] = normal(1)
  weight u: f32[3, 3] = normal(1)
  let z = x |> BatchNorm1d() as norm
  let next = tanh(matmul(z, w) + matmul(h, u) + s)
`;

const scanned = (steps: string): string => `
import { BatchNorm1d } from "saic:layers"
block Cell() {
  in  x: f32[B, D]
  in  s: f32[B, 1]
  out y: f32[B, 3]
  carry h: f32[B, 3] = 0.5
  ${body}
  y = next * next
  h <- next
}
block M() {
  in  x: f32[B, T = 3, 4]
  in  a: f32[B, 1]
  in  b: f32[B, 1]
  in  c: f32[B, 1]
  out y: f32[B, 3, 3]
  y = (x, [a, b, c]) |> scan ${steps} Cell() as cell
}
`;

const unrolled = (order: readonly number[]): string => `
import { BatchNorm1d } from "saic:layers"
block Cell() {
  in  x: f32[B, D]
  in  s: f32[B, 1]
  in  h: f32[B, 3]
  out y: f32[B, 3]
  out next_h: f32[B, 3]
  ${body}
  y = next * next
  next_h = next
}
block M() {
  in  x: f32[B, 3, 4]
  in  a: f32[B, 1]
  in  b: f32[B, 1]
  in  c: f32[B, 1]
  out y: f32[B, 3, 3]
  let cell = Cell()
  let s = [a, b, c]
  let h0 = 0.5 + 0 * concat(a, a, a, axis: 1)
  ${order
    .map(
      (t, i) => `let y${t}, h${i + 1} =
    (x |> slice(axis: 1, from: ${t}, to: ${t + 1}) |> squeeze(axis: 1), s[${t}], h${i}) |> cell`,
    )
    .join("\n  ")}
  y = stack(y0, y1, y2, axis: 1)
}
`;

const outputsOf = (text: string) => {
  const { graph, arrays } = blockProgram(text);
  // What the states become is compared on its own below: a shared instance keeps its last value.
  const outputs = graph.outputs.filter(({ name }) => !name.startsWith("next "));
  return { ...blockProgram(text), graph: { ...graph, outputs }, arrays };
};

it.each([
  ["T", [0, 1, 2]],
  ["(t in [2, 0, 1], axis: T)", [2, 0, 1]],
  ["(t in 0 .. 3, axis: T)", [0, 1, 2]],
] as const)("scan %s means its steps one after another", (steps, order) => {
  expectSame(outputsOf(scanned(steps)), outputsOf(unrolled(order)));
});

it("has one set of weights and the gradients of its numbers", () => {
  const { graph, arrays, elaboration } = blockProgram(scanned("T"));
  expect([...elaboration.members.keys()].filter((path) => !path.includes("norm"))).toEqual([
    "model.cell.w",
    "model.cell.u",
  ]);
  checkGradients(graph, arrays, { most: 12 });
});

it("moves a state from step to step, without a gradient", () => {
  const { graph, arrays } = blockProgram(`
block Average() {
  in  x: f32[2]
  out y: f32[2]
  state m: f32[2] = 0
  m <- 0.5 * m + 0.5 * x
  y = x - m
}
block M() {
  in  x: f32[T = 3, 2]
  out y: f32[3, 2]
  y = x |> scan T Average() as average
}
`);
  const x = arrays.get("x")?.data ?? [];
  const m = Array.from(arrays.get("model.average.m")?.data ?? []);
  const results = interpret(graph, arrays);
  const y = results.get("y")?.data ?? [];
  for (const t of [0, 1, 2])
    for (const i of [0, 1]) {
      const value = x[2 * t + i] ?? NaN;
      expect(y[2 * t + i]).toBeCloseTo(value - (m[i] ?? NaN), 12);
      m[i] = 0.5 * (m[i] ?? NaN) + 0.5 * value;
    }
  expect([...(results.get("next model.average.m")?.data ?? [])]).toEqual(
    m.map((value) => expect.closeTo(value, 12) as number),
  );
  // dx is the loss' own weight: nothing comes back through the state.
  const dx = results.get("d x")?.data ?? [];
  for (let i = 0; i < 6; i++) expect(dx[i]).toBeCloseTo(Math.sin(i + 1), 12);
});

it("draws by the position of a step, in whatever order it runs", () => {
  const text = (steps: string): string => `
import { Dropout } from "saic:layers"
block Step() {
  in  x: f32[B, D]
  out y: f32[B, D]
  y = x |> Dropout(0.5) |> Dropout(0.25)
}
block M() {
  in  x: f32[B, T = 3, 4]
  out y: f32[B, 3, 4]
  y = x |> scan ${steps} Step() as step
}
`;
  const [inOrder, inAnother] = [
    blockProgram(text("T")),
    blockProgram(text("(t in [1, 2, 0], axis: T)")),
  ];
  const ids = inOrder.elaboration.draws.map(({ id }) => id);
  expect(ids).toHaveLength(6);
  expect(
    ids.every((id) => /^model\.step\.dropout@[012]#[01]$/.test(id)),
    ids.join(),
  ).toBe(true);
  expectSame(inOrder, inAnother);
});

it("cuts the gradient of a carry where `when` holds", () => {
  const { graph, arrays } = blockProgram(`
block Sum(t: int) {
  in  x: f32[2]
  out y: f32[2]
  carry s: f32[2] = 0
  y = stop_gradient(s, when: t == 2) + x
  s <- y
}
block M() {
  in  x: f32[T = 4, 2]
  out y: f32[4, 2]
  y = x |> scan (t in 0 .. 4, axis: T) Sum(t)
}
`);
  const results = interpret(graph, arrays);
  const weight = (t: number, i: number): number => Math.sin(1 + 2 * t + i);
  const dx = results.get("d x")?.data ?? [];
  for (const i of [0, 1]) {
    // x0 and x1 reach y0 and y1, x2 and x3 what is left.
    expect(dx[i]).toBeCloseTo(weight(0, i) + weight(1, i), 12);
    expect(dx[2 + i]).toBeCloseTo(weight(1, i), 12);
    expect(dx[4 + i]).toBeCloseTo(weight(2, i) + weight(3, i), 12);
    expect(dx[6 + i]).toBeCloseTo(weight(3, i), 12);
  }
});

it("carries one value per application of an instance, and its own in a scan inside", () => {
  const { graph, arrays } = blockProgram(`
block Sum() {
  in  x: f32[2]
  out y: f32[2]
  carry s: f32[2] = 0
  y = s + x
  s <- y
}
block Twice() {
  in  x: f32[2]
  in  all: f32[2, 2]
  out y: f32[2]
  out z: f32[2, 2]
  let sum = Sum()
  let a = x |> sum
  let b = (10 * x) |> sum
  y = a + b
  z = all |> rearrange(S D -> S D) |> scan S Sum() as inner
}
block M() {
  in  x: f32[T = 2, 2]
  out y: f32[2, 2]
  out z: f32[2, 2, 2]
  y, z = (x, all: whole(x)) |> scan T Twice()
}
`);
  const x = [...(arrays.get("x")?.data ?? [])];
  const results = interpret(graph, arrays);
  const sums = x.map((value, i) => (i < 2 ? value : value + (x[i - 2] ?? NaN)));
  const close = (values: readonly number[]) =>
    values.map((value) => expect.closeTo(value, 12) as number);
  expect([...(results.get("y")?.data ?? [])]).toEqual(close(sums.map((sum) => 11 * sum)));
  expect([...(results.get("z")?.data ?? [])]).toEqual(close([...sums, ...sums]));
});
