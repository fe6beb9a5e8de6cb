/** Scalar expressions over time: schedules as trees, stored in the plan and evaluated by the runtime. */

import { z } from "zod";
import { scalarFunctions, scalarOperators, scalarVariables } from "./scalar-words.js";

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
