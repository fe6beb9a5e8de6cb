/** The flags of commands that take a program, and the program as they say. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { Diagnostic } from "../grammar/diagnostic.js";
import { diagnose } from "../grammar/diagnostic.js";
import { unreadable } from "../grammar/diagnostics/command.js";
import type { SourceFile } from "../grammar/source.js";
import { type Analysis, analyze, type CompileOptions, type Limits } from "../compiler/compile.js";
import { type Device, deviceNames } from "../runtime/executor/executor.js";
import { type ExitCode, exitCodes, Fault } from "../runtime/fault.js";
import { usage } from "./fail.js";
import { createHost, openProgramFile } from "./host.js";
import { addParamFlags, neededParams, overridesOf } from "./param-flags.js";

/** What the shared flags say; the rest of the record holds the values of params. */
export interface ProgramFlags {
  readonly set?: readonly string[];
  readonly variant?: string;
  readonly train?: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly device?: Device;
  readonly [param: string]: unknown;
}

/** Parses safe integers from `least` on. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} on.`);
  };

/** `--json`, which is `--format json`. */
export const jsonOption = (): Option =>
  new Option("--json", "the same as `--format json`").implies({ format: "json" });

/** `--format text|json`, text by default. */
export const formatOption = (description: string): Option =>
  new Option("--format <format>", description).choices(["text", "json"]).default("text");

/**
 * Adds the program argument, the shared flags, the command's `own`, and one flag per `param` of the
 * program that `argv` names. A param whose flag a command already has is set with `--set`. With
 * `several` programs the flags are those of the first one's params; a `run` may be a directory.
 */
export function addProgramFlags(
  command: Command,
  argv: readonly string[],
  own: readonly Option[],
  { programs = "one" }: { readonly programs?: "one" | "several" | "run" } = {},
): Command {
  command
    .argument(subjects[programs].form, subjects[programs].about)
    .option("--set <path=value>", "replace a member's value, e.g. smoke.seed=3", collect)
    .option("--variant <name>", "a variant the program declares")
    .option("--train <name>", "which train, where there are several")
    .option("--seed <n>", "seed of weights, order and augmentation", wholeNumber(0))
    .option("--steps <n>", "train this many updates in all, stages in proportion", wholeNumber(1))
    .option("--epochs <n>", "train this many epochs in all, stages in proportion", wholeNumber(1))
    .addOption(new Option("--device <name>", "where graphs run").choices(deviceNames));
  for (const option of own) command.addOption(option);
  addParamFlags(command, argv);
  return command;
}

const subjects = {
  one: { form: "<program>", about: "a .pipe file" },
  several: { form: "<programs...>", about: "a .pipe file" },
  run: { form: "<run>", about: "a run directory, or the .pipe file of a run" },
} as const;

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  value,
];

export interface OpenedProgram {
  readonly source: SourceFile;
  readonly analysis: Analysis;
  /**
   * What the findings mean for a command that only checks: 0 without errors, 2 where one lies in
   * what the command line gives or fails to give, 1 where they all lie in the program's text.
   */
  readonly exitCode: ExitCode;
}

/** Reads and analyzes a program as the flags say; faults with exit code 2 where that cannot begin. */
export function openProgram(
  file: string,
  flags: ProgramFlags,
  {
    variants = "chosen",
    purpose = "compile",
    parts = 1,
  }: Pick<CompileOptions, "variants" | "purpose" | "parts"> = {},
): OpenedProgram {
  const read = openProgramFile(file);
  if (!read.ok)
    throw new Fault(
      diagnose(unreadable, { file, reason: read.reason }, null),
      exitCodes.environment,
    );
  const { source } = read;
  const overrides = overridesOf(source, flags);
  const analysis = analyze(source, createHost(), {
    overrides,
    train: flags.train ?? null,
    limits: limitsOf(flags),
    variant: flags.variant ?? null,
    variants,
    purpose,
    parts,
  });
  const flagNames = new Set(["--train", "--variant", ...overrides.map(({ flag }) => flag)]);
  const needed = new Set(neededParams(source).map(({ name }) => name.span.start));
  const onCommandLine = ({ span, place }: Diagnostic): boolean =>
    flagNames.has(span?.source.name ?? place ?? "") ||
    (span?.source === source && needed.has(span.start));
  const errors = analysis.diagnostics.filter(({ severity }) => severity === "error");
  const exitCode = errors.some(onCommandLine)
    ? exitCodes.environment
    : errors.length > 0
      ? exitCodes.findings
      : exitCodes.success;
  return { source, analysis, exitCode };
}

function limitsOf({ seed, steps, epochs }: ProgramFlags): Limits {
  if (steps !== undefined && epochs !== undefined)
    throw usage("`--steps` and `--epochs` exclude each other");
  return {
    seed: seed ?? null,
    length:
      steps !== undefined
        ? { amount: steps, unit: "step" }
        : epochs !== undefined
          ? { amount: epochs, unit: "epoch" }
          : null,
  };
}
