/** The networks of the reference systems: sound, and of the sizes that were published. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "systems");

function findings(file: string, text: string) {
  const host = memoryHost(new Map([[file, text]]));
  const { diagnostics } = analyze(createSource(file, text), host, {
    overrides: [],
    train: null,
    limits: { seed: null, length: null },
    variant: null,
    variants: "all",
  });
  return diagnostics.map(({ code, message }) => ({ code, message }));
}

describe.each(readdirSync(folder))("%s", (file) => {
  const text = readFileSync(join(folder, file), "utf8");

  it("has no mistake", () => {
    expect(findings(file, text)).toStrictEqual([]);
  });

  it("expects what it could miss", () => {
    const wrong = text.replaceAll(/^expect [^=]*==/gm, (start) => `${start} 1 +`);
    const expected = [...text.matchAll(/^expect /gm)].length;
    const codes = findings(file, wrong).map(({ code }) => code);
    expect(codes).toStrictEqual(Array.from({ length: expected }, () => "expect/failed"));
  });
});
