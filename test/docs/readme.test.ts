/** What the README shows of programs, flags and exit codes is what there is. */

import { expect, test } from "vitest";
import { Command } from "commander";
import { commands } from "../../cli/commands/index.js";
import { exitCodes } from "../../runtime/fault.js";
import { fencedBlocks } from "./markdown-blocks.js";
import { diagnosticsOf, readDocument } from "./programs.js";

const readme = readDocument("README.md");
const program = new Command();
for (const define of commands) define(program, []);

test("its pipeline is the quickstart, and compiles", () => {
  const [pipeline] = fencedBlocks(readme).filter(({ language }) => language === "pipe");
  expect(pipeline?.text).toBe(readDocument("pipelines/quickstart.pipe"));
  expect(pipeline && diagnosticsOf(pipeline)).toEqual([]);
});

test("it names every command and every flag, and no other", () => {
  for (const command of program.commands) expect(readme).toContain(`\`saic ${command.name()}`);
  const flags = new Set(
    program.commands.flatMap(({ options }) => options.flatMap(({ long }) => long ?? [])),
  );
  for (const flag of flags) expect(readme).toContain(flag);
  const mentioned = [...readme.matchAll(/`[^`\n]*?(--[a-z-]+)/g)].map(([, flag = ""]) => flag);
  expect(mentioned.filter((flag) => !flags.has(flag))).toEqual([]);
});

test("it lists the exit codes", () => {
  const listed = [...readme.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(exitCodes));
});
