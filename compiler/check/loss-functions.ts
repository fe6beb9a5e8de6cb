/** `ratio` and `per_batch`: what makes a loss beside `average`. */

import { shapesDiffer, wrongType } from "../../grammar/diagnostics/types.js";
import { type Dim, sameDim, sameShape } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import type { Bound, CallSite } from "./bind.js";
import { type Frame, report } from "./frame.js";
import { valueLoss } from "./loss-algebra.js";
import { asNumber, describe, type Meaning, none, unknown } from "./value.js";

/**
 * sum(s) / max(sum(w), at_least) over all records and axes, as a loss: s and w are f32 of one
 * shape, or w is one number for each element. Records that are padding count for nothing.
 */
export function ratio(frame: Frame, args: ReadonlyMap<string, Bound>, call: CallSite): Meaning {
  const s = tensorNamed(frame, args, "s", "ratio");
  const w = args.get("w");
  if (s === null || w === undefined || w.meaning.kind === "unknown") return unknown;
  const number = asNumber(w.meaning);
  const { builder } = frame.elaboration;
  const weight =
    number === null
      ? tensorNamed(frame, args, "w", "ratio")
      : builder.expand(builder.constant(number), s.type.shape);
  if (weight === null) return unknown;
  if (!sameShape(weight.type.shape, s.type.shape)) {
    const expected = printType(s.type);
    const found = printType(weight.type);
    report(frame, shapesDiffer, { what: "`w` of `ratio`", expected, found }, w.span);
    return unknown;
  }
  const atLeast = args.get("at_least");
  const bound = asNumber(atLeast?.meaning ?? none) ?? 0;
  if (bound < 0) {
    const what = "`at_least` of `ratio`";
    report(
      frame,
      wrongType,
      { what, expected: "at least 0", found: String(bound) },
      atLeast?.span ?? call.span,
    );
    return unknown;
  }
  const total = (x: Value): Value =>
    builder.within({ span: call.span, scope: frame.path }, () => {
      const axes = x.type.shape.map((_, i) => i);
      return builder.sum(withoutPadding(frame, x), { axes, keep: false });
    });
  const atom = { sum: total(s), weight: total(weight), span: call.span };
  const bounded = bound === 0 ? atom : { ...atom, atLeast: bound };
  return { kind: "loss", loss: { constant: 0, terms: [{ coefficient: 1, atom: bounded }] } };
}

/** A value of the whole batch, f32[], as a loss that is the mean over the batches of an update. */
export function perBatch(frame: Frame, args: ReadonlyMap<string, Bound>, call: CallSite): Meaning {
  const value = tensorNamed(frame, args, "v", "per_batch");
  if (value === null) return unknown;
  if (value.type.shape.length === 0)
    return { kind: "loss", loss: valueLoss(frame, value, call.span) };
  const found = printType(value.type);
  report(frame, wrongType, { what: "`v` of `per_batch`", expected: "f32[]", found }, call.span);
  return unknown;
}

function tensorNamed(
  frame: Frame,
  args: ReadonlyMap<string, Bound>,
  name: string,
  callee: string,
): Value | null {
  const bound = args.get(name);
  if (bound === undefined || bound.meaning.kind === "unknown") return null;
  const { meaning } = bound;
  if (meaning.kind === "tensor" && meaning.value.type.dtype === "f32") return meaning.value;
  const what = `\`${name}\` of \`${callee}\``;
  report(
    frame,
    wrongType,
    { what, expected: "an f32 tensor", found: describe(meaning) },
    bound.span,
  );
  return null;
}

/** Zero for the records that are padding. */
function withoutPadding(frame: Frame, x: Value): Value {
  const { builder, recordAxis, valid } = frame.elaboration;
  const [first, ...rest] = x.type.shape;
  if (valid === null || first === undefined || recordAxis === null || !sameDim(first, recordAxis))
    return x;
  const column = builder.reshape(valid, [first, ...rest.map((): Dim => 1)]);
  return builder.mul(x, builder.emit("cast", [column], { dtype: x.type.dtype }));
}
