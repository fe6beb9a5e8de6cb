/** Every supported form, from text to AST. */

import { describe, expect, it } from "vitest";

import { parseExpression, parseModule } from "../../grammar/parse.js";
import { validateGrammar } from "../../grammar/parser.js";
import { createSource } from "../../grammar/source.js";
import { validateTokens } from "../../grammar/tokens.js";
import { SAMPLE } from "./sample.js";
import { show } from "./show-ast.js";

it("the rules of the grammar are sound", () => {
  expect(validateGrammar).not.toThrow();
  expect(validateTokens).not.toThrow();
});

const parse = (text: string): string => {
  const { module, diagnostics } = parseModule(createSource("a.pipe", text));
  expect(diagnostics.map((d) => d.message)).toStrictEqual([]);
  return module.declarations.map(show).join("\n");
};

const parseOne = (text: string): string => {
  const { expr, diagnostics } = parseExpression(createSource("<value>", text));
  expect(diagnostics.map((d) => d.message)).toStrictEqual([]);
  return show(expr);
};

const member = (kind: string, text: string): string =>
  parse(`${kind} X${kind === "optimizer" ? "()" : ""} {\n${text}\n}`)
    .replace(/^\(\w+ X (\(\) )?/, "")
    .slice(0, -1);

describe("expressions", () => {
  it.each([
    ["1_000", "1000"],
    ["2e-4", "0.0002f"],
    ["1.5", "1.5f"],
    ["5 epochs", "5'epoch"],
    ["1 epoch", "1'epoch"],
    ["70%", "70'%"],
    ["200 GiB", "200'GiB"],
    ["0.5 hours", "0.5'hour"],
    ["1e3 steps", "1000'step"],
    ['"a \\"b\\" \\n // c"', '"a \\"b\\" \\n // c"'],
    ['"héé 🚀"', '"héé 🚀"'],
    ["true", "true"],
    ["none", "none"],
    ["in", "in"],
    ["weight + state * out", "(+ weight (* state out))"],
  ])("reads %s", (text, expected) => expect(parseOne(text)).toBe(expected));

  it.each([
    ["a + b * c - d", "(- (+ a (* b c)) d)"],
    ["-a * b", "(* (- a) b)"],
    ["a - -b", "(- a (- b))"],
    ["- - a", "(- (- a))"],
    ["not a == b and c", "(and (not (== a b)) c)"],
    ["a or b and c", "(or a (and b c))"],
    ["a and not b or c", "(or (and a (not b)) c)"],
    ["a < b + 1", "(< a (+ b 1))"],
    ["i in [7, 15]", "(in i [7 15])"],
    ["x in 0 .. n + 1", "(in x (.. 0 (+ n 1)))"],
    ["a then b or c", "(then a (or b c))"],
    ["a then b then c", "(then (then a b) c)"],
  ])("gives %s its precedence", (text, expected) => expect(parseOne(text)).toBe(expected));

  it.each([
    ["a.b.c", "(. (. a b) c)"],
    ["blocks.0.1", "(. (. blocks 0) 1)"],
    ["out.x", "(. out x)"],
    ["f(a, k: 1)(b)", "(call (call f a k:1) b)"],
    ["f(a,)", "(call f a)"],
    ["xs[0][1 ..]", "(at (at xs 0) (.. 1 -))"],
    ["slice(1 .., axis: 1)", "(call slice (.. 1 -) axis:1)"],
    ["a\n.b", "(. a b)"],
    ["(a)", "a"],
    ["(a, b)", "(tuple a b)"],
    ["(a: x)", "(tuple a:x)"],
    ["(q, mask: m)", "(tuple q mask:m)"],
    ["[]", "[]"],
    ["[1, 2,]", "[1 2]"],
    ["if a { b } else { c }", "(if a b c)"],
    [
      "if a { let m = 1  m } else if b { 2 } else { const K = 3  K }",
      "(if a (do (let m 1) m) (if b 2 (do (const K 3) K)))",
    ],
    ["if (a) { (b, c) } else { [d] }", "(if a (tuple b c) [d])"],
  ])("reads %s", (text, expected) => expect(parseOne(text)).toBe(expected));

  it.each([
    ["x |> relu", "(|> x (apply relu))"],
    ["x |> f() |> m.g(1)", "(|> (|> x (apply f ())) (apply (. m g) (1)))"],
    ["x |> f(1) as a.0.b", "(|> x (apply f (1) @a.0.b))"],
    ["x |> f as _ |> g", "(|> (|> x (apply f @_)) (apply g))"],
    ["x |> f as w_{s}.{i + 1}.k", "(|> x (apply f @w_{s}.{(+ i 1)}.k))"],
    ["x |> f as weight", "(|> x (apply f @weight))"],
    ["x |> repeat n B(1) as layers", "(|> x (repeat n (apply B (1)) @layers))"],
    ["x |> repeat n - 1 B", "(|> x (repeat (- n 1) (apply B)))"],
    ["x |> repeat (n + 1) B()", "(|> x (repeat (+ n 1) (apply B ())))"],
    ["x |> repeat (i in 0 .. n) B(i)", "(|> x (repeat i=(.. 0 n) (apply B (i))))"],
    ["f(x |> g)", "(call f (|> x (apply g)))"],
    ["a + b |> f", "(|> (+ a b) (apply f))"],
  ])("reads the pipe %s", (text, expected) => expect(parseOne(text)).toBe(expected));
});

describe("declarations", () => {
  it.each([
    ['import { A, b } from "saic:layers"', '(import {A,b} "saic:layers")'],
    ['import "./o.pipe" as other', '(import other "./o.pipe")'],
    ["param lr: float = 2e-4 in 1e-6 .. 1e-2", "(param lr float =0.0002f in (.. 0.000001f 0.01f))"],
    ["param root: path", "(param root path)"],
    ["param n: int = f(a in b)\n  in 1 .. 2", "(param n int =(call f (in a b)) in (.. 1 2))"],
    ["const N = 1\n  + 2\n  - 3", "(const N (- (+ 1 2) 3))"],
    ["const N =\n  (1, 2)", "(const N (tuple 1 2))"],
    ["fn f(x, k: int = 1) = x * k", "(fn f (x k:int=1) (* x k))"],
    ["fn f(x) {\n  let a, _ = g(x)\n  a\n}", "(fn f (x) (do (let a,_ (call g x)) a))"],
    ["block B { }", "(block B ())"],
    [
      "block B(a: int[2] | same = 1, b: dim | none = none) { }",
      "(block B (a:int[2]|same=1 b:dim|none=none))",
    ],
    ["schedule s(to: float) = base * u", "(schedule s (to:float) (* base u))"],
    ["expect params(B(64)) < 1_000", "(expect (< (call params (call B 64)) 1000))"],
    [
      "/// One.\n///  Two.\nconst A = 1\n// no\n/// lost\n\nconst B = 2",
      "(const /One.\n Two./ A 1)\n(const B 2)",
    ],
    ["const field = 1 const stage = field", "(const field 1)\n(const stage field)"],
  ])("reads %s", (text, expected) => expect(parse(text)).toBe(expected));
});

describe("members of a block", () => {
  it.each([
    ["in x: f32[B, T = 3, ..., _, 2 * C]", "(in x f32[B,T=3,...,_,(* 2 C)])"],
    ["in mask: bool[] = none if masked", "(in mask bool[] =none if masked)"],
    ["out y: f32[ceil(H / 2)]", "(out y f32[(call ceil (/ H 2))])"],
    [
      "/// Doc.\nweight w: f32[C] = 1 as weight if affine",
      "(weight /Doc./ w f32[C] 1 @weight if affine)",
    ],
    ["unused weight b: f32[] = 0", "(unused weight b f32[] 0)"],
    ["state n: i64[] = 0 as n_{s}", "(state n i64[] 0 @n_{s})"],
    ["let a, _ = f(x)", "(let a,_ (call f x))"],
    ["const K = 2\nn <- n + 1\na, b = f(x)", "(const K 2) (<- n (+ n 1)) (= a,b (call f x))"],
    [
      "out = out.x\nin = weight\nweight = state(in)",
      "(= out (. out x)) (= in weight) (= weight (call state in))",
    ],
    ["y = x\n  |> f\n  |> g\nz = y", "(= y (|> (|> x (apply f)) (apply g))) (= z y)"],
    ["y = a\n- b\nz = 1", "(= y (- a b)) (= z 1)"],
    ["y = a\nlet b = (c)", "(= y a) (let b c)"],
    ["let s = if c\n  { x }\n  else { y }\nz = s", "(let s (if c x y)) (= z s)"],
    ["y = f(\n  a,\n  k: 1,\n)\nz = 1", "(= y (call f a k:1)) (= z 1)"],
    ["weight w: f32[C] =\n  normal(1)\ny = w", "(weight w f32[C] (call normal 1)) (= y w)"],
  ])("reads %s", (text, expected) => expect(member("block", text)).toBe(expected));
});

describe("members of an optimizer", () => {
  it.each([
    [
      "in p, g\nslot m = 0 as exp_avg if b > 0\nslot v: f32[] = 0\nm <- g",
      "in:p,g (slot m 0 @exp_avg if (> b 0)) (slot v f32[] 0) (<- m g)",
    ],
    ["in w, d let v = d w <- w - v", "in:w,d (let v d) (<- w (- w v))"],
  ])("reads %s", (text, expected) => expect(member("optimizer", text)).toBe(expected));
});

describe("members of a dataset", () => {
  it.each([
    ['source: csv("d.csv", root: data)', '(source: (call csv "d.csv" root:data))'],
    ["/// Doc.\nfield x: a(1) -> u8[3, H]", "(field /Doc./ x (call a 1) u8[3,H])"],
    [
      "split by event { train: 70%  val: 15%, seed: 7 }",
      "(split event (train: 70'%) (val: 15'%) (seed: 7))",
    ],
    ["split random { train: 3 steps: 4 }", "(split random (train: 3) (steps: 4))"],
    [
      "transform { a, b = (a, b) |> f  c = d }",
      "(transform (= a,b (|> (tuple a b) (apply f))) (= c d))",
    ],
    ["transform train { }", "(transform train)"],
    ["loader { batch: batch\n last: drop }", "(loader (batch: batch) (last: drop))"],
  ])("reads %s", (text, expected) => expect(member("dataset", text)).toBe(expected));
});

describe("members of a train", () => {
  it.each([
    ["model: Net(), data: D seed: 1", "(model: (call Net)) (data: D) (seed: 1)"],
    ["optimizer:\nschedule:\n", "(optimizer: -) (schedule: -)"],
    ["optimizer:\nstage a for 1 epoch { }", "(optimizer: -) (stage a 1'epoch)"],
    ["loss: 1\nstage: loss\nmetrics: field", "(loss: 1) (stage: loss) (metrics: field)"],
    [
      "schedule: warmup(500 steps) then cosine(to: 0)",
      "(schedule: (then (call warmup 500'step) (call cosine to:0)))",
    ],
    ["loss { a = f(x)\n total = a }", "(loss (= a (call f x)) (= total a))"],
    ["metrics { a = b }\nmetrics val { c = d }", "(metrics (= a b)) (metrics val (= c d))"],
    ["stage s for 2 * n { loader.batch: 4, lr: 1 }", "(stage s (* 2 n) (loader.batch: 4) (lr: 1))"],
    [
      "stage s for 1 epoch { freeze model.cnn.**, model.layers[0 .. 4].bn*\n unfreeze a.*.0 }",
      "(stage s 1'epoch (freeze model.cnn.** model.layers[(.. 0 4)].bn*) (unfreeze a.*.0))",
    ],
    [
      "checkpoint: [best(val.f1, keep: 3), last(every: 1 epochs)]",
      "(checkpoint: [(call best (. val f1) keep:3) (call last every:1'epoch)])",
    ],
    ["objective val.f1 >= 0.7", "(objective (>= (. val f1) 0.7f))"],
  ])("reads %s", (text, expected) => expect(member("train", text)).toBe(expected));
});

describe("a whole file", () => {
  it("reads the same with CRLF and a byte order mark", () => {
    const expected = parse(SAMPLE);
    expect(expected.split("\n(").length).toBe(12);
    expect(parse(`\u{FEFF}${SAMPLE.replaceAll("\n", "\r\n")}`)).toBe(expected);
  });

  it("reads the same when indentation is lost", () => {
    expect(parse(SAMPLE.replaceAll(/^ +/gm, ""))).toBe(parse(SAMPLE));
  });

  it("gives spans that hold exactly the text of a node", () => {
    const { module } = parseModule(createSource("a.pipe", SAMPLE));
    const texts = module.declarations.map(({ span }) => SAMPLE.slice(span.start, span.end));
    expect(texts[2]).toBe("param lr: float = 2e-4 in 1e-6 .. 1e-2");
    expect(texts.at(-1)).toBe("expect params(BasicBlock(64)) < 1_000_000");
    expect(texts.every((text) => /^[a-z]/.test(text) && !/\s$/.test(text))).toBe(true);
  });
});
