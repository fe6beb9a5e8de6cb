/** Forms that parse but cannot be compiled yet: each is reported once, at its place. */

import { expect, it } from "vitest";

import { refusedForms } from "../../compiler/check/refuse.js";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";

it.each([
  ["mesh m { a: 1 }", "mesh m"],
  ["shard t on m { batch: a }", "shard"],
  ["variant v of t { loss a { weight w: f32[] = 0\n } }", "loss"],
  ["variant v of t { lr: 1  transform { x = y } }", "transform"],
  ["block B { carry h: f32[] = 0\n }", "carry"],
  ["block B { in xs: [f32[B]]\n }", "[f32"],
  ["const A = f(model.**.b)", "**"],
  ["const A = f(m.{i}.b)", "m.{i}"],
  ["const A = x |> unused f()", "unused"],
  ["const A = x |> repeat 2 f() |> each E g([for i in a: i])", "each"],
  ['dataset D { split by column("s") { val: "v" } }', "split"],
  ["dataset D { field x: a() -> f32[] if b }", "b }"],
  ["train t { loss { let a = b\n total = a } }", "let"],
  ["train t { loss a { state n: i64[] = 0\n } }", "loss"],
  ["train t { stage s for 1 epoch { loss { a = b } } }", "loss"],
  ["train t { stage s for 1 epoch { freeze m[i in 0 .. 2].b } }", "m["],
  ["train t { group (i in 0 .. 2) a.{i}.** { lr: 1 } }", "i in"],
  ["train t { group a.{i}.** { lr: 1 } }", "{i}"],
])("%s", (text, place) => {
  const source = createSource("a.pipe", text);
  const { module, diagnostics } = parseModule(source);
  expect(diagnostics).toStrictEqual([]);
  const { diagnostics: unread, uncarried } = refusedForms(module);
  const refused = [...unread, ...uncarried];
  expect(refused).toHaveLength(1);
  expect(refused[0]?.span?.start).toBe(text.indexOf(place));
});

it("takes what is supported as it is", () => {
  const text = "block B { y = x |> repeat 2 f([1]) as a\n }\ntrain t { loss { total = a * b } }";
  const { diagnostics, uncarried } = refusedForms(parseModule(createSource("a.pipe", text)).module);
  expect([...diagnostics, ...uncarried]).toStrictEqual([]);
});
