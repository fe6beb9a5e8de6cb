/** `saic fmt`: files in their canonical form, and nothing else touched. */

import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { createWorkplace, root } from "./saic.js";

const place = createWorkplace();
afterAll(place.remove);

const untidy = "param lr : float=1\nparam batch: int =  2\n";
const tidy = "param lr: float = 1\nparam batch: int = 2\n";
const broken = "param lr : float=\nparam batch: int =  2\n";

beforeEach(() => {
  place.write("untidy.pipe", untidy);
  place.write("tidy.pipe", tidy);
  place.write("broken.pipe", broken);
});

const piped = (text: string, ...args: readonly string[]): { code: unknown; stdout: string } => {
  const command = join(root, "dist/cli/main.js");
  const ended = spawnSync(process.execPath, [command, "fmt", ...args], {
    cwd: place.path,
    input: text,
    encoding: "utf8",
  });
  return { code: ended.status, stdout: ended.stdout };
};

test("files are rewritten in place, and those that changed are listed", async () => {
  const before = statSync(join(place.path, "tidy.pipe")).mtimeMs;
  const ended = await place.saic("fmt", "untidy.pipe", "tidy.pipe");
  expect(ended).toMatchObject({ code: 0, stdout: "untidy.pipe\n", stderr: "" });
  expect(place.read("untidy.pipe")).toBe(tidy);
  expect(statSync(join(place.path, "tidy.pipe")).mtimeMs).toBe(before);
  expect(await place.saic("fmt", "untidy.pipe", "tidy.pipe")).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "",
  });
  expect(readdirSync(place.path).toSorted()).toEqual(["broken.pipe", "tidy.pipe", "untidy.pipe"]);
});

test("--check lists what would change, and changes nothing", async () => {
  const ended = await place.saic("fmt", "--check", "tidy.pipe", "untidy.pipe");
  expect(ended).toMatchObject({ code: 1, stdout: "untidy.pipe\n", stderr: "" });
  expect(place.read("untidy.pipe")).toBe(untidy);
  expect(await place.saic("fmt", "--check", "tidy.pipe")).toMatchObject({ code: 0, stdout: "" });
});

test("a file that does not parse is left alone; the others are formatted", async () => {
  const ended = await place.saic("fmt", "broken.pipe", "untidy.pipe");
  expect(ended).toMatchObject({ code: 1, stdout: "untidy.pipe\n" });
  expect(ended.stderr).toContain("error[syntax/");
  expect(ended.stderr).toContain("broken.pipe:1:");
  expect(place.read("broken.pipe")).toBe(broken);
  expect(place.read("untidy.pipe")).toBe(tidy);
});

test("a file that cannot be read stops all of it before anything is written", async () => {
  writeFileSync(
    join(place.path, "latin.pipe"),
    Buffer.from("// caf\xe9\nparam lr : float=1\n", "latin1"),
  );
  for (const [file, reason] of [
    ["nosuch.pipe", "it does not exist"],
    [".", "it is a folder"],
    ["latin.pipe", "it is not UTF-8 text"],
  ] as const) {
    const ended = await place.saic("fmt", "untidy.pipe", file);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(`cannot read \`${file}\`: ${reason}`);
    expect(place.read("untidy.pipe")).toBe(untidy);
  }
});

test("line ends, the mode and links stay", async () => {
  const file = place.write("dos.pipe", untidy.replaceAll("\n", "\r\n"));
  chmodSync(file, 0o640);
  symlinkSync("dos.pipe", join(place.path, "link.pipe"));
  expect(await place.saic("fmt", "link.pipe")).toMatchObject({ code: 0, stdout: "link.pipe\n" });
  expect(place.read("dos.pipe")).toBe(tidy.replaceAll("\n", "\r\n"));
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(lstatSync(join(place.path, "link.pipe")).isSymbolicLink()).toBe(true);
  expect(await place.saic("fmt", "--check", "dos.pipe")).toMatchObject({ code: 0, stdout: "" });
  place.write("mixed.pipe", untidy.replace("\n", "\r\n"));
  await place.saic("fmt", "mixed.pipe");
  expect(place.read("mixed.pipe")).toBe(tidy.replaceAll("\n", "\r\n"));
});

test("--stdin-filepath formats standard input", () => {
  expect(piped(untidy, "--stdin-filepath", "any.pipe")).toEqual({ code: 0, stdout: tidy });
  expect(piped(tidy, "--stdin-filepath", "any.pipe")).toEqual({ code: 0, stdout: tidy });
  expect(piped(broken, "--stdin-filepath", "any.pipe")).toEqual({ code: 1, stdout: "" });
  expect(piped(untidy, "--check", "--stdin-filepath", "any.pipe")).toEqual({
    code: 1,
    stdout: "any.pipe\n",
  });
});

test("nothing to format, or two things, is a wrong call", async () => {
  const none = await place.saic("fmt");
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toContain("`fmt` needs files to format");
  const both = await place.saic("fmt", "tidy.pipe", "--stdin-filepath", "x.pipe");
  expect(both).toMatchObject({ code: 2, stdout: "" });
  expect(both.stderr).toContain("exclude each other");
});
