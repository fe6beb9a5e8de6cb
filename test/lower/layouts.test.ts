/** What `shard` decides stands in the plan, which one device refuses to run. */

import { expect, it } from "vitest";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import { parsePlan, type Plan } from "../../compiler/plan/schema.js";
import { createSource } from "../../grammar/source.js";
import { Fault } from "../../runtime/fault.js";
import { checkPlan } from "../../runtime/train/plan-check.js";
import { memoryHost } from "../check/golden.js";

const program = (devices: number): string => `
import { adamw } from "saic:optimizers"
import { Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
dataset Shapes {
  source: synthetic(shapes, count: 40, size: 8, classes: [ring, cross], seed: 4)
  field image: image() -> u8[3, 8, 8]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8 }
}
block Expert() {
  in  x: f32[B, D]
  out y: f32[B, D]
  weight w: f32[D, D] = orthogonal()
  y = matmul(x, w)
}
block Net() {
  in  image: f32[B, 3, 8, 8]
  out logits: f32[B, 2]
  let x = image |> flatten(from: 1) |> Linear(16) as fc1
  logits = (x, x) |> stack(axis: 1) |> rearrange(B E D -> B E D) |> each E Expert() as experts |> flatten(from: 1) |> Linear(2) as fc2
}
train spread {
  model: Net()
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 0.1)
  stage main for 1 epochs { }
}
mesh pod { data: ${devices}, expert: ${devices} }
shard spread on pod {
  batch: split(B, over: data)
  model.experts.w: [split(E, over: expert), split(1, over: data)]
  model.fc1.weight: [split(1, over: expert), fsdp(over: data)]
}
`;

function planOf(devices: number): { readonly plan: Plan; readonly codes: readonly string[] } {
  const source = createSource("spread.pipe", program(devices));
  const analysis = analyze(source, memoryHost(new Map()), { overrides: [], train: null });
  const { lowered, diagnostics, uncarried } = analysis;
  expect(diagnostics).toStrictEqual([]);
  if (lowered === null) throw new Error("the program is not lowered");
  const bytes = emitArtifact(lowered, "cpu").files.get("plan.json");
  const parsed = parsePlan(JSON.parse(new TextDecoder().decode(bytes)));
  if (!parsed.ok) throw new Error(parsed.message);
  return { plan: parsed.plan, codes: uncarried.map(({ code }) => code) };
}

it("holds for every weight, slot and batch how it is cut over the mesh", () => {
  const { plan, codes } = planOf(2);
  expect(codes).toStrictEqual(["shard/several-devices"]);
  const [layout, ...more] = plan.layouts ?? [];
  expect(more).toStrictEqual([]);
  expect(layout).toMatchObject({
    mesh: "pod",
    axes: [
      { name: "data", devices: 2 },
      { name: "expert", devices: 2 },
    ],
    batch: { over: ["data"], perDevice: 4 },
    values: [
      { kind: "field", name: "image", cuts: [["data"], [], [], []] },
      { kind: "field", name: "kind", cuts: [["data"]] },
      { kind: "output", name: "logits", cuts: [["data"], []] },
    ],
  });
  const rows = new Map(layout?.state.map(({ path, ...row }) => [path, row] as const));
  expect([...rows.keys()]).toStrictEqual(plan.state.map(({ path }) => path));
  const fc1 = { cuts: [[], ["expert", "data"]], dealt: [], local: [16, 48], pieces: 4 };
  expect(rows.get("model.fc1.weight")).toStrictEqual(fc1);
  expect(rows.get("model.fc1.weight/exp_avg")).toStrictEqual(fc1);
  const expert = {
    cuts: [[], ["data"]],
    dealt: [{ axis: "E", over: ["expert"] }],
    local: [16, 8],
    pieces: 4,
  };
  expect(rows.get("model.experts.0.w")).toStrictEqual(expert);
  expect(rows.get("model.experts.1.w/exp_avg_sq")).toStrictEqual(expert);
  const whole = { cuts: [[]], dealt: [], local: [2], pieces: 1 };
  expect(rows.get("model.fc2.bias")).toStrictEqual(whole);
});

it("is refused by what runs on one device, unless the mesh has one", () => {
  const single = planOf(1);
  expect(single.codes).toStrictEqual([]);
  expect(single.plan.layouts?.length).toBe(1);
  checkPlan(single.plan);
  let found: unknown = null;
  try {
    checkPlan(planOf(2).plan);
  } catch (error) {
    found = error;
  }
  expect(found).toBeInstanceOf(Fault);
  expect(found).toMatchObject({
    exitCode: 2,
    message: "`spread` is laid out on 4 devices, and this version runs on one",
  });
});
