/** What a run leaves: its status, its metrics, its objectives and the weights it chose. */

import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { diagnose } from "../grammar/diagnostic.js";
import { resultDamaged } from "../grammar/diagnostics/run.js";
import { executorNames } from "./executor/executor.js";
import { exitCodes, Fault } from "./fault.js";
import { stopped } from "./checkpoint/progress.js";
import { table } from "./metrics/table.js";

const runResult = z.strictObject({
  status: z.enum(["finished", "interrupted"]),
  run_dir: z.string(),
  updates: z.number().int(),
  /** Passes over the training split, as far as made. */
  epochs: z.number(),
  /** `train.loss`: mean over the last epoch; `val.…`: of the chosen weights; `test.…`. */
  metrics: z.record(z.string(), z.number().nullable()),
  /** Metrics of several numbers, as lists by axis: `val.confusion`. */
  tables: z.record(z.string(), table).default({}),
  objectives: z.array(
    z.strictObject({
      name: z.string(),
      target: z.number(),
      value: z.number().nullable(),
      met: z.boolean(),
    }),
  ),
  /** Records that were left out, as their pictures cannot be read. */
  skipped: z.number().int().default(0),
  /** Updates that were skipped, for the norm of their gradients was above `skip_above`. */
  skipped_updates: z.number().int().default(0),
  /** The rule that ended the run before its last update. */
  stopped: stopped.nullable().default(null),
  /** What ran the graphs, the last time that the run was taken up. */
  executor: z.enum(executorNames).default("session"),
  precision: z.strictObject({ asked: z.string(), ran: z.string() }),
  /** The safetensors file of the chosen weights. */
  weights: z.string(),
});
export type RunResult = z.infer<typeof runResult>;

/** The stored result of a finished run, or `null`; a run directory that was moved is followed. */
export function readResult(runDir: string): RunResult | null {
  const file = join(runDir, "result.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  const damaged = (reason: string): Fault =>
    new Fault(diagnose(resultDamaged, { file, reason }, null), exitCodes.environment);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged("it is not JSON");
  }
  const parsed = runResult.safeParse(json);
  if (!parsed.success) throw damaged(parsed.error.issues[0]?.message ?? "it is malformed");
  const { run_dir: before, weights } = parsed.data;
  return { ...parsed.data, run_dir: runDir, weights: join(runDir, relative(before, weights)) };
}
