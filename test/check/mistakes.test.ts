/**
 * One proof from the data's columns to the export: a sound program, and for every link of the chain
 * the same program with one mistake in it, which `check` finds at its place and says nothing else.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import type { CompilerHost } from "../../compiler/host.js";
import type { Override } from "../../compiler/overrides.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";
import { mistakes, wrongFlags } from "./mistakes/table.js";

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`./mistakes/${name}`, import.meta.url)), "utf8");
const base = read("base.pipe");

const column = (name: string, values: readonly string[]) => ({
  name,
  values: values.map((text, i) => ({ text, line: i + 2 })),
});

/** A host beside which a table of cars lies. */
const host: CompilerHost = {
  ...memoryHost(new Map([["./parts.pipe", read("parts.pipe")]])),
  describeData: ({ file }) =>
    file === "/cars/labels.csv"
      ? {
          kind: "table",
          complete: true,
          columns: [
            column("image_path", ["a.png", "b.png"]),
            column("cleanliness_score", ["0.5", "0.75"]),
            column("weather", ["sun", "rain", "snow"]),
            column("split", ["train", "valid", "test"]),
          ],
        }
      : null,
};

const findings = (text: string, overrides: readonly Override[] = []): readonly string[] =>
  analyze(createSource("base.pipe", text), host, { overrides, train: null, variants: "all" })
    .diagnostics.filter(({ severity }) => severity === "error")
    .map(({ code, message, span }) => {
      const place = span === null ? "" : span.source.text.slice(span.start, span.end);
      return `${code} at ${place.split("\n")[0] ?? ""}: ${message}`;
    });

it("the program without a mistake is sound", () => {
  expect(findings(base)).toEqual([]);
});

it.each(mistakes)("%s", (_title, from, to, finding) => {
  expect(base.split(from)).toHaveLength(2);
  expect(findings(base.replace(from, () => to))).toEqual([finding]);
});

it.each(wrongFlags)("%s", (_title, flag, path, value, finding) => {
  expect(findings(base, [{ flag, path, value }])).toEqual([finding]);
});
