/** Damaged text: one diagnostic per mistake, and everything else still in the AST. */

import { describe, expect, it } from "vitest";

import { parseExpression, parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";
import { SAMPLE } from "./sample.js";
import { show } from "./show-ast.js";

const read = (text: string): { readonly tree: string; readonly messages: readonly string[] } => {
  const { module, diagnostics } = parseModule(createSource("a.pipe", text));
  return {
    tree: module.declarations.map(show).join("\n"),
    messages: diagnostics.map((d) => d.message),
  };
};

const codes = (text: string): readonly string[] =>
  parseModule(createSource("a.pipe", text)).diagnostics.map((d) => d.code);

describe("damage stays in its member", () => {
  it.each([
    [
      "y = x |>\nz = 1",
      "(= y (|> x (apply <broken>))) (= z 1)",
      "expected a block or function to apply after `|>`",
    ],
    [
      "y = x |> |> f\nz = 1",
      "(= y (|> (|> x (apply <broken>)) (apply f))) (= z 1)",
      "unexpected `|>`, expected a block or function to apply",
    ],
    ["y =\nz = 1", "(= y <broken>) (= z 1)", "expected a value after `=`"],
    ["let a = f(x,\ny = 1", "(let a (call f x <broken>)) (= y 1)", "missing `)` before `y`"],
    ["let a = f(x\n  let b = 1", "(let a (call f x)) (let b 1)", "missing `)` before `let`"],
    ["y = f(a, [1)\nz = 1", "(= y (call f a [1])) (= z 1)", "missing `]` before `)`"],
    ["in x\nin y: f32[]", "(in x ?) (in y f32[])", "expected `:` after `x`"],
    [
      "weight w: f32[3]\nout y: f32[]",
      "(weight w f32[3] <broken>) (out y f32[])",
      "expected `=` after `]`",
    ],
    [
      "x: f32[]\nin y: f32[]",
      "(in y f32[])",
      "unexpected `x`, expected a port, weight, state, `let`, `const`, assignment or `}`",
    ],
    ["let a = if c { 1 }\nz = 1", "(let a (if c 1 <broken>)) (= z 1)", "expected `else` after `}`"],
    [
      "let a = B() as b\nz = 1",
      "(let a (call B)) (= z 1)",
      "unexpected `as`, expected a port, weight, state, `let`, `const`, assignment or `}`",
    ],
    ["y == 1\nz = 1", "(= y 1) (= z 1)", "`y ==` compares and its result goes nowhere"],
    ["y = a < b > (c)\nz = 1", "(= y <broken>) (= z 1)", "`<` and `>` cannot follow one another"],
    ["let (a, b) = c\nz = 1", "(let <broken>) (= z 1)", "unexpected `(`, expected a name"],
    ["y = f(k = 1)\nz = 1", "(= y (call f k)) (= z 1)", "unexpected `=`, expected `,` or `)`"],
  ])("%s", (text, tree, message) => {
    const result = read(`block A {\n${text}\n}\nconst Z = 1`);
    expect(result.tree).toBe(`(block A () ${tree})\n(const Z 1)`);
    expect(result.messages).toStrictEqual([message]);
  });

  it.each([
    ["model Net()\nseed: 1", "(seed: 1)"],
    ["stage a { lr: 1 }\nseed: 1", "(stage a <broken> (lr: 1)) (seed: 1)"],
    ["loss { a = 1 b }\nseed: 1", "(loss (= a 1)) (seed: 1)"],
    ["seed = 3\nlr: 1", "(lr: 1)"],
    ["stage a for 1 epoch { freeze }\nseed: 1", "(stage a 1'epoch (freeze)) (seed: 1)"],
    ["what is { this: 1 } here\nseed: 1", "(seed: 1)"],
  ])("in a train: %s", (text, tree) => {
    const result = read(`train t {\n${text}\n}\nconst Z = 1`);
    expect(result.tree).toBe(`(train t ${tree})\n(const Z 1)`);
    expect(result.messages).toHaveLength(1);
  });

  it("ends a declaration at the next one, and names the bracket that is open", () => {
    const source = createSource(
      "a.pipe",
      "block A {\n  in x: f32[]\n  y = f(x\n\nblock B { }\ntrain t { seed: 1 }",
    );
    const { module, diagnostics } = parseModule(source);
    expect(module.declarations.map((d) => d.kind)).toStrictEqual(["block", "block", "train"]);
    expect(diagnostics.map((d) => d.message)).toStrictEqual(["missing `)` `}` before `block`"]);
    expect(diagnostics[0]?.labels.map((l) => l.span.start)).toStrictEqual([
      source.text.indexOf("(x"),
      source.text.indexOf("{"),
    ]);
  });

  it("asks the indentation which brace is open when they do not match", () => {
    const text =
      "dataset D {\n  transform {\n    a = b\n\n  loader { batch: 1 }\n}\ntrain t { data: D }";
    const { tree, messages } = read(text);
    expect(tree).toBe("(dataset D (transform (= a b)) (loader (batch: 1)))\n(train t (data: D))");
    expect(messages).toStrictEqual(["missing `}` before `loader`"]);
  });

  it("reports text that is no declaration once, with a suggestion", () => {
    const { module, diagnostics } = parseModule(
      createSource("a.pipe", "const A = 1\nblok B() {\n  in x: f32[]\n}\nconst C = 1"),
    );
    expect(module.declarations.map(show)).toStrictEqual(["(const A 1)", "(const C 1)"]);
    expect(diagnostics.map((d) => [d.message, d.hint])).toStrictEqual([
      ["unexpected `blok`, expected a declaration", "did you mean `block`?"],
    ]);
  });
});

describe("half-typed files", () => {
  it("gives a sound tree or a diagnostic for every prefix of every declaration", () => {
    const { module } = parseModule(createSource("a.pipe", SAMPLE));
    for (const { span } of module.declarations)
      for (let end = span.start; end < span.end; end++) {
        const { tree, messages } = read(SAMPLE.slice(span.start, end));
        if (messages.length === 0) expect(tree).not.toMatch(/<broken>|[ :]\?|\n/);
      }
  });

  it("keeps the declarations before the cut", () => {
    const { module } = parseModule(createSource("a.pipe", SAMPLE));
    for (let end = 0; end < SAMPLE.length; end += 37) {
      const before = module.declarations.filter(({ span }) => span.end <= end).map(show);
      expect(read(SAMPLE.slice(0, end)).tree.startsWith(before.join("\n"))).toBe(true);
    }
  });

  it("keeps later blocks wherever one line of the file is cut short", () => {
    const lines = SAMPLE.split("\n");
    for (const [i, line] of lines.entries())
      for (const length of [1, Math.floor(line.length / 2), line.length - 1]) {
        if (length <= 0 || length >= line.length || line.trim() === "") continue;
        const text = lines.with(i, line.slice(0, length)).join("\n");
        const { module } = parseModule(createSource("a.pipe", text));
        const names = module.declarations.map((d) => ("name" in d ? d.name.text : d.kind));
        if (!/^train|^expect/.test(line)) expect(names).toContain("smoke_tiles");
        if (i < 10) expect(names).toContain("BasicBlock");
      }
  });

  it("reports a file cut inside a member, at least once", () => {
    for (const cut of [
      "in  x",
      "let shortcut = if",
      "|> repeat (i in",
      "in p,",
      "field image: ",
      "stage heads for",
      "freeze model.",
      "param lr: ",
      "split by",
    ]) {
      const text = SAMPLE.slice(0, SAMPLE.indexOf(cut) + cut.length);
      expect([cut, codes(text).length > 0]).toStrictEqual([cut, true]);
    }
  });
});

describe("what the language has not", () => {
  it.each([
    ["block A { y = match act { relu: x } }", "there is no `match`"],
    ["block A { while x > 1 { y = x } }", "there are no loops at run time"],
    ["block A { for i in 0 .. 3 { y = x } }", "there are no loops"],
    ["const A = { a: 1 }", "there are no records"],
    ["const A = f(x -> x + 1)", "there are no lambdas"],
    ["fn f(x) {\n  return x\n}", "leave `return` out"],
    ["const A = if a then b else c", "`if c { a } else { b }`"],
    ["const A = lambda x: x", "there are no lambdas"],
    ["block A { in x: f32[B] | none\n }", "an optional input"],
    ["block A(sizes: int[] | none = none) { in x: f32[B] }", "`name: int[] = []`"],
    ['import { Linear as Dense } from "saic:layers"', "a whole module gets a name"],
    ["block A { y = x |> B() as 0 }", "`as {0}`"],
    ["train t { stage a for 1 epoch { seed: 1\n while b } }", "there are no loops at run time"],
  ])("%s", (text, hint) => {
    const { diagnostics } = parseModule(createSource("a.pipe", `${text}\nconst Z = 1`));
    expect(diagnostics.map((d) => d.hint?.includes(hint) ?? false)).toStrictEqual([true]);
  });

  it("leaves the same words alone where they are names", () => {
    const text =
      "block A {\n  let mesh = each + scan(tap)\n  carry = mesh.group\n  init = export(predict: fit)\n}\n" +
      "metric m { sum = max(min, on, of)\n better = where(over) }\n" +
      "train t { group: restart, init: rearrange(a, b), fit: einsum }";
    expect(read(text).messages).toStrictEqual([]);
  });
});

describe("text of other languages", () => {
  it.each([
    ["const a = 1;", ";", "lines end by themselves: remove it"],
    ["const a := 1", ":=", "a name gets its value with `=`"],
    ["const a = b && c", "&&", "write `and`"],
    ["const a = !b", "!", "write `not`"],
    ["const a = 'b'", "'", 'a string stands in double quotes: `"text"`'],
    ["const a = x => x + 1", "=>", "there are no lambdas: name the function with `fn f(x) = …`"],
    ["const a = 1 # b", "#", "a comment begins with `//`"],
    ["/* a\n*/ const a = 1", "/*", "a comment begins with `//` on each line"],
    ["const a = 5 % 2", "%", "`%` is only percent, directly after a number: `70%`"],
  ])("%s", (text, token, hint) => {
    const { diagnostics } = parseModule(createSource("a.pipe", text));
    expect(diagnostics.map((d) => [d.message, d.hint])).toStrictEqual([
      [`\`${token}\` is not part of the language`, hint],
    ]);
  });

  it("is reported once per file, with how often it follows", () => {
    const { diagnostics } = parseModule(
      createSource("a.pipe", "const a = 1;\nconst b = 2;\nconst c = 3;"),
    );
    expect(diagnostics.map((d) => d.hint)).toStrictEqual([
      "lines end by themselves: remove it (2 more below)",
    ]);
  });

  it("lets a semicolon end a line", () => {
    expect(read("block A { y = x; z = y }").tree).toBe("(block A () (= y x) (= z y))");
  });
});

describe("bad text", () => {
  it.each([
    ['const a = "abc\nconst b = 1', ["syntax/unterminated-string"]],
    ['const a = "a\\q"', ["syntax/unknown-escape"]],
    ["const a = \u0000 1\u0000", ["syntax/unknown-character"]],
    ["const 🚀 = 1", ["syntax/unknown-character"]],
    ["const a = 1;", ["syntax/foreign-token"]],
    ["const a = b < c < d", ["syntax/chained-comparison"]],
    ["const a = 0 .. 1 .. 2", ["syntax/chained-comparison"]],
    ["block A {\n y == 1\n}", ["syntax/equality-for-assignment"]],
    ["param a: f32[3] | none = none", ["syntax/tensor-among-types"]],
    ["param a: int[] | none = none", ["syntax/list-among-types"]],
    ["train t { stage s for 1 epoch { freeze m[i in n].b } }", ["syntax/not-a-range"]],
    ["const a = 1)", ["syntax/stray-closer"]],
    ["const a = 9007199254740993", ["syntax/number-out-of-range"]],
    ["const a = 1e999", ["syntax/number-out-of-range"]],
    ["const a = x |> repeat (i in xs) B()", ["syntax/not-a-range"]],
    ["optimizer o() { p <- g }", ["syntax/missing-optimizer-inputs"]],
    ["x".repeat(4 * 1024 * 1024 + 1), ["syntax/text-too-large"]],
    [`const a = ${"(".repeat(1000)}1${")".repeat(1000)}`, ["syntax/nesting-too-deep"]],
    [`const a = ${"f([".repeat(500)}1${"])".repeat(500)}`, ["syntax/nesting-too-deep"]],
    [
      `const a = ${"if a { ".repeat(300)}1${" } else { 2 }".repeat(300)}`,
      ["syntax/nesting-too-deep"],
    ],
    [`const a = ${"(".repeat(100_000)}`, ["syntax/nesting-too-deep", "syntax/missing-closer"]],
    [`const a = ${"1 + ".repeat(10_000)}1`, ["syntax/nesting-too-deep"]],
    [`const a = ${"- ".repeat(10_000)}1`, ["syntax/nesting-too-deep"]],
    [`const a = x${" |> f".repeat(10_000)}`, ["syntax/nesting-too-deep"]],
    [`const a = x${".y".repeat(10_000)}`, ["syntax/nesting-too-deep"]],
    [`const a = ${"if a { 1 } else ".repeat(10_000)} { 2 }`, ["syntax/nesting-too-deep"]],
  ])("%#", (text, expected) => expect(codes(text)).toStrictEqual(expected));

  it("accepts what is only large", () => {
    expect(codes(`const a = ${"(".repeat(39)}1${")".repeat(39)}`)).toStrictEqual([]);
    expect(codes(`const a = [${"1, ".repeat(50_000)}2]`)).toStrictEqual([]);
    expect(codes(`const a = x${" |> f(1 + 2)".repeat(400)}`)).toStrictEqual([]);
  });

  it("stops after a hundred errors", () => {
    const found = codes("const = \n".repeat(100_000));
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe("syntax/too-many-errors");
  });

  it("reads arbitrary mixtures of tokens without failing", () => {
    const pieces = SAMPLE.split(/(?<=[\s(){}[\].,:=])/);
    let state = 7;
    const next = (n: number): number => (state = (state * 48_271) % 2_147_483_647) % n;
    for (let round = 0; round < 400; round++) {
      const text = Array.from({ length: 60 }, () => pieces[next(pieces.length)] ?? "").join("");
      const { module, diagnostics } = parseModule(createSource("a.pipe", text));
      for (const { span } of diagnostics) {
        expect(span?.start).toBeGreaterThanOrEqual(0);
        expect(span?.end).toBeLessThanOrEqual(text.length);
      }
      module.declarations.map(show);
    }
  });
});

describe("an expression by itself", () => {
  it.each([
    ["", "expected a value", 0],
    ["1 2", "unexpected `2`, expected the end of the value", 2],
    ["f(", "missing `)` before the end of the file", 2],
    ["a +", "expected a value after `+`", 3],
  ])("%s", (text, message, start) => {
    const { diagnostics } = parseExpression(createSource("--set", text));
    expect(diagnostics.map((d) => [d.message, d.span?.start])).toStrictEqual([[message, start]]);
  });
});
