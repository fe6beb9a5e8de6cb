/** Scratch. */
import * as ort from "onnxruntime-node";
import { it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { tensorType } from "../../compiler/ir/type.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runOnnx } from "../ops/run-onnx.js";
import { fixedNumbers, largestError } from "../ops/sample-graph.js";
it("x", async () => {
  const b = createGraphBuilder();
  const sh: Record<string, number[]> = { x: [2, 2, 6, 6], w: [3, 2, 3, 3], scale: [3], bias: [3], head: [3, 2] };
  const arrays = new Map<string, any>(); const v: any = {};
  Object.entries(sh).forEach(([n, s], seed) => { const c = s.reduce((a, d) => a * d, 1); const q = ndarray("f32", s, fixedNumbers(c + 7 * seed).slice(7 * seed).map(Math.fround)); arrays.set(n, q); v[n] = b.input(n, tensorType("f32", s)); });
  arrays.set("labels", ndarray("i64", [2], [1, 0])); const y = b.input("labels", tensorType("i64", [2]));
  const c = b.emit("conv", [v.x, v.w], { stride: [1, 1], pads: [1, 1, 1, 1] });
  const normal = at(b.emitAll("batch_norm", [c, v.scale, v.bias]), 0);
  const active = b.emit("relu", [normal]);
  const pooled = b.emit("max_pool", [active], { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] });
  const averaged = b.emit("avg_pool", [pooled], { kernel: [3, 3], stride: [1, 1] });
  const logits = b.matmul(b.emit("flatten", [averaged]), v.head);
  const loss = b.mean(b.emit("cross_entropy", [logits, y]), { axes: [0], keep: false });
  const { gradients } = differentiate(b, loss, [v.x, v.w]);
  {const g2 = b.finish("g", [{ name: "dx_1_", value: gradients[0]! },{ name: "dw_1_", value: gradients[1]! }]); const e2 = interpret(g2, arrays);for (const [n, r] of await runOnnx(g2, arrays)) console.log(n, largestError(r, e2.get(n)!), "unfused");
 for (const k of b.nodes) { if (k.outputs[0]!.type.dtype !== "f32") continue; const g3 = b.finish("g", [{ name: "dx_1_", value: gradients[0]! }, { name: "o_1_", value: k.outputs[0]! }]); const e3 = interpret(g3, arrays); for (const [n, r] of await runOnnx(g3, arrays)) if (n === "dx_1_") console.log(n, k.op, k.outputs[0]!.id, largestError(r, e3.get(n)!)); }}
  const outs = b.nodes.flatMap((n) => n.outputs.map((value, i) => ({ name: `${n.op}_${value.id}_${i}`, value })));
  const g = b.finish("g", outs);
  const e = interpret(g, arrays);
  for (const [n, r] of await runOnnx(g, arrays)) console.log(n, largestError(r, e.get(n)!));
});
