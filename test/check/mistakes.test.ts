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
  describeData: (request) =>
    request.kind === "csv" && request.file === "/cars/labels.csv"
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

/**
 * A title; what stands in the base program and what is planted instead, or a flag, the path it sets
 * and its value; and the one finding that must follow.
 */
const planted = read("table.txt")
  .split("\n\n")
  .map((block) => {
    const [title = "", ...lines] = block.trimEnd().split("\n");
    const after = (mark: string): string | undefined =>
      lines
        .find((line) => line.startsWith(`  ${mark} `))
        ?.slice(4)
        .replaceAll("\\n", "\n");
    return { title, from: after("-"), to: after("+"), flag: after("!"), finding: after("=") };
  });

it("plants more than forty mistakes", () => {
  expect(planted.length).toBeGreaterThan(40);
});

it.each(planted)("$title", ({ from, to, flag, finding }) => {
  expect(finding).toBeDefined();
  if (flag === undefined) {
    expect(base.split(from ?? "")).toHaveLength(2);
    expect(findings(base.replace(from ?? "", () => to ?? ""))).toEqual([finding]);
    return;
  }
  const [, name = "", path = "", value = ""] = /^(.+) (\S+) (\S+)$/.exec(flag) ?? [];
  expect(findings(base, [{ flag: name, path, value }])).toEqual([finding]);
});
