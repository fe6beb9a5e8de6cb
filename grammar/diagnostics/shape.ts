/** Diagnostics of the shape rules: what an op says when its inputs or attributes do not fit. */

import { diagnosticKind } from "../diagnostic.js";

/** `matmul` and its kin: the summed extents are not equal. */
export const contractedDimsDiffer = diagnosticKind({
  code: "shape/contracted-dims-differ",
  severity: "error",
  message: (p: { left: string; right: string }) => `cannot contract ${p.left} with ${p.right}`,
  hint: (p) => `transpose one side, or make ${p.right} equal to ${p.left}`,
  explain:
    "`matmul` sums over the last axis of its left input and the second-to-last axis of its right input; both must have the same extent.",
});

/** Two shapes that do not broadcast together. */
export const notBroadcastable = diagnosticKind({
  code: "shape/not-broadcastable",
  severity: "error",
  message: (p: { left: string; right: string }) => `cannot broadcast ${p.left} with ${p.right}`,
  hint: () => "aligned from the last axis, two extents must be equal or one of them 1",
  explain:
    "Shapes are aligned at their last axes. Two extents fit when they are equal or one of them is 1. A symbolic extent such as `B` never equals a number.",
});

/** An input of a dtype that the op does not take. */
export const dtypeClassDiffers = diagnosticKind({
  code: "shape/dtype-class",
  severity: "error",
  message: (p: { op: string; input: string; expected: string; actual: string }) =>
    `\`${p.op}\` needs ${p.expected} for \`${p.input}\`, this is ${p.actual}`,
  hint: () => "convert it with `cast`",
  explain:
    "Every input of an op belongs to a class of dtypes: `float`, `int`, `bool`, `number` or `any`. Nothing is converted implicitly; `cast(x, dtype: f32)` does it explicitly.",
});

/** Inputs of one class that do not share one dtype. */
export const dtypesDiffer = diagnosticKind({
  code: "shape/dtypes-differ",
  severity: "error",
  message: (p: { first: string; firstType: string; second: string; secondType: string }) =>
    `\`${p.first}\` is ${p.firstType} but \`${p.second}\` is ${p.secondType}`,
  hint: () => "convert one side with `cast`: dtypes are never promoted implicitly",
  explain: "Inputs of one dtype class must share one dtype. Nothing is promoted implicitly.",
});

/** An axis that the input does not have. */
export const axisOutOfRange = diagnosticKind({
  code: "shape/axis-out-of-range",
  severity: "error",
  message: (p: { axis: number; type: string; rank: number }) =>
    `axis ${p.axis} is outside of ${p.type}, which has ${p.rank} axes`,
  hint: (p) => (p.rank === 0 ? null : `axes run from 0 to ${p.rank - 1}, or from -${p.rank} to -1`),
  explain: "Axes are counted from 0; negative ones count from the end.",
});

/** One axis named twice. */
export const axisRepeated = diagnosticKind({
  code: "shape/axis-repeated",
  severity: "error",
  message: (p: { axis: number }) => `axis ${p.axis} is named twice`,
  explain: "A list of axes names each axis once, also when one is counted from the end.",
});

/** An input of a rank that the op does not take. */
export const rankDiffers = diagnosticKind({
  code: "shape/rank",
  severity: "error",
  message: (p: { op: string; input: string; expected: string; actual: string }) =>
    `\`${p.op}\` needs ${p.expected} for \`${p.input}\`, this is ${p.actual}`,
  hint: () => "use `reshape`, `squeeze` or `unsqueeze` to change the number of axes",
  explain: "The op is defined for a certain number of axes only.",
});

/** A reshape that gains or loses elements. */
export const reshapeCountDiffers = diagnosticKind({
  code: "shape/reshape-count-differs",
  severity: "error",
  message: (p: { from: string; fromSize: string; to: string; toSize: string }) =>
    `cannot reshape ${p.from} with ${p.fromSize} elements to ${p.to} with ${p.toSize}`,
  explain: "A reshape keeps every element in order, so both shapes must have equally many.",
});

/** An attribute without a default that is not given. */
export const attributeMissing = diagnosticKind({
  code: "shape/attribute-missing",
  severity: "error",
  message: (p: { op: string; attribute: string }) =>
    `\`${p.op}\` needs a value for \`${p.attribute}\``,
  explain: "Attributes without a default must be given at every call.",
});

/** An attribute that the op does not have. */
export const attributeUnknown = diagnosticKind({
  code: "shape/attribute-unknown",
  severity: "error",
  message: (p: {
    op: string;
    attribute: string;
    suggestion: string | null;
    known: readonly string[];
  }) => `\`${p.op}\` has no attribute \`${p.attribute}\``,
  hint: (p) => {
    if (p.suggestion !== null) return `did you mean \`${p.suggestion}\`?`;
    return p.known.length === 0
      ? `\`${p.op}\` takes no attributes`
      : `it has ${p.known.map((name) => `\`${name}\``).join(", ")}`;
  },
  explain: "Attribute names are checked; an unknown one is never ignored.",
});

/** An attribute value of the wrong kind. */
export const attributeKind = diagnosticKind({
  code: "shape/attribute-kind",
  severity: "error",
  message: (p: { attribute: string; expected: string; actual: string }) =>
    `\`${p.attribute}\` must be ${p.expected}, this is ${p.actual}`,
  explain: "Each attribute takes values of one kind: an integer, a list of integers, a word, …",
});

/** An attribute value of the right kind that makes no sense. */
export const attributeRange = diagnosticKind({
  code: "shape/attribute-range",
  severity: "error",
  message: (p: { attribute: string; expected: string; actual: string }) =>
    `\`${p.attribute}\` must be ${p.expected}, this is ${p.actual}`,
  explain: "The value is of the right kind but outside of the range the op is defined for.",
});

/** A call with too few or too many inputs. */
export const inputCount = diagnosticKind({
  code: "shape/input-count",
  severity: "error",
  message: (p: { op: string; expected: string; actual: number }) =>
    `\`${p.op}\` takes ${p.expected}, this call has ${p.actual}`,
  explain: "An op takes a fixed number of tensors, in order.",
});

/** Channels of an input and of the weights that meet them. */
export const channelsDiffer = diagnosticKind({
  code: "shape/channels-differ",
  severity: "error",
  message: (p: { input: string; channels: string; expected: string }) =>
    `${p.input} has ${p.channels} channels, ${p.expected} are needed`,
  explain: "Channels are axis 1. A convolution's weight is `[out, in / groups, height, width]`.",
});

/** A normalization's parameter that has not one value per channel. */
export const valuesPerChannel = diagnosticKind({
  code: "shape/values-per-channel",
  severity: "error",
  message: (p: { parameter: string; actual: string; input: string; channels: string }) =>
    `\`${p.parameter}\` is ${p.actual}, ${p.input} has ${p.channels} channels`,
  hint: (p) => `give \`${p.parameter}\` one value per channel`,
  explain: "Channels are axis 1. A normalization has one scale and one bias per channel.",
});

/** Channels that do not split evenly into groups. */
export const groupsDoNotDivide = diagnosticKind({
  code: "shape/groups-do-not-divide",
  severity: "error",
  message: (p: { groups: number; what: string; channels: string }) =>
    `${p.channels} ${p.what} channels do not split into ${p.groups} groups`,
  explain: "A grouped convolution splits its input and output channels into equal groups.",
});

/** A window that does not fit even once. */
export const windowLargerThanInput = diagnosticKind({
  code: "shape/window-larger-than-input",
  severity: "error",
  message: (p: { window: number; extent: number }) =>
    `a window of ${p.window} does not fit into a padded extent of ${p.extent}`,
  hint: () => "use a smaller kernel or dilation, or more padding",
  explain: "The window of a convolution or pooling, dilation included, must fit at least once.",
});

/** Two dims that must be equal. */
export const dimsDiffer = diagnosticKind({
  code: "shape/dims-differ",
  severity: "error",
  message: (p: { what: string; left: string; right: string }) =>
    `${p.what}: ${p.left} is not equal to ${p.right}`,
  explain: "The op needs both extents to be equal.",
});

/** A dim that must be a number here. */
export const dimNotNumeric = diagnosticKind({
  code: "shape/dim-not-numeric",
  severity: "error",
  message: (p: { op: string; dim: string }) =>
    `\`${p.op}\` needs a number here, \`${p.dim}\` is symbolic`,
  explain: "The op must know this extent when it is compiled.",
});

/** An axis order that is no permutation. */
export const orderNotPermutation = diagnosticKind({
  code: "shape/order-not-permutation",
  severity: "error",
  message: (p: { order: string; rank: number }) => `${p.order} does not order ${p.rank} axes`,
  hint: () => "name every axis once",
  explain: "`transpose` needs every axis of its input exactly once.",
});

/** A slice outside of its axis. */
export const sliceOutOfRange = diagnosticKind({
  code: "shape/slice-out-of-range",
  severity: "error",
  message: (p: { from: number; to: number; extent: number }) =>
    `the slice ${p.from} .. ${p.to} does not lie in 0 .. ${p.extent}`,
  explain: "A slice runs from `from` up to, not including, `to`, and may not be empty.",
});
