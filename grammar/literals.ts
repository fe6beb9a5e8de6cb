/** Numbers, quantities and strings from their tokens. */

import type { IToken } from "chevrotain";

import type { NumberExpr, QuantityExpr, StringExpr } from "./ast.js";
import { reportAt, spanOfToken, type Conversion } from "./cst.js";
import { numberOutOfRange, unknownEscape } from "./diagnostics/syntax.js";
import { UNITS } from "./tokens.js";

/** A number; `1_000` may carry underscores. */
export function numberExpr(c: Conversion, item: IToken): NumberExpr {
  const integer = /^[\d_]+$/.test(item.image);
  return {
    kind: "number",
    value: valueOf(c, item, item.image, integer),
    integer,
    span: spanOfToken(c, item),
  };
}

/** `5 epochs` in the singular; `70%` keeps 70 as its value. */
export function quantityExpr(c: Conversion, item: IToken): QuantityExpr {
  const [, digits = "", unit = ""] = /^(.*?)[ \t]*([A-Za-z]{2,}|%)$/.exec(item.image) ?? [];
  return {
    kind: "quantity",
    value: valueOf(c, item, digits, /^[\d_]+$/.test(digits)),
    unit: UNITS[unit] ?? unit,
    span: spanOfToken(c, item),
  };
}

function valueOf(c: Conversion, item: IToken, digits: string, integer: boolean): number {
  const value = Number(digits.replaceAll("_", ""));
  if (integer ? !Number.isSafeInteger(value) : !Number.isFinite(value))
    reportAt(c, numberOutOfRange, { text: item.image }, spanOfToken(c, item));
  return value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\"': '"',
  "\\\\": "\\",
  "\\n": "\n",
  "\\t": "\t",
};

/** The closing quote may be missing, which has been reported. */
export function stringExpr(c: Conversion, item: IToken): StringExpr {
  const { image, startOffset } = item;
  const quote = image.slice(0, 1);
  const closed = image.length > 1 && image.endsWith(quote) && /(?<!\\)(?:\\\\)*.$/.test(image);
  const inner = image.slice(1, closed ? -1 : undefined);
  const value = inner.replace(/\\[^\n]/gu, (escape, offset: number) => {
    const meant = ESCAPES[escape];
    if (meant !== undefined) return meant;
    if (quote !== '"') return escape.slice(1);
    const start = startOffset + 1 + offset;
    const span = { source: c.source, start, end: start + escape.length };
    reportAt(c, unknownEscape, { escape }, span);
    return escape;
  });
  return { kind: "string", value, span: spanOfToken(c, item) };
}
