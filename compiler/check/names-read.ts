/** The names an expression reads, with their places. */

import type { Expr } from "../../grammar/ast.js";
import type { Span } from "../../grammar/source.js";

/** A name where an expression reads it. */
export interface NameRead {
  readonly name: string;
  readonly span: Span;
}

/** Every name in an expression, in the order of the text; names of members and settings are none. */
export function namesRead(expr: Expr): readonly NameRead[] {
  const found: NameRead[] = [];
  visit(expr);
  return found;

  function visit(value: unknown): void {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === "object" && value !== null && !("lineStarts" in value)) {
      if (isNameExpr(value)) found.push({ name: value.name, span: value.span });
      else Object.values(value).forEach(visit);
    }
  }
}

const isNameExpr = (value: object): value is Extract<Expr, { kind: "name" }> =>
  "kind" in value && value.kind === "name";
