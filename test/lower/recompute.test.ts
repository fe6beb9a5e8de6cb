/** `recompute` changes memory and nothing else: the same bits, from fewer values kept. */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import { estimateMemory } from "../../compiler/ir/memory.js";
import { invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "../check/golden.js";
import { compileInto, runCompiled } from "../runtime/compiled.js";
import { eventsOf, temporaryFolder } from "../runtime/harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const program = (recompute: string): string => `
import { Conv2d, Dropout, GroupNorm, Linear } from "saic:layers"
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

block Part() {
  in  x: f32[B, C, H, W]
  out y: f32[B, C, H, W]
  y = x
    |> Conv2d(C, kernel: 3, pad: 1) as conv1
    |> GroupNorm(4) as norm
    |> silu
    |> Dropout(0.1)
    |> Conv2d(C, kernel: 3, pad: 1) as conv2
    |> relu
    |> add(x)
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(16, kernel: 3, pad: 1) as stem
    |> repeat 4 Part() as parts
    |> mean(axes: [2, 3])
    |> Linear(classes) as head
}

train kept {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  ${recompute}
  stage main for 6 steps { }
}
`;

/** Bytes that the gradient's graph keeps at its peak, and how many convolutions it has. */
function measures(recompute: string): { readonly peak: number; readonly convolutions: number } {
  const source = createSource("kept.pipe", program(recompute));
  const { lowered, diagnostics } = analyze(source, memoryHost(new Map()), {
    overrides: [],
    train: null,
  });
  expect(diagnostics).toEqual([]);
  invariant(lowered !== null, "the program is sound");
  const graph = emitArtifact(lowered, "cpu").graphs.get("main/grad.onnx");
  invariant(graph !== undefined, "a train has a gradient");
  return {
    peak: estimateMemory(graph).peakBytes,
    convolutions: graph.nodes.filter(({ op }) => op === "conv").length,
  };
}

test("less is kept, and made again", () => {
  const plain = measures("");
  const again = measures("recompute: [model.parts.*]");
  expect(plain.convolutions).toBe(9);
  expect(again.convolutions).toBeGreaterThan(plain.convolutions);
  expect(again.peak).toBeLessThan(0.75 * plain.peak);
});

test("updates have the same bits", async () => {
  const outcomes = await Promise.all(
    ["", "recompute: [model.parts.*]"].map(async (recompute, i) => {
      const artifact = join(folder.path, `artifact-${i}`);
      compileInto(artifact, program(recompute));
      const { run_dir: runDir, metrics } = await runCompiled({
        artifact,
        runsDir: join(folder.path, `runs-${i}`),
      });
      const losses = eventsOf(runDir).flatMap(({ type, losses: each }) =>
        type === "step" ? [each] : [],
      );
      return { metrics, losses };
    }),
  );
  expect(outcomes[0]?.losses).toHaveLength(6);
  expect(outcomes[1]).toEqual(outcomes[0]);
});
