/** Runs kernels on arrays, and evaluates graphs as f32 arithmetic does, node by node. */

import { encodeModule } from "../../compiler/wasm/encode.js";
import { type Kernel, kernelFunction } from "../../compiler/wasm/kernel.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { roundTo } from "../../compiler/ir/rounding.js";
import { opNamed } from "../../compiler/ops/index.js";
import { scopeOf } from "../../compiler/ops/kit/infer-op.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at, invariant } from "../../grammar/invariant.js";
import { wasm } from "../../runtime/executor/bound/webassembly.js";

/** What stands before and after each array, and must still stand there. */
const guard = 12345;
const guards = 4;

export type RunKernel = (
  arrays: readonly (readonly number[])[],
  scalars: readonly number[],
) => { readonly arrays: readonly (readonly number[])[]; readonly changed: boolean };

/** A kernel as a function of the elements of its ports; throws when it writes elsewhere. */
export async function loadKernel(kernel: Kernel): Promise<RunKernel> {
  const memory = new wasm.Memory({ initial: 4, maximum: 65536, shared: true });
  const module = await wasm.compile(encodeModule([kernelFunction("kernel", kernel)]));
  const { exports } = new wasm.Instance(module, { env: { memory } });
  const run = exports["kernel"] as (...args: readonly number[]) => number;
  return (arrays, scalars) => {
    const length = at(arrays, 0).length;
    const numbers = new Float32Array(memory.buffer);
    numbers.fill(guard);
    const places = arrays.map((array, i) => {
      const place = guards + i * (length + guards);
      numbers.set(array, place);
      return place;
    });
    const changed = run(...places.map((place) => 4 * place), length, ...scalars);
    const end = guards + arrays.length * (length + guards);
    for (let i = 0; i < end; i++) {
      const inside = places.some((place) => i >= place && i < place + length);
      invariant(inside || numbers[i] === guard, `element ${i} beyond the arrays was written`);
    }
    return {
      arrays: places.map((place) => Array.from(numbers.subarray(place, place + length))),
      changed: changed !== 0,
    };
  };
}

/** Like `interpret`, every result rounded to its dtype: what f32 arithmetic gives. */
export function interpretRounded(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
): ReadonlyMap<string, NdArray> {
  const values = new Map<number, NdArray>();
  const valueOf = (id: number): NdArray => {
    const value = values.get(id);
    invariant(value !== undefined, "values come before their use");
    return value;
  };
  for (const { name, value } of graph.inputs) {
    const given = inputs.get(name);
    invariant(given !== undefined, `${name} is given`);
    values.set(value.id, given);
  }
  for (const node of graph.nodes) {
    const op = opNamed(node.op);
    const operands = node.inputs.map(({ id }) => valueOf(id));
    const result = op.reference(scopeOf(op, operands, node.attrs));
    invariant("dtype" in result, "elementwise ops have one output");
    const data = result.data.map((value) => roundTo(result.dtype, value) ?? value);
    values.set(at(node.outputs, 0).id, ndarray(result.dtype, result.shape, data));
  }
  return new Map(graph.outputs.map(({ name, value }) => [name, valueOf(value.id)]));
}
