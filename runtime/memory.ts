/** How much memory a run will need, and how much there is. */

import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import type { GraphSpec, Plan } from "../compiler/plan/schema.js";
import { diagnose } from "../grammar/diagnostic.js";
import { memoryPredicted, outOfMemory } from "../grammar/diagnostics/run.js";
import type { Device } from "./executor/executor.js";
import { isOutOfMemory } from "./executor/refusals.js";
import type { UpdateGraphs } from "./run-options.js";
import { exitCodes, Fault } from "./fault.js";

/** Reads a file of the system, or `null`; tests give their own. */
export type SystemFile = (path: string) => string | null;

export interface Available {
  readonly bytes: number;
  /** What sets the limit: `system memory` or the control group's path. */
  readonly limit: string;
}

/** Node, the libraries and a few batches: what a process takes before any graph runs. */
const processBytes = 200 * 2 ** 20;

/** Faults with exit code 5, with figures, when the prediction exceeds what is available. */
export function requireMemory(
  plan: Plan,
  graphs: UpdateGraphs,
  device: Device,
  available: Available = availableMemory(),
): void {
  const { needed, graph } = predictMemory(plan, graphs, device);
  if (needed <= available.bytes) return;
  throw new Fault(
    diagnose(
      memoryPredicted,
      {
        needed,
        available: available.bytes,
        state: plan.stateBytes,
        graph: graph.file,
        peak: graph.peakBytes,
        limit: available.limit,
      },
      null,
    ),
    exitCodes.outOfMemory,
  );
}

/**
 * The largest training graph's peak (its inputs and outputs, so the state twice, included), one
 * more copy of the state (what outputs are copied to, or the state before the first update), and the
 * process. On a device only the state lies in this memory: in, out, and copied.
 */
export function predictMemory(
  plan: Plan,
  graphs: UpdateGraphs,
  device: Device,
): { readonly needed: number; readonly graph: GraphSpec } {
  const candidates = plan.stages.flatMap(({ graphs: own, accumulate, kernels }) => {
    const rest = kernels?.rest ?? null;
    const update = graphs === "kernels" && kernels === undefined ? "fused" : graphs;
    return [
      own.eval,
      ...(update === "fused" ? [own.step] : []),
      ...(update === "split" ? [own.apply] : []),
      ...(update === "kernels" && rest !== null ? [rest] : []),
      ...(update !== "fused" || accumulate !== undefined ? [own.grad] : []),
    ];
  });
  const graph = candidates.reduce((largest, candidate) =>
    candidate.peakBytes > largest.peakBytes ? candidate : largest,
  );
  const needed =
    device === "cpu"
      ? graph.peakBytes + plan.stateBytes + processBytes
      : 3 * plan.stateBytes + processBytes;
  return { needed, graph };
}

/** An allocation that failed in a run, with what it was predicted to need; any other error as it is. */
export function withNeed(
  error: unknown,
  plan: Plan,
  graphs: UpdateGraphs,
  device: Device,
): unknown {
  const words = error instanceof Error ? error.message : "";
  const failed =
    error instanceof Fault ? error.diagnostic.code === outOfMemory.code : isOutOfMemory(words);
  if (!failed) return error;
  const { needed, graph } = predictMemory(plan, graphs, device);
  const need = {
    needed,
    graph: graph.file,
    peak: graph.peakBytes,
    state: plan.stateBytes,
    batch: plan.batch,
    accumulate: Math.max(...plan.stages.map(({ accumulate }) => accumulate?.batches ?? 1)),
  };
  const [doing, detail] = /^out of memory while (.*?): (.*)$/su.exec(words)?.slice(1) ?? [];
  const params = { doing: doing ?? "training", detail: (detail ?? words).trim(), need };
  return new Fault(diagnose(outOfMemory, params, null), exitCodes.outOfMemory);
}

/** The least of the system's memory and what each enclosing control group (version 2) leaves. */
export function availableMemory(read: SystemFile = readSystemFile): Available {
  const meminfo = /^MemAvailable:\s+(\d+) kB$/mu.exec(read("/proc/meminfo") ?? "")?.[1];
  let least: Available = {
    bytes: meminfo === undefined ? freemem() : Number(meminfo) * 1024,
    limit: "system memory",
  };
  const group = /^0::(\/.*)$/mu.exec(read("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  const parts = group.split("/").filter((part) => part !== "");
  for (let depth = parts.length; depth >= 0; depth--) {
    const folder = join("/sys/fs/cgroup", ...parts.slice(0, depth));
    const limit = Number(read(join(folder, "memory.max"))?.trim() ?? "max");
    const used = Number(read(join(folder, "memory.current"))?.trim() ?? "none");
    if (!Number.isFinite(limit) || !Number.isFinite(used)) continue;
    // The kernel drops cached files before it kills.
    const stat = read(join(folder, "memory.stat")) ?? "";
    const reclaimable = Number(/^inactive_file (\d+)$/mu.exec(stat)?.[1] ?? 0);
    const bytes = Math.max(0, limit - used + reclaimable);
    if (bytes < least.bytes) least = { bytes, limit: `control group \`${folder}\`` };
  }
  return least;
}

function readSystemFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
