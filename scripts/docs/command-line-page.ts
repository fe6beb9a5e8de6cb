/** The page of the command line: commands, flags and exit codes. */

import { Command, type Option } from "commander";
import { commands } from "../../cli/commands/index.js";
import { exitCodes } from "../../runtime/fault.js";
import { type Page, pageOf, table } from "./markdown.js";

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  success: "All went well.",
  findings: "The program has errors.",
  environment:
    "Something around the program is wrong: a flag, a file, a library, a checkpoint, memory that is not there.",
  objectiveNotMet: "An objective was not met, and `--gate` was given.",
  guard:
    "A guard stopped the training: a loss or a weight is no number, or an update changed nothing.",
  outOfMemory: "Memory ran out, or the system killed the training process.",
  badData: "The data are not as the program says.",
  bug: "A bug of this program; the message names a file with the details.",
  interrupted: "The run was interrupted and can be continued.",
};

export function commandLinePage(): Page {
  const program = new Command("saic");
  for (const define of commands) define(program, []);
  const code = (text: string): string => `\`${text}\``;
  return pageOf("command-line", "Command line", "commands, flags and exit codes.", [
    "Each `param` of a program is a flag too: `param max_steps: int` is `--max-steps`.",
    "A `path` given on the command line is relative to the working directory; strings and paths need no quotes.",
    "Results go to standard output, diagnostics and progress to standard error.",
    "",
    ...program.commands.flatMap(withSubcommands).flatMap((command) => [
      `## ${nameOf(command)}`,
      "",
      `${sentence(command.description())}`,
      "",
      ...fencedUsage(command),
      "",
      ...(command.options.length === 0
        ? []
        : [
            ...table(
              ["flag", "meaning"],
              command.options.map((option) => [code(option.flags), describe(option)]),
            ),
            "",
          ]),
    ]),
    "## Exit codes",
    "",
    ...table(
      ["code", "name", "meaning"],
      Object.entries(exitCodes).map(([name, value]) => [
        String(value),
        code(name),
        meanings[name as keyof typeof exitCodes],
      ]),
    ),
  ]);
}

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];

const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

const fencedUsage = (command: Command): readonly string[] => [
  "```",
  `${nameOf(command)} ${command.usage()}`,
  "```",
];

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function describe({ description, defaultValue, argChoices }: Option): string {
  const parts = [sentence(description)];
  if (argChoices !== undefined)
    parts.push(`One of ${argChoices.map((c) => `\`${c}\``).join(", ")}.`);
  if (typeof defaultValue === "string") parts.push(`Default: \`${defaultValue}\`.`);
  return parts.join(" ");
}
