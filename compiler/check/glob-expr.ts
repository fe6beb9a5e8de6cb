/** Expressions that are paths of weights, as globs: in lists of `weights[]` and where paths stand as values. */

import type { Expr, GPath, GPathSegment } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { type Frame, report } from "./frame.js";
import { type Meaning, unknown } from "./value.js";

/** The expression as a glob; `null` when it is no path. */
export function globOfExpr(expr: Expr): GPath | null {
  const segments = segmentsOf(expr);
  return segments === null ? null : { segments, span: expr.span };
}

/** `[model.head.**, model.**.bias]` as a value: every item is a path, or it is reported. */
export function weightsMeaning(frame: Frame, expr: Expr, what: string): Meaning {
  const items = expr.kind === "list" ? expr.items : [expr];
  const globs: GPath[] = [];
  for (const item of items) {
    const glob = item.kind === "name" ? null : globOfExpr(item);
    if (glob === null) {
      const expected = "a list of paths such as `[model.head.**]`";
      const found = item.kind === "name" ? `\`${item.name}\`` : "another expression";
      report(frame, wrongType, { what, expected, found }, item.span);
      return unknown;
    }
    globs.push(glob);
  }
  return { kind: "weights", globs };
}

function segmentsOf(expr: Expr): readonly GPathSegment[] | null {
  const plain = { computed: null, range: null, binder: null, index: null, span: expr.span };
  switch (expr.kind) {
    case "name":
      return [{ ...plain, text: expr.name }];
    case "member":
      return after(expr.object, { ...plain, text: expr.member.text });
    case "computed-member":
      return after(expr.object, { ...plain, text: expr.text, computed: expr.computed });
    case "index": {
      const object = segmentsOf(expr.object);
      const last = object?.at(-1);
      if (object === null || last === undefined || last.index !== null || last.range !== null)
        return null;
      const own =
        expr.index.kind === "range"
          ? { ...last, range: expr.index }
          : { ...last, index: expr.index };
      return [...object.slice(0, -1), own];
    }
    default:
      return null;
  }
}

function after(object: Expr, segment: GPathSegment): readonly GPathSegment[] | null {
  const before = segmentsOf(object);
  return before === null ? null : [...before, segment];
}
