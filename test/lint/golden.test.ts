/** Every case says exactly what the rules find in it; each rule speaks and keeps silent. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { movesElements } from "../../compiler/lint/dataflow.js";
import { lintProgram } from "../../compiler/lint/lint.js";
import { lintRules } from "../../compiler/lint/rules.js";
import { ops } from "../../compiler/ops/index.js";
import * as catalogue from "../../grammar/diagnostics/lint.js";
import { analyzeProgram, annotate, hostOf, programsIn } from "../check/golden.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "cases");
const files = readdirSync(folder).filter((file) => file.endsWith(".pipe"));
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

/** `UPDATE_GOLDEN=1` rewrites every file of cases, `UPDATE_GOLDEN=unused-name.pipe` that one. */
const rewrites = (file: string): boolean => ["1", file].includes(env["UPDATE_GOLDEN"] ?? "");

for (const file of files)
  describe(file, () => {
    const found = programsIn(textOf(file)).map((each) => {
      const analysis = analyzeProgram(each);
      const diagnostics = lintProgram(analysis, hostOf(each));
      return { each, analysis, text: annotate(each, { ...analysis, diagnostics, uncarried: [] }) };
    });
    if (rewrites(file)) writeFileSync(join(folder, file), found.map(({ text }) => text).join(""));
    it.each(found)("$each.title", ({ each, analysis, text }) => {
      expect(analysis.diagnostics).toEqual([]);
      if (!rewrites(file)) expect(text).toBe(each.written);
    });
  });

describe("rules", () => {
  it.each(lintRules)("$code has a case that speaks and two that are silent", ({ code }) => {
    const cases = programsIn(textOf(`${code.slice("lint/".length)}.pipe`));
    const speaks = cases.filter(({ written }) => written.includes(`warning[${code}]`));
    const silent = cases.filter(({ written }) => !written.includes("warning["));
    expect(speaks.length).toBeGreaterThanOrEqual(1);
    expect(silent.length).toBeGreaterThanOrEqual(2);
  });

  it.each(lintRules)("$code has an example that its cases hold", ({ code, example }) => {
    const lines = (text: string): readonly string[] =>
      text.split("\n").map((line) => line.trim().replaceAll(/\s+/gu, " "));
    const cases = programsIn(textOf(`${code.slice("lint/".length)}.pipe`));
    const holds = (text: string, where: (written: string) => boolean): boolean =>
      cases.some(
        ({ written }) =>
          where(written) && lines(text).every((line) => lines(written).includes(line)),
      );
    const speaks = (written: string): boolean => written.includes(`warning[${code}]`);
    expect(holds(example.wrong, speaks)).toBe(true);
    expect(holds(example.right, (written) => !speaks(written))).toBe(true);
  });

  it("follow values through ops that exist", () => {
    expect([...movesElements].filter((name) => !ops.has(name))).toEqual([]);
  });

  it("are one for each kind of finding but those about comments", () => {
    const about = [catalogue.unusedAllow.code, catalogue.unknownAllow.code];
    const codes = Object.values(catalogue)
      .map(({ code }) => code)
      .filter((code) => !about.includes(code));
    expect(lintRules.map(({ code }) => code).toSorted()).toEqual(codes.toSorted());
  });
});
