/** `each` against the same copies written out, and against central differences. */

import { expect, it } from "vitest";
import { checkGradients } from "../ops/check-gradients.js";
import { parametersOf, trainSteps } from "../stdlib/train-steps.js";
import { blockProgram, expectSame } from "./block-program.js";

const head = `
import { BatchNorm1d, Dropout } from "saic:layers"
block Head() {
  in  x: f32[B, D]
  in  s: f32[B, 1]
  out y: f32[B, 2]
  out m: f32[B]
  weight w: f32[D, 2] = normal(1)
  let z = x |> BatchNorm1d() as norm |> Dropout(0.4)
  y = tanh(matmul(z, w)) * s
  m = mean(z, axes: [1])
}
`;

const unrolled = `${head}
block M() {
  in  x: f32[B, 3, 4]
  in  s: f32[B, 1]
  out y: f32[B, 3, 2]
  out m: f32[B, 3]
  let y0, m0 = (x |> slice(axis: 1, to: 1) |> squeeze(axis: 1), s) |> Head() as heads.0
  let y1, m1 = (x |> slice(axis: 1, from: 1, to: 2) |> squeeze(axis: 1), s) |> Head() as heads.1
  let y2, m2 = (x |> slice(axis: 1, from: 2, to: 3) |> squeeze(axis: 1), s) |> Head() as heads.2
  y = stack(y0, y1, y2, axis: 1)
  m = stack(m0, m1, m2, axis: 1)
}
`;

const compact = `${head}
block M() {
  in  x: f32[B, N = 3, 4]
  in  s: f32[B, 1]
  out y: f32[B, N, 2]
  out m: f32[B, N]
  y, m = (x, s) |> each N Head() as heads
}
`;

it("means its copies side by side, with weights, states and draws of their own", () => {
  const one = blockProgram(compact);
  expectSame(one, blockProgram(unrolled));
  expect([...one.elaboration.members.keys()].filter((path) => path.endsWith(".w"))).toEqual([
    "model.heads.0.w",
    "model.heads.1.w",
    "model.heads.2.w",
  ]);
  expect(one.elaboration.draws.map(({ id }) => id)).toEqual(
    [0, 1, 2].map((i) => `model.heads.${i}.dropout#0`),
  );
  expect([...one.elaboration.stacks]).toEqual([["model.heads", { axis: "N", count: 3 }]]);
});

it("has the gradients of its numbers", () => {
  const { graph, arrays } = blockProgram(compact);
  expect(graph.outputs.filter(({ name }) => name.startsWith("d model.heads."))).toHaveLength(9);
  checkGradients(graph, arrays, { most: 12 });
});

it("nests, and every level is a stack", () => {
  const { graph, arrays, elaboration } = blockProgram(`
block Leaf() {
  in  x: f32[K, D]
  out y: f32[K, D]
  weight w: f32[D] = 1
  y = tanh(x * w)
}
block Group() {
  in  x: f32[E, K, D]
  out y: f32[E, K, D]
  y = x |> each E Leaf() as experts
}
block M() {
  in  x: f32[G = 2, E = 3, 2, 2]
  out y: f32[2, 3, 2, 2]
  y = x |> each G Group() as groups
}
`);
  expect([...elaboration.stacks.keys()]).toEqual([
    "model.groups",
    "model.groups.0.experts",
    "model.groups.1.experts",
  ]);
  expect(elaboration.members.size).toBe(6);
  checkGradients(graph, arrays);
});

it("trains every leaf, under the key of its index", async () => {
  const { plan, losses, before, after } = await trainSteps({
    model: `
import { Linear } from "saic:layers"
block Head() {
  in  x: f32[B, D]
  out y: f32[B]
  y = x |> Linear(1) as fc |> squeeze(axis: 1)
}
block Net() {
  in image: f32[B, 3, 8, 8]
  out logits: f32[B, 3]
  logits = image |> rearrange(B N h w -> B N (h w)) |> each N Head() as heads
}`,
    loss: "average(square(logits - 1))",
  });
  expect(parametersOf(plan)).toEqual(
    Object.fromEntries(
      [0, 1, 2].flatMap((i) => [
        [`heads.${i}.fc.weight`, [1, 64]],
        [`heads.${i}.fc.bias`, [1]],
      ]),
    ),
  );
  expect(losses.every(Number.isFinite)).toBe(true);
  // Each leaf is drawn by its own path.
  const weights = [0, 1, 2].map((i) => before.get(`model.heads.${i}.fc.weight`)?.data);
  expect(weights[0]).not.toEqual(weights[1]);
  for (const { path, role } of plan.state)
    if (role === "parameter") expect(after.get(path), path).not.toEqual(before.get(path));
});
