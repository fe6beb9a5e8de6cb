/** Lowers a checked train: graphs for every stage, the inference graph, and the plan. */

import { at, invariant } from "../../grammar/invariant.js";
import { withGroups } from "../check/data/groups.js";
import { applyModel } from "../check/model.js";
import { batchName, createElaboration, rootFrame, type Session } from "../check/elaboration.js";
import { cannotCarryOut, type Draw, type Fact, type Frame, type Stack } from "../check/frame.js";
import { frozenInstance } from "../check/globs.js";
import { initialized } from "../check/init.js";
import { checkRecompute } from "../check/recompute.js";
import type { CheckpointPolicy, MetricChoice } from "../check/policies.js";
import type { CheckedTrain } from "../check/train.js";
import type { CompilerHost } from "../host.js";
import type { Graph } from "../ir/graph.js";
import { isFloat, sameType } from "../ir/type.js";
import type { Program } from "../modules.js";
import type { Plan } from "../plan/schema.js";
import { planVersion } from "../plan/version.js";
import { compilerVersion } from "../version.js";
import { lowerExports } from "./exports.js";
import { checkChoices, directionOf } from "./choices.js";
import { showingAll } from "./debug.js";
import { lowerEvaluations, metricsOfPlan } from "./evaluations.js";
import { buildForward, type Forward } from "./forward.js";
import { graphSpec, type SpecContext } from "./graph-spec.js";
import { averagePath, slotPath } from "./naming.js";
import type { Slot } from "./optimizer.js";
import { checkOutOfMemory } from "./out-of-memory.js";
import { parameterRules, type StageRules } from "./parameter-rules.js";
import { checkPrecomputed } from "./precompute.js";
import { hashOf } from "./plan-hash.js";
import { planSchedule } from "./schedule-runs.js";
import { lowerStage, pruned, type StagePlan } from "./stage.js";
import { planStages } from "./stage-plans.js";
import { stateBytes, stateTable } from "./state.js";

export interface LoweredTrain {
  readonly plan: Plan;
  /** By path inside the artifact. */
  readonly graphs: ReadonlyMap<string, Graph>;
  /** By file, gradients of stages that recompute instances, as they are where all is kept. */
  readonly unrecomputed: ReadonlyMap<
    string,
    { readonly graph: Graph; readonly paths: readonly string[] }
  >;
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
  /** Instances that each stage recomputes. */
  readonly recomputed: readonly (readonly string[])[];
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
  // Globs over weights may name a stack without an index.
  for (const [path, stack] of evaluation.applied.elaboration.stacks)
    frame.elaboration.stacks.set(path, stack);
  const parameters = evaluation.members.filter((member) => member.role === "weight");
  const weights = parameters.map((member) => member.path);
  const { stages: rules, schedules } = parameterRules(frame, train, parameters);
  // The rules of one stage are the next one's measure: nothing can be planned by wrong ones.
  if (session.diagnostics.some(({ severity }) => severity === "error")) return null;
  const stages = planStages(frame, session, train, parameters, rules);
  // Nor by stages of which it is not known what learns in them.
  const known = session.diagnostics.every(({ severity }) => severity !== "error");
  const members = initialized(frame, train.init, evaluation.members);
  const recomputed = checkRecompute(frame, train, evaluation.members);
  checkChoices(frame, train, evaluation);
  if (!known) return null;
  return { frame, evaluation, weights, rules, schedules, stages, recomputed, members };
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
  const { frame, evaluation, weights, rules, schedules, stages, recomputed, members } = prepared;
  const { root } = program;

  const graphs = new Map<string, Graph>();
  const unrecomputed = new Map<string, { graph: Graph; paths: readonly string[] }>();
  const slots: { parameter: string; slot: Slot }[] = [];
  const batch = train.data.program.loader.batch;
  const masked = maskOf(train);
  const planned: Plan["stages"] = [];
  const evaluations = lowerEvaluations(evaluation);
  const timelines = lossSchedules(train, evaluation);
  /** What has learned or been updated so far, and what of it averages were kept of. */
  const changed = new Set<string>();
  const averaged = new Set<string>();
  let averagedBefore: ReadonlySet<string> = new Set();
  for (const [i, stage] of stages.entries()) {
    const checked = train.stages[i];
    const own = rules[i];
    invariant(checked !== undefined && own !== undefined, `the stage \`${stage.name}\` is checked`);
    const { graph: evalGraph, measures } = evaluations.of(checked);
    const frozen = new Set(weights.filter((path) => !stage.trainable.includes(path)));
    const forward = buildForward(session, root, train, {
      training: true,
      losses: [checked.loss],
      isFrozen: frozenInstance(weights, frozen),
      ...masked,
    });
    const paths = at(recomputed, i);
    for (const path of stage.trainable) changed.add(path);
    for (const { name, value } of forward?.updates ?? [])
      if (isFloat(value.type.dtype)) changed.add(name);
    const kept: ReadonlySet<string> = stage.updates.ema === null ? new Set() : new Set(changed);
    for (const path of kept) averaged.add(path);
    const bornAverages = [...kept].filter((path) => !averagedBefore.has(path)).map(averagePath);
    averagedBefore = kept;
    const lowered =
      forward === null
        ? null
        : lowerStage(session, forward, stage, {
            rules: own,
            averaged: kept,
            recomputed: paths,
          });
    if (forward === null || lowered === null) continue;
    checkOutOfMemory(frame, stage, forward);
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
    if (lowered.gradKeepingAll !== null)
      unrecomputed.set(files.grad, { graph: lowered.gradKeepingAll, paths });
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
      ...(checked.split === "train" ? {} : { split: checked.split }),
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
      ...measures,
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
  graphs.set("infer.onnx", infer.graph);
  for (const [file, graph] of exported.graphs) graphs.set(file, graph);
  for (const [file, graph] of evaluations.closing) graphs.set(file, graph);
  const state = stateTable(members, slots, averaged);
  const read = withGroups(train.data.program, session.groups);
  const counted = { ...train, data: { ...train.data, program: read } };
  const plan: Plan = {
    version: { ...planVersion },
    train: train.declaration.name.text,
    hash: hashOf(program, counted, host, programText),
    compiler: compilerVersion,
    seed: train.seed,
    opset,
    batch,
    data: read,
    state: [...state],
    stages: planned,
    schedules: [...schedules, ...timelines.map(({ planned: each }) => each)],
    ...metricsOfPlan(evaluations),
    objectives: train.objectives.map(({ name, comparison, target, place }) => ({
      name,
      comparison,
      target,
      place,
    })),
    validateEvery: train.validateEvery,
    checkpoint: planCheckpoint(train.checkpoint, evaluation),
    ...halvingOf(train),
    precision: { asked: "f32" },
    ...(train.tensorboard === null ? {} : { tensorboard: { folder: train.tensorboard } }),
    infer: graphSpec(infer.graph, "infer.onnx", {
      draws: drawsOf(infer.draws),
      bindings: new Map([[batchName, 1]]),
    }),
    ...(exported.predict === null ? {} : { predict: exported.predict }),
    exports: exported.exports,
    stateBytes: stateBytes(state),
  };
  const { stacks } = evaluation.applied.elaboration;
  return { plan, graphs, unrecomputed, programText, stacks };
}

/** What the runtime does around the updates of a stage. */
function policiesOf(
  { named: { updates }, validateEvery, checkpoint, start }: CheckedTrain["stages"][number],
  evaluation: Forward,
): Partial<Plan["stages"][number]> {
  const { earlyStop, weights, clip } = updates;
  const better = (choice: MetricChoice) => directionOf(choice, evaluation) ?? "min";
  return {
    ...(clip === null || clip.skipAbove === null ? {} : { skipAbove: clip.skipAbove }),
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

/** What the train says of want of memory: each stage has it from there. */
function halvingOf({ stages }: CheckedTrain): Pick<Plan, "onOutOfMemory"> {
  const halve = stages[0]?.named.updates.halve ?? null;
  return halve === null ? {} : { onOutOfMemory: { smallest: halve.min } };
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

const drawsOf = (draws: readonly Draw[]): SpecContext["draws"] =>
  new Map(draws.map((draw) => [`random:${draw.id}`, draw]));

const contextOf = (forward: Forward, batch: number): SpecContext => ({
  draws: drawsOf(forward.draws),
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

/** The model for records without labels, and what it draws even there. */
function inferenceGraph(
  session: Session,
  program: Program,
  train: CheckedTrain,
): { readonly graph: Graph; readonly draws: readonly Draw[] } | null {
  const elaboration = createElaboration(session);
  const applied = applyModel(elaboration, program.root, train, { training: false });
  if (applied === null) return null;
  const graph = pruned(elaboration.builder.finish("infer", applied.outputs));
  return { graph, draws: elaboration.draws };
}
