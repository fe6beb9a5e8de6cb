/** Elements of tensors as JavaScript numbers, whatever their type. */

import { bfloatValue, halfValue } from "../../compiler/plan/elements.js";
import type { HostTensor } from "../tensor.js";

/** Reads elements of any tensor as f64; i64 beyond 2^53 rounds. */
export function numbersOf({
  dtype,
  data,
}: Pick<HostTensor, "dtype" | "data">): (index: number) => number {
  if (dtype === "f16") return (index) => halfValue(Number(data[index] ?? 0));
  if (dtype === "bf16") return (index) => bfloatValue(Number(data[index] ?? 0));
  return (index) => Number(data[index] ?? 0);
}
