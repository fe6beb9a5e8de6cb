/** An update by itself, for benchmarks: the optimizer without the gradient. */

import type { Plan } from "../compiler/plan/schema.js";
import { at } from "../grammar/invariant.js";
import type { Executor } from "../runtime/executor/executor.js";
import { elementCount } from "../runtime/tensor.js";
import { type Applier, graphApplier, kernelApplier } from "../runtime/train/apply.js";
import { feederOf, initialState } from "../scripts/step-inputs.js";

/** The update alone, of gradients that stay the same. */
export async function updating(
  executor: Executor,
  folder: string,
  plan: Plan,
  form: "graph" | "kernels",
): Promise<() => Promise<void>> {
  const { feeder } = feederOf(plan, 1000);
  const stage = at(plan.stages, 0);
  const options = { folder, executor, feeder };
  const applier: Applier | null =
    form === "graph" ? await graphApplier(stage, options) : await kernelApplier(stage, options);
  if (applier === null) throw new Error("AdamW is elementwise");
  const spec = stage.graphs.grad;
  let state = initialState(plan);
  const outputs = new Map(
    spec.outputs
      .flatMap(({ name, meaning, shape }) => {
        if (meaning.kind === "state") return [[name, state.get(meaning.path)] as const];
        if (meaning.kind !== "gradient") return [];
        const numbers = shape.map(Number);
        const place = applier.gradientPlaces.get(name);
        const data = place?.data ?? new Float32Array(elementCount(numbers));
        if (data instanceof Float32Array) data.fill(1e-3);
        return [[name, place ?? { dtype: "f32" as const, shape: numbers, data }] as const];
      })
      .flatMap(([name, tensor]) => (tensor === undefined ? [] : [[name, tensor] as const])),
  );
  let update = 0;
  return async () => {
    const read = applier.admit(state);
    const { newState } = await applier.apply(++update, read, { spec, outputs });
    state = new Map([...state, ...newState]);
  };
}
