/** `saic check --watch`: checks again when the program or a module it imports changes. */

import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { createWorkplace, type Started, tinyProgram } from "./saic.js";

const place = createWorkplace();
afterAll(place.remove);

const net = "block Same() {\n  in x: f32[B, H]\n  out y: f32[B, H]\n  y = x\n}\n";
const program = `import { Same } from "./net.pipe"\nconst SIZE = 3\n`;

let started: Started | null = null;
afterEach(() => {
  if (started?.child.exitCode === null) started.child.kill("SIGKILL");
});

/** A watch, and what each of its checks printed. */
function watch(...args: readonly string[]): {
  readonly process: Started;
  readonly checks: () => readonly string[];
  readonly after: (count: number) => Promise<string>;
} {
  const process = place.start("check", ...args, "--watch");
  started = process;
  const checks = (): readonly string[] =>
    process
      .stderr()
      .split(/watching .*\n/u)
      .slice(0, -1);
  const after = async (count: number): Promise<string> => {
    for (let waited = 0; checks().length < count; waited += 10) {
      if (waited > 20_000) throw new Error(`no check ${count}: ${process.stderr()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return checks()[count - 1] ?? "";
  };
  return { process, checks, after };
}

const interrupted = async ({ child, ended }: Started): Promise<string> => {
  child.kill("SIGINT");
  const { code, signal, stdout } = await ended;
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  return stdout;
};

test("changes of the program and of its imports are checked, until interrupted", async () => {
  place.write("net.pipe", net);
  place.write("main.pipe", program);
  const { process, after, checks } = watch("main.pipe");
  expect(await after(1)).toBe("");
  expect(process.stderr()).toContain("watching 2 files; interrupt to end");
  place.write("net.pipe", net.replace("y = x", "y = )"));
  expect(await after(2)).toContain("net.pipe:4:");
  // As editors do: a new file takes the place of the old one.
  place.write("new.pipe", net);
  renameSync(join(place.path, "new.pipe"), join(place.path, "net.pipe"));
  expect(await after(3)).toBe("");
  place.write("main.pipe", program.replace("= 3", "="));
  expect(await after(4)).toContain("main.pipe:2");
  // A burst of changes is one check.
  for (let i = 0; i < 5; i++) {
    place.write("main.pipe", program.replace("= 3", `= ${i}`));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await after(5)).toBe("");
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(checks()).toHaveLength(5);
  const stdout = await interrupted(process);
  expect(stdout.split("\n").filter((line) => line.endsWith("no findings"))).toHaveLength(3);
  expect(stdout).not.toContain("\u001B");
});

test("a module or a program that is missing is waited for", async () => {
  rmSync(join(place.path, "net.pipe"), { force: true });
  place.write("main.pipe", program);
  const { process, after } = watch("main.pipe");
  expect(await after(1)).toContain("error[names/module-not-found]");
  place.write("net.pipe", net);
  expect(await after(2)).toBe("");
  rmSync(join(place.path, "main.pipe"));
  expect(await after(3)).toContain("cannot read `main.pipe`: it does not exist");
  place.write("main.pipe", program);
  expect(await after(4)).toBe("");
  await interrupted(process);
});

test("flags hold for every check, and modules of the library are no files of one's own", async () => {
  place.write("tiny.pipe", tinyProgram());
  const { process, after } = watch("tiny.pipe", "--lr", "5");
  expect(await after(1)).toBe("");
  expect(process.stderr()).toContain("watching 1 file;");
  place.write("tiny.pipe", tinyProgram().replace("1e30", "1"));
  expect(await after(2)).toContain("--lr");
  await interrupted(process);
});

test("only text is watched", async () => {
  for (const format of ["json", "sarif", "github"]) {
    place.write("tiny.pipe", tinyProgram());
    const ended = await place.saic("check", "tiny.pipe", "--watch", "--format", format);
    expect(ended.code).toBe(2);
    expect(ended.stdout + ended.stderr).toContain("`--watch` prints text only");
  }
});
