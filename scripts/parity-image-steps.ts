/** The steps of random programs that work on images, [records, channels, height, width]. */

import { at } from "../grammar/invariant.js";
import type { Attrs } from "../compiler/ir/graph.js";
import type { Pool, Proposal, Value } from "./parity-programs.js";

/** A value of four axes: an old one, or another one's elements put into such a shape. */
function image(pool: Pool): Value {
  const found = pool.float(4, 4);
  return found !== null && pool.chance(0.8)
    ? found
    : pool.weight([1 + pool.below(2), 1 + pool.below(4), 3 + pool.below(4), 3 + pool.below(4)]);
}

const upTo = (pool: Pool, most: number): number => 1 + pool.below(Math.max(1, most));

function conv(pool: Pool): Proposal {
  const x = image(pool);
  const [, channels = 1, height = 1, width = 1] = x.array.shape;
  const groups = pool.chance(0.7) ? 1 : channels;
  const pads = pool.chance(0.5) ? [0, 0, 0, 0] : [1, pool.below(2), 1, pool.below(2)];
  const kernel = [upTo(pool, Math.min(3, height)), upTo(pool, Math.min(3, width))];
  const dilation = pool.chance(0.8) ? [1, 1] : [2, 1];
  const w = pool.weight([groups * upTo(pool, 3), channels / groups, ...kernel]);
  const stride = [upTo(pool, 2), upTo(pool, 2)];
  return { op: "conv", inputs: [x, w], attrs: { stride, pads, dilation, groups } };
}

function convTranspose(pool: Pool): Proposal {
  const x = image(pool);
  const [, channels = 1] = x.array.shape;
  const stride = upTo(pool, 2);
  const kernel = [upTo(pool, 3), upTo(pool, 3)];
  const w = pool.weight([channels, upTo(pool, 3), ...kernel]);
  const output_pad = pool.below(stride);
  return { op: "conv_transpose", inputs: [x, w], attrs: { stride, output_pad } };
}

/** The largest two of a window must not be near each other, so that all values are apart. */
const apart = ({ array }: Value): boolean =>
  [...array.data]
    .toSorted((a, b) => a - b)
    .every((value, i, all) => i === 0 || value - at(all, i - 1) > 1e-3);

const pool2d =
  (op: "max_pool" | "avg_pool") =>
  (pool: Pool): Proposal => {
    const x = image(pool);
    const [, , height = 1, width = 1] = x.array.shape;
    const kernel = [upTo(pool, Math.min(3, height)), upTo(pool, Math.min(3, width))];
    const padded = kernel.every((extent) => extent > 1) && pool.chance(0.4);
    const attrs: Attrs = {
      kernel,
      stride: [upTo(pool, 2), upTo(pool, 2)],
      ...(padded && { pads: [1, 1, 1, 1] }),
      ...(op === "avg_pool" && pool.chance(0.4) && { count_include_pad: false }),
    };
    return { op, inputs: [x], attrs, safe: op === "avg_pool" || apart(x) };
  };

function resize(pool: Pool): Proposal {
  const x = image(pool);
  const mode = pool.pick(["nearest", "bilinear", "bicubic"]);
  const align_corners = mode !== "nearest" && pool.chance(0.4);
  const attrs = { height: upTo(pool, 7), width: upTo(pool, 7), mode, align_corners };
  return { op: "resize", inputs: [x], attrs };
}

function adaptive(pool: Pool): Proposal {
  const x = image(pool);
  const attrs = { height: upTo(pool, 4), width: upTo(pool, 4) };
  return { op: "adaptive_avg_pool", inputs: [x], attrs };
}

/** Every maker with its weight. */
export const imageMakers: readonly (readonly [number, (pool: Pool) => Proposal | null])[] = [
  [5, conv],
  [2, convTranspose],
  [2, pool2d("max_pool")],
  [2, pool2d("avg_pool")],
  [2, resize],
  [1, adaptive],
];
