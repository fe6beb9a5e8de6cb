/** Convolutions of small maps as one product for the whole batch, in all three directions. */

import { at } from "../../../grammar/invariant.js";
import { tensorType } from "../../ir/type.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { fold, unfold } from "../kit/unfolding.js";
import { boundDim, kernelOf, stepsOf, type Window } from "../kit/window.js";

type Moves = Omit<Window, "kernel">;

/** `w [O, C * taps]` times the unfolded input `[C * taps, N * places]`. */
export function unfoldedConv(
  o: OnnxBuilder,
  scope: Moves & { readonly x: OnnxOperand; readonly w: OnnxOperand },
): string {
  const { x, w } = scope;
  const window = { ...scope, kernel: kernelOf(w.type.shape) };
  const [n = 0, c = 0, height = 0, width = 0] = x.type.shape.map(boundDim);
  const outs = boundDim(at(w.type.shape, 0));
  const rows = boundDim(stepsOf(height, window, 0));
  const columns = boundDim(stepsOf(width, window, 1));
  const depth = c * at(window.kernel, 0) * at(window.kernel, 1);
  const places = rows * columns;
  const taps = unfold(o, x, { window, height, width, rows, columns });
  const byRecord = o.node("Reshape", [taps, o.shape([n, depth, places])]);
  const turned = o.node("Transpose", [byRecord], { perm: [1, 0, 2] });
  const product = o.node("MatMul", [
    o.node("Reshape", [w.name, o.shape([outs, depth])]),
    o.node("Reshape", [turned, o.shape([depth, n * places])]),
  ]);
  const byOutput = o.node("Reshape", [product, o.shape([outs, n, places])]);
  const back = o.node("Transpose", [byOutput], { perm: [1, 0, 2] });
  return o.node("Reshape", [back, o.shape([n, outs, rows, columns])]);
}

/**
 * `g [N * places, O]` times `w [O, C * taps]`, folded back into the map. The weight stands on the
 * right as it is stored: turning it costs more than the product.
 */
export function foldedInputGrad(
  o: OnnxBuilder,
  scope: Moves & {
    readonly g: OnnxOperand;
    readonly w: OnnxOperand;
    readonly height: number;
    readonly width: number;
  },
): string {
  const { g, w, height, width } = scope;
  const [n = 0, outs = 0, rows = 0, columns = 0] = g.type.shape.map(boundDim);
  const channels = boundDim(at(w.type.shape, 1));
  const window = { ...scope, kernel: kernelOf(w.type.shape) };
  const depth = channels * at(window.kernel, 0) * at(window.kernel, 1);
  const places = rows * columns;
  const byRecord = o.node("Reshape", [g.name, o.shape([n, outs, places])]);
  const turned = o.node("Transpose", [byRecord], { perm: [0, 2, 1] });
  const product = o.node("MatMul", [
    o.node("Reshape", [turned, o.shape([n * places, outs])]),
    o.node("Reshape", [w.name, o.shape([outs, depth])]),
  ]);
  const byPlace = o.node("Reshape", [product, o.shape([n, places, depth])]);
  const back = o.node("Transpose", [byPlace], { perm: [0, 2, 1] });
  const type = tensorType(g.type.dtype, [n, channels, depth / channels, places]);
  return fold(o, { name: back, type }, { window, height, width, rows, columns });
}

/** `g [O, N * places]` times the unfolded input `[N * places, C * taps]`. */
export function unfoldedWeightGrad(
  o: OnnxBuilder,
  scope: Window & { readonly x: OnnxOperand; readonly g: OnnxOperand },
): string {
  const { x, g, kernel } = scope;
  const [n = 0, c = 0, height = 0, width = 0] = x.type.shape.map(boundDim);
  const [outs = 0, rows = 0, columns = 0] = g.type.shape.slice(1).map(boundDim);
  const depth = c * at(kernel, 0) * at(kernel, 1);
  const places = rows * columns;
  const taps = unfold(o, x, { window: scope, height, width, rows, columns });
  const byRecord = o.node("Reshape", [taps, o.shape([n, depth, places])]);
  const turned = o.node("Transpose", [byRecord], { perm: [0, 2, 1] });
  const byOutput = o.node("Reshape", [g.name, o.shape([n, outs, places])]);
  const product = o.node("MatMul", [
    o.node("Reshape", [
      o.node("Transpose", [byOutput], { perm: [1, 0, 2] }),
      o.shape([outs, n * places]),
    ]),
    o.node("Reshape", [turned, o.shape([n * places, depth])]),
  ]);
  return o.node("Reshape", [product, o.shape([outs, c, ...kernel])]);
}
