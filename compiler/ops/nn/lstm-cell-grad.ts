/** The gradient of one step of an LSTM. */

import { reject } from "../../../grammar/diagnostic.js";
import { rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { multiplyDims } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { concatenated, generate, type NdArray, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/** The gradients of `lstm_cell` for its gates and the cell before, from those of its output and new cell. */
export const lstmCellGrad = defineOp({
  name: "lstm_cell_grad",
  summary:
    "The gradients of `lstm_cell` for its gates and the cell before, from those of its output and new cell.",
  reason: "A library computes them in one pass.",
  surface: "internal",
  inputs: {
    gy: "float",
    gcell: "float",
    c: "float",
    cell: "float",
    i: "float",
    f: "float",
    g: "float",
    o: "float",
  },
  attrs: {},

  infer({ c }) {
    const [op, expected] = ["lstm_cell_grad", "two axes"];
    if (rankOf(c) !== 2)
      return reject(rankDiffers, { op, input: "c", expected, actual: printType(c) }, "c");
    return [tensorType(c.dtype, [at(c.shape, 0), multiplyDims(at(c.shape, 1), 4)]), c];
  },

  sharding() {
    const whole = ["n", "h"];
    return shardingRule(
      Array.from({ length: 8 }, () => whole),
      [["n", "gates"], whole],
      { gates: "replicate", h: "replicate" },
    );
  },

  vjp: null,
  flops: ({ c }) => 26 * numelOf(c),

  coarse: "LstmCellGrad",
  // With t = tanh(cell): gcell' = gcell + gy o (1 - t^2); each gate's slope is s (1 - s), or 1 - g^2.
  body(b, { gy, gcell, c, cell, i, f, g, o }) {
    const t = b.emit("tanh", [cell]);
    const bent = (x: Value): Value => b.sub(b.constant(1, x.type.dtype), b.square(x));
    const slope = (s: Value): Value => b.sub(s, b.square(s));
    const total = b.add(gcell, b.mul(b.mul(gy, o), bent(t)));
    const parts = [
      b.mul(b.mul(total, g), slope(i)),
      b.mul(b.mul(total, c), slope(f)),
      b.mul(b.mul(total, i), bent(g)),
      b.mul(b.mul(gy, t), slope(o)),
    ];
    return [b.concat(parts, 1), b.mul(total, f)];
  },
  formulations: [],

  reference({ gy, gcell, c, cell, i, f, g, o }) {
    const each = (
      value: (
        v: Readonly<Record<"gy" | "total" | "c" | "t" | "i" | "f" | "g" | "o", number>>,
      ) => number,
    ): NdArray =>
      generate(c.dtype, c.shape, (place) => {
        const read = (x: NdArray): number => valueAt(x, place);
        const t = Math.tanh(read(cell));
        const total = read(gcell) + read(gy) * read(o) * (1 - t * t);
        const gates = { i: read(i), f: read(f), g: read(g), o: read(o) };
        return value({ ...gates, gy: read(gy), total, c: read(c), t });
      });
    const gates = [
      each((v) => v.total * v.g * v.i * (1 - v.i)),
      each((v) => v.total * v.c * v.f * (1 - v.f)),
      each((v) => v.total * v.i * (1 - v.g * v.g)),
      each((v) => v.gy * v.t * v.o * (1 - v.o)),
    ];
    return [concatenated(gates, 1), each((v) => v.total * v.f)];
  },

  samples: [
    {
      why: "two records",
      gy: sampleArray([2, 3]),
      gcell: sampleArray([2, 3], 1),
      c: sampleArray([2, 3], 2),
      cell: sampleArray([2, 3], 3),
      i: sampleArray([2, 3], 4),
      f: sampleArray([2, 3], 5),
      g: sampleArray([2, 3], 6),
      o: sampleArray([2, 3], 7),
    },
  ],
});
