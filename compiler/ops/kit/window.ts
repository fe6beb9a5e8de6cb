/** Sliding windows: the attributes and extents that convolutions and poolings share. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import { attributeRange, windowLargerThanInput } from "../../../grammar/diagnostics/shape.js";
import { at, invariant } from "../../../grammar/invariant.js";
import { type Dim, addDims, floorDivide } from "../../ir/dim.js";
import { attr } from "../define.js";
import type { OnnxAttr } from "./onnx-builder.js";

/** How a window moves over height and width. `pads` is [top, left, bottom, right]. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
}

/** The attributes of a convolution. */
export const convAttrs = {
  stride: attr.ints(2, [1, 1]),
  pads: attr.ints(4, [0, 0, 0, 0]),
  dilation: attr.ints(2, [1, 1]),
  groups: attr.int(1),
} as const;

/** The functions of a convolution: with one channel per group it is another kernel than otherwise. */
export const convNames = (name: string): readonly [string, string] => [name, `Depthwise${name}`];

/** Which of them it is. */
export const convName = (name: string, channelsPerGroup: Dim | null, groups: number): string =>
  at(convNames(name), channelsPerGroup === 1 && groups > 1 ? 1 : 0);

/** The attributes of a pooling. */
export const poolAttrs = {
  kernel: attr.ints(2),
  stride: attr.ints(2),
  pads: attr.ints(4, [0, 0, 0, 0]),
} as const;

/** The window's length along one axis, with its holes: `dilation * (kernel - 1) + 1`. */
export const reachOf = (window: Window, axis: 0 | 1): number =>
  at(window.dilation, axis) * (at(window.kernel, axis) - 1) + 1;

export const padsOf = (window: Window, axis: 0 | 1): { before: number; after: number } => ({
  before: at(window.pads, axis),
  after: at(window.pads, axis + 2),
});

/** How often the window fits: `floor((extent + pads - reach) / stride) + 1`. */
export function stepsOf(extent: Dim, window: Window, axis: 0 | 1): Dim {
  const { before, after } = padsOf(window, axis);
  const room = addDims(extent, before + after - reachOf(window, axis));
  return addDims(floorDivide(room, at(window.stride, axis)), 1);
}

/** Output height and width, or a refusal that blames one of `blames` or the attribute at fault. */
export function windowSteps<const K extends string, const D extends string>(
  extents: readonly [Dim, Dim],
  window: Window,
  blames: { readonly kernel: K; readonly dilation: D },
): readonly [Dim, Dim] | Rejection<K | D | "stride" | "pads"> {
  const rules = [
    { attribute: "stride", blame: "stride", values: window.stride, least: 1 },
    { attribute: "pads", blame: "pads", values: window.pads, least: 0 },
    { attribute: "dilation", blame: blames.dilation, values: window.dilation, least: 1 },
    { attribute: "kernel", blame: blames.kernel, values: window.kernel, least: 1 },
  ] as const;
  for (const { attribute, blame, values, least } of rules)
    if (values.some((value) => value < least)) {
      const expected = `at least ${least}`;
      const actual = `[${values.join(", ")}]`;
      return reject(attributeRange, { attribute, expected, actual }, blame);
    }
  for (const axis of [0, 1] as const) {
    const { before, after } = padsOf(window, axis);
    const extent = extents[axis];
    const reach = reachOf(window, axis);
    if (typeof extent === "number" && extent + before + after < reach)
      return reject(
        windowLargerThanInput,
        { window: reach, extent: extent + before + after },
        blames.kernel,
      );
  }
  return [stepsOf(extents[0], window, 0), stepsOf(extents[1], window, 1)];
}

/** Input positions that a window at `step` covers along one axis: `tap` counts kernel elements. */
export const positionOf = (window: Window, axis: 0 | 1, step: number, tap: number): number =>
  step * at(window.stride, axis) + tap * at(window.dilation, axis) - at(window.pads, axis);

/** The window as ONNX attributes; poolings have no dilation. */
export const windowOnnx = (window: Window): Record<string, OnnxAttr> => ({
  kernel_shape: window.kernel,
  strides: window.stride,
  pads: window.pads,
  ...(window.dilation.every((d) => d === 1) ? {} : { dilations: window.dilation }),
});

/** The kernel of a weight `[out, in / groups, height, width]`. */
export const kernelOf = (shape: readonly Dim[]): readonly number[] => [
  boundDim(at(shape, 2)),
  boundDim(at(shape, 3)),
];

/** A dim that a gradient or a kernel needs as a number: training shapes are bound. */
export function boundDim(dim: Dim): number {
  invariant(typeof dim === "number", "this extent must be bound when the graph is built");
  return dim;
}
