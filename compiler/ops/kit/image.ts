/** Ops that give images another height and width. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import { attributeRange, dimNotNumeric, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { invariant } from "../../../grammar/invariant.js";
import { printDim } from "../../ir/dim.js";
import { type TensorType, printType, rankOf, tensorType } from "../../ir/type.js";

/** `[N, C, height, width]` for an `x [N, C, H, W]` of known H and W, or a refusal. */
export function imageTo<const I extends string>(
  op: string,
  input: Readonly<Record<I, TensorType>>,
  { height, width }: { readonly height: number; readonly width: number },
): TensorType | Rejection<I | "height" | "width"> {
  const [name, x] = onlyEntry(input);
  if (rankOf(x) !== 4)
    return reject(
      rankDiffers,
      { op, input: name, expected: "four axes", actual: printType(x) },
      name,
    );
  const symbolic = x.shape.slice(2).find((dim) => typeof dim !== "number");
  if (symbolic !== undefined) return reject(dimNotNumeric, { op, dim: printDim(symbolic) }, name);
  for (const [attribute, extent] of [
    ["height", height],
    ["width", width],
  ] as const)
    if (extent < 1)
      return reject(
        attributeRange,
        { attribute, expected: "at least 1", actual: String(extent) },
        attribute,
      );
  return tensorType(x.dtype, [...x.shape.slice(0, 2), height, width]);
}

function onlyEntry<const I extends string>(
  record: Readonly<Record<I, TensorType>>,
): readonly [I, TensorType] {
  for (const name in record) return [name, record[name]];
  invariant(false, "one input is named");
}
