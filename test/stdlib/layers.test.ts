/** Every layer of the library in a small model: its weights' names and shapes, and training. */

import { describe, expect, it } from "vitest";
import { parametersOf, planOf, trainSteps, type Parts } from "./train-steps.js";

interface Case {
  readonly name: string;
  readonly imports: string;
  /** Steps that make of `image`, f32[B, 3, 8, 8], a tensor with the records as its first axis. */
  readonly steps: string;
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

const head = { "head.weight": [2, 3], "head.bias": [2] };

const cases: readonly Case[] = [
  {
    name: "BatchNorm1d on positions",
    imports: "BatchNorm1d",
    steps: "flatten(from: 2) |> BatchNorm1d() as norm |> mean(axes: [2]) |> Linear(2) as head",
    parameters: { "norm.weight": [3], "norm.bias": [3], ...head },
  },
  {
    name: "BatchNorm1d on vectors",
    imports: "BatchNorm1d",
    steps: "mean(axes: [2, 3]) |> BatchNorm1d() as norm |> Linear(2) as head",
    parameters: { "norm.weight": [3], "norm.bias": [3], ...head },
  },
  {
    name: "LayerNorm and RMSNorm",
    imports: "LayerNorm, RMSNorm",
    steps: "LayerNorm() as norm1 |> RMSNorm() as norm2 |> mean(axes: [2, 3]) |> Linear(2) as head",
    parameters: { "norm1.weight": [8], "norm1.bias": [8], "norm2.weight": [8], ...head },
  },
  {
    name: "GroupNorm and InstanceNorm2d",
    imports: "GroupNorm, InstanceNorm2d",
    steps: `GroupNorm(3) as norm1 |> tanh |> InstanceNorm2d() as norm2 |> square
      |> InstanceNorm2d(affine: true) as norm3 |> relu |> mean(axes: [2, 3]) |> Linear(2) as head`,
    parameters: {
      "norm1.weight": [3],
      "norm1.bias": [3],
      "norm3.weight": [3],
      "norm3.bias": [3],
      ...head,
    },
  },
  {
    name: "ConvTranspose2d",
    imports: "ConvTranspose2d",
    steps: `ConvTranspose2d(6, kernel: 3, stride: 2, pad: 1, output_pad: 1, groups: 3) as up |> tanh
      |> mean(axes: [2, 3]) |> Linear(2) as head`,
    parameters: {
      "up.weight": [3, 2, 3, 3],
      "up.bias": [6],
      "head.weight": [2, 6],
      "head.bias": [2],
    },
  },
  {
    name: "DropPath and Mlp",
    imports: "DropPath, Mlp",
    steps: `DropPath(0.3) |> flatten(from: 2) |> Mlp(5, out: 4, drop: 0.1) as mlp |> DropPath(0.3)
      |> mean(axes: [2]) |> Linear(2) as head`,
    parameters: {
      "mlp.fc1.weight": [5, 64],
      "mlp.fc1.bias": [5],
      "mlp.fc2.weight": [4, 5],
      "mlp.fc2.bias": [4],
      ...head,
    },
  },
  {
    name: "Conv1d and ConvTranspose1d",
    imports: "Conv1d, ConvTranspose1d",
    steps: `flatten(from: 2) |> Conv1d(6, kernel: 3, stride: 2, pad: same, groups: 3) as conv |> tanh
      |> ConvTranspose1d(4, kernel: 4, stride: 2, pad: 1) as up |> tanh |> mean(axes: [2])
      |> Linear(2) as head`,
    parameters: {
      "conv.weight": [6, 1, 3],
      "conv.bias": [6],
      "up.weight": [6, 4, 4],
      "up.bias": [4],
      "head.weight": [2, 4],
      "head.bias": [2],
    },
  },
  {
    name: "weights with a spectral norm",
    imports: "Conv1d, Conv2d, ConvTranspose1d",
    steps: `Conv2d(4, kernel: 3, spectral: true) as first |> tanh |> flatten(from: 2)
      |> Conv1d(6, kernel: 3, spectral: true) as conv |> tanh
      |> ConvTranspose1d(5, kernel: 4, bias: false, spectral: true) as up |> mean(axes: [2])
      |> Linear(2, spectral: true) as head`,
    parameters: {
      "first.weight_orig": [4, 3, 3, 3],
      "first.bias": [4],
      "conv.weight_orig": [6, 4, 3],
      "conv.bias": [6],
      "up.weight_orig": [6, 5, 4],
      "head.weight_orig": [2, 5],
      "head.bias": [2],
    },
  },
];

const partsOf = ({ imports, steps }: Case): Parts => ({
  model: `
import { Linear, ${imports} } from "saic:layers"
block Net() {
  in image: f32[B, 3, 8, 8]
  out logits: f32[B, 2]
  logits = image |> ${steps}
}`,
  loss: "average(square(logits - 1))",
});

/** Every parameter has moved, and all of the state is finite. */
async function expectTraining(parts: Parts): Promise<void> {
  const { plan, losses, before, after } = await trainSteps(parts);
  expect(losses.every(Number.isFinite)).toBe(true);
  for (const { path, role } of plan.state) {
    const numbers = [...(after.get(path)?.data ?? [NaN])].map(Number);
    expect([path, numbers.every(Number.isFinite)]).toEqual([path, true]);
    if (role === "parameter") expect(after.get(path), path).not.toEqual(before.get(path));
  }
}

describe.each(cases)("$name", (each) => {
  it("has PyTorch's names and shapes", () => {
    expect(parametersOf(planOf(partsOf(each)))).toEqual(each.parameters);
  });
  it("trains", () => expectTraining(partsOf(each)));
});

describe("Embedding", () => {
  const parts: Parts = {
    model: `
import { Embedding } from "saic:layers"
block Net() {
  in kind: i64[B]
  out y: f32[B, 5]
  y = kind |> Embedding(4, width: 5) as table
}`,
    loss: "average(square(y - 1))",
    batch: 1,
  };
  it("moves the rows that were looked up, and no others", async () => {
    const { losses, before, after } = await trainSteps(parts);
    expect(losses[2]).toBeLessThan(losses[0] ?? NaN);
    const [old, now] = [before, after].map((s) => s.get("model.table.weight")?.data ?? []);
    const moved = [0, 1, 2, 3].filter((row) =>
      [0, 1, 2, 3, 4].some((column) => old?.[5 * row + column] !== now?.[5 * row + column]),
    );
    expect(moved).toHaveLength(1);
  });
});

const attention = (applied: string): Parts => ({
  model: `
import { Linear } from "saic:layers"
import { MultiHeadAttention, TransformerEncoderLayer } from "saic:attention"
block Net() {
  in image: f32[B, 3, 8, 8]
  out y: f32[B, 8]
  weight shift: f32[8, 8] = normal(0.1)
  let a = image |> slice(axis: 1, to: 1) |> squeeze(axis: 1)
  let b = image |> slice(axis: 1, from: 1, to: 2) |> squeeze(axis: 1)
  let z = ${applied}
  y = mean(square(z + shift), axes: [1])
}`,
  loss: "average(square(y - 1))",
});

describe("attention", () => {
  const shift = { shift: [8, 8] };
  const own = {
    "attn.in_proj_weight": [24, 8],
    "attn.in_proj_bias": [24],
    "attn.out_proj.weight": [8, 8],
    "attn.out_proj.bias": [8],
  };
  it.each([
    "a |> MultiHeadAttention(2, drop: 0.1) as attn",
    "a |> MultiHeadAttention(4, causal: true) as attn",
    "(a, context: b) |> MultiHeadAttention(2) as attn",
    "(a, context: b, bias: shift) |> MultiHeadAttention(2) as attn",
  ])("%s", async (applied) => {
    expect(parametersOf(planOf(attention(applied)))).toEqual({ ...shift, ...own });
    await expectTraining(attention(applied));
  });
  it.each(["pre", "post"])("TransformerEncoderLayer, normalized %s", async (norm) => {
    const parts = attention(
      `(a + b) |> TransformerEncoderLayer(2, hidden: 12, drop: 0.1, norm: ${norm}) as layer`,
    );
    expect(Object.keys(parametersOf(planOf(parts))).toSorted()).toEqual([
      "layer.linear1.bias",
      "layer.linear1.weight",
      "layer.linear2.bias",
      "layer.linear2.weight",
      "layer.norm1.bias",
      "layer.norm1.weight",
      "layer.norm2.bias",
      "layer.norm2.weight",
      "layer.self_attn.in_proj_bias",
      "layer.self_attn.in_proj_weight",
      "layer.self_attn.out_proj.bias",
      "layer.self_attn.out_proj.weight",
      "shift",
    ]);
    await expectTraining(parts);
  });
});

describe("SpectralNorm", () => {
  const parts: Parts = {
    model: `
import { Linear } from "saic:layers"
block Net() {
  in image: f32[B, 3, 8, 8]
  out y: f32[B, 4]
  y = image |> mean(axes: [2]) |> flatten(from: 1) |> Linear(4, bias: false, spectral: true) as fc
}`,
    loss: "average(square(y - 1))",
    optimizer: "sgd(lr: 0)",
    steps: 60,
  };
  it("finds the largest singular value", async () => {
    const { after } = await trainSteps(parts);
    const [w, u, v] = ["weight_orig", "weight_u", "weight_v"].map((name) =>
      [...(after.get(`model.fc.${name}`)?.data ?? [])].map(Number),
    );
    if (w === undefined || u === undefined || v === undefined) throw new Error("no state");
    const rows = u.map((_, i) => w.slice(i * v.length, (i + 1) * v.length));
    const through = rows.map((row) => row.reduce((sum, x, j) => sum + x * (v[j] ?? NaN), 0));
    const sigma = through.reduce((sum, x, i) => sum + x * (u[i] ?? NaN), 0);
    expect(sigma).toBeCloseTo(largestSingularValue(rows), 4);
    expect(Math.hypot(...u)).toBeCloseTo(1, 5);
    expect(Math.hypot(...v)).toBeCloseTo(1, 5);
  });
});

/** The root of the largest eigenvalue of W Wᵀ, by many iterations in double precision. */
function largestSingularValue(rows: readonly (readonly number[])[]): number {
  const gram = rows.map((a) => rows.map((b) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)));
  let x = rows.map((_, i) => 1 + 0.1 * i);
  let length = 1;
  for (let i = 0; i < 5000; i++) {
    const next = gram.map((row) => row.reduce((sum, g, j) => sum + g * (x[j] ?? 0), 0));
    length = Math.hypot(...next);
    x = next.map((value) => value / length);
  }
  return Math.sqrt(length);
}
