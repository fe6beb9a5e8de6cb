/** What a run says about its data while it trains: damaged caches, and updates that wait for batches. */

import { availableParallelism } from "node:os";
import type { Plan } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { dataStarves } from "../../grammar/diagnostics/loader.js";
import type { Dataset } from "../data/dataset.js";
import { type LoopContext, warn } from "./context.js";

/** Updates that are looked at together. */
const windowUpdates = 50;
/** The first updates wait for threads to start. */
const ignoredUpdates = 10;
/** Of an update's time, and in milliseconds, from which on a wait is worth a word. */
const worthSaying = { share: 0.25, ms: 5 };

interface Update {
  readonly step_ms: number;
  readonly data_ms: number;
}

/** The context, whose updates and validations are followed by what there is to say about data. */
export function withDataNotices(context: LoopContext): LoopContext {
  const { plan, dataset, emit } = context;
  const watch = createStarvationWatch(() => adviceFor(plan, dataset));
  return {
    ...context,
    emit: (event) => {
      emit(event);
      if (event.type !== "step" && event.type !== "validation") return;
      const found = [...(dataset.notices?.() ?? [])];
      const starving = event.type === "step" ? watch(event) : null;
      if (starving !== null) found.push(starving);
      for (const diagnostic of found) warn(context, event.update, diagnostic);
    },
  };
}

/** Given each update in turn; once, when a window of them has waited for too much of its time. */
export function createStarvationWatch(advice: () => string): (update: Update) => Diagnostic | null {
  const window: Update[] = [];
  let seen = 0;
  let isSaid = false;
  return (update) => {
    if (isSaid || ++seen <= ignoredUpdates) return null;
    window.push(update);
    if (window.length > windowUpdates) window.shift();
    if (window.length < windowUpdates) return null;
    const mean = (key: keyof Update): number =>
      window.reduce((sum, each) => sum + each[key], 0) / windowUpdates;
    const [dataMs, stepMs] = [mean("data_ms"), mean("step_ms")];
    const share = dataMs / (dataMs + stepMs);
    if (share < worthSaying.share || dataMs < worthSaying.ms) return null;
    isSaid = true;
    const percent = Math.round(100 * share);
    const params = { percent, updates: windowUpdates, dataMs, stepMs, advice: advice() };
    return diagnose(dataStarves, params, null);
  };
}

/** What to change in `loader`. */
export function adviceFor(
  { data: { loader } }: Pick<Plan, "data">,
  { workers = 0 }: Pick<Dataset, "workers">,
  cores = availableParallelism(),
): string {
  const changes: string[] = [];
  if (workers < cores)
    changes.push(`\`workers: auto\` decodes in ${cores} threads, where ${workers} are at work`);
  if (loader.cache === undefined && loader.residency !== "preload")
    changes.push(
      "`cache: disk(max: 20 GiB)` keeps what is decoded and transformed alike in every epoch",
    );
  if (changes.length === 0)
    changes.push(
      "move transforms that are the same in every epoch before the first random one, where the cache keeps their result, or shrink the pictures beforehand",
    );
  return changes.join("; ");
}
