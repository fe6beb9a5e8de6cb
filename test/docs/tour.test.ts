/**
 * Every program of the tour compiles, or is refused with exactly the message that follows it. One
 * marked `checked` may hold what this version checks and does not carry out; the findings of one
 * marked `lint` are the linter's.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { expect, test } from "vitest";
import { packageRoot } from "../../cli/host.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { type FencedBlock, fencedBlocks } from "./markdown-blocks.js";
import { diagnosticsOf, lintFindingsOf, readDocument } from "./programs.js";

const path = "docs/tour.md";
const tour = readDocument(path);
const blocks = fencedBlocks(tour);
const programs = blocks.filter(({ language }) => language === "pipe");
const refused = programs.filter(({ words }) => words.includes("error") || words.includes("lint"));
const accepted = programs.filter((block) => !refused.includes(block));
const byLine = (list: readonly FencedBlock[]): readonly (readonly [number, FencedBlock])[] =>
  list.map((block) => [block.line, block]);

const notExecuted = ["lower/not-carried-out", "shard/several-devices"];

const isMistake = ({ code }: Diagnostic): boolean => !notExecuted.includes(code);

function findingsIn(block: FencedBlock): readonly Diagnostic[] {
  if (block.words.includes("lint")) return lintFindingsOf(block);
  const found = diagnosticsOf(block);
  return block.words.includes("checked") ? found.filter(isMistake) : found;
}

const findingsOf = (block: FencedBlock): string =>
  findingsIn(block)
    .map((each) => `${renderDiagnostic(each, { color: "never" })}\n`)
    .join("");

const shownAfter = (block: FencedBlock): FencedBlock | undefined =>
  blocks[blocks.indexOf(block) + 1];

if (env["UPDATE_GOLDEN"] === "1") {
  const lines = tour.split("\n");
  for (const block of refused.toReversed()) {
    const shown = shownAfter(block);
    if (shown?.language !== "text") continue;
    const length = shown.text === "\n" ? 0 : shown.text.split("\n").length - 1;
    lines.splice(shown.line, length, ...findingsOf(block).trimEnd().split("\n"));
  }
  writeFileSync(join(packageRoot, path), lines.join("\n"));
}

test("the tour has programs of both kinds", () => {
  expect(accepted.length).toBeGreaterThan(10);
  expect(refused.length).toBeGreaterThan(4);
});

test.each(byLine(accepted))("line %i compiles", (_line, block) =>
  expect(findingsOf(block)).toBe(""),
);

test.each(byLine(refused))("line %i is refused as shown", (_line, block) => {
  const found = findingsOf(block);
  expect(found).not.toBe("");
  expect(shownAfter(block)?.language).toBe("text");
  if (env["UPDATE_GOLDEN"] !== "1") expect(found).toBe(shownAfter(block)?.text);
});
