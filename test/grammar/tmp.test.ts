import { test } from "vitest";
import { createSource } from "../../grammar/source.js";
import { parseModule, parseExpression } from "../../grammar/parse.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { show } from "./show-ast.js";
const cases = [
  "block A() {\n  in x: f32[B]\n  let a = foo(x,\n  y = 3\n}\nconst A = 1",
  "block A() {\n  in x: f32[B]\n  y = x |>\n}\nconst A = 1",
  "block A() {\n  in x: f32[B]\n  y = x |> |> relu\n  z = \n  w = 3\n}",
  "block A() {\n  in x: f32[B]\n  if a { b }\n\nblock C() { in x: f32[] }",
  "dataset D {\n  transform {\n    a = b\n\n  loader { batch: 1 }\n}\ntrain t { data: D }",
  "block A() { in x: f32[B];\n  let y = x; z = y;\n}",
  "block A<T>(x: int) { in x: f32[B] }",
  "const a = Conv2d<64>(x)\nconst b = a < b < c",
  "const f = x => x + 1\nconst g := 3\nconst h = 'single'",
  "block A() {\n  y == x\n  let z == 3\n a += 1\n}",
  "blok A() {\n in x: f32[B]\n}\nconst B = 1",
  "const B = 1\nblok A() {\n in x: f32[B]\n}\nconst C = 1",
  "x = 3\nlet y = 4",
  "model Net {}\n",
  'const s = "abc\nconst t = 1',
  'const s = "a\\q C:\\data"',
  "const π = 3\nconst x = “a”",
  "param lr\nparam x: \nparam y: int = \nparam z: int = 3 in",
  "const let = 3\nconst a = f(k = 3)",
  "block A { x: f32[B]\n in x f32[B]\n weight w\n weight v: f32[3]\n let a\n let (a, b) = c\n in\n y = 1 }",
  "train t {\n  model Net()\n  seed = 3\n  stage a { }\n stage b for { }\n freeze model.**\n  lr: 1\n}",
  "const a = if x { 1 }\nconst b = if x then 1 else 2\nconst c = if x { 1 } else 2\nconst d = if x { let a = 1 } else { 2 }",
  "const a = .5\nconst b = 3x\nconst c = a ** b\nconst d = 5 % 2\nconst e = a[0, 1]\nconst f = a)\nconst g = (1, 2",
  "optimizer a() { p <- g }\noptimizer b() { in p  p <- p }\noptimizer c() {in p, g p = g }",
  "const a = [x for x in y]\nconst b = {a: 1}\nconst c = 9007199254740993\nconst d = f(:)",
  'import { a, b from "x"\nimport "y"\nimport x from "z"\nconst d = 1',
  "block A() {\n  y = (a, b]\n  z = f(a }\nconst q = 1",
  "const a = x |> 3\nconst b = x |> (y)\nconst c = x |> f[0]\nconst d = x |> f as\nconst e = x |> f as 3 |> g",
  "fn f(x) -> f32[] = x\nfn g(x) { }\nfn h = 3\nschedule s(x) { 3 }",
  "const a = 1 # hash\n/* block\ncomment */ const b = 2\nconst c = a && !b || c",
  'mesh pod { data: 4 }\nshard p on pod {\n batch: split(B, over: data)\n}\nvariant "9.6b" of Name { a.b: 1 }\nsweep s over T { }\nexport t as "x.onnx" { }\nmetric f1() better max {\n in x: f32[B]\n value = x\n}\nconst a = 1',
  "train t {\n group model.cnn.** { lr: 0.1 }\n group (i in 0 .. 3) model.{i} where size(p) < 3 { lr: 1 }\n init { model: load(a) }\n predict mc(samples: 20) { p = x }\n predict { p = x }\n loss vae { a = b }\n loss { weight w: f32[] = 0\n a = b }\n stage s for 1 epoch { restart schedule\n lr: 1 }\n seed: 1 }",
  "block A() { carry h: f32[N] = 0\n tap x = if a { b } else { c }\n  y = x |> each E B(1) as experts |> scan T C() |> rearrange(a b -> b a) |> scan (t in [1], axis: T) D() as _\n z = [for i in 0 .. 3: i] + [...a, b] + einsum(a, b -> c)\n w = sum(model.**.x) |> unused B() as q }",
  'dataset D { fit r = minmax(x) -> (a: f32[])\n split by column("s") { val: "v" }\n source: x }',
];
test("x", () => {
  for (const c of cases) {
    const r = parseModule(createSource("a.pipe", c));
    console.log(
      "=====\n" +
        c +
        "\n--- " +
        r.module.declarations.map(show).join("\n    ") +
        "\n" +
        r.diagnostics.map((d) => renderDiagnostic(d, { color: "never" })).join("\n"),
    );
  }
});
