/** Reads graphs from the text that `printGraph` writes. */

import { at, invariant } from "../../grammar/invariant.js";
import {
  type Dim,
  addDims,
  ceilDivide,
  floorDivide,
  multiplyDims,
  namedDim,
  negateDim,
} from "./dim.js";
import type { AttrValue, Attrs, Graph, NamedValue, Node, Value } from "./graph.js";
import { type TensorType, dtypes, tensorType } from "./type.js";

/** The graph a text describes; spans and scopes are not read. Throws `InvariantError` on other text. */
export function parseGraph(text: string): Graph {
  const t = createReader(text);
  const values = new Map<string, Value>();
  const define = (name: string, type: TensorType): Value => {
    invariant(!values.has(name), `%${name} is defined twice`);
    const value = { id: values.size, type };
    values.set(name, value);
    return value;
  };
  const use = (): Value => {
    t.expect("%");
    const name = t.name();
    const value = values.get(name);
    invariant(value !== undefined, `%${name} is not defined`);
    return value;
  };

  t.expect("graph");
  t.expect("@");
  const name = t.name();
  t.expect("(");
  const inputs = t.listUntil(")", (): NamedValue => {
    t.expect("%");
    const input = t.name();
    t.expect(":");
    return { name: input, value: define(input, parseType(t)) };
  });
  t.expect("{");
  const nodes: Node[] = [];
  while (!t.accept("return")) nodes.push(parseNode(t, { define, use }));
  const outputs = t.listUntil("}", (): NamedValue => {
    const output = t.name();
    t.expect("=");
    return { name: output, value: use() };
  });
  t.end();
  return { name, inputs, nodes, outputs };
}

interface Values {
  readonly define: (name: string, type: TensorType) => Value;
  readonly use: () => Value;
}

function parseNode(t: Reader, { define, use }: Values): Node {
  const names: string[] = [];
  do {
    t.expect("%");
    names.push(t.name());
  } while (t.accept(","));
  t.expect("=");
  const op = t.name();
  t.expect("(");
  const inputs = t.listUntil(")", use);
  const attrs = t.accept("{") ? parseAttrs(t) : {};
  t.expect(":");
  const outputs = names.map((name, i) => {
    if (i > 0) t.expect(",");
    return define(name, parseType(t));
  });
  return { op, inputs, attrs, outputs, span: null, scope: "" };
}

function parseAttrs(t: Reader): Attrs {
  const entries = t.listUntil("}", (): [string, AttrValue] => {
    const name = t.name();
    t.expect("=");
    return [name, parseAttr(t)];
  });
  return Object.fromEntries(entries);
}

function parseAttr(t: Reader): AttrValue {
  if (t.isString()) return t.name();
  if (t.accept("true")) return true;
  if (t.accept("false")) return false;
  return t.accept("[") ? t.listUntil("]", () => parseSum(t)) : parseSum(t);
}

function parseType(t: Reader): TensorType {
  const word = t.name();
  const dtype = dtypes.find((known) => known === word);
  invariant(dtype !== undefined, `${word} is not a dtype`);
  t.expect("[");
  return tensorType(
    dtype,
    t.listUntil("]", () => parseSum(t)),
  );
}

function parseSum(t: Reader): Dim {
  let sum = t.accept("-") ? negateDim(parseProduct(t)) : parseProduct(t);
  for (;;) {
    if (t.accept("+")) sum = addDims(sum, parseProduct(t));
    else if (t.accept("-")) sum = addDims(sum, negateDim(parseProduct(t)));
    else return sum;
  }
}

function parseProduct(t: Reader): Dim {
  let product = parseFactor(t);
  while (t.accept("*")) product = multiplyDims(product, parseFactor(t));
  return product;
}

function parseFactor(t: Reader): Dim {
  if (t.accept("(")) {
    const inner = parseSum(t);
    t.expect(")");
    return inner;
  }
  for (const [word, divide] of [
    ["floor", floorDivide],
    ["ceil", ceilDivide],
  ] as const)
    if (t.accept(word)) {
      t.expect("(");
      const over = parseFactor(t);
      t.expect("/");
      const under = parseFactor(t);
      t.expect(")");
      return divide(over, under);
    }
  if (t.accept("inf")) return Infinity;
  const word = t.name();
  return /^[0-9.]/.test(word) ? Number(word) : namedDim(word);
}

interface Reader {
  /** Takes the token if it is next. */
  accept(token: string): boolean;
  expect(token: string): void;
  /** A word, a number or a quoted string. */
  name(): string;
  isString(): boolean;
  /** Items between commas, up to and including `close`. */
  listUntil<T>(close: string, item: () => T): readonly T[];
  end(): void;
}

const pattern =
  /\s+|\/\/[^\n]*|("(?:[^"\\]|\\.)*"|[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*|.)/gy;

function createReader(text: string): Reader {
  const tokens = [...text.matchAll(pattern)]
    .map((match) => match[1])
    .filter((s) => s !== undefined);
  let next = 0;
  const reader: Reader = {
    accept(token) {
      const found = tokens[next] === token;
      if (found) next++;
      return found;
    },
    expect(token) {
      const around = tokens.slice(Math.max(0, next - 5), next + 1).join(" ");
      invariant(reader.accept(token), `expected ${token} at the end of: ${around}`);
    },
    name() {
      const token = at(tokens, next++);
      if (!token.startsWith('"')) return token;
      const name: unknown = JSON.parse(token);
      return String(name);
    },
    isString: () => tokens[next]?.startsWith('"') ?? false,
    listUntil(close, item) {
      const items = [];
      while (!reader.accept(close)) {
        if (items.length > 0) reader.expect(",");
        items.push(item());
      }
      return items;
    },
    end: () => invariant(next === tokens.length, `unexpected ${tokens[next]} after the graph`),
  };
  return reader;
}
