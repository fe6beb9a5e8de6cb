/** Layers that are copied from an earlier application come out as layers that are elaborated anew. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { formalsIn } from "../../compiler/check/signature.js";
import { printGraph } from "../../compiler/ir/print.js";
import { invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { allSignatures } from "../../scripts/docs/signatures.js";
import { memoryHost } from "./golden.js";

const root = join(import.meta.dirname, "../..");

/** A net of layers that are written `once`, or through names, which elaborates each by itself. */
const program = (layers: { readonly before: string; readonly steps: string }): string => `
import { BatchNorm2d, Conv2d, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { adamw } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 60, size: 16, classes: [ring, cross], seed: 4)
  field image: image() -> u8[3, 16, 16]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 12 }
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
${layers.before}
  logits = image
${layers.steps}
    |> mean(axes: [2, 3])
    |> Linear(classes) as head
}

train kept {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  stage first for 1 epochs { freeze model.conv1.** freeze model.bn1.** }
  stage main for 1 epochs { }
}
`;

const convs = [0, 1, 2, 3].map((i) => [`conv${i}`, `Conv2d(8, kernel: 3, pad: 1)`] as const);
const layers = convs.flatMap(([name, conv], i) => [
  [name, conv] as const,
  [`bn${i}`, "BatchNorm2d()"] as const,
]);

const plain = program({
  before: "",
  steps: layers.map(([name, layer]) => `    |> ${layer} as ${name}`).join("\n"),
});
const bound = program({
  before: layers.map(([name, layer]) => `  let ${name} = ${layer}`).join("\n"),
  steps: layers.map(([name]) => `    |> ${name}`).join("\n"),
});

function lowered(text: string): NonNullable<ReturnType<typeof analyze>["lowered"]> {
  const analysis = analyze(createSource("net.pipe", text), memoryHost(new Map()), {
    overrides: [],
    train: null,
  });
  expect(analysis.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  invariant(analysis.lowered !== null, "the program is sound");
  return analysis.lowered;
}

describe("layers applied alike", () => {
  const [copied, anew] = [lowered(plain), lowered(bound)];

  test("have the same graphs, by every node and weight", () => {
    expect([...copied.graphs.keys()]).toEqual([...anew.graphs.keys()]);
    for (const [file, graph] of copied.graphs) {
      const other = anew.graphs.get(file);
      invariant(other !== undefined, file);
      expect(printGraph(graph)).toBe(printGraph(other));
    }
  });

  test("have nodes that belong to their own instance and come from the library's line", () => {
    const origins = (graphs: typeof copied.graphs): unknown =>
      [...graphs].map(([file, { nodes }]) => [
        file,
        nodes.map(({ op, scope, span }) => [
          op,
          scope,
          span?.source.name === "net.pipe" ? "net.pipe" : [span?.source.name, span?.start],
        ]),
      ]);
    expect(origins(copied.graphs)).toEqual(origins(anew.graphs));
  });

  test("have the same weights and states in the plan", () => {
    expect(copied.plan.state).toEqual(anew.plan.state);
    expect(copied.plan.stages.map(({ trainable }) => trainable)).toEqual(
      anew.plan.stages.map(({ trainable }) => trainable),
    );
  });
});

test("a path that an earlier layer has is refused, whether or not the layer is a copy", () => {
  const text = plain.replace("as conv3", "as conv2");
  const { diagnostics } = analyze(createSource("net.pipe", text), memoryHost(new Map()), {
    overrides: [],
    train: null,
  });
  expect(diagnostics.map(({ code }) => code)).toEqual(["weights/path-taken"]);
  const [found] = diagnostics;
  expect(text.slice(found?.span?.start, found?.span?.end)).toContain(
    "Conv2d(8, kernel: 3, pad: 1) as conv2",
  );
});

describe("signatures of the language's functions, which are read when they are needed", () => {
  const folders = ["compiler/check", "compiler/check/data", "compiler/check/placement"];
  test.each(folders)("%s", (folder) => {
    const found = allSignatures(root, folder);
    expect(found.size).toBeGreaterThan(2);
    for (const text of found.values())
      expect(() => formalsIn(text.replaceAll("…", "1"))).not.toThrow();
    // None is written in a form that the list above misses.
    const written = readdirSync(join(root, folder))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(root, folder, file), "utf8"))
      .join("");
    const names = [...written.matchAll(/signature\(\s*['"`](\w+)/gu)].map(([, name]) => name);
    const quoted = [...written.matchAll(/signature\(\s*'([^']+)'/gu)].map(([, each = ""]) => each);
    for (const each of quoted) expect(() => formalsIn(each)).not.toThrow();
    const missed = names.filter(
      (name = "") => !found.has(name) && !quoted.some((each) => each.startsWith(`${name}(`)),
    );
    expect(missed).toEqual([]);
  });
});
