/**
 * Checks every beginning of every shipped program and 5,000 programs with damaged tokens, as the
 * built compiler does it; `npm run robustness`. Fails where the compiler throws, says nothing of a
 * wrong text, or takes longer than a fifth of a second.
 */

import {
  beginnings,
  faultOf,
  shippedPrograms,
  shuffled,
  type Text,
  timedCheck,
} from "./damaged-programs.js";

/**
 * Milliseconds. The least of up to five tries counts: a collection of garbage or another process
 * delays one of them, and no other.
 */
const limit = 200;

interface Time {
  readonly of: string;
  readonly first: number;
  readonly least: number;
}

const times: Time[] = [];
const faults: string[] = [];

function check(each: Text): void {
  const of = `${each.name}, ${each.text.length} characters`;
  try {
    const [analysis, first] = timedCheck(each);
    let least = first;
    for (let again = 0; least > limit && again < 4; again++)
      least = Math.min(least, timedCheck(each)[1]);
    times.push({ of, first, least });
    const fault = faultOf(each, analysis);
    if (fault !== null) faults.push(`${of}: ${fault}\n${each.text}`);
  } catch (error) {
    faults.push(`${of}: ${String(error)}\n${each.text}`);
  }
}

const programs = shippedPrograms();
for (const each of programs) {
  const before = times.length;
  for (const beginning of beginnings(each, 1)) check(beginning);
  report(`every beginning of ${each.name}`, times.slice(before));
}
const before = times.length;
for (const each of shuffled(programs, 5000)) check(each);
report("tokens dropped, doubled and exchanged", times.slice(before));
report("all", times);
const lasting = times.filter(({ least }) => least > limit);
for (const { of, least } of lasting) console.log(`${least.toFixed(0)} ms each time: ${of}`);
for (const fault of faults.slice(0, 10)) console.log(fault);
console.log(`${faults.length} faults, ${lasting.length} above ${limit} ms each time`);
process.exitCode = faults.length + lasting.length === 0 ? 0 : 1;

function report(what: string, some: readonly Time[]): void {
  const sorted = some.map(({ first }) => first).toSorted((a, b) => b - a);
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
  const late = sorted.filter((ms) => ms > limit).length;
  const thousandth = sorted[Math.floor(sorted.length / 1000)] ?? NaN;
  console.log(
    `${what}: ${sorted.length} texts, ms: mean ${mean.toFixed(1)}, 1 in 1,000 above ${thousandth.toFixed(0)}, slowest ${(sorted[0] ?? NaN).toFixed(0)}; ${late} above ${limit} at first`,
  );
}
