/** Peak memory of a device on a mesh, against numbers worked out by hand. */

import { expect, it } from "vitest";
import { peakMemory } from "../../compiler/check/placement/peak-memory.js";
import { at, invariant } from "../../grammar/invariant.js";
import { analyzeProgram, programsIn } from "./golden.js";

/** Two weights with one slot each; a batch of 4 images of 192 f32 with i64 labels. */
const program = (shard: string): string => `// == a train on a mesh
import { Digits, fit } from "./fixture.pipe"
optimizer momentum(lr: float) {
  in p, g
  slot m = 0
  let next = 0.9 * m + g
  m <- next
  p <- p - lr * next
}
block M {
  in  image: f32[B, 3, 8, 8]
  out logits: f32[B, 3]
  weight w: f32[12, 192] = normal(1)
  weight v: f32[3, 12] = normal(1)
  let h = image |> rearrange(B c h w -> B (c h w)) |> matmul(transpose(w))
  logits = h |> matmul(transpose(v))
}
train main {
  model: M
  data: Digits
  loss { total = fit(logits, kind) }
  optimizer: momentum(lr: 0.1)
  stage only for 2 steps { }
}
mesh pod { data: 4, model: 3 }
shard main on pod {
${shard}
}
`;

function measured(shard: string) {
  const analysis = analyzeProgram(at(programsIn(program(shard)), 0));
  expect(analysis.diagnostics).toEqual([]);
  const { lowered, placements } = analysis;
  invariant(lowered !== null, "the program is sound");
  const [on, alone] = [peakMemory(lowered, at(placements, 0)), peakMemory(lowered, null)];
  invariant(on !== null && alone !== null, "a share of the batch changes nothing else");
  return { on, alone };
}

const [w, v] = [12 * 192 * 4, 3 * 12 * 4];

it("counts weights and slots once where nothing is divided", () => {
  const { on, alone } = measured("");
  expect(alone.state).toBe(2 * (w + v));
  expect(on).toEqual(alone);
  expect(alone.total).toBe(alone.state + alone.pass);
});

it("divides weights and their slots, and keeps one weight put together", () => {
  const { on } = measured("  model.w: fsdp(over: data)");
  expect(on.state).toBe(2 * (w / 4 + v));
  expect(on.gathered).toBe(w - w / 4);
});

it("needs no weight put together where an axis is split", () => {
  const { on } = measured("  model.w: split(0, over: model)");
  expect(on.state).toBe(2 * (w / 3 + v));
  expect(on.gathered).toBe(0);
});

it("puts a weight that is split and divided together within its split", () => {
  const { on } = measured("  model.w: [split(0, over: model), fsdp(over: data)]");
  expect(on.state).toBe(2 * (w / 12 + v));
  expect(on.gathered).toBe(w / 3 - w / 12);
});

/**
 * The gradient graph ends with the gradient of `w`, transposed from one of the same size. Beside the
 * two live then: images and labels, the gradient of `v`, and the loss's sum and weight.
 */
const atTheEnd = (records: number, gradient: number): number =>
  records * (192 * 4 + 8) + v + w + gradient + 2 * 4;

it("divides the batch, and gradients like their weights", () => {
  expect(measured("").on.pass).toBe(atTheEnd(4, w));
  expect(measured("  batch: split(B, over: data)").on.pass).toBe(atTheEnd(1, w));
  const both = "  batch: split(B, over: data)\n  model.w: fsdp(over: data)";
  const { on } = measured(both);
  expect(on.pass).toBe(atTheEnd(1, w / 4));
  expect(on.total).toBe(2 * (w / 4 + v) + (w - w / 4) + atTheEnd(1, w / 4));
});
