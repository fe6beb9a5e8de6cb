/** Tensor functions, lists, taps and unused weights, in programs that are lowered and run. */

import { describe, expect, it, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import type { Plan } from "../../compiler/plan/schema.js";
import { fixedNumbers } from "../ops/sample-graph.js";
import { graphsOf, parametersOf, planOf, trainSteps, type Parts } from "./train-steps.js";

const modelOf = (lines: string, declarations = ""): string => `
import { Linear } from "saic:layers"
import { Attend, seen_only } from "saic:attention"
import { entropy, gaussian_noise, gaussian_sample, normal_like, select, uniform_noise, windows } from "saic:tensors"
${declarations}
block Net() {
  in image: f32[B, 3, 8, 8]
  out y: f32[B]
  weight scale: f32[] = 1
  let x = image * scale
  ${lines}
}`;

/** The loss of the gradient graph on fixed numbers, in f64. */
function lossOf(parts: Parts): number {
  const graph = graphsOf({ batch: 4, ...parts }).get("main/grad.onnx");
  if (graph === undefined) throw new Error("there is no graph of gradients");
  const inputs = graph.inputs.map(({ name, value }) => {
    const shape = boundShape(value.type.shape);
    const numbers = fixedNumbers(countOf(shape));
    // Draws are uniform in [0, 1).
    const given = name.startsWith("random:") ? numbers.map((x) => Math.abs(x) % 1) : numbers;
    return [name, ndarray(value.type.dtype, shape, given)] as const;
  });
  const results = interpret(graph, new Map(inputs));
  const numberOf = (name: string): number => results.get(name)?.data[0] ?? NaN;
  return numberOf("sum:total") / numberOf("weight:total");
}

const square = (a: string): string => `y = mean(flatten(square(${a}), from: 1), axes: [1])`;
const sizeOf = (a: string): number => lossOf({ model: modelOf(square(a)), loss: "average(y)" });

describe("two ways to one value", () => {
  const tiles = "rearrange(B C (r h) (c w) -> B C r c h w, r: 2, c: 2)";
  it.each([
    ["windows side by side", "windows(x, 4, stride: 4, axes: [2, 3])", `x |> ${tiles}`],
    [
      "windows that overlap",
      "windows(x, 4, stride: 2, axes: [3]) |> select(1, axis: 3)",
      "slice(x, 2 .. 6, axis: 3)",
    ],
    ["the last of an axis", "select(x, -1, axis: 2)", "squeeze(slice(x, 7 .., axis: 2), axis: 2)"],
    ["unstacked and stacked", "unstack(x, axis: 3) |> stack(axis: 3)", "x"],
    ["parts joined again", "chunk(x, 4, axis: 2) |> concat(axis: 2)", "x"],
    ["a list reversed", "reverse(unstack(x, axis: 3)) |> stack(axis: 3)", "flip(x, axes: [3])"],
    ["a list summed", "sum(unstack(x, axis: 1))", "sum(x, axes: [1])"],
    [
      "a slice of a list summed",
      "sum(unstack(x, axis: 2)[2 .. -1])",
      "sum(slice(x, 2 .. -1, axis: 2), axes: [2])",
    ],
    ["the largest of a list", "amax(unstack(x, axis: 1))", "amax(x, axes: [1])"],
  ])("%s", (_, a, b) => {
    expect(sizeOf(`(${a}) - (${b})`)).toBe(0);
    expect(sizeOf(a)).toBeGreaterThan(0.01);
  });
});

test("what is drawn outside of training too is an input of every graph", () => {
  const model = modelOf(square("x + 0.1 * uniform_like(x)"));
  const plan = planOf({ batch: 4, model, loss: "average(y)" });
  const drawn = (inputs: Plan["infer"]["inputs"]): readonly string[] =>
    inputs.flatMap(({ feed }) => (feed.kind === "random" ? [feed.draw] : []));
  expect(drawn(plan.infer.inputs)).toHaveLength(1);
  expect(plan.stages.flatMap(({ graphs }) => drawn(graphs.eval.inputs))).toHaveLength(1);
});

test("noise is added as it is asked for", () => {
  const drawn = "(if sampling { x + 0.5 * normal_like(x) } else { x })";
  // Draws of one shape are the same numbers here.
  expect(sizeOf(`gaussian_noise(x, std: 0.5) - ${drawn}`)).toBe(0);
  expect(sizeOf("gaussian_noise(x, std: 0.5) - x")).toBeGreaterThan(0.01);
  const outside = (low: number): number =>
    sizeOf(
      `relu(2.25 + uniform_noise(0 * x, low: -0.25, high: 0.25) - 2.5) + relu(${low} - uniform_noise(0 * x, low: -0.25, high: 0.25))`,
    );
  expect(outside(-0.25)).toBe(0);
  expect(outside(0)).toBeGreaterThan(0);
});

test("a mask that hides later keys is causal attention", () => {
  const seen = "seen_only(reshape(iota(size: 8), 8, 1) >= reshape(iota(size: 8), 1, 8))";
  const attended = (extra: string, settings: string): string =>
    `((q: x, k: 2 * x, v: square(x)${extra}) |> Attend(${settings}))`;
  const masked = attended(`, bias: ${seen}`, "");
  expect(sizeOf(`${masked} - ${attended("", "causal: true")}`)).toBeCloseTo(0, 12);
  expect(sizeOf(`${masked} - ${attended("", "")}`)).toBeGreaterThan(1e-4);
});

test("the entropy of even chances is the logarithm of their number", () => {
  const model = modelOf("y = mean(entropy(softmax(0 * x, axis: -1)), axes: [1, 2])");
  expect(lossOf({ model, loss: "average(y)" })).toBeCloseTo(Math.log(8), 6);
});

test("draws have the mean and the deviation that are asked for", async () => {
  const model = `
import { gaussian_sample } from "saic:tensors"
block Net() {
  in image: f32[B, 3, 32, 32]
  out z: f32[B, 3, 32, 32]
  weight mean_: f32[] = 3
  let zero = 0 * image
  z = gaussian_sample(zero + mean_, zero + 2 * log(0.5))
}`;
  const of = async (loss: string): Promise<number> => {
    const parts = { model, loss, side: 32, batch: 8, steps: 1, optimizer: "sgd(lr: 0)" };
    return (await trainSteps(parts)).losses[0] ?? NaN;
  };
  const [mean, spread] = [await of("average(z)"), await of("average(square(z - 3))")];
  // 24,576 draws: the errors of the two are about 0.0032 and 0.0023.
  expect(mean).toBeCloseTo(3, 1);
  expect(Math.abs(mean - 3)).toBeLessThan(0.02);
  expect(Math.abs(spread - 0.25)).toBeLessThan(0.012);
});

describe("taps", () => {
  const level = `
block Level() {
  in x: f32[B, C]
  out y: f32[B, C]
  out seen: f32[B]
  let h = x |> Linear(C) as fc |> tanh
  tap seen = mean(square(h), axes: [1])
  y = h
  seen = mean(square(h), axes: [1])
}`;
  const model = (last: string): string =>
    modelOf(
      `out seen: f32[B]
  let p = mean(x, axes: [2, 3])
  let h, all = p |> repeat 3 Level() as levels
  y = mean(h, axes: [1])
  seen = ${last}`,
      level,
    );
  it("give what outputs would", () => {
    const asOutput = lossOf({ model: model("sum(all)"), loss: "average(y + seen)" });
    const asTaps = lossOf({ model: model("all[0]"), loss: "average(y + sum(model.**.seen))" });
    expect(asTaps).toBeCloseTo(asOutput, 12);
  });
  it("carry gradients", async () => {
    const loss = "average(sum(model.levels.*.seen))";
    const { before, after } = await trainSteps({ model: model("y"), loss });
    const path = "model.levels.0.fc.weight";
    expect(after.get(path)).not.toEqual(before.get(path));
  });
  it("cost nothing where nothing reads them", () => {
    const nodes = (text: string): number =>
      graphsOf({ model: text, loss: "average(y)" }).get("main/step.onnx")?.nodes.length ?? NaN;
    const without = model("y").replace(/ {2}tap .*\n/, "");
    expect(nodes(model("y"))).toBe(nodes(without));
  });
});

test("unused weights are kept as they are: counted, without a gradient", async () => {
  const parts: Parts = {
    model: modelOf(
      `let dead = mean(x, axes: [2, 3]) |> unused Old() as old
  y = mean(x, axes: [1, 2, 3])`,
      `
import { BatchNorm1d } from "saic:layers"
block Old() {
  in x: f32[B, C]
  out y: f32[B, C]
  y = x |> BatchNorm1d() as bn |> Linear(C) as fc
}`,
    ),
    loss: "average(square(y - 1))",
  };
  const plan = planOf(parts);
  expect(parametersOf(plan)).toEqual({
    scale: [],
    "old.bn.weight": [3],
    "old.bn.bias": [3],
    "old.fc.weight": [3, 3],
    "old.fc.bias": [3],
  });
  const unused = plan.state.filter((entry) => entry.unused).map(({ key }) => key);
  expect(unused).toEqual(Object.keys(parametersOf(plan)).filter((key) => key !== "scale"));
  const { before, after } = await trainSteps(parts);
  for (const { path } of plan.state.filter(({ key }) => key.startsWith("old.")))
    expect(after.get(path)).toEqual(before.get(path));
  expect(after.get("model.scale")).not.toEqual(before.get("model.scale"));
});
