/** The forms beyond the quickstart's, from text to AST: placement, lists, paths, scans, metrics. */

import { describe, expect, it } from "vitest";

import { parseExpression, parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";
import { show } from "./show-ast.js";

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
  parse(`${kind} X {\n${text}\n}`)
    .replace(/^\(\w+ X (\(\) )?/, "")
    .slice(0, -1);

describe("steps, lists and paths in expressions", () => {
  it.each([
    [
      "x |> each E Mlp(hidden: 4 * D) as experts |> f",
      "(|> (|> x (each E (apply Mlp (hidden:(* 4 D))) @experts)) (apply f))",
    ],
    ["whole(x) |> each groups Linear(n)", "(|> (call whole x) (each groups (apply Linear (n))))"],
    [
      'x |> scan T Cell(hidden, suffix: "l0") as _',
      '(|> x (scan T (apply Cell (hidden suffix:"l0")) @_))',
    ],
    [
      "x |> scan (t in [2, ...rest], axis: T) Cell(t) as cell",
      "(|> x (scan t=[2 ...rest]@T (apply Cell (t)) @cell))",
    ],
    ["x |> scan (t in ts) Cell", "(|> x (scan t=ts (apply Cell)))"],
    ["x |> unused Linear(4) as head", "(|> x (unused apply Linear (4) @head))"],
    ["x |> unused repeat n Block() as layers", "(|> x (repeat n (unused apply Block ()) @layers))"],
    ["x |>\n  each E B()", "(|> x (each E (apply B ())))"],
    [
      "x |> rearrange(B T (h d) 1 -> (B T) h d, h: heads, d: D / heads) |> f",
      "(|> (|> x (rearrange B T (h d) 1 -> (B T) h d h:heads d:(/ D heads))) (apply f))",
    ],
    ["x |> rearrange(B (g c) ... -> B g c ...)", "(|> x (rearrange B (g c) ... -> B g c ...))"],
    [
      "(x, w) |> einsum(E K M, M D -> E K D) |> f",
      "(|> (|> (tuple x w) (einsum E K M, M D -> E K D)) (apply f))",
    ],
    ["(x, y) |> einsum(i, i ->)", "(|> (tuple x y) (einsum i, i ->))"],
    [
      "each + scan(rearrange, einsum(unused))",
      "(+ each (call scan rearrange (call einsum unused)))",
    ],
    ["[...xs, y, ...f(z)]", "[...xs y ...(call f z)]"],
    ["[for i in 0 .. n if i > 1: f(i)]", "(for i (.. 0 n) if (> i 1) (call f i))"],
    ["[for x in xs: x |> g as m.{i}.c]", "(for x xs (|> x (apply g @m.{i}.c)))"],
    ["[for s in 0 .. T if not (s in cond): s]", "(for s (.. 0 T) if (not (in s cond)) s)"],
    ["[for i in a: if i in b { 1 } else { 2 }]", "(for i a (if (in i b) 1 2))"],
    ["sum(model.**.balance)", "(call sum (. (. model **) balance))"],
    ["[model.cnn.layer3, model.*]", "[(. (. model cnn) layer3) (. model *)]"],
    ["f(model.*.rel_pos_*, model.a_*.w)", "(call f (. (. model *) rel_pos_*) (. (. model a_*) w))"],
    ["f(a.b*c)", "(call f (* (. a b) c))"],
    [
      "copy(model.blocks.{i}.mlp.groups[0].**, noise: 1)",
      "(call copy (. (at (. (. (. (. model blocks) {i}) mlp) groups) 0) **) noise:1)",
    ],
    ["f(model.layer{max(i, 28)}.w)", "(call f (. (. model layer{(call max i 28)}) w))"],
    ["model.** ", "(. model **)"],
  ])("reads %s", (text, expected) => expect(parseOne(text)).toBe(expected));
});

describe("declarations", () => {
  it.each([
    [
      "metric f1(t: float = 0.5) better max {\n in x: f32[B]\n let y = x > t\n sum tp: f32[] = y\n min first: f32[n] = f(y)\n const K = 2\n value = tp\n}",
      "(metric f1 (t:float=0.5f) better:max (in x f32[B]) (let y (> x t)) (sum tp f32[] y) (min first f32[n] (call f y)) (const K 2) (= value tp))",
    ],
    ["metric m { max a: f32[] = x\n value = a }", "(metric m () (max a f32[] x) (= value a))"],
    ["mesh pod { data: 4, expert: 2 }", "(mesh pod (data: 4) (expert: 2))"],
    [
      "shard p on pod {\n batch: split(B, over: data)\n model.**.experts: [split(E, over: expert), fsdp(over: data)]\n model.a.{i}, model.b[0 .. 2].rel_*: f(x)\n}",
      "(shard p on:pod (batch: (call split B over:data)) (model.**.experts: [(call split E over:expert) (call fsdp over:data)]) (model.a.{i},model.b[(.. 0 2)].rel_*: (call f x)))",
    ],
    [
      'variant "9.6b" of base { model.depth: 4\n stage.full.for: 1 epochs\n loss { total = a }\n split random { train: 60% }\n stage x for 1 epochs { }\n model: Net() }',
      "(variant \"9.6b\" of:base (model.depth: 4) (stage.full.for: 1'epoch) (loss (= total a)) (split random (train: 60'%)) (stage x 1'epoch) (model: (call Net)))",
    ],
    [
      "variant debug of base { field x: f() -> f32[]\n group model.** { lr: 1 } init { a: b } }",
      "(variant debug of:base (field x (call f) f32[]) (group model.** (lr: 1)) (init (a: b)))",
    ],
    [
      "sweep s over T { lr: log(1e-5 .. 1e-3)  model.depth: choice(4, 6) }",
      "(sweep s over:T (lr: (call log (.. 0.00001f 0.001f))) (model.depth: (call choice 4 6)))",
    ],
    [
      '/// Doc.\nexport t as "x.onnx" { outputs: [out.a, predict.p]  weights: ema }',
      '(export /Doc./ t "x.onnx" (outputs: [(. out a) (. predict p)]) (weights: ema))',
    ],
    [
      'export t as "x.onnx" { outputs: predict.mc.*\n opset: 18 }',
      '(export t "x.onnx" (outputs: (. (. predict mc) *)) (opset: 18))',
    ],
    ["param g: [weights] = [model.a.**]", "(param g [weights] =[(. (. model a) **)])"],
    ["fn f(xs: [int] = [1]) = xs", "(fn f (xs:[int]=[1]) xs)"],
  ])("reads %s", (text, expected) => expect(parse(text)).toBe(expected));
});

describe("members of a block", () => {
  it.each([
    ["carry h: f32[N] = 0 as h_{s}", "(carry h f32[N] 0 @h_{s})"],
    ["carry bank: [f32[B, 64, h, w], 3] = []", "(carry bank [f32[B,64,h,w];3] [])"],
    ["tap load = x |> f", "(tap load (|> x (apply f)))"],
    ["out ys: [f32[B, _]]", "(out ys [f32[B,_]])"],
    ["let a = x |> unused B()\ny = a", "(let a (|> x (unused apply B ()))) (= y a)"],
  ])("reads %s", (text, expected) => expect(member("block", text)).toBe(expected));
});

describe("members of a dataset", () => {
  it.each([
    [
      "fit range = minmax(x, axes: [0]) -> (lo: f32[M], hi: f32[M])",
      "(fit range (call minmax x axes:[0]) lo:f32[M] hi:f32[M])",
    ],
    ["fit m = mean(x) -> f32[3]\nsource: a()", "(fit m (call mean x) f32[3]) (source: (call a))"],
    ['split by column("s") { val: "v" }', '(split column ("s") (val: "v"))'],
    [
      "field x: a() -> f32[P] if mode == mlp\nfield y: b() -> f32[]",
      "(field x (call a) f32[P] if (== mode mlp)) (field y (call b) f32[])",
    ],
  ])("reads %s", (text, expected) => expect(member("dataset", text)).toBe(expected));
});

describe("members of a train", () => {
  it.each([
    [
      "group (i in 0 .. 12) model.blocks.{i}.** where size(p) < 4096 { lr: lr * pow(0.9, i) }",
      "(group i=(.. 0 12) model.blocks.{i}.** where (< (call size p) 4096) (lr: (* lr (call pow 0.9f i))))",
    ],
    ["group norms_and_biases { weight_decay: 0 }", "(group norms_and_biases (weight_decay: 0))"],
    [
      "group loss.**, model.a_*.b { lr: 1 }\nseed: 1",
      "(group loss.**,model.a_*.b (lr: 1)) (seed: 1)",
    ],
    [
      "init {\n model.cnn: load(a)\n model.**.g[0].{i}.**, model.h: load(b, from: enc.{max(i, 2)}.c)\n model.g[i in 1 .. 3].e[k].**: copy(model.g[0].e[k].**)\n x:\n}",
      "(init (model.cnn: (call load a)) (model.**.g[0].{i}.**,model.h: (call load b from:(. (. enc {(call max i 2)}) c))) (model.g[i=(.. 1 3)].e[k].**: (call copy (. (at (. (at (. model g) 0) e) k) **))) (x: -))",
    ],
    ["init { a: b, c: d }", "(init (a: b) (c: d))"],
    [
      "predict { p = a }\npredict mc(samples: 20) { p, q = a }",
      "(predict (= p a)) (predict mc (samples:20) (= p,q a))",
    ],
    [
      "loss vae { weight t: f32[] = 0\n unused state n: i64[] = 0\n let a = b\n const C = 1\n total = a }\nloss { total = b }",
      "(loss vae (weight t f32[] 0) (unused state n i64[] 0) (let a b) (const C 1) (= total a)) (loss (= total b))",
    ],
    [
      "stage s for 1 epoch { restart schedule\n loss { a = b }\n loss: vae\n metrics val { c = d }\n optimizer.lr: 1 }",
      "(stage s 1'epoch (restart schedule) (loss (= a b)) (loss: vae) (metrics val (= c d)) (optimizer.lr: 1))",
    ],
    [
      "stage s for 1 epoch { freeze p.groups[0].**, a.*\n unfreeze b }",
      "(stage s 1'epoch (freeze p.groups[0].** a.*) (unfreeze b))",
    ],
  ])("reads %s", (text, expected) => expect(member("train", text)).toBe(expected));
});

describe("damage in these forms", () => {
  it.each([
    ["const A = x |> each E\nconst Z = 1", "expected a name after `E`"],
    ["const A = x |> scan (t in a, axes: T) C()", "unexpected `axes`, expected `axis`"],
    ["const A = x |> rearrange(B T)", "unexpected `)`, expected `->`"],
    ["const A = x |> rearrange(B + T -> B T)", "unexpected `+`, expected `->`"],
    ["const A = [for i in 0 .. 3]", "unexpected `]`, expected `:`"],
    ["const A = [...]", "unexpected `]`, expected a value"],
    ["metric m better most { value = a }", "unexpected `most`, expected `max` or `min`"],
    ["metric m { value = a\n weight w: f32[] = 0\n }", "unexpected `weight`, expected a port"],
    ["shard p { a: b }", "unexpected `{`, expected `on`"],
    ["shard p on q { a.b c }", "unexpected `a`, expected a `path: value` or `}`"],
    ["variant a { }", "unexpected `{`, expected `of`"],
    ["sweep a of b { }", "unexpected `of`, expected `over`"],
    ["export a { }", "unexpected `{`, expected `as`"],
    ["block A { carry h: f32[]\n tap t = h }", "expected `=` after `]`"],
    ["block A { tap t\n y = x }", "expected `=` after `t`"],
    ["dataset A { fit r = m(x)\n source: a() }", "expected `->` after `)`"],
    ["train A { init { model.a } seed: 1 }", "unexpected `model`, expected a `path: value` or `}`"],
    ["train A { group { lr: 1 }\n seed: 1 }", "unexpected `{`, expected a name"],
    ["train A { stage s for 1 epoch { restart }\n seed: 1 }", "unexpected `}`, expected a name"],
  ])("%s", (text, message) => {
    const { module, diagnostics } = parseModule(createSource("a.pipe", `${text}\nblock Z { }`));
    expect(diagnostics.map((d) => d.message.startsWith(message) || d.message)).toStrictEqual([
      true,
    ]);
    expect(module.declarations.at(-1)?.kind).toBe("block");
  });
});

const FILE = `metric f1(t: float = 0.5) better max {
  in x: f32[B]
  sum tp: f32[] = x > t
  value = tp
}
mesh pod { data: 4, expert: 2 }
shard p on pod {
  batch: split(B, over: data)
  model.a.{i}, model.b[0 .. 2].rel_*: [for i in 0 .. 3 if i > 1: f([...xs])]
}
variant "9.6b" of base {
  stage.full.for: 1 epochs
  loss vae { weight t: f32[] = 0
    total = a }
}
sweep s over T { lr: log(1e-5 .. 1e-3)  model.depth: choice(4, 6) }
export t as "x.onnx" { outputs: predict.mc.* }
block B {
  in xs: [f32[B, C], 3]
  carry h: f32[N] = 0 as h_{s}
  tap load = x |> scan (t in [2, ...rest], axis: T) Cell(t) as cell
  y = (x, w) |> einsum(E K M, M D -> E K D) |> unused each E Mlp(4) as m.{i}
}
dataset D {
  fit range = minmax(x) -> (lo: f32[M], hi: f32[M])
  split by column("s") { val: "v" }
}
train t {
  group (i in 0 .. 12) model.blocks.{i}.** where size(p) < 4096 { lr: 1 }
  init { model.g[i in 1 .. 3].e[k].**: copy(model.g[0].**) }
  predict mc(samples: 20) { p = sum(model.**.balance) }
  stage s for 1 epoch { restart schedule  freeze a.groups[0].** }
}
`;

describe("half-typed files with these forms", () => {
  const messagesOf = (text: string): readonly string[] =>
    parseModule(createSource("a.pipe", text)).diagnostics.map((d) => d.message);

  it("gives a sound tree or a diagnostic for every prefix of every declaration", () => {
    const { module, diagnostics } = parseModule(createSource("a.pipe", FILE));
    expect(diagnostics.map((d) => d.message)).toStrictEqual([]);
    for (const { span } of module.declarations)
      for (let end = span.start; end < span.end; end++) {
        const prefix = parseModule(createSource("a.pipe", FILE.slice(span.start, end)));
        const tree = prefix.module.declarations.map(show).join("\n");
        if (prefix.diagnostics.length === 0) expect(tree).not.toMatch(/<broken>|[ :]\?|\n/);
      }
  });

  it("keeps the last declaration wherever one line is cut short", () => {
    const lines = FILE.trimEnd().split("\n");
    for (const [i, line] of lines.entries())
      for (const length of [1, Math.floor(line.length / 2), line.length - 1]) {
        if (length <= 0 || length >= line.length || line.startsWith("train")) continue;
        const text = lines.with(i, line.slice(0, length)).join("\n");
        const { module } = parseModule(createSource("a.pipe", text));
        expect([text, module.declarations.at(-1)?.kind]).toStrictEqual([text, "train"]);
      }
  });

  it("reads the same when indentation is lost", () => {
    const tree = (text: string): readonly string[] =>
      parseModule(createSource("a.pipe", text)).module.declarations.map(show);
    expect(messagesOf(FILE.replaceAll(/^ +/gm, ""))).toStrictEqual([]);
    expect(tree(FILE.replaceAll(/^ +/gm, ""))).toStrictEqual(tree(FILE));
  });
});
