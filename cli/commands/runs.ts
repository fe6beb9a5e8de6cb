/** `saic runs`: lists runs and how they stand, shows one, removes one. */

import { rmSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Command } from "commander";
import { diagnose } from "../../grammar/diagnostic.js";
import { runLocked } from "../../grammar/diagnostics/run.js";
import { noRunDirectory } from "../../grammar/diagnostics/use.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import type { RunEntry } from "../../runtime/use/list-runs.js";
import { displayName } from "../host.js";
import { formatOption, jsonOption } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface RunsFlags {
  readonly format: "text" | "json";
}

export const runs: CommandDefinition = (program) => {
  const group = program
    .command("runs")
    .description("list runs with their state, steps, best metric and time")
    .addHelpText(
      "after",
      "\nStates:\n  running   a process trains it\n  finished  it has a result\n" +
        "  stopped   it was asked to stop; the same command continues it\n" +
        "  failed    a fault ended it\n  killed    it ended without a word",
    );
  withFormat(group.command("list", { isDefault: true }))
    .description("list the runs of a folder")
    .argument("[folder]", "where runs are kept", "runs")
    .action(async (folder: string, { format }: RunsFlags) => {
      const { listRuns } = await import("../../runtime/use/list-runs.js");
      const entries = listRuns(folder);
      process.stdout.write(format === "json" ? json(entries) : tableOf(entries, folder));
    });
  withFormat(group.command("show"))
    .description("show one run: its state, its numbers, its files")
    .argument("<run>", "a run directory")
    .action(async (folder: string, { format }: RunsFlags) => {
      const entry = await entryOf(folder);
      const { readResult } = await import("../../runtime/run-result.js");
      const result = entry.state === "finished" ? readResult(folder) : null;
      process.stdout.write(
        format === "json" ? json({ ...entry, result }) : shown(entry, result?.metrics ?? {}),
      );
    });
  group
    .command("rm")
    .description("remove runs with all their files; a run that trains is left alone")
    .argument("<runs...>", "run directories")
    .action(async (folders: readonly string[]) => {
      // All are looked at before the first is removed.
      for (const folder of folders) {
        const { pid } = await entryOf(folder);
        if (pid !== null)
          throw new Fault(diagnose(runLocked, { folder, pid }, null), exitCodes.environment);
      }
      for (const folder of folders) await remove(folder);
    });
};

const withFormat = (command: Command): Command =>
  command.addOption(formatOption("how to print")).addOption(jsonOption());

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function entryOf(folder: string): Promise<RunEntry> {
  const { describeRun } = await import("../../runtime/use/list-runs.js");
  const whole = resolve(folder);
  const entry = describeRun(whole, basename(dirname(whole)), basename(whole));
  if (entry !== null) return { ...entry, folder };
  const reason = "it has neither `plan.json` nor `events.jsonl`";
  throw new Fault(diagnose(noRunDirectory, { folder, reason }, null), exitCodes.environment);
}

/** Under the run's lock: whoever would take the run up meanwhile waits, and begins anew. */
async function remove(folder: string): Promise<void> {
  const { acquireLock } = await import("../../runtime/lock.js");
  const lock = await acquireLock(folder, { waitMs: 0 });
  try {
    rmSync(folder, { recursive: true });
    process.stderr.write(`removed ${displayName(resolve(folder))}\n`);
  } finally {
    lock.release();
  }
}

function tableOf(entries: readonly RunEntry[], folder: string): string {
  if (entries.length === 0) return `no runs in ${displayName(resolve(folder))}\n`;
  const rows = [
    ["run", "state", "steps", "best", "began", "took", "size"],
    ...entries.map((entry) => [
      displayName(resolve(entry.folder)),
      entry.state,
      stepsOf(entry),
      bestOf(entry),
      dateOf(entry.began),
      lengthOf(entry),
      sizeOf(entry.bytes),
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function shown(entry: RunEntry, metrics: Readonly<Record<string, number | null>>): string {
  const { fault, pid } = entry;
  const lines = [
    ["run", displayName(resolve(entry.folder))],
    ["train", entry.train],
    ["state", pid === null ? entry.state : `${entry.state} (process ${pid})`],
    ...(fault === null ? [] : [["fault", `[${fault.code}] ${fault.message}`]]),
    ["steps", stepsOf(entry)],
    ["best", bestOf(entry)],
    ["began", dateOf(entry.began)],
    ["took", lengthOf(entry)],
    ["size", sizeOf(entry.bytes)],
    ...Object.entries(metrics).map(([name, value]) => [name, value?.toPrecision(4) ?? "undefined"]),
  ];
  const width = Math.max(...lines.map(([name = ""]) => name.length));
  return lines.map(([name = "", value = ""]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

const stepsOf = ({ updates, of }: RunEntry): string =>
  updates === null ? "-" : of === null ? String(updates) : `${updates}/${of}`;

const bestOf = ({ best }: RunEntry): string =>
  best === null ? "-" : `${best.metric} ${best.value.toPrecision(4)}`;

const dateOf = (time: number | null): string =>
  time === null ? "-" : new Date(time).toISOString().slice(0, 16).replace("T", " ");

/** From the first event to the last; what lay between two processes is counted in. */
function lengthOf({ began, last }: RunEntry): string {
  if (began === null || last === null) return "-";
  const seconds = Math.round((last - began) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

const sizeOf = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
