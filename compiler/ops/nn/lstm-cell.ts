/** One step of an LSTM. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimNotNumeric, dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at, invariant } from "../../../grammar/invariant.js";
import { printDim, sameDim } from "../../ir/dim.js";
import { numelOf, printType, rankOf } from "../../ir/type.js";
import type { Value } from "../../ir/graph.js";
import { defineOp } from "../define.js";
import { generate, type NdArray, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/**
 * The output and the new cell of an LSTM (Hochreiter and Schmidhuber, 1997), from the gates input,
 * forget, cell and output before their activations, `[N, 4 H]`, and the cell before, `[N, H]`:
 * `cell = sigmoid(f) c + sigmoid(i) tanh(g)` and `y = sigmoid(o) tanh(cell)`. The other results are
 * the activated gates.
 */
export const lstmCell = defineOp({
  name: "lstm_cell",
  summary:
    "The output and the new cell of one step of an LSTM, from its gates `[N, 4 H]` and the cell before, and the four gates after their activations.",
  reason: "A library computes a step in one pass, and so its gradient.",
  surface: "public",
  inputs: { gates: "float", c: "float" },
  attrs: {},

  infer({ gates, c }) {
    const op = "lstm_cell";
    for (const [input, type] of [
      ["gates", gates],
      ["c", c],
    ] as const)
      if (rankOf(type) !== 2) {
        const actual = printType(type);
        return reject(rankDiffers, { op, input, expected: "two axes", actual }, input);
      }
    const hidden = at(c.shape, 1);
    if (typeof hidden !== "number")
      return reject(dimNotNumeric, { op, dim: printDim(hidden) }, "c");
    for (const [axis, wanted] of [at(c.shape, 0), 4 * hidden].entries()) {
      const actual = at(gates.shape, axis);
      if (sameDim(actual, wanted)) continue;
      const what = `axis ${axis} of the gates and what the cell asks for`;
      return reject(dimsDiffer, { what, left: printDim(actual), right: printDim(wanted) }, "gates");
    }
    return [c, c, c, c, c, c];
  },

  sharding() {
    const whole = ["n", "h"];
    return shardingRule(
      [["n", "gates"], whole],
      Array.from({ length: 6 }, () => whole),
      {
        gates: "replicate",
        h: "replicate",
      },
    );
  },

  // See lstm_cell_grad; a gate that is read itself adds its slope.
  vjp(b, { c, ys, dys }) {
    const [dy, dcell, ...dgates] = dys;
    const zeros = (): Value => b.expand(b.constant(0, c.type.dtype), c.type.shape);
    const inputs = [dy ?? zeros(), dcell ?? zeros(), c, ...ys.slice(1)];
    const [through, dc] = b.emitAll("lstm_cell_grad", inputs);
    invariant(through !== undefined && dc !== undefined, "the gradient has two results");
    if (dgates.every((each) => each === null)) return { gates: through, c: dc };
    const slopes = dgates.map((each, i) => {
      const gate = at(ys, i + 2);
      if (each === null) return zeros();
      // d tanh = 1 - g^2, d sigmoid = s (1 - s).
      const square = b.square(gate);
      return b.mul(
        each,
        b.sub(i === 2 ? b.expand(b.constant(1, c.type.dtype), c.type.shape) : gate, square),
      );
    });
    return { gates: b.add(through, b.concat(slopes, 1)), c: dc };
  },

  flops: ({ c }) => 24 * numelOf(c),

  coarse: "LstmCell",
  body(b, { gates, c }) {
    const hidden = boundDim(at(c.type.shape, 1));
    const sizes = [hidden, hidden, hidden, hidden];
    const parts = b.emitAll("split", [gates], { sizes, axis: 1 });
    const [i, f, g, o] = parts.map((part, k) => b.emit(k === 2 ? "tanh" : "sigmoid", [part]));
    invariant(i && f && g && o, "there are four gates");
    const cell = b.add(b.mul(f, c), b.mul(i, g));
    return [b.mul(o, b.emit("tanh", [cell])), cell, i, f, g, o];
  },
  formulations: [],

  reference({ gates, c }) {
    const hidden = at(c.shape, 1);
    const gate = (k: number): NdArray =>
      generate(c.dtype, c.shape, ([n = 0, h = 0]) => {
        const value = valueAt(gates, [n, k * hidden + h]);
        return k === 2 ? Math.tanh(value) : 1 / (1 + Math.exp(-value));
      });
    const [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)];
    const cell = generate(
      c.dtype,
      c.shape,
      (place) => valueAt(f, place) * valueAt(c, place) + valueAt(i, place) * valueAt(g, place),
    );
    const y = generate(
      c.dtype,
      c.shape,
      (place) => valueAt(o, place) * Math.tanh(valueAt(cell, place)),
    );
    return [y, cell, i, f, g, o];
  },

  samples: [
    { why: "two records", gates: sampleArray([2, 12]), c: sampleArray([2, 3], 1) },
    { why: "one of each", gates: sampleArray([1, 4], 2), c: sampleArray([1, 1], 3) },
  ],
});
