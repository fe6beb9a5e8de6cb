/** A convolution's way back as a convolution with the weight turned around. */

import { at } from "../../../grammar/invariant.js";
import type { Dim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { type Window, boundDim, kernelOf, reachOf, windowOnnx } from "../kit/window.js";

/** From this map on turning the weight costs less than the scattering of `ConvTranspose`. */
const largeMap = 400;

interface Back<T> {
  readonly g: T;
  readonly w: T;
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Whether it is possible, and fastest, for a result of `height` x `width`. */
export function turningSuits(
  scope: Back<TensorType> & { readonly height: Dim; readonly width: Dim },
): boolean {
  if (scope.stride.some((step) => step > 1)) return false;
  if (flippedPads(scope, scope.w).some((pad) => pad < 0)) return false;
  if (scope.groups > 1 || kernelOf(scope.w.shape).every((extent) => extent === 1)) return true;
  const { height, width } = scope;
  return typeof height === "number" && typeof width === "number" && height * width >= largeMap;
}

/** `Conv` of `g` with the turned weight. */
export const flippedConv = (o: OnnxBuilder, scope: Back<OnnxOperand>): string =>
  o.node("Conv", [scope.g.name, flipped(o, scope.w, scope.groups)], {
    ...windowOnnx({
      kernel: kernelOf(scope.w.type.shape),
      stride: [1, 1],
      pads: flippedPads(scope, scope.w.type),
      dilation: scope.dilation,
    }),
    group: scope.groups,
  });

/** The padding under which the turned convolution covers the input exactly. */
function flippedPads(
  scope: { readonly pads: readonly number[]; readonly dilation: readonly number[] },
  w: TensorType,
): readonly number[] {
  const window: Window = { ...scope, kernel: kernelOf(w.shape), stride: [1, 1] };
  return [0, 1, 2, 3].map((i) => reachOf(window, i % 2 === 0 ? 0 : 1) - 1 - at(scope.pads, i));
}

/** `[O, C / groups, kh, kw]` to `[C, O / groups, kh, kw]`, turned by 180 degrees. */
function flipped(o: OnnxBuilder, w: OnnxOperand, groups: number): string {
  const [outs, perGroup, kh, kw] = w.type.shape.map(boundDim);
  const [o1, c, area] = [(outs ?? 0) / groups, perGroup ?? 0, (kh ?? 0) * (kw ?? 0)];
  const split = o.node("Reshape", [w.name, o.shape([groups, o1, c, area])]);
  const swapped = o.node("Transpose", [split], { perm: [0, 2, 1, 3] });
  const turned =
    area === 1
      ? swapped
      : o.node("Gather", [swapped, o.ints(Array.from({ length: area }, (_, i) => area - 1 - i))], {
          axis: 3,
        });
  return o.node("Reshape", [turned, o.shape([groups * c, o1, kh ?? 0, kw ?? 0])]);
}
