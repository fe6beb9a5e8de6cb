/** Lowers a checked train: graphs for every stage, the inference graph, and the plan. */

import { invariant } from "../../grammar/invariant.js";
import { applyModel } from "../check/model.js";
import { batchName, createElaboration, rootFrame, type Session } from "../check/elaboration.js";
import { cannotCarryOut, type Fact, type Frame, type Stack } from "../check/frame.js";
import { frozenInstance } from "../check/globs.js";
import { initialized } from "../check/init.js";
import type { CheckedLoss } from "../check/losses.js";
import { checkRecompute } from "../check/recompute.js";
import type { CheckpointPolicy, MetricChoice } from "../check/policies.js";
import type { CheckedTrain } from "../check/train.js";
import type { CompilerHost } from "../host.js";
import type { Graph } from "../ir/graph.js";
import { isFloat, sameType } from "../ir/type.js";
import type { Program } from "../modules.js";
import { type Plan, planVersion } from "../plan/schema.js";
import { compilerVersion } from "../version.js";
import { lowerExports } from "./exports.js";
import { checkChoices, directionOf } from "./choices.js";
import { showingAll } from "./debug.js";
import { buildForward, type Forward } from "./forward.js";
import { graphSpec, type SpecContext } from "./graph-spec.js";
import { lowerMetrics } from "./metrics.js";
import { averagePath, slotPath } from "./naming.js";
import type { Slot } from "./optimizer.js";
import { parameterRules, type StageRules } from "./parameter-rules.js";
import { checkPrecomputed } from "./precompute.js";
import { planSchedule } from "./schedule-runs.js";
import { evaluationGraph, lowerStage, pruned, type StagePlan } from "./stage.js";
import { planStages } from "./stage-plans.js";
import { stateBytes, stateTable } from "./state.js";

export interface LoweredTrain {
  readonly plan: Plan;
  /** By path inside the artifact. */
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly programText: string;
  /** The instances that `each` has made. */
  readonly stacks: ReadonlyMap<string, Stack>;
}

/** The default opset: from 19 on the CUDA provider sends many ops to the CPU. */
const opset = 18;

/** What a train's graphs are made from: the evaluation forward pass, and what learns how. */
export interface PreparedTrain {
  readonly frame: Frame;
  readonly evaluation: Forward;
  readonly weights: readonly string[];
  readonly rules: readonly StageRules[];
  readonly schedules: Plan["schedules"];
  readonly stages: readonly StagePlan[];
  readonly members: Forward["members"];
}

/** `null` when the model, a loss, a metric, a group or a policy is wrong; everything is reported. */
export function prepareTrain(
  session: Session,
  program: Program,
  train: CheckedTrain,
  facts: Fact[],
): PreparedTrain | null {
  const { root } = program;
  const frame = rootFrame(createElaboration(session), root);
  const evaluation = buildForward(session, root, train, {
    training: false,
    losses: train.losses,
    padding: "masked",
  });
  if (evaluation === null) return null;
  facts.push(...evaluation.applied.elaboration.facts);
  const parameters = evaluation.members.filter((member) => member.role === "weight");
  const weights = parameters.map((member) => member.path);
  const { stages: rules, schedules } = parameterRules(frame, train, parameters);
  // The rules of one stage are the next one's measure: nothing can be planned by wrong ones.
  if (session.diagnostics.some(({ severity }) => severity === "error")) return null;
  const stages = planStages(frame, session, train, parameters, rules);
  const members = initialized(frame, train.init, evaluation.members);
  checkRecompute(frame, train, evaluation.members);
  checkChoices(frame, train, evaluation);
  return { frame, evaluation, weights, rules, schedules, stages, members };
}

/** `null` when anything is wrong; everything has been reported. */
export function lowerTrain(
  session: Session,
  program: Program,
  train: CheckedTrain,
  host: CompilerHost,
  facts: Fact[],
  programText: string,
): LoweredTrain | null {
  const prepared = prepareTrain(session, program, train, facts);
  if (prepared === null) return null;
  const { frame, evaluation, weights, rules, schedules, stages, members } = prepared;
  const { root } = program;

  const graphs = new Map<string, Graph>();
  const slots: { parameter: string; slot: Slot }[] = [];
  const batch = train.data.program.loader.batch;
  const masked = maskOf(train);
  const planned: Plan["stages"] = [];
  const measured = lowerMetrics(evaluation);
  const evaluations = new Map<CheckedLoss, Graph>();
  for (const objective of evaluation.objectives) {
    const { loss } = objective.evaluated;
    evaluations.set(loss, evaluationGraph(evaluation, objective, "eval", measured.outputs));
  }
  const timelines = lossSchedules(train, evaluation);
  /** What has learned or been updated so far, and what of it averages were kept of. */
  const changed = new Set<string>();
  const averaged = new Set<string>();
  let averagedBefore: ReadonlySet<string> = new Set();
  for (const [i, stage] of stages.entries()) {
    const checked = train.stages[i];
    const own = rules[i];
    const evalGraph = checked === undefined ? undefined : evaluations.get(checked.loss);
    invariant(
      checked !== undefined && own !== undefined && evalGraph !== undefined,
      `the stage \`${stage.name}\` is checked`,
    );
    const frozen = new Set(weights.filter((path) => !stage.trainable.includes(path)));
    const forward = buildForward(session, root, train, {
      training: true,
      losses: [checked.loss],
      isFrozen: frozenInstance(weights, frozen),
      ...masked,
    });
    for (const path of stage.trainable) changed.add(path);
    for (const { name, value } of forward?.updates ?? [])
      if (isFloat(value.type.dtype)) changed.add(name);
    const kept: ReadonlySet<string> = stage.updates.ema === null ? new Set() : new Set(changed);
    for (const path of kept) averaged.add(path);
    const bornAverages = [...kept].filter((path) => !averagedBefore.has(path)).map(averagePath);
    averagedBefore = kept;
    const lowered = forward === null ? null : lowerStage(session, forward, stage, own, kept);
    if (forward === null || lowered === null) continue;
    // Another dataset must feed the model and the loss as well as the train's.
    if (checked.data !== null && checked.data.program.name !== train.data.program.name)
      buildForward(
        session,
        root,
        { ...train, data: checked.data },
        {
          training: true,
          losses: [checked.loss],
        },
      );
    checkPrecomputed(frame, train, checked, { forward, trainable: stage.trainable });
    for (const each of lowered.slots) keepSlot(frame, slots, each);
    const context = contextOf(forward, batch);
    const files = {
      step: `${stage.name}/step.onnx`,
      grad: `${stage.name}/grad.onnx`,
      apply: `${stage.name}/apply.onnx`,
      eval: `${stage.name}/eval.onnx`,
    };
    graphs
      .set(files.step, lowered.step)
      .set(files.grad, lowered.grad)
      .set(files.apply, lowered.apply)
      .set(files.eval, evalGraph);
    const weightsFile = `${stage.name}/weights.onnx`;
    if (lowered.weights !== null) graphs.set(weightsFile, lowered.weights);
    const debug = (graph: Graph, name: string, of: SpecContext) => {
      const shown = showingAll(graph, `${stage.name}.${name}`);
      const file = `${stage.name}/${name}.onnx`;
      graphs.set(file, shown.graph);
      return graphSpec(shown.graph, file, { ...of, origins: shown.origins });
    };
    const followed = new Set(
      stage.trainable.flatMap((path) => [...(own.get(path)?.schedules.values() ?? [])]),
    );
    for (const { name, stages: over } of timelines) if (over.includes(i)) followed.add(name);
    planned.push({
      name: stage.name,
      duration: checked.duration,
      trainable: [...stage.trainable],
      bornSlots: lowered.slots
        .filter(({ parameter }) => stage.born.get(parameter) === i)
        .map(({ parameter, slot }) => slotPath(parameter, slot.name)),
      losses: [...lowered.losses],
      graphs: {
        step: graphSpec(lowered.step, files.step, context),
        grad: graphSpec(lowered.grad, files.grad, context),
        apply: graphSpec(lowered.apply, files.apply, context),
        eval: graphSpec(evalGraph, files.eval, contextOf(evaluation, batch)),
      },
      ...(lowered.weights === null
        ? {}
        : {
            accumulate: {
              batches: stage.updates.accumulate,
              weights: graphSpec(lowered.weights, weightsFile, context),
            },
          }),
      ...(stage.updates.dump
        ? {
            debug: {
              step: debug(lowered.step, "debug-step", context),
              eval: debug(evalGraph, "debug-eval", contextOf(evaluation, batch)),
            },
          }
        : {}),
      ...(bornAverages.length === 0 ? {} : { bornAverages }),
      ...policiesOf(checked, evaluation),
      schedules: [...schedules, ...timelines]
        .map(({ name }) => name)
        .filter((name) => followed.has(name)),
    });
  }
  const infer = inferenceGraph(session, program, train);
  const exported = lowerExports(session, program, train, facts);
  if (infer === null || session.diagnostics.some(({ severity }) => severity === "error"))
    return null;
  graphs.set("infer.onnx", infer);
  for (const [file, graph] of exported.graphs) graphs.set(file, graph);
  if (measured.closing !== null) graphs.set("closing.onnx", measured.closing);
  const state = stateTable(members, slots, averaged);
  const plan: Plan = {
    version: { ...planVersion },
    train: train.declaration.name.text,
    hash: hashOf(program, train, host, programText),
    compiler: compilerVersion,
    seed: train.seed,
    opset,
    batch,
    data: train.data.program,
    state: [...state],
    stages: planned,
    schedules: [...schedules, ...timelines.map(({ planned: each }) => each)],
    metrics: measured.metrics,
    accumulators: measured.accumulators,
    closing:
      measured.closing === null
        ? null
        : graphSpec(measured.closing, "closing.onnx", { draws: new Map(), bindings: new Map() }),
    objectives: train.objectives.map(({ name, comparison, target, place }) => ({
      name,
      comparison,
      target,
      place,
    })),
    validateEvery: train.validateEvery,
    checkpoint: planCheckpoint(train.checkpoint, evaluation),
    precision: { asked: "f32" },
    infer: graphSpec(infer, "infer.onnx", {
      draws: new Map(),
      bindings: new Map([[batchName, 1]]),
    }),
    exports: exported.exports,
    stateBytes: stateBytes(state),
  };
  const { stacks } = evaluation.applied.elaboration;
  return { plan, graphs, programText, stacks };
}

/** What the runtime does around the updates of a stage. */
function policiesOf(
  { named: { updates }, validateEvery, checkpoint, start }: CheckedTrain["stages"][number],
  evaluation: Forward,
): Partial<Plan["stages"][number]> {
  const { earlyStop, weights } = updates;
  const better = (choice: MetricChoice) => directionOf(choice, evaluation) ?? "min";
  return {
    ...(weights === "trained" ? {} : { weights }),
    ...(earlyStop === null
      ? {}
      : {
          earlyStop: {
            over: earlyStop.over,
            metric: earlyStop.metric,
            better: better(earlyStop),
            minDelta: earlyStop.minDelta,
          },
        }),
    ...(validateEvery === null ? {} : { validateEvery }),
    ...(checkpoint === null ? {} : { checkpoint: planCheckpoint(checkpoint, evaluation) }),
    ...(start === null ? {} : { start: { metric: start.metric, better: better(start) } }),
  };
}

function planCheckpoint(
  { lastEvery, best, every }: CheckpointPolicy,
  evaluation: Forward,
): Plan["checkpoint"] {
  return {
    last: { every: lastEvery },
    best:
      best === null
        ? null
        : {
            metric: best.metric,
            better: directionOf(best, evaluation) ?? "min",
            keep: best.keep,
          },
    ...(every === null ? {} : { every }),
  };
}

const contextOf = (forward: Forward, batch: number): SpecContext => ({
  draws: new Map(forward.draws.map((draw) => [`random:${draw.id}`, draw])),
  bindings: new Map([[batchName, batch]]),
});

/** Schedules that losses read: factors that begin at 1, over the stages that minimize the loss. */
function lossSchedules(train: CheckedTrain, evaluation: Forward) {
  return evaluation.objectives.flatMap(({ evaluated: { loss, schedules } }) => {
    const stages = train.stages.flatMap((stage, i) => (stage.loss === loss ? [i] : []));
    if (stages.length === 0) return [];
    return schedules.map(({ name, segments }) => ({
      name,
      stages,
      planned: planSchedule(name, 1, { segments, stages }),
    }));
  });
}

/** Padded batches carry a mask. */
export const maskOf = (train: CheckedTrain): { readonly padding?: "masked" } =>
  train.data.program.loader.last === "pad" ? { padding: "masked" } : {};

export type OwnedSlot = { readonly parameter: string; readonly slot: Slot };

/** Stages may keep a slot of one name with other types; this version has one tensor for each. */
export function keepSlot(frame: Frame, slots: OwnedSlot[], next: OwnedSlot): void {
  const { parameter, slot } = next;
  const other = slots.find((each) => each.parameter === parameter && each.slot.name === slot.name);
  if (other === undefined) slots.push(next);
  else if (!sameType(other.slot.type, slot.type) || other.slot.init !== slot.init)
    cannotCarryOut(frame, `the slot \`${slot.name}\` in two forms`, slot.span);
}

function inferenceGraph(session: Session, program: Program, train: CheckedTrain): Graph | null {
  const elaboration = createElaboration(session);
  const applied = applyModel(elaboration, program.root, train, { training: false });
  if (applied === null) return null;
  return pruned(elaboration.builder.finish("infer", applied.outputs));
}

/** Changes exactly when something that bears on the numbers changes. */
function hashOf(program: Program, train: CheckedTrain, host: CompilerHost, text: string): string {
  const modules = program.modules
    .filter((module) => module !== program.root)
    .map((module) => [
      module.name.startsWith("saic:") ? module.name : host.sha256(module.module.source.text),
      host.sha256(module.module.source.text),
    ]);
  const data = { ...train.data.program, loader: { ...train.data.program.loader, workers: 0 } };
  return host.sha256(
    JSON.stringify([
      compilerVersion,
      text,
      modules,
      train.declaration.name.text,
      train.seed,
      train.stages.map(({ duration }) => duration),
      stripPlaces(data),
    ]),
  );
}

/** Places name files as they were given on the command line, which changes no result. */
const stripPlaces = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "place" ? undefined : inner)));
