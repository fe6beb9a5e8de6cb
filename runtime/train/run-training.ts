/** A whole run in this thread: directory, lock, resume, data, loop, test, result. */

import { join } from "node:path";
import { env } from "onnxruntime-node";
import type { ExecutablePlan, Plan } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { bestWithoutValidation, noBatches, threadsChanged } from "../../grammar/diagnostics/run.js";
import { type Artifact, openArtifact } from "../artifact.js";
import { createFiles, type Files } from "../atomic-file.js";
import { readCheckpoint, readWeights, type State } from "../checkpoint/checkpoint.js";
import { noProgress, type Progress } from "../checkpoint/progress.js";
import { type CheckpointStore, createStore } from "../checkpoint/store.js";
import type { Dataset } from "../data/dataset.js";
import type { OpenedExecutor, OpenExecutor } from "../executor/open-executor.js";
import { openEventLog, type RunEvent, type RunEventBody } from "../events.js";
import { exitCodes, Fault } from "../fault.js";
import { initialize } from "../initialize.js";
import { acquireLock } from "../lock.js";
import { requireMemory } from "../memory.js";
import {
  describeRun,
  keepFits,
  keepSplit,
  locateRun,
  moveAside,
  type RunDirectory,
} from "../run-directory.js";
import type { RunOptions } from "../run-options.js";
import { readResult, type RunResult } from "../run-result.js";
import { createSchedules, createTimeline } from "../schedule.js";
import { elementCount, type HostTensor } from "../tensor.js";
import { beginAverages } from "./averages.js";
import { createFeeder } from "./feeds.js";
import type { LoopContext } from "./context.js";
import { trainFrom } from "./loop.js";
import { checkPlan } from "./plan-check.js";
import { concludeRun } from "./result.js";

/** What a run is given from outside: its data, its executor, and who listens. */
export interface RunServices {
  readonly openDataset: (
    program: ExecutablePlan["data"],
    options: { readonly seed: number; readonly threads: number },
  ) => Promise<Dataset>;
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
    const dataset = await services.openDataset(plan.data, { seed: plan.seed, threads });
    try {
      requireRecords(plan, dataset);
      return await trainAndConclude({ artifact, directory, options, services, ...opened, dataset });
    } finally {
      await dataset.close();
    }
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
  const timeline = createTimeline(plan, dataset.batchesPer("train"));
  const schedules = createSchedules(plan, timeline);
  const store = createStore(directory.checkpoints, files);
  const start = startingPoint(plan, options, store, dataset.fits ?? new Map());
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
  try {
    const emit = (body: RunEventBody): void => services.onEvent(log.append(body));
    const state = new Map(start.state);
    const context: LoopContext = {
      plan,
      folder,
      dataset,
      executor,
      timeline,
      schedules,
      state,
      emit,
      graphs: options.graphs,
      feeder: createFeeder({ seed: plan.seed, timeline, schedules }),
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
    if (warning !== null) warn(warning);
    dataset.warnings?.forEach(warn);
    if (begun && threadsBefore !== null && threadsBefore !== options.threads)
      warn(diagnose(threadsChanged, { before: threadsBefore, now: options.threads }, null));
    const outcome = await trainFrom(context, start.progress);
    const result = await concludeRun(context, outcome, directory);
    emit({ type: "result", result });
    log.sync();
    if (result.status === "finished")
      files.publish(directory.result, `${JSON.stringify(result, null, 2)}\n`);
    return result;
  } finally {
    log.close();
  }
}

interface StartingPoint {
  readonly state: State;
  readonly progress: Progress;
  readonly eventsBytes: number;
  readonly resumedFrom: number | null;
}

/** The last checkpoint, or new state with the weights that were asked for. */
function startingPoint(
  plan: Plan,
  options: RunOptions,
  store: CheckpointStore,
  fits: State,
): StartingPoint {
  store.repair();
  const last = store.last();
  if (last !== null) {
    const { manifest, state } = readCheckpoint(last, plan);
    const { progress, eventsBytes } = manifest;
    return { state, progress, eventsBytes, resumedFrom: progress.update };
  }
  const given: State = options.from === null ? new Map() : readWeights(options.from, plan);
  const state = new Map(
    plan.state.map((entry): [string, HostTensor] => {
      const { init, path, shape, dtype } = entry;
      // What the data are rescaled by goes before what other data were.
      const known = fits.get(path) ?? given.get(path);
      const data = known?.data ?? initialize(init, plan.seed, path, shape, dtype);
      return [path, { dtype, shape, data }];
    }),
  );
  beginAverages(plan, state);
  return { state, progress: noProgress, eventsBytes: 0, resumedFrom: null };
}

/** Faults with exit code 6 when the splits cannot serve the plan. */
function requireRecords(plan: Plan, dataset: Dataset): void {
  if (dataset.batchesPer("train") === 0)
    throw new Fault(
      diagnose(noBatches, { records: dataset.size("train"), batch: plan.batch }, null),
      exitCodes.badData,
    );
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
    batches_per_epoch: timeline.batchesPerEpoch,
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
