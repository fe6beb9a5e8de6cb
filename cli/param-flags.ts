/** Flags that a program's `param`s become, and the overrides that they and `--set` ask for. */

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { ParamDecl } from "../grammar/ast.js";
import { diagnose } from "../grammar/diagnostic.js";
import { unreadable } from "../grammar/diagnostics/command.js";
import { parseModule } from "../grammar/parse.js";
import type { SourceFile } from "../grammar/source.js";
import type { Override } from "../compiler/overrides.js";
import { exitCodes, Fault } from "../runtime/fault.js";
import { usage } from "./fail.js";
import { openProgramFile } from "./host.js";

/** The record of parsed flags, as far as this module reads it. */
export interface GivenFlags {
  readonly set?: readonly string[];
  readonly [param: string]: unknown;
}

/** `max_steps` becomes `--max-steps`. */
const flagOf = (param: ParamDecl): string => `--${param.name.text.replaceAll("_", "-")}`;

/** Where a param's value stands among the parsed flags; no flag of a command has such a name. */
const keyOf = (param: ParamDecl): string => `param ${param.name.text}`;

/** Adds a flag per param, unless the command has it already. Faults when the program is unreadable. */
export function addParamFlags(command: Command, argv: readonly string[]): void {
  if (argv[0] !== command.name()) return;
  const taken = new Set(["--help", ...command.options.map((option) => option.long)]);
  for (const param of paramsIn(argv.slice(1))) {
    const flag = flagOf(param);
    if (taken.has(flag)) continue;
    taken.add(flag);
    const option = new Option(`${flag} <value>`, describe(param)).helpGroup("Params:");
    // Not by commander's rules: `--no-x` would deny `--x`, and camel-cased names could meet.
    option.negate = false;
    option.attributeName = () => keyOf(param);
    command.addOption(option);
  }
}

function describe({ doc, name, value, range }: ParamDecl): string {
  const text = doc?.split("\n")[0]?.replace(/\.$/u, "") ?? `param ${name.text}`;
  const notes = [
    value === null ? "required" : `default: ${textOf(value.span)}`,
    ...(range === null ? [] : [`in ${textOf(range.span)}`]),
  ];
  return `${text} (${notes.join(", ")})`;
}

const textOf = ({ source, start, end }: ParamDecl["span"]): string => source.text.slice(start, end);

/** The program is the first argument that ends in `.pipe`, or else the first that can be read. */
function paramsIn(rest: readonly string[]): readonly ParamDecl[] {
  const candidates = rest.filter((argument) => !argument.startsWith("-"));
  const named = candidates.find((argument) => argument.endsWith(".pipe"));
  for (const file of named === undefined ? candidates : [named]) {
    const read = openProgramFile(file);
    if (read.ok) return paramsOf(read.source);
    // Its params are not known, so that its flags would be blamed for the missing file.
    if (named !== undefined)
      throw new Fault(
        diagnose(unreadable, { file, reason: read.reason }, null),
        exitCodes.environment,
      );
  }
  return [];
}

const paramsOf = (source: SourceFile): readonly ParamDecl[] =>
  parseModule(source).module.declarations.filter((declaration) => declaration.kind === "param");

/** The params that have no value of their own. */
export const neededParams = (source: SourceFile): readonly ParamDecl[] =>
  paramsOf(source).filter(({ value }) => value === null);

/** What the flags of params and `--set` replace, in that order. */
export function overridesOf(source: SourceFile, flags: GivenFlags): readonly Override[] {
  const params = paramsOf(source);
  const overrides: Override[] = [];
  for (const param of params) {
    const value = flags[keyOf(param)];
    if (typeof value !== "string") continue;
    overrides.push({
      path: param.name.text,
      value: valueText(param, value),
      flag: flagOf(param),
    });
  }
  for (const assignment of flags.set ?? []) {
    const equals = assignment.indexOf("=");
    if (equals <= 0) throw usage(`expected \`--set path=value\`, found \`${assignment}\``);
    const path = assignment.slice(0, equals).trim();
    const param = params.find((candidate) => candidate.name.text === path);
    const text = assignment.slice(equals + 1);
    overrides.push({
      path,
      value: param === undefined ? text : valueText(param, text),
      flag: `--set ${path}`,
    });
  }
  return overrides;
}

/** Strings and paths come without quotes on the command line; a path is relative to where one stands. */
function valueText(param: ParamDecl, text: string): string {
  const names =
    param.type.kind === "setting-type" ? param.type.alternatives.map(({ name }) => name.text) : [];
  if (text === "none" && names.includes("none")) return text;
  if (names.includes("path")) return JSON.stringify(resolve(text));
  return names.includes("string") && !text.startsWith('"') ? JSON.stringify(text) : text;
}
