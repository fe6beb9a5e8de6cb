/** The words of scalar expressions over time, for both halves. */

export const scalarFunctions = [
  "cos",
  "sin",
  "exp",
  "log",
  "sqrt",
  "floor",
  "ceil",
  "abs",
] as const;
export const scalarOperators = ["+", "-", "*", "/", "pow", "min", "max"] as const;
/** `base`: the value before the segment; `t`: updates since its start; `n`: its length; `u = t / n`. */
export const scalarVariables = ["base", "t", "n", "u"] as const;
