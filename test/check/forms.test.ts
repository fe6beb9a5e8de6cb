/** Every form of the language has a golden case that uses it and one that misuses it. */

import { describe, expect, it } from "vitest";
import { analyzeProgram, type Program, readCases } from "./golden.js";
import { forms } from "./forms.js";

const files = new Map<string, readonly Program[]>();

/** The case that `file.pipe: title` names. */
function caseOf(place: string): Program {
  const file = place.slice(0, place.indexOf(": "));
  const cases = files.get(file) ?? readCases(file);
  files.set(file, cases);
  const found = cases.find(({ title }) => `${file}: ${title}` === place);
  if (found === undefined) throw new Error(`there is no case \`${place}\``);
  return found;
}

const findings = new Map<Program, number>();

/** How many findings a program has; what is checked and not carried out is none. */
function findingsOf(program: Program): number {
  const known = findings.get(program);
  if (known !== undefined) return known;
  // A sweep that no command carries out is a warning, and no mistake.
  const mistakes = analyzeProgram(program).diagnostics.filter(
    ({ code }) => code !== "sweep/not-carried-out",
  );
  findings.set(program, mistakes.length);
  return mistakes.length;
}

const showsType = ({ written }: Program): boolean =>
  written.split("\n").some((line) => /^\/\/ *\^ \S*\[/.test(line));

const isAnalyzedWhole = ({ written }: Program): boolean =>
  /^(?:train|dataset) |^\/\/ with a train/m.test(written);

describe("every form", () => {
  it("is listed once", () => {
    const names = forms.map(({ form }) => form);
    expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
  });

  it.each(forms)("$form: $positive", ({ positive }) => {
    const program = caseOf(positive);
    expect(findingsOf(program)).toBe(0);
    expect(showsType(program) || isAnalyzedWhole(program)).toBe(true);
  });

  it.each(forms)("$form, misused: $negative", ({ negative }) => {
    expect(findingsOf(caseOf(negative))).toBe(1);
  });
});
