/** Temporary. */
import { readFileSync } from "node:fs";
import { it } from "vitest";
import { formatModule } from "../../grammar/format.js";
import { createSource } from "../../grammar/source.js";
it("x", () => {
  const t = readFileSync("test/grammar/drafts/simulgen-vae.pipe", "utf8");
  for (const k of [1, 1, 4, 16]) { const n = Date.now(); const s = createSource("a", t.repeat(k)); const r = formatModule(s); console.log(k, s.lineStarts.length, Date.now() - n, r.diagnostics.length); }
  const n = Date.now(); formatModule(createSource("a", `const a = [${"1, ".repeat(50_000)}2]`)); console.log("list", Date.now() - n);
  const m = Date.now(); formatModule(createSource("a", `const a = ${"f([".repeat(45)}1${"])".repeat(45)}`)); console.log("nest", Date.now() - m);
});
