/** `saic verify-resume`: kills a run at every update, twice, and compares it with one that ran through. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Option } from "commander";
import { processKilled } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import type { RunOptions } from "../../runtime/run-options.js";
import type { RunResult } from "../../runtime/run-result.js";
import { compileProgram, writeArtifact } from "../artifact-files.js";
import { addProgramFlags, type ProgramFlags, wholeNumber } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface VerifyFlags extends ProgramFlags {
  readonly threads?: number;
}

export const verifyResume: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("verify-resume"), argv, [
    new Option("--threads <n>", "threads of one operator (default: all cores)").argParser(
      wholeNumber(1),
    ),
  ])
    .description("kill a run at every update, and compare its end with that of a whole run")
    .action(async (file: string, flags: VerifyFlags) => {
      process.exitCode = await verify(file, flags);
    });
};

async function verify(file: string, flags: VerifyFlags): Promise<number> {
  const compiled = await compileProgram(file, flags);
  if (!compiled.ok) return compiled.exitCode;
  const folder = mkdtempSync(join(tmpdir(), "saic-verify-"));
  try {
    const artifact = join(folder, "artifact");
    writeArtifact(compiled.artifact, artifact);
    const options = (runsDir: string): RunOptions => ({
      artifact,
      runsDir: join(folder, runsDir),
      threads: flags.threads ?? availableParallelism(),
      device: flags.device ?? "cpu",
      executor: null,
      from: null,
      mode: "resume",
      graphs: "kernels",
      ignoreMemory: false,
    });
    const whole = await run(options("whole"));
    let kills = 0;
    for (let update = 1; update <= whole.updates; update++)
      for (const moment of ["step", "end"] as const)
        if (await isKilled(run({ ...options("killed"), killAt: { update, moment } }))) kills++;
    const resumed = await run(options("killed"));
    const differing = differences(whole, resumed);
    const times = `${kills} times over ${whole.updates} updates`;
    process.stdout.write(
      differing.length === 0
        ? `killed ${times}: the same bits as in one go\n`
        : `killed ${times}: not the same as in one go\n${differing.map((each) => `  ${each}\n`).join("")}`,
    );
    return differing.length === 0 ? exitCodes.success : exitCodes.guard;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(options: RunOptions): Promise<RunResult> {
  const { runTraining } = await import("../../runtime/supervise.js");
  return runTraining(options, () => undefined, new AbortController().signal);
}

/** Whether the kill came before the end. */
async function isKilled(running: Promise<RunResult>): Promise<boolean> {
  try {
    await running;
    return false;
  } catch (error) {
    if (error instanceof Fault && error.diagnostic.code === processKilled.code) return true;
    throw error;
  }
}

/** What is not the same: files of the last checkpoint, events, the result. */
function differences(whole: RunResult, resumed: RunResult): readonly string[] {
  const found: string[] = [];
  const last = (result: RunResult): string => join(result.run_dir, "checkpoints", "last");
  for (const file of readdirSync(last(whole)).filter((name) => name.endsWith(".safetensors")))
    if (!readFileSync(join(last(whole), file)).equals(readFileSync(join(last(resumed), file))))
      found.push(`checkpoints/last/${file}`);
  const [before, after] = [eventsOf(whole), eventsOf(resumed)];
  const event = before.findIndex((each, i) => each !== after[i]);
  if (event >= 0) found.push(`an event: ${before[event]}`);
  else if (before.length !== after.length) found.push(`an event: ${after[before.length]}`);
  const plain = ({ metrics, tables, stopped, updates }: RunResult): string =>
    JSON.stringify({ metrics, tables, stopped, updates });
  if (plain(whole) !== plain(resumed)) found.push("the result");
  return found;
}

/** What clocks and the system measured. */
const measured = ["time", "step_ms", "data_ms", "ms", "rss"];

/** What happened in a run, but for who took it up when and was warned; the result is compared by itself. */
const eventsOf = ({ run_dir: folder }: RunResult): readonly string[] =>
  readFileSync(join(folder, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .filter((line) => !/^\{"type":"(?:run|warning|result)"/u.test(line))
    .map((line) =>
      JSON.stringify(
        JSON.parse(line, (key, value: unknown) => (measured.includes(key) ? undefined : value)),
      ),
    );
