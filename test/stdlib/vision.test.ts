/** Vision models of the library, made small: the names of their weights, and training. */

import { describe, expect, it } from "vitest";
import { parametersOf, planOf, trainSteps, type Parts } from "./train-steps.js";

const net = (imports: string, steps: string, side: number): Parts => ({
  model: `
${imports}
block Net() {
  in image: f32[B, 3, ${side}, ${side}]
  out logits: f32[B, 4]
  logits = image |> ${steps}
}`,
  loss: "losses.cross_entropy(logits, kind)",
  optimizer: "adamw(lr: 3e-3)",
  side,
  batch: 4,
  steps: 4,
});

interface Case {
  readonly name: string;
  readonly parts: Parts;
  /** Some of the parameters. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** All keys of the state, buffers too, of one part of the model. */
  readonly part: string;
  readonly keys: readonly string[];
}

const norm = (name: string): readonly string[] =>
  ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map(
    (key) => `${name}.${key}`,
  );

const cases: readonly Case[] = [
  {
    name: "a residual network of bottlenecks",
    parts: net(
      'import { ResNet } from "saic:vision/resnet"',
      "ResNet(4, depths: [1, 2, 1, 1], widths: [4, 4, 6, 8], bottleneck: true) as _",
      32,
    ),
    shapes: {
      "conv1.weight": [4, 3, 7, 7],
      "layer1.0.conv1.weight": [4, 4, 1, 1],
      "layer1.0.downsample.0.weight": [16, 4, 1, 1],
      "layer2.1.conv1.weight": [4, 16, 1, 1],
      "layer4.0.conv3.weight": [32, 8, 1, 1],
      "fc.weight": [4, 32],
    },
    part: "layer2.0.",
    keys: [
      "conv1.weight",
      ...norm("bn1"),
      "conv2.weight",
      ...norm("bn2"),
      "conv3.weight",
      ...norm("bn3"),
      "downsample.0.weight",
      ...norm("downsample.1"),
    ],
  },
  {
    name: "a vision transformer",
    parts: net(
      'import { ViT } from "saic:vision/vit"',
      "ViT(4, width: 12, heads: 3, depth: 2, patch: 4, drop: 0.1, drop_path: 0.1) as _",
      16,
    ),
    shapes: {
      cls_token: [1, 1, 12],
      pos_embed: [1, 17, 12],
      "patch_embed.proj.weight": [12, 3, 4, 4],
      "patch_embed.proj.bias": [12],
      "blocks.0.attn.qkv.weight": [36, 12],
      "blocks.1.mlp.fc1.weight": [48, 12],
      "norm.weight": [12],
      "head.weight": [4, 12],
    },
    part: "blocks.1.",
    keys: ["attn.proj", "attn.qkv", "mlp.fc1", "mlp.fc2", "norm1", "norm2"].flatMap((name) => [
      `${name}.weight`,
      `${name}.bias`,
    ]),
  },
  {
    name: "stages of EfficientNet",
    parts: net(
      'import { Head, Stage, Stem } from "saic:vision/efficientnet"',
      `Stem(8) as _
        |> Stage(separable, 2, out: 8) as blocks.0
        |> Stage(mb, 2, out: 12, stride: 2, kernel: 5, expand: 2, drop_path: 0.2) as blocks.1
        |> Head(4, width: 16, drop: 0.1) as _`,
      16,
    ),
    shapes: {
      "conv_stem.weight": [8, 3, 3, 3],
      "blocks.0.1.conv_dw.weight": [8, 1, 3, 3],
      "blocks.1.0.conv_pw.weight": [16, 8, 1, 1],
      "blocks.1.0.se.conv_reduce.weight": [2, 16, 1, 1],
      "blocks.1.1.conv_dw.weight": [24, 1, 5, 5],
      "conv_head.weight": [16, 12, 1, 1],
      "classifier.bias": [4],
    },
    part: "blocks.1.1.",
    keys: [
      "conv_pw.weight",
      ...norm("bn1"),
      "conv_dw.weight",
      ...norm("bn2"),
      ...["se.conv_reduce", "se.conv_expand"].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
      "conv_pwl.weight",
      ...norm("bn3"),
    ],
  },
  {
    name: "stages of EfficientNetV2 with TensorFlow's padding",
    parts: net(
      'import { Head, StageV2, Stem } from "saic:vision/efficientnet"',
      `Stem(8, pad: same, eps: 1e-3) as _
        |> StageV2(plain, 2, out: 8, pad: same) as blocks.0
        |> StageV2(fused, 2, out: 12, stride: 2, expand: 2, pad: same, drop_path: 0.2) as blocks.1
        |> StageV2(mb, 1, out: 12, expand: 2, pad: same) as blocks.2
        |> Head(4, width: 16, eps: 1e-3) as _`,
      18,
    ),
    shapes: {
      "blocks.0.1.conv.weight": [8, 8, 3, 3],
      "blocks.1.0.conv_exp.weight": [16, 8, 3, 3],
      "blocks.2.0.conv_pw.weight": [24, 12, 1, 1],
    },
    part: "blocks.1.1.",
    keys: ["conv_exp.weight", ...norm("bn1"), "conv_pwl.weight", ...norm("bn2")],
  },
];

describe.each(cases)("$name", ({ parts, shapes, part, keys }) => {
  it("has the upstream names and shapes", () => {
    const plan = planOf(parts);
    expect(parametersOf(plan)).toMatchObject(shapes);
    const found = plan.state
      .filter(({ key, role }) => role !== "slot" && key.startsWith(part))
      .map(({ key }) => key.slice(part.length));
    expect(found.toSorted()).toEqual(keys.toSorted());
  });

  it("trains: every parameter moves and stays finite", async () => {
    const { plan, losses, before, after } = await trainSteps(parts);
    expect(losses.every(Number.isFinite)).toBe(true);
    for (const { path, role } of plan.state) {
      const numbers = [...(after.get(path)?.data ?? [NaN])].map(Number);
      expect([path, numbers.every(Number.isFinite)]).toEqual([path, true]);
      if (role === "parameter") expect(after.get(path), path).not.toEqual(before.get(path));
    }
  });
});
