/** The flags of commands that take a program, those of its `param`s among them. */

import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { ParamDecl } from "../grammar/ast.js";
import { diagnose } from "../grammar/diagnostic.js";
import { unreadable } from "../grammar/diagnostics/command.js";
import { noVariants } from "../grammar/diagnostics/names.js";
import { parseModule } from "../grammar/parse.js";
import type { SourceFile } from "../grammar/source.js";
import { type Analysis, analyze, type Limits } from "../compiler/compile.js";
import type { Override } from "../compiler/overrides.js";
import { exitCodes, Fault } from "../runtime/fault.js";
import { usage } from "./fail.js";
import { createHost, readProgram } from "./host.js";

/** What the shared flags say; the rest of the record holds the values of params. */
export interface ProgramFlags {
  readonly set: readonly string[];
  readonly variant?: string;
  readonly train?: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly device?: "cpu" | "cuda";
  readonly [param: string]: unknown;
}

/** `max_steps` becomes `--max-steps`. */
const flagOf = (param: ParamDecl): string => `--${param.name.text.replaceAll("_", "-")}`;

const camelCase = (flag: string): string =>
  flag.slice(2).replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Whole numbers from `least` on. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least) return value;
    throw usage(`expected a whole number from ${least} on, found \`${text}\``);
  };

/** Adds the shared flags, and one per `param` of the program that `argv` names. */
export function addProgramFlags(command: Command, argv: readonly string[]): Command {
  command
    .argument("<program>", "a .pipe file")
    .option("--set <path=value>", "replace a member's value, e.g. smoke.seed=3", collect, [])
    .option("--variant <name>", "a variant the program declares")
    .option("--train <name>", "which train, where there are several")
    .option("--seed <n>", "seed of weights, order and augmentation", wholeNumber(0))
    .option("--steps <n>", "train this many updates in all, stages in proportion", wholeNumber(1))
    .option("--epochs <n>", "train this many epochs in all, stages in proportion", wholeNumber(1))
    .addOption(new Option("--device <name>", "where graphs run").choices(["cpu", "cuda"]));
  const taken = new Set(command.options.map((option) => option.long));
  for (const param of paramsIn(argv)) {
    const flag = flagOf(param);
    // A flag of the command wins; such a param is set with --set.
    if (taken.has(flag)) continue;
    taken.add(flag);
    command.option(`${flag} <value>`, param.doc?.split("\n")[0] ?? `param ${param.name.text}`);
  }
  return command;
}

const collect = (value: string, earlier: readonly string[]): readonly string[] => [
  ...earlier,
  value,
];

function paramsIn(argv: readonly string[]): readonly ParamDecl[] {
  const file = argv.find((argument) => !argument.startsWith("-") && argument.endsWith(".pipe"));
  const source = file === undefined ? null : readProgram(file);
  return source === null ? [] : paramsOf(source);
}

const paramsOf = (source: SourceFile): readonly ParamDecl[] =>
  parseModule(source).module.declarations.filter((declaration) => declaration.kind === "param");

export interface OpenedProgram {
  readonly source: SourceFile;
  readonly analysis: Analysis;
}

/** Reads and analyzes a program as the flags say. */
export function openProgram(file: string, flags: ProgramFlags): OpenedProgram {
  const source = readProgram(file);
  if (source === null) throw new Fault(diagnose(unreadable, { file }, null), exitCodes.environment);
  if (flags.variant !== undefined)
    throw new Fault(
      diagnose(noVariants, { name: flags.variant }, null, { place: "--variant" }),
      exitCodes.environment,
    );
  if (flags.steps !== undefined && flags.epochs !== undefined)
    throw usage("`--steps` and `--epochs` exclude each other");
  const limits: Limits = {
    seed: flags.seed ?? null,
    length:
      flags.steps !== undefined
        ? { amount: flags.steps, unit: "step" }
        : flags.epochs !== undefined
          ? { amount: flags.epochs, unit: "epoch" }
          : null,
  };
  const analysis = analyze(source, createHost(), {
    overrides: overridesOf(source, flags),
    train: flags.train ?? null,
    limits,
  });
  return { source, analysis };
}

function overridesOf(source: SourceFile, flags: ProgramFlags): readonly Override[] {
  const overrides: Override[] = [];
  for (const param of paramsOf(source)) {
    const flag = flagOf(param);
    const value = flags[camelCase(flag)];
    if (typeof value !== "string") continue;
    overrides.push({ path: param.name.text, value: valueText(param, value), flag });
  }
  for (const assignment of flags.set) {
    const equals = assignment.indexOf("=");
    if (equals <= 0) throw usage(`expected \`--set path=value\`, found \`${assignment}\``);
    const path = assignment.slice(0, equals).trim();
    const param = paramsOf(source).find((candidate) => candidate.name.text === path);
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
