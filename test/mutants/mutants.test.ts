/** Tests of the tests: each of the listed faults makes at least one of them fail. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mutants } from "./table.js";
import { mutated, openWorkshop, startingWith, type Workshop } from "./workshop.js";

/** Copies that work side by side. */
const workshops: Workshop[] = [];

beforeAll(() => {
  workshops.push(openWorkshop(), openWorkshop());
});
afterAll(() => {
  for (const workshop of workshops) workshop.remove();
});

/** Waits for a copy that nobody uses. */
async function borrow<T>(work: (workshop: Workshop) => Promise<T>): Promise<T> {
  for (;;) {
    const workshop = workshops.pop();
    if (workshop === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    else
      try {
        return await work(workshop);
      } finally {
        workshops.push(workshop);
      }
  }
}

describe.concurrent("the tests", () => {
  it("pass without any fault", { timeout: 300_000 }, async () => {
    const files = [...new Set(mutants.map(({ test }) => test))];
    const named = startingWith(...mutants.map((mutant) => mutant.named));
    const { passed, failed, output } = await borrow((workshop) => workshop.test(files, named));
    expect(failed, output).toBe(0);
    expect(passed, output).toBeGreaterThanOrEqual(mutants.length);
  });

  for (const mutant of mutants)
    it(`fail when ${mutant.fault}`, { timeout: 300_000 }, async () => {
      const { failed, output } = await borrow((workshop) => workshop.testMutant(mutant));
      expect(failed, output).toBeGreaterThan(0);
    });
});

it("a fault is made in exactly one place", () => {
  const mutant = { fault: "", file: "a.ts", before: "a", after: "$&b", test: "", named: "" };
  expect(mutated("x a y", mutant)).toBe("x $&b y");
  expect(() => mutated("a a", mutant)).toThrow("2 times, not once");
  expect(() => mutated("x", mutant)).toThrow("0 times, not once");
});
