/** What the training loop adds to its graphs: feeding, guards, events, and waiting for batches. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../cli/host.js";
import { openDataset } from "../runtime/data/open-dataset.js";
import { openExecutor } from "../runtime/executor/open-executor.js";
import type { Executor } from "../runtime/executor/executor.js";
import { runHere } from "../runtime/train/run-training.js";
import { createFiles } from "../runtime/atomic-file.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { percentile } from "./percentile.js";

/** A step that the overhead is set against, in milliseconds. */
const step = 50;
/** Threads start and code is compiled before. */
const ignored = 50;

/**
 * Trains the quickstart here and prints, by update, the time outside of graphs and kernels: what an
 * update takes, checkpoints and validation left out, less what passed in them.
 */
export async function timeLoop(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "saic-loop-"));
  try {
    const artifact = join(folder, "artifact");
    prepareTrain(join(packageRoot, "pipelines", "quickstart.pipe"), artifact);
    let inside = 0;
    const outside: number[] = [];
    const waits: number[] = [];
    let before: { readonly at: number; readonly inside: number } | null = null;
    const timed = async <T>(work: () => Promise<T>): Promise<T> => {
      const began = performance.now();
      try {
        return await work();
      } finally {
        inside += performance.now() - began;
      }
    };
    let seen = 0;
    await runHere(
      {
        artifact,
        runsDir: join(folder, "runs"),
        threads: 1,
        device: "cpu",
        executor: null,
        from: null,
        mode: "fresh",
        graphs: "split",
        ignoreMemory: true,
      },
      {
        openDataset,
        openExecutor: async (name, options) => {
          const opened = await openExecutor(name, options);
          return { ...opened, executor: timing(opened.executor, timed) };
        },
        onEvent: (event) => {
          const now = { at: performance.now(), inside };
          if (event.type === "step" && before !== null && ++seen > ignored) {
            outside.push(now.at - before.at - (now.inside - before.inside));
            waits.push(event.data_ms);
          }
          before = event.type === "step" ? now : null;
        },
        shouldStop: () => seen > 10 * ignored,
        files: createFiles(),
      },
    );
    const median = percentile(outside, 50);
    console.log(
      `\nthe loop around its graphs: ${median.toFixed(2)} ms an update (median of ${outside.length}), of which ` +
        `${percentile(waits, 50).toFixed(2)} ms wait for data; ${((100 * median) / step).toFixed(1)}% of a step of ${step} ms`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Timed = <T>(work: () => Promise<T>) => Promise<T>;

/** The executor, whose graphs tell how long they run. */
const timing = (executor: Executor, timed: Timed): Executor => ({
  ...executor,
  load: async (folder, spec) => {
    const graph = await executor.load(folder, spec);
    return { ...graph, run: (feeds, spare) => timed(() => graph.run(feeds, spare)) };
  },
});
