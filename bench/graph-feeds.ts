/** What a graph by itself is fed in a benchmark. */

import type { GraphSpec } from "../compiler/plan/schema.js";
import type { Tensors } from "../runtime/executor/executor.js";
import { createStream, integers, normal, uniform } from "../runtime/random.js";
import { elementCount, type HostTensor } from "../runtime/tensor.js";

/** Integer inputs lie under the bound of their field. */
export type Bounds = ReadonlyMap<string, number>;

/** Normal numbers; the same in every run, but for random inputs, which are drawn as a run draws them. */
export function graphFeeds(spec: GraphSpec, below: Bounds = new Map()): () => Tensors {
  const random = spec.inputs.filter(({ feed }) => feed.kind === "random");
  const fixed = spec.inputs
    .filter(({ feed }) => feed.kind !== "random")
    .map(({ name, dtype, shape: open, feed }): [string, HostTensor] => {
      const shape = open.map(Number);
      const [stream, count] = [createStream(0, name), elementCount(shape)];
      if (dtype !== "i64")
        return [
          name,
          { dtype: "f32", shape, data: Float32Array.from(normal(stream, 0, 0, count)) },
        ];
      const bound = (feed.kind === "field" ? below.get(feed.field) : undefined) ?? 1;
      const data = BigInt64Array.from(integers(stream, 0, 0, bound, count), BigInt);
      return [name, { dtype, shape, data }];
    });
  let update = 0;
  return () => {
    update++;
    const drawn = random.map(({ name, shape: open }): [string, HostTensor] => {
      const shape = open.map(Number);
      const data = uniform(createStream(0, name), update, 0, elementCount(shape));
      return [name, { dtype: "f32", shape, data }];
    });
    return new Map([...fixed, ...drawn]);
  };
}
