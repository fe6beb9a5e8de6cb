/** `saic init`: a small program to begin with, in a folder of its own. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import { diagnose } from "../../grammar/diagnostic.js";
import { occupiedFolder, unwritable } from "../../grammar/diagnostics/command.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import { replaceFile } from "../artifact-files.js";
import { packageRoot } from "../host.js";
import { imagesProgram } from "../templates/images.js";
import type { CommandDefinition } from "./index.js";

const templates = ["quickstart", "images"] as const;
type Template = (typeof templates)[number];

export const init: CommandDefinition = (program) => {
  program
    .command("init")
    .argument("[folder]", "a new or empty folder", ".")
    .addOption(
      new Option("--template <name>", "what to begin with")
        .choices(templates)
        .default("quickstart"),
    )
    .description("write a small program to begin with into a new or empty folder")
    .action((folder: string, { template }: { readonly template: Template }) => {
      refuseOccupied(folder);
      const file = `${template}.pipe`;
      const texts = [
        [file, programOf(template)],
        [".gitignore", "runs/\nbuild/\n"],
      ] as const;
      for (const [name, text] of texts) {
        replaceFile(join(folder, name), new TextEncoder().encode(text));
        process.stdout.write(`${join(folder, name)}\n`);
      }
      process.stderr.write(`next: ${nextStep(template, join(folder, file))}\n`);
    });
};

/** A folder that holds nothing but a repository's `.git` counts as empty. */
function refuseOccupied(folder: string): void {
  const refuse = (reason: string): Fault =>
    new Fault(diagnose(unwritable, { file: folder, reason }, null), exitCodes.environment);
  let entries: readonly string[];
  try {
    entries = readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw refuse("a file is in its place");
    if (code === "EACCES" || code === "EPERM") throw refuse("permission is denied");
    throw error;
  }
  if (entries.some((name) => name !== ".git"))
    throw new Fault(diagnose(occupiedFolder, { folder }, null), exitCodes.environment);
}

/** The package's own quickstart, or the classifier of one's own pictures. */
const programOf = (template: Template): string =>
  template === "quickstart"
    ? readFileSync(join(packageRoot, "pipelines", "quickstart.pipe"), "utf8")
    : imagesProgram;

const nextStep = (template: Template, file: string): string =>
  template === "quickstart" ? `saic run ${file}` : `saic run ${file} --data FOLDER`;
