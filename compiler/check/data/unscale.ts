/** `unscale(x, Sim.range)`: undoes what the dataset's `rescale` by that fit has done. */

import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Bound, CallSite } from "../bind.js";
import { type Frame, report } from "../frame.js";
import { applyOp } from "../ops.js";
import { describe, type Meaning, tensorOf, unknown } from "../value.js";

/**
 * x' = (x - low) / (high - low) (hi - lo) + lo for `minmax`, x std + mean for `standard`: the
 * fit's results broadcast along the axes that they were kept for, wherever `rearrange` has put them.
 */
export function unscale(
  frame: Frame,
  args: ReadonlyMap<string, Bound>,
  { span }: CallSite,
): Meaning {
  const x = args.get("x");
  const fitted = args.get("range");
  if (x === undefined || fitted === undefined) return unknown;
  if (x.meaning.kind === "unknown" || fitted.meaning.kind === "unknown") return unknown;
  const problem = (name: string, expected: string, bound: Bound): Meaning => {
    const what = `\`${name}\` of \`unscale\``;
    report(frame, wrongType, { what, expected, found: describe(bound.meaning) }, bound.span);
    return unknown;
  };
  if (x.meaning.kind !== "tensor") return problem("x", "a tensor", x);
  const range = fitted.meaning.kind === "tuple" ? fitted.meaning.range : undefined;
  if (fitted.meaning.kind !== "tuple" || range === undefined)
    return problem("range", "a fit such as `Sim.range`", fitted);
  if (range.to === undefined)
    return problem("range", "a fit that `rescale` goes by in its dataset", fitted);
  const [first, second] = fitted.meaning.items.map(({ value }) => value);
  const { layout } = range;
  if (layout === null || first?.kind !== "tensor" || second?.kind !== "tensor")
    return problem("range", "one whose axes the later transforms keep apart", fitted);
  const { builder } = frame.elaboration;
  const origin = { span, scope: frame.path };
  const [a, b] = builder.within(origin, () => [
    builder.reshape(first.value, layout),
    builder.reshape(second.value, layout),
  ]);
  const apply = (op: string, left: Meaning, right: Meaning): Meaning => {
    const operands = [left, right].map((meaning) => ({ meaning, span: x.span }));
    return applyOp(frame, op, operands, {}, span);
  };
  if (range.kind === "standard")
    return apply("add", apply("mul", x.meaning, tensorOf(b)), tensorOf(a));
  const [low, high] = range.to ?? [0, 1];
  const unit = builder.within(origin, () => {
    const slope = builder.scale(builder.sub(b, a), 1 / (high - low));
    return { slope, offset: builder.sub(a, builder.scale(slope, low)) };
  });
  return apply("add", apply("mul", x.meaning, tensorOf(unit.slope)), tensorOf(unit.offset));
}
