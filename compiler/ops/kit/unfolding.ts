/** Unfolding small maps by a product with a constant matrix, so that a convolution becomes one product. */

import { at } from "../../../grammar/invariant.js";
import type { Dim } from "../../ir/dim.js";
import type { OnnxBuilder, OnnxOperand } from "./onnx-builder.js";
import { boundDim, positionOf, type Window } from "./window.js";

/** A map and how a window moves over it to `rows` x `columns` places. */
export interface Unfolding {
  readonly window: Window;
  readonly height: number;
  readonly width: number;
  readonly rows: number;
  readonly columns: number;
}

/** Zeros and ones `[taps * places, height * width]`: which pixel a tap of the window meets where. */
function selection({ window, height, width, rows, columns }: Unfolding): Float64Array {
  const [kh, kw] = [at(window.kernel, 0), at(window.kernel, 1)];
  const matrix = new Float64Array(kh * kw * rows * columns * height * width);
  let row = 0;
  for (let tap = 0; tap < kh * kw; tap++)
    for (let place = 0; place < rows * columns; place++, row++) {
      const v = positionOf(window, 0, Math.floor(place / columns), Math.floor(tap / kw));
      const u = positionOf(window, 1, place % columns, tap % kw);
      if (v >= 0 && v < height && u >= 0 && u < width) matrix[(row * height + v) * width + u] = 1;
    }
  return matrix;
}

/** How many values the windows hold together. */
const unfoldedSize = ({ window, rows, columns }: Unfolding): number =>
  at(window.kernel, 0) * at(window.kernel, 1) * rows * columns;

function transposed(matrix: Float64Array, columns: number): Float64Array {
  const rows = matrix.length / columns;
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j] ?? 0;
  return result;
}

/** Whether unfolding copies nothing: every place meets exactly the pixel it lies on. */
const isTrivial = ({ window, height, width, rows, columns }: Unfolding): boolean =>
  window.kernel.every((k) => k === 1) && rows === height && columns === width;

/** `x [N, C, height, width]` as `[N, C, taps * places]`. */
export function unfold(o: OnnxBuilder, x: OnnxOperand, unfolding: Unfolding): string {
  const [n, c] = [at(x.type.shape, 0), at(x.type.shape, 1)];
  const { height, width } = unfolding;
  const flat = o.node("Reshape", [x.name, o.shape([n, c, height * width])]);
  if (isTrivial(unfolding)) return flat;
  const shape = [height * width, unfoldedSize(unfolding)];
  const { dtype } = x.type;
  const matrix = o.once(`unfold ${dtype} ${JSON.stringify(unfolding)}`, () =>
    o.floats([...transposed(selection(unfolding), height * width)], shape, dtype),
  );
  return o.node("MatMul", [flat, matrix]);
}

/** The adjoint: adds `x [N, C, taps, places]` up into `[N, C, height, width]`. */
export function fold(o: OnnxBuilder, { name, type }: OnnxOperand, unfolding: Unfolding): string {
  const [n, c] = [at(type.shape, 0), at(type.shape, 1)];
  const { height, width } = unfolding;
  const full = o.shape([n, c, height, width]);
  if (isTrivial(unfolding)) return o.node("Reshape", [name, full]);
  const size = unfoldedSize(unfolding);
  const flat = o.node("Reshape", [name, o.shape([n, c, size])]);
  const { dtype } = type;
  const matrix = o.once(`fold ${dtype} ${JSON.stringify(unfolding)}`, () =>
    o.floats([...selection(unfolding)], [size, height * width], dtype),
  );
  const sums = o.node("MatMul", [flat, matrix]);
  return o.node("Reshape", [sums, full]);
}

/** Beyond this many pixels the constant matrix is large and the kernels' own products are long enough. */
const smallMap = 49;
/** The product that unfolds is at most one part in so many of the convolution's own. */
const leastOutputs = 4;

/**
 * Whether one product over the whole batch beats kernels that work image by image, for an input map
 * whose extents end `shape` and a weight of `outputs[0]` output channels: those kernels read the
 * whole weight for every image.
 */
export function unfoldingPays(shape: readonly Dim[], outputs: readonly Dim[]): boolean {
  const pixels = boundDim(at(shape, -2)) * boundDim(at(shape, -1));
  return pixels <= smallMap && leastOutputs * pixels <= boundDim(at(outputs, 0));
}
