/** `saic data`: looks at the data of a program, and converts files of arrays. */

import { type Command, Option } from "commander";
import { addProgramFlags, formatOption, jsonOption, wholeNumber } from "../program-flags.js";
import { useCache } from "./data/cache.js";
import { checkRecords } from "./data/check.js";
import { convertFile } from "./data/convert.js";
import { showSplit } from "./data/split.js";
import { showStats } from "./data/stats.js";
import type { CommandDefinition } from "./index.js";

export const data: CommandDefinition = (program, argv) => {
  const group = program
    .command("data")
    .description("check, measure, split and cache a program's data, or convert files of arrays");
  // Flags of params belong to the command that follows.
  const rest = argv[0] === "data" ? argv.slice(1) : [];
  onProgram(group.command("check"), rest, [
    new Option("--limit <n>", "bad records that are shown one by one")
      .argParser(wholeNumber(0))
      .default(20),
  ])
    .description("read every field of every record; count classes; find what splits share")
    .action(async (file: string, flags: Parameters<typeof checkRecords>[1]) => {
      process.exitCode = await checkRecords(file, flags);
    });
  onProgram(group.command("stats"), rest, [
    new Option("--split <name>", "which records")
      .choices(["train", "val", "test"])
      .default("train"),
  ])
    .description("mean, deviation and extremes of each field, to be pasted into the program")
    .action(async (file: string, flags: Parameters<typeof showStats>[1]) => {
      process.exitCode = await showStats(file, flags);
    });
  onProgram(group.command("split"), rest, [
    new Option("--out <file>", "write the manifest: the records of each split"),
  ])
    .description("how many records each split has, and which")
    .action(async (file: string, flags: Parameters<typeof showSplit>[1]) => {
      process.exitCode = await showSplit(file, flags);
    });
  onProgram(group.command("cache"), rest, [
    new Option("--fill", "read all records once, so that a run finds them kept"),
    new Option("--clear", "remove what is kept"),
    new Option("--cache-dir <folder>", "where caches lie (default: .saic/cache)"),
    new Option("--threads <n>", "threads that decode (default: all cores)").argParser(
      wholeNumber(1),
    ),
  ])
    .description("show, fill or clear what the dataset keeps on disk")
    .action(async (file: string, flags: Parameters<typeof useCache>[1]) => {
      process.exitCode = await useCache(file, flags);
    });
  group
    .command("convert")
    .argument("<from>", "a .npz, .npy or .safetensors file, or a folder of .npy files")
    .argument("<to>", "one of these; its name tells which")
    .addOption(formatOption("how to print"))
    .addOption(jsonOption())
    .description("convert files of arrays; what is written is read back and compared")
    .action(async (from: string, to: string, flags: Parameters<typeof convertFile>[2]) => {
      process.exitCode = await convertFile(from, to, flags);
    });
};

const onProgram = (command: Command, argv: readonly string[], own: readonly Option[]): Command =>
  addProgramFlags(command, argv, [...own, formatOption("how to print"), jsonOption()]);
