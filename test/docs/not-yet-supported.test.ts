/** What the documentation says is not supported yet is refused, line by line, and nothing else is. */

import { expect, test } from "vitest";
import { positionOf } from "../../grammar/source.js";
import { fencedBlocks } from "./markdown-blocks.js";
import { diagnosticsOf, readDocument } from "./programs.js";

const programs = fencedBlocks(readDocument("docs/not-yet-supported.md")).filter(
  ({ language }) => language === "pipe",
);

test.each(programs.map((block) => [block.line, block] as const))("line %i", (_line, block) => {
  const marked = block.text
    .split("\n")
    .flatMap((line, i) => (line.endsWith("// refused") ? [i + 1] : []));
  const diagnostics = diagnosticsOf(block);
  const codes = ["lower/not-carried-out", "shard/several-devices"];
  const others = diagnostics.filter(({ code }) => !codes.includes(code));
  expect(others.map(({ code, message }) => `${code}: ${message}`)).toEqual([]);
  const lines = diagnostics.map(({ span }) =>
    span === null ? 0 : positionOf(span.source, span.start).line,
  );
  expect([...new Set(lines)].toSorted((a, b) => a - b)).toEqual(marked);
  expect(marked.length).toBeGreaterThan(0);
});
