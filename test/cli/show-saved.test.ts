/** `saic show --what saved`: what the gradients keep of the forward pass. */

import { expect, it } from "vitest";
import { saved } from "../../cli/commands/show/saved.js";
import { analyze } from "../../compiler/compile.js";
import { estimateMemory } from "../../compiler/ir/memory.js";
import { runPasses } from "../../compiler/passes/pipeline.js";
import { invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "../check/golden.js";

const program = ({ recompute = "", stages = "stage main for 4 steps { }" } = {}): string => `
import { Conv2d, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { sgd } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 60, size: 16, classes: [ring, cross], seed: 4)
  field image: image() -> u8[3, 16, 16]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 5 }
}

block Part() {
  in  x: f32[B, C, H, W]
  out y: f32[B, C, H, W]
  y = x |> Conv2d(C, kernel: 3, pad: 1, bias: false) as conv1 |> tanh |> Conv2d(C, kernel: 1, bias: false) as conv2 |> relu
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(8, kernel: 2, stride: 2, bias: false) as stem
    |> repeat 2 Part() as parts
    |> mean(axes: [2, 3])
    |> Linear(classes) as head
}

train small {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: sgd(lr: 1e-2)
  ${recompute}
  ${stages}
}
`;

function shown(text: string) {
  const source = createSource("small.pipe", text);
  const options = { overrides: [], train: null };
  const analysis = analyze(source, memoryHost(new Map()), options);
  expect(analysis.diagnostics).toEqual([]);
  const { lowered } = analysis;
  invariant(lowered !== null, "the program is sound");
  return { analysis, lowered };
}

interface Value {
  readonly place: string;
  readonly instance: string;
  readonly op: string;
  readonly type: string;
  readonly bytes: number;
  readonly readBy: readonly { readonly instance: string; readonly parameters: readonly string[] }[];
  readonly recomputedIn: string | null;
}

interface Saved {
  readonly train: string;
  readonly batch: number;
  readonly stages: readonly {
    readonly stage: string;
    readonly bytes: number;
    readonly recomputedBytes: number;
    readonly inputBytes: number;
    readonly values: readonly Value[];
  }[];
}

const factsOf = (...args: Parameters<typeof program>): Saved =>
  JSON.parse(JSON.stringify(saved.json(shown(program(...args))))) as Saved;

const map = 5 * 8 * 8 * 8 * 4;
const line = (text: string): number =>
  program()
    .split("\n")
    .findIndex((each) => each.includes(text)) + 1;

it("lists every value that a gradient reads, and which", () => {
  const { train, batch, stages } = factsOf();
  expect({ train, batch }).toEqual({ train: "small", batch: 5 });
  const [main, ...others] = stages;
  expect(others).toEqual([]);
  const rows = main?.values.map(({ instance, op, bytes, readBy }) => [
    instance,
    op,
    bytes,
    readBy.flatMap((each) => (each.parameters.length > 0 ? each.parameters : [each.instance])),
  ]);
  // The derivatives of tanh and relu are functions of their results, which the next weight needs too.
  expect(rows).toEqual([
    ["model.stem", "conv", map, ["model.parts.0.conv1.weight"]],
    ["model.parts.0", "tanh", map, ["model.parts.0.conv2.weight", "model.parts.0"]],
    ["model.parts.0", "relu", map, ["model.parts.1.conv1.weight", "model.parts.0"]],
    ["model.parts.1", "tanh", map, ["model.parts.1.conv2.weight", "model.parts.1"]],
    ["model.parts.1", "relu", map, ["model.parts.1"]],
    ["model", "mean", 5 * 8 * 4, ["model.head.weight"]],
    ["model.head", "add", 5 * 2 * 4, ["loss"]],
  ]);
  const part = `small.pipe:${line("|> tanh")}`;
  expect(main?.values.map(({ place }) => place.replace(/:\d+$/u, ""))).toEqual([
    expect.stringMatching(/^saic:layers:/u),
    part,
    part,
    part,
    part,
    `small.pipe:${line("mean(axes")}`,
    expect.stringMatching(/^saic:layers:/u),
  ]);
  expect(main?.values[0]?.type).toBe("f32[5, 8, 8, 8]");
  expect(main).toMatchObject({ bytes: 5 * map + 160 + 40, recomputedBytes: 0 });
  // Weights but the first layer's and the bias, the pictures and the labels.
  const weights = 2 * (8 * 8 * 9 + 8 * 8) + 2 * 8;
  expect(main?.inputBytes).toBe(4 * (weights + 5 * 3 * 16 * 16) + 8 * 5);
});

it("says what `recompute` makes anew", () => {
  const [plain] = factsOf().stages;
  const [again] = factsOf({ recompute: "recompute: [model.parts.1]" }).stages;
  const anew = again?.values.filter(({ recomputedIn }) => recomputedIn !== null);
  expect(anew?.map(({ op, recomputedIn }) => [op, recomputedIn])).toEqual([
    ["tanh", "model.parts.1"],
  ]);
  expect(again?.recomputedBytes).toBe(map);
  expect(again?.bytes).toBe((plain?.bytes ?? 0) - map);
  const all = factsOf({ recompute: "recompute: [model.parts.*]" }).stages[0];
  expect(
    all?.values.flatMap(({ op, recomputedIn }) => (recomputedIn === null ? [op] : [])),
  ).toEqual(["conv", "relu", "relu", "mean", "add"]);
  expect(all?.recomputedBytes).toBe(2 * map);
});

it("is by stage: what learns decides what is kept", () => {
  const stages = `stage head for 2 steps { freeze model.stem.**, model.parts.** }
  stage all for 2 steps { }`;
  const [head, all] = factsOf({ stages }).stages;
  expect([head?.stage, all?.stage]).toEqual(["head", "all"]);
  expect(head?.values.map(({ op }) => op)).toEqual(["mean", "add"]);
  expect(all?.values).toEqual(factsOf().stages[0]?.values);
});

it("lists no more than lives at the peak, but for inputs and what gradients make themselves", () => {
  const { lowered } = shown(program());
  const graph = lowered.graphs.get("main/grad.onnx");
  invariant(graph !== undefined, "a train has a gradient");
  const { peakBytes, inputBytes } = estimateMemory(runPasses(graph));
  const [main] = factsOf().stages;
  expect(main?.bytes).toBeLessThan(peakBytes - inputBytes);
});

it("prints the same as a table with totals", () => {
  const text = saved.text(shown(program({ recompute: "recompute: [model.parts.1]" })));
  const lines = text.split("\n");
  expect(lines[0]).toBe(
    "small, batch 5, stage main: 6 values kept from the forward pass, 40.2 KiB",
  );
  expect(lines[1]).toMatch(/^ {2}place +instance +op +type +bytes +read by the gradient at$/u);
  expect(lines[3]).toMatch(
    /small\.pipe:\d+:\d+ +model\.parts\.0 +tanh +f32\[5, 8, 8, 8\] +10 KiB +model\.parts\.0\.conv2 \(weight\), model\.parts\.0 \(small\.pipe:\d+:\d+\)$/u,
  );
  expect(text).toContain("made anew by `recompute`, so not kept: 1 value, 10 KiB");
  expect(lines.at(-2)).toMatch(/ tanh .* model\.parts\.1$/u);
  expect(lines.at(-1)).toMatch(
    /^gradients also read \S+ KiB of state and batch, which lie in memory anyway$/u,
  );
});
