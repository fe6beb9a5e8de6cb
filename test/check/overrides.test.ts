/** Overrides of settings inside calls: the program's text has them written in, and means the same. */

import { expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const program = `import { Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { adamw } from "saic:optimizers"

dataset D {
  source: synthetic(shapes, count: 100, size: 8, classes: [ring, cross], seed: 1)
  field image: image() -> u8[3, 8, 8]
  field kind: label() -> i64[]
  split random { train: 50%  val: 50%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.5) }
  loader { batch: 10 }
}

block Net(width: dim = 4, depth: int = 1) {
  in image: f32[B, 3, H, W]
  out logits: f32[B, 2]
  logits = flatten(image) |> Linear(width) as stem |> repeat depth Linear(width) as layers |> Linear(2) as head
}

train t {
  model: Net()
  data: D
  seed: 1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-3)
  stage s for 1 epochs { }
}

variant wide of t { model.width: 6 }
`;

const resolved = (variant: string | null, ...settings: readonly string[]) => {
  const overrides = settings.map((text) => {
    const [path = "", value = ""] = text.split("=");
    return { path, value, flag: `--set ${path}` };
  });
  return analyze(createSource("t.pipe", program), memoryHost(new Map()), {
    overrides,
    variant,
    train: null,
  });
};

it.each([
  ["model: Net(width: 8, )", null, ["t.model.width=8"]],
  ["model: Net(width: 8, depth: 3, )", null, ["t.model.width=8", "t.model.depth=3"]],
  [
    "optimizer: adamw(lr: 1e-2, weight_decay: 0.5)",
    null,
    ["t.optimizer.lr=1e-2", "t.optimizer.weight_decay=0.5"],
  ],
  ["model: Net(width: 6, )", "wide", []],
  ["model: Net(width: 8, )", "wide", ["t.model.width=8"]],
  ["model: Net(width: 6, depth: 2, )", "wide", ["t.model.depth=2"]],
  ["model: Net(3)", "wide", ["t.model=Net(3)"]],
] as const)("%s", (line, variant, settings) => {
  const { resolvedText, diagnostics, lowered } = resolved(variant, ...settings);
  expect(diagnostics).toEqual([]);
  expect(resolvedText).toContain(`  ${line}\n`);
  const again = analyze(createSource("t.pipe", resolvedText), memoryHost(new Map()), {
    overrides: [],
    train: null,
  });
  expect(again.lowered?.plan.state).toEqual(lowered?.plan.state);
});
