/** The quick parser reads exactly what the parser reads without an error, into the same tree. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { layOut } from "../../grammar/layout.js";
import { parseThoroughly } from "../../grammar/parser.js";
import { readQuickly } from "../../grammar/quick-parser.js";
import { scan } from "../../grammar/scan.js";
import { createSource } from "../../grammar/source.js";
import { damageOnce, draws, tokensOf } from "../../scripts/damaged-programs.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const files = ["pipelines", "stdlib", "test"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".pipe"))
    .map((file) => join(folder, file)),
);

/** Compares both parsers on each declaration of a text; returns how many were read without errors. */
function compare(name: string, text: string): number {
  const source = createSource(name, text);
  let read = 0;
  for (const { declaration, tokens } of layOut(source, scan(source).lexemes, "module").chunks) {
    if (declaration === null) continue;
    const quick = readQuickly(tokens, "declaration");
    const { cst, errors } = parseThoroughly(tokens, "declaration");
    const where = `${name}: ${tokens.map(({ image }) => image).join(" ")}`;
    expect(quick === null, where).toBe(errors.length > 0);
    if (quick === null) continue;
    // Chevrotain's trees have no prototype.
    expect(JSON.stringify(sortedTree(quick)), where).toBe(JSON.stringify(sortedTree(cst)));
    read++;
  }
  return read;
}

const sortedTree = (tree: unknown): unknown =>
  JSON.parse(
    JSON.stringify(tree, (key, value: unknown) =>
      key === "tokenType" ? (value as { readonly name: string }).name : value,
    ),
  );

it("agrees with the parser on every program of the project, sound or not", () => {
  let read = 0;
  for (const file of files) read += compare(file, readFileSync(join(root, file), "utf8"));
  expect(read).toBeGreaterThan(1000);
});

it("agrees with the parser on programs with tokens dropped, doubled and swapped", () => {
  const texts = files
    .filter((file) => file.startsWith("stdlib") || file.startsWith("pipelines"))
    .map((file) => readFileSync(join(root, file), "utf8"));
  const next = draws(5);
  for (let round = 0; round < 60; round++) {
    const tokens = tokensOf(texts[next(texts.length)] ?? "");
    for (let damage = 0; damage < 20; damage++) damageOnce(tokens, next);
    compare(`damage ${round}`, tokens.join(""));
  }
});
