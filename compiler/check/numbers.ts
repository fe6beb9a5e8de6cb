/** Functions of compile-time numbers and dims: `sqrt(5)`, `max(a, b)`, `floor(x)`. */

import { asDim, asNumber, dimMeaning, floatOf, intOf, type Meaning, unknown } from "./value.js";

const unaryFloats = new Map<string, (x: number) => number>([
  ["sqrt", Math.sqrt],
  ["exp", Math.exp],
  ["log", Math.log],
  ["sin", Math.sin],
  ["cos", Math.cos],
  ["tanh", Math.tanh],
  ["square", (x) => x * x],
  ["reciprocal", (x) => 1 / x],
  ["rsqrt", (x) => 1 / Math.sqrt(x)],
]);

/** The value of an op on compile-time numbers; `null` when it has none. */
export function constantFunction(name: string, args: readonly Meaning[]): Meaning | null {
  const [first, second] = args;
  if (first === undefined) return null;
  const x = asNumber(first);
  if (second === undefined) {
    if (x === null) return first.kind === "dim" && unaryFloats.has(name) ? unknown : null;
    const float = unaryFloats.get(name);
    if (float !== undefined) return floatOf(float(x));
    if (name === "floor") return intOf(Math.floor(x));
    if (name === "ceil") return intOf(Math.ceil(x));
    if (name === "abs") return first.kind === "int" ? intOf(Math.abs(x)) : floatOf(Math.abs(x));
    if (name === "neg") return first.kind === "int" ? intOf(-x) : floatOf(-x);
    return null;
  }
  const y = asNumber(second);
  if (x === null || y === null) {
    const dims = asDim(first) !== null && asDim(second) !== null;
    return dims && (name === "maximum" || name === "minimum") ? unknown : null;
  }
  const integer = first.kind === "int" && second.kind === "int";
  const wrap = (value: number): Meaning => (integer ? dimMeaning(value) : floatOf(value));
  switch (name) {
    case "pow":
      return integer && y >= 0 ? wrap(x ** y) : floatOf(x ** y);
    case "maximum":
      return wrap(Math.max(x, y));
    case "minimum":
      return wrap(Math.min(x, y));
    case "add":
      return wrap(x + y);
    case "mul":
      return wrap(x * y);
    case "mod":
      return integer && y !== 0 ? intOf(x - y * Math.floor(x / y)) : null;
    default:
      return null;
  }
}
