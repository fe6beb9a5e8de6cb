/** Diagnostics about named axes, and about `each` and `scan`, which work along one. */

import { diagnosticKind } from "../diagnostic.js";

export const axesDiffer = diagnosticKind({
  code: "types/axes-differ",
  severity: "error",
  message: (p: { left: string; right: string }) =>
    `an axis called \`${p.left}\` meets one called \`${p.right}\``,
  hint: (p) =>
    `if they are one, give one the other's name: \`rearrange(… ${p.left} … -> … ${p.left} …)\``,
  explain:
    "Two dims of a block that meet element by element under different names are equal by chance; what is meant must be written.",
});

export const axisNotFound = diagnosticKind({
  code: "axes/not-found",
  severity: "error",
  message: (p: { step: string; axis: string; known: readonly string[] }) =>
    `no input of \`${p.step}\` has an axis called \`${p.axis}\``,
  hint: (p) =>
    p.known.length > 0
      ? `its inputs have the axes ${p.known.map((name) => `\`${name}\``).join(", ")}`
      : `name it: \`rearrange(B ${p.axis} D -> B ${p.axis} D)\`, or \`${p.axis} = …\` in a type`,
  explain:
    "`each` and `scan` find an axis by its name alone. The types of `in` ports and the patterns of `rearrange` and `einsum` name axes; slicing and joining an axis clears its name.",
});

export const axisTwice = diagnosticKind({
  code: "axes/ambiguous",
  severity: "error",
  message: (p: { step: string; axis: string }) =>
    `an input of \`${p.step}\` has two axes called \`${p.axis}\``,
  hint: () => "give one another name with `rearrange`",
  explain: "`each` and `scan` cut an input along one axis.",
});

export const axisExtent = diagnosticKind({
  code: "axes/extent",
  severity: "error",
  message: (p: { axis: string; expected: string; found: string }) =>
    `\`${p.axis}\` is ${p.expected}, found an axis of ${p.found}`,
  explain: "All inputs that `each` or `scan` cuts along an axis have the same extent there.",
});

export const axisCount = diagnosticKind({
  code: "axes/count",
  severity: "error",
  message: (p: { step: string; axis: string; found: string }) =>
    `the extent of \`${p.axis}\` that \`${p.step}\` runs over must be a number from 1 on, found ${p.found}`,
  explain: "`each` and `scan` are carried out index by index, so their count is a constant.",
});

export const listLength = diagnosticKind({
  code: "axes/list-length",
  severity: "error",
  message: (p: { count: number; found: number }) =>
    `a list that \`scan\` deals out must have ${p.count} items, found ${p.found}`,
  hint: () => "`whole(…)` passes a list uncut",
  explain: "`scan` gives item t of a list to step t.",
});

export const scanOrder = diagnosticKind({
  code: "axes/scan-order",
  severity: "error",
  message: (p: { count: number; fault: string }) =>
    `the order of \`scan\` must hold each of 0 .. ${p.count} once: ${p.fault}`,
  explain:
    "`scan (t in list) …` runs the positions in the order of the list and puts each output at its position.",
});

export const outputsDiffer = diagnosticKind({
  code: "axes/outputs-differ",
  severity: "error",
  message: (p: { step: string; first: string; other: string }) =>
    `the outputs of \`${p.step}\` cannot be stacked: ${p.first} and ${p.other}`,
  explain: "What the copies give is stacked along the axis, so it has one type.",
});

export const sharedInEach = diagnosticKind({
  code: "axes/each-instance",
  severity: "error",
  message: (p: { name: string }) =>
    `\`each\` makes weights per index, but \`${p.name}\` is an instance with one set`,
  hint: (p) => `apply the block by name; \`scan\` runs \`${p.name}\` with the same weights`,
  explain: "A block bound to a name has one set of weights; `each` needs one per index.",
});

export const wholeOutside = diagnosticKind({
  code: "axes/whole-outside",
  severity: "error",
  message: (_p: Record<string, never>) =>
    "`whole(…)` may stand only among the inputs of `scan` or `each`",
  explain: "`whole(x)` gives all of `x` to every step instead of cutting it along the axis.",
});

export const carryOutside = diagnosticKind({
  code: "block/carry-outside-scan",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is carried, but nothing scans this block`,
  hint: () => "apply the block with `scan`, or keep a `state` from update to update",
  explain: "A `carry` goes from one step of a `scan` to the next.",
});

export const carryNotUpdated = diagnosticKind({
  code: "block/carry-not-updated",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is carried but never set`,
  hint: (p) => `\`${p.name} <- …\` gives the next step its value`,
  explain: "Every `carry` is set exactly once per step.",
});
