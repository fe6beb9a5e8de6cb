/** What accumulators come to over the batches of a split, for the graph that closes the metrics. */

import type { Accumulator, GraphSpec } from "../../compiler/plan/schema.js";
import { invariant } from "../../grammar/invariant.js";
import type { Tensors } from "../executor/executor.js";
import { elementCount, type HostTensor } from "../tensor.js";
import { numbersOf } from "./numbers.js";

/** Running totals of one pass. */
export interface Totals {
  /** Takes a batch's shares from the outputs of its graph. */
  readonly add: (spec: GraphSpec, outputs: Tensors) => void;
  /** What the closing graph is fed. */
  readonly feeds: (spec: GraphSpec) => Tensors;
}

/** Elements are added in f64 (integers exactly), whatever the accumulator's type. */
export function createTotals(accumulators: readonly Accumulator[]): Totals {
  const totals = new Map<string, Running>();
  for (const accumulator of accumulators)
    totals.set(
      accumulator.name,
      accumulator.dtype === "i64" ? wholeNumbers(accumulator) : numbers(accumulator),
    );
  const named = (name: string): Running => {
    const total = totals.get(name);
    invariant(total, `no accumulator \`${name}\``);
    return total;
  };
  return {
    add: (spec, outputs) => {
      for (const { name, meaning } of spec.outputs) {
        if (meaning.kind !== "total") continue;
        const share = outputs.get(name);
        invariant(share, `the executor returned no \`${name}\``);
        named(meaning.accumulator).add(share);
      }
    },
    feeds: (spec) =>
      new Map(
        spec.inputs.map(({ name, feed }) => {
          invariant(feed.kind === "total", `\`${name}\` of \`${spec.file}\` is no total`);
          return [name, named(feed.accumulator).tensor()] as const;
        }),
      ),
  };
}

interface Running {
  readonly add: (share: HostTensor) => void;
  readonly tensor: () => HostTensor;
}

const initial = { sum: 0, min: Infinity, max: -Infinity } as const;

function numbers({ reduction, dtype, shape }: Accumulator): Running {
  const total = Array.from({ length: elementCount(shape) }, (): number => initial[reduction]);
  return {
    add: (share) => {
      const value = numbersOf(share);
      total.forEach((before, i) => {
        total[i] =
          reduction === "sum"
            ? before + value(i)
            : reduction === "min"
              ? Math.min(before, value(i))
              : Math.max(before, value(i));
      });
    },
    tensor: () => ({
      dtype,
      shape,
      data: dtype === "f32" ? Float32Array.from(total) : Float64Array.from(total),
    }),
  };
}

function wholeNumbers({ name, reduction, dtype, shape }: Accumulator): Running {
  invariant(reduction === "sum", `the integers \`${name}\` are added`);
  const total = new BigInt64Array(elementCount(shape));
  return {
    add: ({ data }) => {
      total.forEach((before, i) => {
        total[i] = before + BigInt(data[i] ?? 0);
      });
    },
    tensor: () => ({ dtype, shape, data: total }),
  };
}
