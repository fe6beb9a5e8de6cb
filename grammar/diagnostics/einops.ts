/** Diagnostics of `rearrange` and `einsum`: patterns of named axes. */

import { diagnosticKind } from "../diagnostic.js";

export const patternRank = diagnosticKind({
  code: "einops/rank",
  severity: "error",
  message: (p: { pattern: number; type: string }) =>
    `the pattern has ${p.pattern} ${p.pattern === 1 ? "axis" : "axes"}, the tensor is ${p.type}`,
  hint: () => "name every axis, or let `...` stand for several",
  explain:
    "A pattern names each axis of its tensor in order; parentheses split one axis into several.",
});

export const patternExtent = diagnosticKind({
  code: "einops/extent",
  severity: "error",
  message: (p: { axis: string; expected: string; found: string }) =>
    `\`${p.axis}\` is ${p.expected}, found ${p.found}`,
  explain:
    "An axis has one extent wherever its name stands: in the pattern, among its sizes and in the block.",
});

export const patternUndetermined = diagnosticKind({
  code: "einops/undetermined",
  severity: "error",
  message: (p: { axes: readonly string[] }) =>
    `the extents of ${p.axes.map((axis) => `\`${axis}\``).join(" and ")} follow from nothing`,
  hint: (p) => `give one: \`${p.axes[0] ?? "h"}: 2\` after the pattern`,
  explain: "An axis that is split into several needs the extents of all of them but one.",
});

export const patternAxesDiffer = diagnosticKind({
  code: "einops/axes-differ",
  severity: "error",
  message: (p: { axis: string; side: "left" | "right" }) =>
    `\`${p.axis}\` stands only ${p.side} of \`->\``,
  hint: (p) =>
    p.side === "left" ? "`rearrange` drops no axis: reduce it first, with `mean` or `sum`" : null,
  explain:
    "`rearrange` keeps every axis: what is named on the left is named on the right. `einsum` sums over what only its inputs name.",
});

export const patternRepeats = diagnosticKind({
  code: "einops/repeated-axis",
  severity: "error",
  message: (p: { axis: string }) => `\`${p.axis}\` stands twice in one pattern`,
  explain: "Within one side of a pattern an axis has one place.",
});

export const patternInputs = diagnosticKind({
  code: "einops/input-count",
  severity: "error",
  message: (p: { step: string; expected: number; found: number }) =>
    `\`${p.step}\` has ${p.expected} pattern${p.expected === 1 ? "" : "s"} for ${p.found} tensor${p.found === 1 ? "" : "s"}`,
  hint: () => "several tensors stand in parentheses: `(a, b) |> einsum(i k, k j -> i j)`",
  explain: "Every tensor left of `|>` has one pattern left of `->`.",
});
