/** Gradients against central differences, in f64. */

import { expect } from "vitest";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { NdArray } from "../../compiler/ops/kit/ndarray.js";

/**
 * `graph` has a scalar output `loss` and, for inputs `x`, outputs `d x`. Each is compared with the
 * slope of the loss between `x - h` and `x + h`. Where slopes of two widths disagree the loss jumps,
 * and there is nothing to compare with.
 */
export function checkGradients(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
  { step = 1e-5, tolerance = 2e-6, most = 60 } = {},
): void {
  const results = interpret(graph, inputs);
  const loss: Graph = { ...graph, outputs: graph.outputs.filter(({ name }) => name === "loss") };
  const lossAt = (name: string, x: NdArray, i: number, by: number): number => {
    const data = Float64Array.from(x.data);
    data[i] = (data[i] ?? NaN) + by;
    const moved = interpret(loss, new Map([...inputs, [name, { ...x, data }]]));
    return moved.get("loss")?.data[0] ?? NaN;
  };
  let compared = 0;
  for (const { name: output } of graph.outputs) {
    if (!output.startsWith("d ")) continue;
    const name = output.slice(2);
    const x = inputs.get(name);
    const gradient = results.get(output);
    if (x === undefined || gradient === undefined) throw new Error(`no input ${name}`);
    expect(gradient.shape, output).toEqual(x.shape);
    // Large inputs are probed at evenly spread places.
    const stride = Math.max(1, Math.floor(x.data.length / most));
    for (let i = 0; i < x.data.length; i += stride) {
      const h = step * Math.max(1, Math.abs(x.data[i] ?? 0));
      const slopeOf = (width: number): number =>
        (lossAt(name, x, i, width) - lossAt(name, x, i, -width)) / (2 * width);
      const slope = slopeOf(h);
      if (Math.abs(slope - slopeOf(4 * h)) > 1e-3 * Math.max(1, Math.abs(slope))) continue;
      const given: number = gradient.data[i] ?? NaN;
      const error = Math.abs(slope - given) / Math.max(1, Math.abs(slope));
      if (!(error < tolerance)) expect.fail(`${output}[${i}] is ${given}, the slope is ${slope}`);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(0);
}
