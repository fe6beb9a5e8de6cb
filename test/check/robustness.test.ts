/**
 * The checker survives damaged programs: it never throws, never hangs, says of each that it is
 * wrong, and still tells types elsewhere. A sample runs by default; `npm run robustness` cuts every
 * shipped file at every character, makes 5,000 damages, and prints how long the slowest took.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { analyze, type Analysis } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const programs = ["pipelines", "stdlib"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".pipe"))
    .toSorted()
    .map((file) => ({
      name: `${folder}/${file}`,
      text: readFileSync(join(root, folder, file), "utf8"),
    })),
);
const host = memoryHost(new Map());

const full = env["ROBUSTNESS"] === "full";

/** Milliseconds that one analysis may take; a busy machine needs far less. */
const limit = 2000;

/**
 * Milliseconds within which an analysis ends where nothing interrupts it: the least of up to five
 * tries counts, since a collection of garbage or another process delays one of them and no other.
 */
const undisturbed = 200;

/** How long each analysis took, and of what. */
const times: { readonly ms: number; readonly least: number; readonly of: string }[] = [];
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
afterAll(() => {
  if (!full) return;
  const slowest = times.toSorted((a, b) => b.ms - a.ms);
  const [worst] = slowest;
  const late = slowest.filter(({ ms }) => ms > undisturbed).length;
  const lasting = slowest.filter(({ least }) => least > undisturbed);
  process.stdout.write(
    `${times.length} damaged programs; slowest ${worst?.ms.toFixed(0) ?? ""} ms (${worst?.of ?? ""}), ` +
      `1 in 1,000 above ${slowest[Math.floor(slowest.length / 1000)]?.ms.toFixed(0) ?? ""} ms, ` +
      `${late} above ${undisturbed} ms, ${lasting.length} each time; ` +
      `all of them together took ${(sum(times.map(({ ms }) => ms)) / 1000).toFixed(0)} s\n`,
  );
  expect(lasting).toEqual([]);
});

/** Whether brackets outside strings and comments close as they opened; where not, a text is wrong. */
function isBalanced(text: string): boolean {
  const bare = text.replaceAll(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*/g, "");
  const open: string[] = [];
  for (const [bracket] of bare.matchAll(/[()[\]{}]/g))
    if ("([{".includes(bracket)) open.push(bracket);
    else if (`${open.pop() ?? ""}${bracket}` !== { ")": "()", "]": "[]", "}": "{}" }[bracket])
      return false;
  return open.length === 0;
}

function timed(name: string, text: string): readonly [Analysis, number] {
  const start = performance.now();
  const options = { purpose: "check", overrides: [], train: null } as const;
  const analysis = analyze(createSource(name, text), host, options);
  return [analysis, performance.now() - start];
}

/** What became of a damaged text; a throw is shown with the text that caused it. */
function check(name: string, text: string): { readonly facts: number } {
  try {
    const [{ facts, diagnostics }, ms] = timed(name, text);
    for (const { span } of diagnostics)
      if (span?.source.name === name) expect(span.end).toBeLessThanOrEqual(text.length);
    let least = ms;
    if (full)
      for (let again = 0; least > undisturbed && again < 4; again++)
        least = Math.min(least, timed(name, text)[1]);
    times.push({ ms, least, of: name });
    expect(ms, `${name} takes too long:\n${text}`).toBeLessThan(limit);
    if (!isBalanced(text)) expect(diagnostics, `nothing is said of:\n${text}`).not.toEqual([]);
    return { facts: facts.length };
  } catch (error) {
    throw new Error(`${name} fails:\n${text}`, { cause: error });
  }
}

/** Every `step`th offset and the ends of all lines. */
const cuts = (text: string, step: number): readonly number[] =>
  Array.from({ length: text.length }, (_, i) => i).filter(
    (i) => i % step === 0 || text[i] === "\n",
  );

it.each(programs)(
  "checks every beginning of $name",
  ({ name, text }) => {
    for (const cut of cuts(text, full ? 1 : 127)) check(name, text.slice(0, cut));
  },
  full ? 3_600_000 : 60_000,
);

it(
  "checks programs with tokens dropped, doubled and swapped",
  () => {
    let state = 11;
    const next = (n: number): number => (state = (state * 48_271) % 2_147_483_647) % n;
    for (let round = 0; round < (full ? 5000 : 300); round++) {
      const { name, text } = programs[next(programs.length)] ?? { name: "", text: "" };
      const tokens = text.split(/(\s+|(?<=[^\w.])|(?=[^\w.]))/);
      for (let damage = 0; damage <= next(3); damage++) {
        const [i, j] = [next(tokens.length), next(tokens.length)];
        const [a = "", b = ""] = [tokens[i], tokens[j]];
        const kind = next(3);
        if (kind === 0) tokens[i] = "";
        else if (kind === 1) tokens[i] = `${a} ${a}`;
        else [tokens[i], tokens[j]] = [b, a];
      }
      check(name, tokens.join(""));
    }
  },
  full ? 3_600_000 : 60_000,
);

it("tells types in blocks away from the damage", () => {
  const whole = `
block Good {
  in  x: f32[B, 8]
  out y: f32[B, 4]
  weight w: f32[8, 4] = 0
  y = x |> matmul(w) |> relu
}
`;
  const { facts } = check("good.pipe", whole);
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
      expect(check("damaged.pipe", text).facts, text).toBeGreaterThanOrEqual(facts);
});
