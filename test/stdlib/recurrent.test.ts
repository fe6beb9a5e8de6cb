/** LSTM and GRU against their equations written out, their names, and training. */

import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import type { NdArray } from "../../compiler/ops/kit/ndarray.js";
import { invariant } from "../../grammar/invariant.js";
import { blockProgram } from "../lower/block-program.js";
import { checkGradients } from "../ops/check-gradients.js";
import { parametersOf, type Parts, planOf, trainSteps } from "./train-steps.js";

const [records, steps, channels, hidden] = [2, 3, 2, 3];

const program = (layer: string): string => `
import { GRU, LSTM } from "saic:recurrent"
block M() {
  in  x: f32[B, ${steps}, ${channels}]
  out y: f32[B, ${steps}, D]
  const D = ${layer.includes("bidirectional") ? 2 * hidden : hidden}
  y = x |> ${layer} as rnn
}
`;

type Weights = ReadonlyMap<string, NdArray>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** W x + b for row `row` of a weight. */
function affine(weights: Weights, key: string, row: number, x: readonly number[]): number {
  const w = weights.get(`model.rnn.weight_${key}`);
  const b = weights.get(`model.rnn.bias_${key}`);
  invariant(w !== undefined, key);
  return x.reduce(
    (sum, value, i) => sum + value * (w.data[row * x.length + i] ?? NaN),
    b?.data[row] ?? 0,
  );
}

/** One direction over one record: the hidden state after each step. */
function direction(
  weights: Weights,
  suffix: string,
  rows: readonly (readonly number[])[],
  kind: "lstm" | "gru",
): readonly (readonly number[])[] {
  let h = Array.from({ length: hidden }, () => 0);
  let c = h;
  return rows.map((x) => {
    const before = h;
    const input = (gate: number, i: number): number =>
      affine(weights, `ih_${suffix}`, gate * hidden + i, x);
    const recurrent = (gate: number, i: number): number =>
      affine(weights, `hh_${suffix}`, gate * hidden + i, before);
    const gate = (index: number, i: number): number => input(index, i) + recurrent(index, i);
    if (kind === "lstm") {
      c = c.map(
        (value, i) => sigmoid(gate(1, i)) * value + sigmoid(gate(0, i)) * Math.tanh(gate(2, i)),
      );
      h = c.map((value, i) => sigmoid(gate(3, i)) * Math.tanh(value));
    } else
      h = before.map((value, i) => {
        const keep = sigmoid(gate(1, i));
        const next = Math.tanh(input(2, i) + sigmoid(gate(0, i)) * recurrent(2, i));
        return (1 - keep) * next + keep * value;
      });
    return h;
  });
}

function expected(
  weights: Weights,
  kind: "lstm" | "gru",
  { layers, both }: { readonly layers: number; readonly both: boolean },
): readonly number[] {
  const x = weights.get("x");
  invariant(x !== undefined, "the input is there");
  return Array.from({ length: records }, (_, record) => {
    let rows: readonly (readonly number[])[] = Array.from({ length: steps }, (__, t) =>
      Array.from(
        x.data.slice((record * steps + t) * channels, (record * steps + t + 1) * channels),
      ),
    );
    for (let layer = 0; layer < layers; layer++) {
      const onward = direction(weights, `l${layer}`, rows, kind);
      const back = both
        ? direction(weights, `l${layer}_reverse`, rows.toReversed(), kind).toReversed()
        : [];
      rows = onward.map((row, t) => [...row, ...(back[t] ?? [])]);
    }
    return rows.flat();
  }).flat();
}

describe.each(["LSTM", "GRU"] as const)("%s", (name) => {
  const kind = name === "LSTM" ? "lstm" : "gru";
  it.each([
    ["", { layers: 1, both: false }],
    [", bias: false", { layers: 1, both: false }],
    [", layers: 2, bidirectional: true", { layers: 2, both: true }],
  ] as const)("computes its equations (%s)", (settings, shape) => {
    const { graph, arrays } = blockProgram(program(`${name}(${hidden}${settings})`), records);
    const y = interpret(graph, arrays).get("y");
    const wanted = expected(arrays, kind, shape);
    expect(y?.data).toHaveLength(wanted.length);
    wanted.forEach((value, i) => expect(y?.data[i]).toBeCloseTo(value, 12));
  });

  it("has the gradients of its numbers", () => {
    const { graph, arrays } = blockProgram(program(`${name}(${hidden}, layers: 2)`), records);
    checkGradients(graph, arrays, { most: 6 });
  });

  const parts: Parts = {
    model: `
import { Linear } from "saic:layers"
import { ${name} } from "saic:recurrent"
block Net() {
  in image: f32[B, 3, 8, 8]
  out logits: f32[B, 2]
  logits = image
    |> rearrange(B C H W -> B H (C W))
    |> ${name}(5, layers: 2, bidirectional: true, drop: 0.2) as rnn
    |> mean(axes: [1])
    |> Linear(2) as head
}`,
    loss: "average(square(logits - 1))",
  };
  const gates = kind === "lstm" ? 20 : 15;

  it("has PyTorch's names and shapes", () => {
    const wanted = [0, 1].flatMap((layer) =>
      ["", "_reverse"].flatMap((side) => [
        [`rnn.weight_ih_l${layer}${side}`, [gates, layer === 0 ? 24 : 10]],
        [`rnn.weight_hh_l${layer}${side}`, [gates, 5]],
        [`rnn.bias_ih_l${layer}${side}`, [gates]],
        [`rnn.bias_hh_l${layer}${side}`, [gates]],
      ]),
    );
    expect(parametersOf(planOf(parts))).toEqual({
      ...Object.fromEntries(wanted),
      "head.weight": [2, 10],
      "head.bias": [2],
    });
  });

  it("trains", async () => {
    const { plan, losses, before, after } = await trainSteps(parts);
    expect(losses.every(Number.isFinite)).toBe(true);
    for (const { path, role } of plan.state)
      if (role === "parameter") expect(after.get(path), path).not.toEqual(before.get(path));
  });
});
