/** Forms that parse but cannot be compiled yet: each is reported once, at its place. */

import { expect, it } from "vitest";

import { refusedForms } from "../../compiler/check/refuse.js";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";

it.each([["train t { loss a { state n: i64[] = 0\n } }", "state"]])("%s", (text, place) => {
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
