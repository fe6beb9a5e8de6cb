/** Scalar expressions over time: schedules as trees, stored in the plan and evaluated by the runtime. */

import { z } from "zod";

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

export type ScalarExpr =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "variable"; readonly name: (typeof scalarVariables)[number] }
  | {
      readonly kind: "call";
      readonly function: (typeof scalarFunctions)[number];
      readonly operand: ScalarExpr;
    }
  | {
      readonly kind: "binary";
      readonly operator: (typeof scalarOperators)[number];
      readonly left: ScalarExpr;
      readonly right: ScalarExpr;
    };

export const scalarExpr: z.ZodType<ScalarExpr> = z.lazy(() =>
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("number"), value: z.number() }),
    z.strictObject({ kind: z.literal("variable"), name: z.enum(scalarVariables) }),
    z.strictObject({
      kind: z.literal("call"),
      function: z.enum(scalarFunctions),
      operand: scalarExpr,
    }),
    z.strictObject({
      kind: z.literal("binary"),
      operator: z.enum(scalarOperators),
      left: scalarExpr,
      right: scalarExpr,
    }),
  ]),
);
