/** The outputs of a graph: what they mean, and whose memory may be written again. */

import type { GraphSpec } from "../../compiler/plan/schema.js";
import { invariant } from "../../grammar/invariant.js";
import type { Tensors } from "../executor/executor.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";

export const noTensors: Tensors = new Map();

/** The outputs of a graph's last run and of the one before, whose memory the next may have. */
export interface Places {
  /** With `once`, outputs that nobody reads any more: the last run's own memory serves again. */
  readonly spare: (once?: readonly string[]) => Tensors;
  readonly keep: (outputs: Tensors) => Tensors;
}

export function alternating(): Places {
  let [last, before] = [noTensors, noTensors];
  return {
    spare: (once = []) => {
      const spare = new Map(before);
      for (const name of once) {
        const tensor = last.get(name);
        if (tensor !== undefined) spare.set(name, tensor);
      }
      return spare;
    },
    keep: (outputs) => {
      [last, before] = [outputs, last];
      return outputs;
    },
  };
}

/** The norm of the gradients, where the graph gives it. */
export function normOf(spec: GraphSpec, outputs: Tensors): { readonly norm?: number } {
  const found = spec.outputs.find(({ meaning }) => meaning.kind === "norm");
  const tensor = found === undefined ? undefined : outputs.get(found.name);
  return tensor === undefined ? {} : { norm: numbersOf(tensor)(0) };
}

export function byMeaning(spec: GraphSpec, outputs: Tensors, kind: "state" | "gradient"): Tensors {
  const found = new Map<string, HostTensor>();
  for (const { name, meaning } of spec.outputs) {
    if (meaning.kind !== kind) continue;
    const tensor = outputs.get(name);
    invariant(tensor, `the executor returned no \`${name}\``);
    found.set(meaning.path, tensor);
  }
  return found;
}
