/** `saic lint`: formats, exit codes, comments that allow, several files, the shipped programs. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, root, tinyProgram } from "./saic.js";

const place = createWorkplace();
afterAll(place.remove);

/** Sound, with one finding: nothing keeps the weight decay from the biases. */
const decays = tinyProgram();
const clean = decays.replace(
  "optimizer: adamw(lr: lr)",
  "optimizer: adamw(lr: lr)\n  group norms_and_biases { weight_decay: 0 }",
);
const unseeded = clean.replace("  seed:  1\n", "");
const broken = decays.replace("model: Net(", "model: Nett(");

interface Finding {
  readonly code: string;
  readonly file: string;
  readonly fix: { readonly start: number; readonly end: number; readonly text: string } | null;
}

const withFix = (text: string, { start, end, text: by }: NonNullable<Finding["fix"]>): string =>
  text.slice(0, start) + by + text.slice(end);

test("a clean program has no findings", async () => {
  place.write("clean.pipe", clean);
  const { code, stdout, stderr } = await place.saic("lint", "clean.pipe");
  expect(stdout).toBe("clean.pipe: no findings\n");
  expect(stderr).toBe("");
  expect(code).toBe(0);
});

test("a finding is shown with place and hint, and exits with 1", async () => {
  place.write("decays.pipe", decays);
  const { code, stdout, stderr } = await place.saic("lint", "decays.pipe");
  expect(stderr).toContain("warning[lint/decay-on-norms]: the weight decay of 0.01 reaches");
  expect(stderr).toContain("hint: add `group norms_and_biases { weight_decay: 0 }`");
  expect(stdout).toBe("decays.pipe: 1 finding\n");
  expect(code).toBe(1);
});

test("several programs are linted together", async () => {
  place.write("clean.pipe", clean);
  place.write("decays.pipe", decays);
  const text = await place.saic("lint", "clean.pipe", "decays.pipe");
  expect(text.stdout).toBe("clean.pipe: no findings\ndecays.pipe: 1 finding\n");
  expect(text.code).toBe(1);
  const json = await place.saic("lint", "clean.pipe", "decays.pipe", "--format", "json");
  const found = JSON.parse(json.stdout) as readonly Finding[];
  expect(found.map(({ code, file }) => [code, file])).toEqual([
    ["lint/decay-on-norms", "decays.pipe"],
  ]);
  expect(json.code).toBe(1);
});

test("a fix, written in, leaves no finding", async () => {
  for (const [name, text] of Object.entries({
    unseeded,
    decays,
    idle: clean.replace("{ Linear }", "{ Dropout, Linear }"),
  })) {
    const file = `${name}.pipe`;
    place.write(file, text);
    const { stdout } = await place.saic("lint", file, "--format", "json");
    const found = JSON.parse(stdout) as readonly Finding[];
    expect(found, name).toHaveLength(1);
    const fix = found[0]?.fix;
    if (fix === null || fix === undefined) throw new Error(`${name} has no fix`);
    place.write(file, withFix(text, fix));
    expect((await place.saic("lint", file)).stderr).toBe("");
  }
});

test("a comment allows a rule, and one that allows nothing is found", async () => {
  place.write(
    "allowed.pipe",
    unseeded.replace("train tiny {", "train tiny {  // lint: allow lint/missing-seed"),
  );
  expect((await place.saic("lint", "allowed.pipe")).code).toBe(0);
  place.write(
    "idle.pipe",
    clean.replace("train tiny {", "train tiny {  // lint: allow lint/missing-seed"),
  );
  const idle = await place.saic("lint", "idle.pipe");
  expect(idle.stderr).toContain("warning[lint/unused-allow]");
  expect(idle.code).toBe(1);
});

test("SARIF and GitHub formats hold the findings", async () => {
  place.write("decays.pipe", decays);
  const sarif = await place.saic("lint", "decays.pipe", "--format", "sarif");
  const log = JSON.parse(sarif.stdout) as {
    readonly runs: readonly [{ readonly results: readonly { ruleId: string; level: string }[] }];
  };
  expect(log.runs[0].results.map(({ ruleId, level }) => [ruleId, level])).toEqual([
    ["lint/decay-on-norms", "warning"],
  ]);
  const github = await place.saic("lint", "decays.pipe", "--format", "github");
  expect(github.stdout).toMatch(
    /^::warning file=decays\.pipe,line=\d+,.*title=lint\/decay-on-norms::/u,
  );
  expect([sarif.code, github.code]).toEqual([1, 1]);
});

test("errors of a program come as check reports them, and no rule runs", async () => {
  place.write("broken.pipe", broken);
  const lint = await place.saic("lint", "broken.pipe", "--format", "json");
  const check = await place.saic("check", "broken.pipe", "--format", "json");
  expect(JSON.parse(lint.stdout)).toEqual(JSON.parse(check.stdout));
  expect(lint.code).toBe(1);
  expect((await place.saic("lint", "broken.pipe")).stdout).toBe(
    "broken.pipe: 1 error; the rules see sound programs only\n",
  );
});

test("what the command line gets wrong exits with 2", async () => {
  place.write("clean.pipe", clean);
  expect((await place.saic("lint", "clean.pipe", "--train", "tinny")).code).toBe(2);
  const missing = await place.saic("lint", "none.pipe", "--format", "json");
  expect(missing.code).toBe(2);
  expect(JSON.parse(missing.stdout)).toMatchObject([{ code: "command/unreadable-file" }]);
});

test("a variant is linted when it is chosen", async () => {
  place.write(
    "varied.pipe",
    `${clean}\nvariant seeded of tiny { seed: 2 }\nvariant byLoss of tiny {\n  metrics { accuracy = accuracy(logits, kind) }\n  checkpoint: [best(val.loss)]\n}\n`,
  );
  expect((await place.saic("lint", "varied.pipe")).stderr).toBe("");
  expect((await place.saic("lint", "varied.pipe", "--variant", "seeded")).code).toBe(0);
  const byLoss = await place.saic("lint", "varied.pipe", "--variant", "byLoss");
  expect(byLoss.stderr).toContain("warning[lint/best-by-loss]");
  expect(byLoss.code).toBe(1);
});

test("the shipped programs and templates are clean", async () => {
  const pipelines = readdirSync(join(root, "pipelines")).map((file) =>
    join(root, "pipelines", file),
  );
  for (const file of pipelines) {
    const flags = file.endsWith("smoke-tiles.pipe") ? ["--data", "frames"] : [];
    const { stderr, code } = await place.saic("lint", file, ...flags);
    expect({ file, stderr, code }).toEqual({ file, stderr: "", code: 0 });
  }
  for (const template of ["quickstart", "images"]) {
    await place.saic("init", template, "--template", template);
    const flags = template === "images" ? ["--data", "pictures"] : [];
    const linted = await place.saic("lint", `${template}/${template}.pipe`, ...flags);
    expect({ template, stderr: linted.stderr, code: linted.code }).toEqual({
      template,
      stderr: "",
      code: 0,
    });
  }
});
