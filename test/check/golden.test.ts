/** Every case says exactly what the checker says of it; a program with a mistake has one finding. */

import { env } from "node:process";
import { describe, expect, it } from "vitest";
import { emitArtifact } from "../../compiler/artifact.js";
import * as metrics from "../../grammar/diagnostics/metrics.js";
import * as names from "../../grammar/diagnostics/names.js";
import * as placement from "../../grammar/diagnostics/placement.js";
import * as program from "../../grammar/diagnostics/program.js";
import * as training from "../../grammar/diagnostics/training.js";
import * as types from "../../grammar/diagnostics/types.js";
import { analyzeProgram, annotate, caseFiles, readCases, writeCases } from "./golden.js";

/** `UPDATE_GOLDEN=1` rewrites every file of cases, `UPDATE_GOLDEN=ports.pipe` that one. */
const rewrites = (file: string): boolean => ["1", file].includes(env["UPDATE_GOLDEN"] ?? "");

for (const file of caseFiles())
  describe(file, () => {
    const cases = readCases(file);
    const found = cases.map((each) => {
      const analysis = analyzeProgram(each);
      return { each, analysis, text: annotate(each, analysis) };
    });
    if (rewrites(file))
      writeCases(
        file,
        found.map(({ text }) => text),
      );
    it.each(found)("$each.title", ({ each, analysis, text }) => {
      if (!rewrites(file)) expect(text).toBe(each.written);
      expect(analysis.diagnostics.length).toBeLessThanOrEqual(1);
      const sound = analysis.diagnostics.every(({ severity }) => severity !== "error");
      const trains = /^train |^\/\/ with a train/m.test(each.written);
      expect(analysis.lowered !== null).toBe(sound && trains);
      // A check alone finds the same, without making graphs.
      const checked = analyzeProgram(each, "check");
      expect(annotate(each, { ...checked, facts: analysis.facts })).toBe(text);
      expect(checked.lowered).toBeNull();
      if (analysis.lowered !== null) emitArtifact(analysis.lowered, "cpu");
    });
  });

/** Raised by the command line, which has tests of its own. */
const elsewhere = [program.noTrain];

describe("the catalogue", () => {
  const written = caseFiles()
    .flatMap((file) => readCases(file))
    .map((each) => each.written)
    .join("");
  const kinds = [metrics, names, placement, types, program, training].flatMap((catalogue) =>
    Object.values(catalogue),
  );
  it.each(kinds.filter((kind) => !elsewhere.some((other) => other.code === kind.code)))(
    "has a case of $code",
    ({ code, severity }) => expect(written).toContain(`${severity}[${code}]`),
  );
});
