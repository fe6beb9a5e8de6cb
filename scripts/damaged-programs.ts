/** The shipped programs with damages that no author would make: beginnings, tokens lost and moved. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createHost, packageRoot } from "../cli/host.js";
import { analyze, type Analysis } from "../compiler/compile.js";
import type { CompilerHost } from "../compiler/host.js";
import { createSource } from "../grammar/source.js";

/** A program, or what is left of one. */
export interface Text {
  readonly name: string;
  readonly text: string;
}

/** The pipelines and the standard library. */
export const shippedPrograms = (): readonly Text[] =>
  ["pipelines", "stdlib"].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".pipe"))
      .toSorted()
      .map((file) => ({
        name: `${folder}/${file}`,
        text: readFileSync(join(packageRoot, folder, file), "utf8"),
      })),
  );

/** Cut at every `step`th character and at the end of each line. */
export function* beginnings({ name, text }: Text, step: number): Generator<Text> {
  for (let i = 0; i < text.length; i++)
    if (i % step === 0 || text[i] === "\n") yield { name, text: text.slice(0, i) };
}

/** One to three tokens dropped, doubled or exchanged, the same ones every time. */
export function* shuffled(programs: readonly Text[], count: number): Generator<Text> {
  const next = draws(11);
  for (let round = 0; round < count; round++) {
    const { name, text } = programs[next(programs.length)] ?? { name: "", text: "" };
    const tokens = tokensOf(text);
    for (let damage = 0; damage <= next(3); damage++) damageOnce(tokens, next);
    yield { name, text: tokens.join("") };
  }
}

/** Numbers from 0 to below `n`, the same ones for the same seed. */
export function draws(seed: number): (n: number) => number {
  let state = seed;
  return (n) => (state = (state * 48_271) % 2_147_483_647) % n;
}

/** Words, signs and what stands between them; joined they are the text. */
export const tokensOf = (text: string): string[] => text.split(/(\s+|(?<=[^\w.])|(?=[^\w.]))/);

/** Drops a token, doubles it or exchanges it for another. */
export function damageOnce(tokens: string[], next: (n: number) => number): void {
  const [i, j] = [next(tokens.length), next(tokens.length)];
  const [a = "", b = ""] = [tokens[i], tokens[j]];
  const kind = next(3);
  if (kind === 0) tokens[i] = "";
  else if (kind === 1) tokens[i] = `${a} ${a}`;
  else [tokens[i], tokens[j]] = [b, a];
}

// Data that a program names is not looked for.
const { describeData: _, ...host } = createHost();
const plainHost: CompilerHost = host;

/** What the compiler says of a text, and how many milliseconds that took. */
export function timedCheck({ name, text }: Text): readonly [Analysis, number] {
  const start = performance.now();
  const options = { purpose: "check", overrides: [], train: null } as const;
  const analysis = analyze(createSource(name, text), plainHost, options);
  return [analysis, performance.now() - start];
}

/** What is wrong with the analysis of a damaged text: nothing said of it, or a place outside it. */
export function faultOf({ name, text }: Text, { diagnostics }: Analysis): string | null {
  for (const { span } of diagnostics)
    if (span?.source.name === name && span.end > text.length)
      return `a message points to ${span.end} of ${text.length} characters`;
  return diagnostics.length === 0 && !isBalanced(text) ? "nothing is said of it" : null;
}

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
