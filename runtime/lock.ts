/** One process per run directory: a lock that a killed process cannot leave behind. */

import { closeSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { diagnose } from "../grammar/diagnostic.js";
import { runLocked } from "../grammar/diagnostics/run.js";
import { explained, makeFolders, refusalOf } from "./atomic-file.js";
import { exitCodes, Fault } from "./fault.js";

export interface Lock {
  readonly release: () => void;
}

export interface LockOptions {
  /** How long to wait for a holder that may be dying. */
  readonly waitMs: number;
}

/**
 * Locks `folder` by a file beside it, `.<name>.lock.<pid>.<start>`. The file names its process for
 * good, by id, start time and boot, so a dead one's may be removed by anyone at any time. Every
 * process first creates its own file and then looks at the others: of two, at least one sees the
 * other and steps back. Faults with exit code 2 when a living holder remains.
 */
export async function acquireLock(folder: string, options: LockOptions): Promise<Lock> {
  const parent = dirname(folder);
  explained(parent, () => makeFolders(parent));
  const prefix = `.${basename(folder)}.lock.`;
  const mine = `${prefix}${identityOf(process.pid) ?? `${process.pid}.0`}`;
  const deadline = performance.now() + options.waitMs;
  for (;;) {
    const holder = tryLock(parent, prefix, mine);
    if (holder === null) return { release: () => release(join(parent, mine)) };
    if (performance.now() >= deadline)
      throw new Fault(diagnose(runLocked, { folder, pid: holder }, null), exitCodes.environment);
    // Uneven pauses: two that stepped back must not meet again.
    await sleep(20 + Math.random() * 60);
  }
}

/** The id of the living process that holds the lock of `folder`, or `null`; nothing is touched. */
export function holderOf(folder: string): number | null {
  const prefix = `.${basename(folder)}.lock.`;
  let names: readonly string[];
  try {
    names = readdirSync(dirname(folder));
  } catch {
    return null;
  }
  for (const name of names) {
    const identity = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    const pid = Number.parseInt(identity, 10);
    if (identity !== "" && identityOf(pid) === identity) return pid;
  }
  return null;
}

/** Where the folder can no longer be written the file stays: it is dead as soon as we are. */
function release(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (refusalOf(error) === null) throw error;
  }
}

/** The id of the process that holds the lock, or `null` when it is ours. */
function tryLock(parent: string, prefix: string, mine: string): number | null {
  const path = join(parent, mine);
  try {
    explained(path, () => closeSync(openSync(path, "wx")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return process.pid;
    throw error;
  }
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix) || name === mine) continue;
    const identity = name.slice(prefix.length);
    const pid = Number.parseInt(identity, 10);
    if (identityOf(pid) === identity) {
      rmSync(path, { force: true });
      return pid;
    }
    rmSync(join(parent, name), { force: true });
  }
  return null;
}

/**
 * `<pid>.<start>` of a living process, else `null`. The start time, in clock ticks since boot, and
 * the boot's id tell a recycled process id apart; a zombie counts as dead. Where there is no
 * `/proc`, the start is `0` and the process id alone decides.
 */
export function identityOf(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return process.platform === "linux" || !isAlive(pid) ? null : `${pid}.0`;
  }
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  if (state === "Z" || state === "X") return null;
  return `${pid}.${fields[19] ?? "0"}-${bootId()}`;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
  } catch {
    return "0";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
