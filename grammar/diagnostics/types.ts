/** Diagnostics about types: settings, tensors, calls, dims. */

import { diagnosticKind } from "../diagnostic.js";

export const wrongType = diagnosticKind({
  code: "types/mismatch",
  severity: "error",
  message: (p: { what: string; expected: string; found: string }) =>
    `${p.what} must be ${p.expected}, found ${p.found}`,
  explain: "Settings, inputs and outputs are typed; nothing is converted in silence.",
});

export const outOfRange = diagnosticKind({
  code: "types/out-of-range",
  severity: "error",
  message: (p: { what: string; value: string; low: string; high: string }) =>
    `${p.what} is ${p.value}, outside ${p.low} .. ${p.high}`,
  explain: "A `param` may carry the range in which it makes sense; both bounds are included.",
});

export const missingArgument = diagnosticKind({
  code: "types/missing-argument",
  severity: "error",
  message: (p: { callee: string; name: string }) => `\`${p.callee}\` needs \`${p.name}\``,
  explain: "A setting without a default must be given.",
});

export const unknownArgument = diagnosticKind({
  code: "types/unknown-argument",
  severity: "error",
  message: (p: { callee: string; name: string; suggestion: string | null }) =>
    `\`${p.callee}\` has no setting \`${p.name}\``,
  hint: (p) => (p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`),
  explain: "Calls have closed schemas: an unknown setting is an error, never ignored.",
});

export const tooManyArguments = diagnosticKind({
  code: "types/too-many-arguments",
  severity: "error",
  message: (p: { callee: string; expected: number; found: number }) =>
    `\`${p.callee}\` takes ${p.expected} argument${p.expected === 1 ? "" : "s"}, found ${p.found}`,
  explain: "Positional arguments fill a call's inputs and settings in their order.",
});

export const duplicateArgument = diagnosticKind({
  code: "types/duplicate-argument",
  severity: "error",
  message: (p: { callee: string; name: string }) =>
    `\`${p.name}\` of \`${p.callee}\` is given twice`,
  explain: "A setting or input may be given once.",
});

export const notCallable = diagnosticKind({
  code: "types/not-callable",
  severity: "error",
  message: (p: { found: string }) => `${p.found} cannot be applied`,
  hint: () => "what stands right of `|>` is a block, a function or an op",
  explain: "Blocks, functions and ops are applied to tensors with `|>`.",
});

export const notConstant = diagnosticKind({
  code: "types/not-constant",
  severity: "error",
  message: (p: { what: string }) => `${p.what} must be known at compile time, found a tensor`,
  hint: (p) =>
    p.what.includes("condition")
      ? "use `where(condition, a, b)` to choose between run-time values"
      : null,
  explain: "Conditions of `if`, counts, settings and dims are settled before training starts.",
});

export const badOperands = diagnosticKind({
  code: "types/operands",
  severity: "error",
  message: (p: { operator: string; left: string | null; right: string }) =>
    `\`${p.operator}\` does not apply to ${p.left === null ? "" : `${p.left} and `}${p.right}`,
  explain:
    "Operators work on numbers, dims, tensors and losses, without converting one to another.",
});

export const inexactDivision = diagnosticKind({
  code: "dims/inexact-division",
  severity: "error",
  message: (p: { left: string; right: string; remainder: string | null }) =>
    `${p.left} / ${p.right} is not exact${p.remainder === null ? "" : `: the remainder is ${p.remainder}`}`,
  hint: () => "write `floor(a / b)` or `ceil(a / b)` to round, or make one side a float",
  explain: "`/` on integers and dims is exact, so that no extent is rounded by accident.",
});

export const divisionByZero = diagnosticKind({
  code: "dims/division-by-zero",
  severity: "error",
  message: (_p: Record<string, never>) => "division by zero",
  explain: "A dim or constant is divided by zero.",
});

export const dimTooLarge = diagnosticKind({
  code: "dims/too-large",
  severity: "error",
  message: (p: { value: string }) => `${p.value} is too large to be an extent`,
  explain: "Integers are exact up to 2^53 - 1; beyond it a dim cannot be trusted.",
});

export const negativeDim = diagnosticKind({
  code: "dims/negative",
  severity: "error",
  message: (p: { what: string; value: string }) =>
    `${p.what} is ${p.value}; an extent cannot be negative`,
  explain: "Extents of tensors are whole numbers from zero on.",
});

export const unresolvedDim = diagnosticKind({
  code: "dims/unresolved",
  severity: "error",
  message: (p: { name: string; block: string }) =>
    `\`${p.name}\` of \`${p.block}\` follows from no input`,
  hint: (p) => `make \`${p.name}\` a setting, or use it in the type of an \`in\` port`,
  explain:
    "All ports of a call are solved together; a name that stands alone or linearly in one of them is found, what is left over must be bound.",
});

export const portShape = diagnosticKind({
  code: "dims/port-differs",
  severity: "error",
  message: (p: { port: string; block: string; expected: string; found: string }) =>
    `\`${p.port}\` of \`${p.block}\` is declared ${p.expected}, found ${p.found}`,
  explain: "What arrives at a port must have the type that the port declares.",
});

export const shapesDiffer = diagnosticKind({
  code: "shape/shapes-differ",
  severity: "error",
  message: (p: { what: string; expected: string; found: string }) =>
    `${p.what} must have the shape ${p.expected}, found ${p.found}`,
  hint: (p) =>
    p.found.includes("1]") ? "drop the axis of size 1, or give the other side one too" : null,
  explain:
    "A loss compares records element by element; two shapes that merely broadcast would compare every record with every other.",
});

export const unitMismatch = diagnosticKind({
  code: "types/unit",
  severity: "error",
  message: (p: { what: string; expected: string; found: string }) =>
    `${p.what} must be ${p.expected}, found ${p.found}`,
  hint: (p) =>
    /steps|%|GiB/.test(p.expected)
      ? "write a quantity with its unit: `5 epochs`, `500 steps`, `70%`"
      : "leave out the unit",
  explain: "Lengths of time and shares carry their units, so that no one has to guess.",
});

export const expectationFailed = diagnosticKind({
  code: "expect/failed",
  severity: "error",
  message: (p: { condition: string; found: string }) =>
    `expected \`${p.condition}\`, found ${p.found}`,
  explain: "An `expect` line is a fact the program relies on, checked at compile time.",
});

export const variesByItem = diagnosticKind({
  code: "dims/varies-by-item",
  severity: "error",
  message: (p: { name: string; list: string; found: string }) =>
    `\`${p.name}\` differs between the items of \`${p.list}\`: ${p.found}`,
  hint: () => "read the extent of one item: `extent(xs[0], axis: 1)`",
  explain:
    "Each item of a list is matched on its own: a name that stands in the type of a list alone may differ between the items, and then means nothing in the block.",
});
