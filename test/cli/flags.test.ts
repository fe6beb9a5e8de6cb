/** Flags: those of every command, those a program's `param`s become, and what is wrong with them. */

import { afterAll, describe, expect, test } from "vitest";
import { createWorkplace, normalized, tinyProgram } from "./saic.js";

const awkward = `param no_lr: int = 4
param threads: int = 1
param format: int = 1
param runsDir: int = 3
/// Where the pictures are.
param data: path
`;
const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "awkward.pipe": `${awkward}${tinyProgram()}`,
});
afterAll(place.remove);

const failing = async (...args: readonly string[]): Promise<string> => {
  const ended = await place.saic(...args);
  expect(ended, ended.stderr).toMatchObject({ code: 2 });
  return normalized(ended.stderr, place);
};

describe("params", () => {
  test("are flags, with their doc, default and range in the help", async () => {
    const { code, stdout } = await place.saic("run", "tiny.pipe", "--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/--lr <value> +Learning rate \(default: 1e-2, in 1e-6 \.\. 1e30\)/u);
    expect(stdout).toMatch(/--hidden-units <value> +Hidden units \(default: 8/u);
  });

  test("change the program, as --set does", async () => {
    const shown = async (...args: readonly string[]): Promise<string> =>
      (await place.saic("show", "tiny.pipe", "--what", "program", ...args)).stdout;
    expect(await shown("--hidden-units", "5", "--lr", "0.5")).toBe(
      await shown("--set", "hidden_units=5", "--set", "lr=0.5"),
    );
    const set = await shown("--set", "tiny.seed=9", "--set", "Shapes.loader.batch=4");
    expect(set).toContain("seed:  9");
    expect(set).toContain("batch: 4");
  });

  test("never take the place of a command's own flags, whatever their names", async () => {
    const { code, stdout, stderr } = await place.saic(
      "show",
      "awkward.pipe",
      "--what=program",
      "--data=here",
      "--no-lr=7",
      "--runsDir=8",
      "--set=format=9",
      "--threads=2",
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("param no_lr: int = 7");
    expect(stdout).toContain("param runsDir: int = 8");
    expect(stdout).toContain("param format: int = 9");
    expect(stdout).toContain("param threads: int = 2");
    expect(stdout).toContain(`param data: path = "${place.path}/here"`);
  });
});

describe("a wrong command line ends with 2", () => {
  test("a flag that nobody knows", async () => {
    expect(await failing("run", "tiny.pipe", "--lrr", "1")).toMatchInlineSnapshot(`
      "error[command/usage]: unknown option \`--lrr\`
       = hint: did you mean \`--lr\`?"
    `);
    expect(await failing("run", "tiny.pipe", "--nosuch", "1")).toMatchInlineSnapshot(
      `"error[command/usage]: unknown option \`--nosuch\`"`,
    );
  });
  test("an override that matches nothing", async () => {
    expect(await failing("run", "tiny.pipe", "--set", "nosuch=1")).toMatchInlineSnapshot(`
      "error[names/override-matches-nothing]: nothing in this program is called \`nosuch\`
       ┌─ --set nosuch"
    `);
    expect(await failing("check", "tiny.pipe", "--set", "tiny.sed=1")).toMatchInlineSnapshot(`
      "error[names/override-matches-nothing]: nothing in this program is called \`tiny.sed\`
       ┌─ --set tiny.sed
       = hint: did you mean \`tiny.seed\`?
      run \`saic explain names/override-matches-nothing\` for more"
    `);
  });
  test("a value of the wrong type, out of range, or no value", async () => {
    expect(await failing("run", "tiny.pipe", "--hidden-units", "2.5")).toMatchInlineSnapshot(`
      "error[types/mismatch]: \`hidden_units\` must be \`int\`, found the float 2.5
       ┌─ --hidden-units:1:1
       │
      1│ 2.5
       │ ^^^"
    `);
    expect(await failing("run", "tiny.pipe", "--lr", "1e31")).toMatchInlineSnapshot(`
      "error[types/out-of-range]: \`lr\` is 1e+31, outside 0.000001 .. 1e+30
       ┌─ --lr:1:1
       │
      1│ 1e31
       │ ^^^^
       ┌─ tiny.pipe:9:27
       │
      9│ param lr: float = 1e-2 in 1e-6 .. 1e30
       │                           ------------ the range is declared here"
    `);
    expect(await failing("run", "tiny.pipe", "--lr", "1 +")).toMatchInlineSnapshot(`
      "error[syntax/unexpected-token]: expected a value after \`+\`
       ┌─ --lr:1:4
       │
      1│ 1 +
       │    ^"
    `);
    expect(await failing("run", "tiny.pipe", "--set", "lr")).toMatchInlineSnapshot(
      `"error[command/usage]: expected \`--set path=value\`, found \`lr\`"`,
    );
  });
  test("a variant or train that the program lacks", async () => {
    expect(await failing("run", "tiny.pipe", "--variant", "big")).toMatchInlineSnapshot(`
      "error[names/no-variant]: this program declares no variant \`big\`
       ┌─ --variant"
    `);
    expect(await failing("run", "tiny.pipe", "--train", "tinny")).toMatchInlineSnapshot(`
      "error[names/unknown]: \`tinny\` is not defined here
       ┌─ --train
       = hint: did you mean \`tiny\`?"
    `);
  });
  test("numbers, choices and exclusions", async () => {
    expect(await failing("run", "tiny.pipe", "--steps", "0")).toMatchInlineSnapshot(`
      "error[command/usage]: option \`--steps <n>\` argument \`0\` is invalid
       = hint: expected a whole number from 1 on"
    `);
    expect(await failing("run", "tiny.pipe", "--device", "tpu")).toMatchInlineSnapshot(`
      "error[command/usage]: option \`--device <name>\` argument \`tpu\` is invalid
       = hint: allowed choices are cpu, cuda, webgpu"
    `);
    expect(
      await failing("run", "tiny.pipe", "--steps", "1", "--epochs", "1"),
    ).toMatchInlineSnapshot(
      `"error[command/usage]: \`--steps\` and \`--epochs\` exclude each other"`,
    );
  });
  test("no program, no command", async () => {
    expect(await failing("run")).toMatchInlineSnapshot(
      `"error[command/usage]: missing required argument \`program\`"`,
    );
    expect(await failing("rum")).toMatchInlineSnapshot(`
      "error[command/usage]: unknown command \`rum\`
       = hint: did you mean \`run\`?"
    `);
    expect(await failing()).toContain("Commands:");
  });
  test.each([
    ["cuda", /`\S*lib\S+\.so/u],
    ["webgpu", /`(?:libvulkan\.so|d3d12|Metal)/u],
  ])("the device %s without what it needs, by its name", async (device, needed) => {
    const { stdout } = await place.saic("doctor", "--format", "json");
    const findings = JSON.parse(stdout) as readonly { name: string; status: string }[];
    if (findings.some(({ name, status }) => name === device && status === "ok")) return;
    const printed = await failing("run", "tiny.pipe", "--device", device);
    expect(printed).toMatch(
      new RegExp(
        `error\\[run/device-unavailable\\]: the device \`${device}\` cannot be used: ${needed.source}`,
        "u",
      ),
    );
  });
});

test("--steps, --epochs, --seed, --threads and --runs-dir do what they say", async () => {
  const run = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const ended = await place.saic("run", "tiny.pipe", "--format", "json", ...args);
    expect(ended.code, ended.stderr).toBe(0);
    return { ...JSON.parse(ended.stdout), stderr: ended.stderr };
  };
  expect(await run("--steps", "3", "--threads", "1")).toMatchObject({
    updates: 3,
    stderr: expect.stringContaining("1 thread;"),
  });
  const epoch = await run("--epochs", "1", "--runs-dir", "elsewhere", "--seed", "2");
  expect(epoch).toMatchObject({
    updates: 6,
    run_dir: expect.stringMatching(/^elsewhere\/tiny\//u),
  });
  expect(await run("--epochs", "1", "--runs-dir", "elsewhere", "--seed", "3")).not.toMatchObject({
    metrics: epoch["metrics"],
  });
});
