/**
 * The checker survives damaged programs: it never throws, never hangs, says of each that it is
 * wrong, and still tells types elsewhere. This is a sample; `npm run robustness` takes every
 * beginning of every shipped file and 5,000 damages, and measures how long each check takes.
 */

import { expect, it } from "vitest";
import {
  beginnings,
  faultOf,
  shippedPrograms,
  shuffled,
  type Text,
  timedCheck,
} from "../../scripts/damaged-programs.js";

const programs = shippedPrograms();

/** Milliseconds that one analysis may take; a busy machine needs far less. */
const limit = 2000;

/** How many types are told. */
function check(each: Text): { readonly facts: number } {
  try {
    const [analysis, ms] = timedCheck(each);
    expect(ms, `takes too long:\n${each.text}`).toBeLessThan(limit);
    expect(faultOf(each, analysis), each.text).toBeNull();
    return { facts: analysis.facts.length };
  } catch (error) {
    throw new Error(`${each.name} fails:\n${each.text}`, { cause: error });
  }
}

it.each(programs)("checks beginnings of $name", (program) => {
  for (const each of beginnings(program, 127)) check(each);
});

it("checks programs with tokens dropped, doubled and swapped", () => {
  for (const each of shuffled(programs, 300)) check(each);
});

it("tells types in blocks away from the damage", () => {
  const whole = `
block Good {
  in  x: f32[B, 8]
  out y: f32[B, 4]
  weight w: f32[8, 4] = 0
  y = x |> matmul(w) |> relu
}
`;
  const { facts } = check({ name: "good.pipe", text: whole });
  expect(facts).toBeGreaterThan(0);
  for (const damage of [
    "block Bad {\n  in x: f32[B, 8\n  y = x |>\n}\n",
    "block Bad {\n  in x: f32[B, 8]\n  out y: f32[B, 9]\n  y = x\n}\n",
    "block Bad(\n",
    "const a = missing\n",
    "train t {\n  model: Nothing()\n  loss {\n",
    'import { q } from "saic:nowhere"\n',
    "dataset D {\n  source: (\n}\n",
  ])
    for (const text of [whole + damage, damage + whole])
      expect(check({ name: "damaged.pipe", text }).facts, text).toBeGreaterThanOrEqual(facts);
});
