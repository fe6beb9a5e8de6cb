/** `--variant`: what it changes, what wins over it, and what is said of variants that cannot be. */

import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createWorkplace,
  normalized,
  type PrintedResult,
  tinyProgram,
  type Workplace,
} from "./saic.js";

const program = `${tinyProgram({ steps: 4 })}
variant "16 wide" of tiny {
  lr: 2e-2
  hidden_units: 16
  seed: 5
  Shapes.loader.batch: 4
  stage main for 2 steps { freeze model.head.bias }
}
`;

const broken = `${program}
variant wrong of tiny { main.length: 3 steps }
`;

let place: Workplace;
beforeAll(() => {
  place = createWorkplace({ "tiny.pipe": program, "broken.pipe": broken });
}, 120_000);
afterAll(() => {
  place.remove();
});

interface Shown {
  readonly hash: string;
  readonly seed: number;
  readonly batch: number;
  readonly stages: readonly { readonly duration: unknown; readonly trainable: readonly string[] }[];
  readonly schedules: readonly { readonly base: number }[];
  readonly state: readonly { readonly path: string; readonly shape: readonly number[] }[];
}

async function planOf(...flags: readonly string[]): Promise<Shown> {
  const shown = await place.saic(
    "show",
    "tiny.pipe",
    "--what",
    "plan",
    "--format",
    "json",
    ...flags,
  );
  expect(shown.stderr).toBe("");
  return JSON.parse(shown.stdout) as Shown;
}

const facts = ({ seed, batch, stages, schedules, state }: Shown) => ({
  seed,
  batch,
  length: stages[0]?.duration,
  learning: stages[0]?.trainable.length,
  lr: schedules[0]?.base,
  hidden: state.find(({ path }) => path === "model.hidden.bias")?.shape[0],
});

test("a variant changes what it names", async () => {
  expect(facts(await planOf())).toEqual({
    seed: 1,
    batch: 8,
    length: { amount: 4, unit: "step" },
    learning: 4,
    lr: 0.01,
    hidden: 8,
  });
  expect(facts(await planOf("--variant", "16 wide"))).toEqual({
    seed: 5,
    batch: 4,
    length: { amount: 2, unit: "step" },
    learning: 3,
    lr: 0.02,
    hidden: 16,
  });
}, 60_000);

test("the command line wins over the variant", async () => {
  const flags = ["--variant", "16 wide", "--lr", "0.5", "--set", "tiny.main.duration=7 steps"];
  const found = facts(await planOf(...flags, "--seed", "9"));
  expect(found).toEqual({
    seed: 9,
    batch: 4,
    length: { amount: 7, unit: "step" },
    learning: 3,
    lr: 0.5,
    hidden: 16,
  });
}, 60_000);

test("the resolved program says the same without flags", async () => {
  const flags = ["--variant", "16 wide", "--set", "tiny.main.duration=7 steps"];
  const resolved = await place.saic("show", "tiny.pipe", "--what", "program", ...flags);
  place.write("resolved.pipe", resolved.stdout);
  const again = await place.saic("show", "resolved.pipe", "--what", "plan", "--format", "json");
  const { hash: _, ...plan } = JSON.parse(again.stdout) as Shown;
  expect(facts({ hash: "", ...plan })).toEqual(facts(await planOf(...flags)));
  expect(resolved.stdout).toContain("param lr: float = 2e-2 in");
}, 60_000);

test("a variant's run is a run of its own", async () => {
  const run = async (...flags: readonly string[]): Promise<PrintedResult> => {
    const ended = await place.saic("run", "tiny.pipe", "--format", "json", ...flags);
    expect(ended.code, ended.stderr).toBe(0);
    return JSON.parse(ended.stdout) as PrintedResult;
  };
  const plain = await run();
  const varied = await run("--variant", "16 wide");
  expect([plain.updates, varied.updates]).toEqual([4, 2]);
  expect(varied.run_dir).not.toBe(plain.run_dir);
}, 120_000);

test("a variant that the program lacks", async () => {
  const ended = await place.saic("run", "tiny.pipe", "--variant", "16 wides");
  expect(ended.code).toBe(2);
  expect(ended.stdout).toBe("");
  expect(normalized(ended.stderr, place)).toMatchInlineSnapshot(`
    "error[names/no-variant]: this program declares no variant \`16 wides\`
     ┌─ --variant
     = hint: did you mean \`16 wide\`?"
  `);
}, 60_000);

test("`check` looks at every variant, other commands at the one that is asked for", async () => {
  const checked = await place.saic("check", "broken.pipe");
  expect(checked.code).toBe(1);
  expect(checked.stderr).toContain("`tiny` has no `main.length` that a variant could replace");
  expect(checked.stderr).toContain("broken.pipe:48:25");
  const chosen = await place.saic("check", "broken.pipe", "--variant", "16 wide");
  expect([chosen.code, chosen.stderr]).toEqual([0, ""]);
  const shown = await place.saic("show", "broken.pipe", "--what", "params");
  expect([shown.code, shown.stderr]).toEqual([0, ""]);
}, 60_000);
