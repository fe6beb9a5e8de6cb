/** The reference systems: sound programs of the sizes that were published. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import type { Override } from "../../compiler/overrides.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "systems");
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

function analysisOf(file: string, text: string, overrides: readonly Override[] = []) {
  const host = memoryHost(new Map([[file, text]]));
  return analyze(createSource(file, text), host, {
    overrides,
    train: null,
    limits: { seed: null, length: null },
    variant: null,
    variants: "all",
    purpose: "check",
  });
}

function findings(file: string, text: string, overrides: readonly Override[] = []) {
  const { diagnostics } = analysisOf(file, text, overrides);
  return diagnostics.map(({ code, message }) => ({ code, message }));
}

/** What this version checks and does not execute. What is carried out one day leaves its list. */
const notExecuted: Readonly<Record<string, readonly string[]>> = {
  "car-inspection.pipe": ["`hub` in `init`", "`precompute`", "this program needs `--root`"],
  "simulgen-vae.pipe": ["`precompute`", "this program needs `--file`"],
  "smokeynet.pipe": ["`hub` in `init`", "the precision `bf16`", "this program needs `--figlib`"],
};

/** Nets alone, which are checked faster than their training. */
const withoutTrain = (text: string): string =>
  text
    .replaceAll(/^train \w+ \{\n.*?^\}\n/gms, "")
    .replaceAll(/^(?:export .*|expect params\(inspect.*)\n/gm, "");

describe.each(readdirSync(folder))("%s", (file) => {
  const text = textOf(file);

  it("has no mistake, and asks for forms that are known not to be executed yet", () => {
    const { diagnostics, uncarried } = analysisOf(file, text);
    expect(diagnostics.map(({ code, message }) => ({ code, message }))).toStrictEqual([]);
    const forms = uncarried.map(({ message }) => message.split(" is checked, but ")[0]);
    expect([...new Set(forms)].toSorted()).toStrictEqual(notExecuted[file]);
  });

  it("expects what it could miss", () => {
    const wrong = withoutTrain(text).replaceAll(/^expect [^=]*==/gm, (start) => `${start} 1 +`);
    const expected = [...withoutTrain(text).matchAll(/^expect /gm)].length;
    const codes = findings(file, wrong).map(({ code }) => code);
    expect(codes).toStrictEqual(Array.from({ length: expected }, () => "expect/failed"));
  });
});

const simulgen = "simulgen-vae.pipe";

describe("simulgen-vae.pipe with other params", () => {
  it.each([
    { input: "cnn", images: '"pictures"', distance: "huber" },
    { input: "vit", images: '"pictures"', length: "500 epochs" },
  ])("%o", (values) => {
    const overrides = Object.entries(values).map(([path, value]) => ({
      path,
      value,
      flag: `--${path}`,
    }));
    expect(findings(simulgen, textOf(simulgen), overrides)).toStrictEqual([]);
  });
});
