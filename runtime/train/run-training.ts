/** A whole run in this thread: directory, lock, resume, data, loop, test, result. */

import { dirname, join, resolve } from "node:path";
import { env } from "onnxruntime-node";
import type { ExecutablePlan, Plan } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { at } from "../../grammar/invariant.js";
import {
  batchesInParts,
  bestWithoutValidation,
  noBatches,
  threadsChanged,
} from "../../grammar/diagnostics/run.js";
import { type Artifact, openArtifact } from "../artifact.js";
import { createFiles, type Files } from "../atomic-file.js";
import { readCheckpoint, readWeights, type State } from "../checkpoint/checkpoint.js";
import { noProgress, type Progress } from "../checkpoint/progress.js";
import { type CheckpointStore, createStore } from "../checkpoint/store.js";
import type { Dataset } from "../data/dataset.js";
import type { OpenOptions } from "../data/open-dataset.js";
import type { KernelMemory } from "../executor/kernels.js";
import type { OpenedExecutor, OpenExecutor } from "../executor/open-executor.js";
import {
  type EventLog,
  openEventLog,
  readEvents,
  type RunEvent,
  type RunEventBody,
} from "../events.js";
import { exitCodes, Fault } from "../fault.js";
import { acquireLock } from "../lock.js";
import { requireMemory, withNeed } from "../memory.js";
import {
  describeRun,
  keepFits,
  keepSplit,
  locateRun,
  moveAside,
  type RunDirectory,
  scalarsFolder,
} from "../run-directory.js";
import type { RunOptions } from "../run-options.js";
import { readResult, type RunResult } from "../run-result.js";
import { openScalarLog, type ScalarLog } from "../tensorboard.js";
import { createSchedules, createTimeline, splitOf } from "../schedule.js";
import { type StartReport, startState } from "../starting-state.js";
import { elementCount } from "../tensor.js";
import { beginAverages } from "./averages.js";
import { createFeeder } from "./feeds.js";
import type { LoopContext } from "./context.js";
import { type Settle, settlingIn, staying } from "./residence.js";
import { trainFrom } from "./loop.js";
import { checkPlan } from "./plan-check.js";
import { concludeRun } from "./result.js";

/** What a run is given from outside: its data, its executor, and who listens. */
export interface RunServices {
  readonly openDataset: (program: ExecutablePlan["data"], options: OpenOptions) => Promise<Dataset>;
  readonly openExecutor: OpenExecutor;
  readonly onEvent: (event: RunEvent) => void;
  /** Asked before every update. */
  readonly shouldStop: () => boolean;
  readonly afterUpdate?: (update: number) => void;
  readonly files?: Files;
}

/**
 * Runs or continues the run of an artifact. A finished run returns its stored result at once. What
 * stops a run for a reason that is not our bug is thrown as a `Fault`.
 */
export async function runHere(options: RunOptions, services: RunServices): Promise<RunResult> {
  const artifact = openArtifact(options.artifact);
  checkPlan(artifact.plan);
  const directory = locateRun(artifact, options);
  const lock = await acquireLock(directory.folder, { waitMs: 5000 });
  try {
    const files = services.files ?? createFiles();
    if (options.mode === "fresh") moveAside(directory.folder, files);
    const stored = readResult(directory.folder);
    return stored ?? (await continueRun(artifact, directory, options, { ...services, files }));
  } finally {
    lock.release();
  }
}

async function continueRun(
  artifact: Artifact,
  directory: RunDirectory,
  options: RunOptions,
  services: RunServices & { readonly files: Files },
): Promise<RunResult> {
  const { plan } = artifact;
  const { device, threads } = options;
  const hasKernels = options.executor !== "session";
  const graphs = options.graphs === "kernels" && !hasKernels ? "fused" : options.graphs;
  if (!options.ignoreMemory) requireMemory(plan, graphs, device);
  const opened = await services.openExecutor(options.executor, { device, threads });
  const { executor } = opened;
  try {
    const cacheDir = options.cacheDir ?? join(dirname(resolve(options.runsDir)), ".saic", "cache");
    // onnxruntime-node's public API refuses tensors in memory that threads share.
    const batches = executor.name === "bound" ? "shared" : "own";
    const dataset = await services.openDataset(plan.data, {
      seed: plan.seed,
      threads,
      cacheDir,
      batches,
    });
    try {
      requireRecords(plan, dataset);
      return await trainAndConclude({ artifact, directory, options, services, ...opened, dataset });
    } finally {
      await dataset.close();
    }
  } catch (error) {
    throw withNeed(error, plan, graphs, device);
  } finally {
    await executor.close();
  }
}

interface Opened extends OpenedExecutor {
  readonly artifact: Artifact;
  readonly directory: RunDirectory;
  readonly options: RunOptions;
  readonly services: RunServices & { readonly files: Files };
  readonly dataset: Dataset;
}

async function trainAndConclude(opened: Opened): Promise<RunResult> {
  const { artifact, directory, options, services, executor, warning, dataset } = opened;
  const { plan, folder } = artifact;
  const { files } = services;
  const timeline = createTimeline(plan, (split) => dataset.batchesPer(split, "training"));
  const schedules = createSchedules(plan, timeline);
  const store = createStore(directory.checkpoints, files);
  const memory = executor.kernels?.createMemory() ?? null;
  const start = startingPoint(plan, options, store, {
    fits: dataset.fits ?? new Map(),
    // A run whose stages are all done goes on behind the last.
    settlingIn: (stage) =>
      settlingOf(at(plan.stages, Math.min(stage, plan.stages.length - 1)), options, memory),
  });
  const begun = start.resumedFrom !== null;
  const { threadsBefore } = describeRun(
    directory,
    artifact,
    {
      node: process.version,
      onnxruntime: env.versions.node ?? env.versions.common,
      executor: executor.name,
      device: executor.device,
      threads: options.threads,
    },
    files,
  );
  keepSplit(directory, dataset.manifest, begun ? "begun" : "new", files);
  keepFits(directory, dataset.fits ?? new Map(), begun ? "begun" : "new", files);
  const log = openEventLog(directory.events, start.eventsBytes);
  let scalars: ScalarLog | null = null;
  try {
    if (plan.tensorboard !== undefined) {
      const folder = scalarsFolder(directory, plan.tensorboard.folder);
      scalars = openScalarLog(folder, readEvents(directory.events), files);
    }
    const emit = (body: RunEventBody): void => {
      const event = log.append(body);
      scalars?.append(event);
      services.onEvent(event);
    };
    const state = new Map(start.state);
    const skipped = [...start.progress.skipped];
    const context: LoopContext = {
      plan,
      folder,
      dataset,
      executor,
      timeline,
      schedules,
      state,
      skipped,
      emit,
      graphs: options.graphs,
      memory,
      feeder: createFeeder({ seed: plan.seed, timeline, schedules, skipped }),
      checkpointName: store.nameFor,
      save: (name, progress) => {
        log.sync();
        store.write(name, { plan, state, progress, eventsBytes: log.bytes() });
      },
      weightsOf: (name) => {
        const at = join(store.folder, name);
        const weights = new Map(readWeights(at, plan));
        const averages = plan.state.filter(({ role }) => role === "average");
        const averaged = averages.length === 0 ? weights : readWeights(at, plan, "ema.safetensors");
        for (const { path, of } of averages) {
          const tensor = averaged.get(of ?? "");
          if (tensor !== undefined) weights.set(path, tensor);
        }
        return weights;
      },
      dump: { folder: directory.folder, files },
      shouldStop: services.shouldStop,
      afterUpdate: services.afterUpdate ?? (() => undefined),
    };
    emit(introduction(context, directory, options, start.resumedFrom));
    const warn = ({ code, message, hint }: Diagnostic): void =>
      emit({ type: "warning", code, message, hint, update: start.progress.update });
    if (start.report !== null) emit({ type: "weights", ...start.report });
    if (warning !== null) warn(warning);
    const { parts, batch: micro } = plan.data.loader;
    if (parts !== undefined)
      warn(diagnose(batchesInParts, { batch: micro * parts, parts, micro }, null));
    dataset.warnings?.forEach(warn);
    if (begun && threadsBefore !== null && threadsBefore !== options.threads)
      warn(diagnose(threadsChanged, { before: threadsBefore, now: options.threads }, null));
    const outcome = await trainFrom(context, start.progress);
    const result = await concludeRun(context, outcome, directory);
    dataset.notices?.().forEach(warn);
    emit({ type: "result", result });
    log.sync();
    if (result.status === "finished")
      files.publish(directory.result, `${JSON.stringify(result, null, 2)}\n`);
    return result;
  } catch (error) {
    if (error instanceof Fault) recordFailure(log, error);
    throw error;
  } finally {
    scalars?.close();
    log.close();
  }
}

/** What the command will say stands in the record too; a disk that is full has the last word. */
function recordFailure(log: EventLog, { diagnostic, exitCode }: Fault): void {
  const { code, message } = diagnostic;
  try {
    log.append({ type: "failed", code, message, exit_code: exitCode });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

interface StartingPoint {
  readonly state: State;
  readonly progress: Progress;
  readonly eventsBytes: number;
  readonly resumedFrom: number | null;
  /** What `init` has read; `null` where it reads nothing or the run goes on. */
  readonly report: StartReport | null;
}

/** Where the stage's kernels will update the state; traced stages run without them. */
const settlingOf = (
  stage: Plan["stages"][number],
  { graphs }: RunOptions,
  memory: KernelMemory | null,
): Settle =>
  graphs === "kernels" && stage.debug === undefined ? settlingIn(stage, memory) : staying;

/** The last checkpoint, or new state with the weights that were asked for. */
function startingPoint(
  plan: Plan,
  options: RunOptions,
  store: CheckpointStore,
  {
    fits,
    settlingIn: settling,
  }: { readonly fits: State; readonly settlingIn: (stage: number) => Settle },
): StartingPoint {
  store.repair();
  const last = store.last();
  if (last !== null) {
    const { manifest, state: stored } = readCheckpoint(last, plan);
    const { progress, eventsBytes } = manifest;
    const settle = settling(progress.stage);
    const state = new Map([...stored].map(([path, tensor]) => [path, settle(path, tensor)]));
    return { state, progress, eventsBytes, resumedFrom: progress.update, report: null };
  }
  const given: State = options.from === null ? new Map() : readWeights(options.from, plan);
  // What the data are rescaled by goes before what other data were.
  const { state, report } = startState(plan, new Map([...given, ...fits]), settling(0));
  beginAverages(plan, state);
  return { state, progress: noProgress, eventsBytes: 0, resumedFrom: null, report };
}

/** Faults with exit code 6 when the splits cannot serve the plan. */
function requireRecords(plan: Plan, dataset: Dataset): void {
  for (const split of new Set(plan.stages.map(splitOf))) {
    const params = { split, records: dataset.size(split), batch: plan.batch };
    if (dataset.batchesPer(split, "training") === 0)
      throw new Fault(diagnose(noBatches, params, null), exitCodes.badData);
  }
  if (dataset.size("val") > 0) return;
  const bests = [plan, ...plan.stages].flatMap(({ checkpoint }) => checkpoint?.best ?? []);
  const starts = plan.stages.flatMap(({ start }) => start ?? []);
  const stops = plan.stages.flatMap(({ earlyStop }) => earlyStop ?? []);
  const rules = [
    ...bests.map(({ metric }) => ({ metric, rule: "the best" })),
    ...starts.map(({ metric }) => ({ metric, rule: "`start`" })),
    ...stops.map(({ metric }) => ({ metric, rule: "`early_stop`" })),
  ];
  for (const rule of rules)
    throw new Fault(diagnose(bestWithoutValidation, rule, null), exitCodes.badData);
}

function introduction(
  { plan, dataset, timeline, executor }: LoopContext,
  { folder }: RunDirectory,
  { threads }: RunOptions,
  resumedFrom: number | null,
): RunEventBody {
  const { stages, state } = plan;
  return {
    type: "run",
    train: plan.train,
    run_dir: folder,
    resumed_from: resumedFrom,
    updates: timeline.total,
    batches_per_epoch: timeline.stages[0]?.perEpoch ?? 0,
    stages: stages.map(({ name }, index) => ({
      name,
      updates: timeline.stages[index]?.length ?? 0,
    })),
    records: {
      train: dataset.size("train"),
      val: dataset.size("val"),
      test: dataset.size("test"),
    },
    parameters: state.reduce(
      (sum, { role, shape }) => sum + (role === "parameter" ? elementCount(shape) : 0),
      0,
    ),
    device: executor.device,
    executor: executor.name,
    threads,
    pid: process.pid,
  };
}
