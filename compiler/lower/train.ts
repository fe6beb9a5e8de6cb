/** Lowers a checked train: graphs for every stage, the inference graph, and the plan. */

import { invariant } from "../../grammar/invariant.js";
import type { FreezeMember } from "../../grammar/ast.js";
import { notYetSupported, testChooses, unknownMetric } from "../../grammar/diagnostics/program.js";
import { printSpan, type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { applyModel } from "../check/model.js";
import { batchName, createElaboration, rootFrame, type Session } from "../check/elaboration.js";
import { type Fact, type Frame, report } from "../check/frame.js";
import { frozenInstance, frozenPaths } from "../check/globs.js";
import type { CheckedTrain } from "../check/train.js";
import type { CompilerHost } from "../host.js";
import type { Graph } from "../ir/graph.js";
import type { Program } from "../modules.js";
import { type Plan, planVersion } from "../plan/schema.js";
import { compilerVersion } from "../version.js";
import { buildForward, type Forward } from "./forward.js";
import { graphSpec, type SpecContext } from "./graph-spec.js";
import { slotPath } from "./naming.js";
import type { Slot } from "./optimizer.js";
import { parameterRules } from "./parameter-rules.js";
import { evaluationGraph, lowerStage, pruned, type StagePlan } from "./stage.js";
import { stateBytes, stateTable } from "./state.js";

export interface LoweredTrain {
  readonly plan: Plan;
  /** By path inside the artifact. */
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly programText: string;
}

/** The default opset: from 19 on the CUDA provider sends many ops to the CPU. */
const opset = 18;

/** `null` when anything is wrong; everything has been reported. */
export function lowerTrain(
  session: Session,
  program: Program,
  train: CheckedTrain,
  host: CompilerHost,
  facts: Fact[],
  programText: string,
): LoweredTrain | null {
  const { root } = program;
  const frame = rootFrame(createElaboration(session), root);
  const evaluation = buildForward(session, root, train, { training: false, padding: "masked" });
  if (evaluation === null) return null;
  facts.push(...evaluation.applied.elaboration.facts);
  const parameters = evaluation.members.filter((member) => member.role === "weight");
  const weights = parameters.map((member) => member.path);
  const { rules, schedules } = parameterRules(frame, train, parameters);
  const stages = planStages(
    frame,
    train,
    weights,
    new Set(evaluation.members.filter((m) => m.unused).map((m) => m.path)),
  );
  checkChoices(frame, train, evaluation);

  const graphs = new Map<string, Graph>();
  const slots: { parameter: string; slot: Slot }[] = [];
  const batch = train.data.program.loader.batch;
  const masked = train.data.program.loader.last === "pad" ? ({ padding: "masked" } as const) : {};
  const planned: Plan["stages"] = [];
  const { graph: evalGraph, nameOf } = evaluationGraph(evaluation, "eval");
  for (const [i, stage] of stages.entries()) {
    const frozen = new Set(weights.filter((path) => !stage.trainable.includes(path)));
    const forward = buildForward(session, root, train, {
      training: true,
      isFrozen: frozenInstance(weights, frozen),
      ...masked,
    });
    const lowered = forward === null ? null : lowerStage(session, forward, stage, rules);
    if (forward === null || lowered === null) continue;
    slots.push(...lowered.slots);
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
    const followed = new Set(
      stage.trainable.flatMap((path) => [...(rules.get(path)?.schedules.values() ?? [])]),
    );
    const duration = train.stages[i]?.duration;
    invariant(duration !== undefined, "every stage has a length");
    planned.push({
      name: stage.name,
      duration,
      trainable: [...stage.trainable],
      bornSlots: lowered.slots
        .filter(({ parameter }) => stage.born.get(parameter) === i)
        .map(({ parameter, slot }) => slotPath(parameter, slot.name)),
      losses: [...lowered.losses],
      graphs: {
        step: graphSpec(lowered.step, files.step, context),
        grad: graphSpec(lowered.grad, files.grad, context),
        apply: graphSpec(lowered.apply, files.apply, context),
        eval: graphSpec(evalGraph, files.eval, context),
      },
      schedules: schedules.map(({ name }) => name).filter((name) => followed.has(name)),
    });
  }
  const infer = inferenceGraph(session, program, train);
  if (infer === null || session.diagnostics.some(({ severity }) => severity === "error"))
    return null;
  graphs.set("infer.onnx", infer);
  const state = stateTable(evaluation.members, slots);
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
    schedules,
    metrics: evaluation.metrics.map((metric) => ({
      split: metric.split,
      name: metric.name,
      measure: measureOf(metric, nameOf),
      better: "max",
      place: printSpan(metric.span),
    })),
    objectives: train.objectives.map(({ name, comparison, target, place }) => ({
      name,
      comparison,
      target,
      place,
    })),
    validateEvery: train.validateEvery,
    checkpoint: {
      last: { every: train.lastEvery },
      best:
        train.best === null
          ? null
          : {
              metric: train.best.metric,
              better: isLoss(train.best.metric, evaluation) ? "min" : "max",
              keep: train.best.keep,
            },
    },
    precision: { asked: "f32" },
    infer: graphSpec(infer, "infer.onnx", {
      draws: new Map(),
      bindings: new Map([[batchName, 1]]),
    }),
    stateBytes: stateBytes(state),
  };
  return { plan, graphs, programText };
}

const contextOf = (forward: Forward, batch: number): SpecContext => ({
  draws: new Map(forward.draws.map((draw) => [`random:${draw.id}`, draw])),
  bindings: new Map([[batchName, batch]]),
});

/** What learns in each stage, and since when its slots live. */
function planStages(
  frame: Frame,
  train: CheckedTrain,
  weights: readonly string[],
  unused: ReadonlySet<string>,
): readonly StagePlan[] {
  const born = new Map<string, number>();
  return train.stages.map(({ member }, i) => {
    const lines: FreezeMember[] = [];
    for (const line of member.members)
      if (line.kind === "freeze" || line.kind === "unfreeze") lines.push(line);
      else if (line.kind === "entry")
        report(
          frame,
          notYetSupported,
          { what: `\`${line.key.map(({ text }) => text).join(".")}\` of a stage` },
          line.span,
        );
    const frozen = frozenPaths(frame, lines, weights);
    const trainable = weights.filter((path) => !frozen.has(path) && !unused.has(path));
    // Slots survive while a weight stays trainable, and are made anew when it learns again.
    for (const path of weights)
      if (!trainable.includes(path)) born.delete(path);
      else if (!born.has(path)) born.set(path, i);
    return { name: member.name.text, trainable, born: new Map(born) };
  });
}

const isLoss = (metric: string, forward: Forward): boolean =>
  metric === "val.loss" || forward.losses.some((loss) => metric === `val.${loss.name}`);

/** Policies and objectives name metrics that exist; the test split chooses nothing. */
function checkChoices(frame: Frame, train: CheckedTrain, forward: Forward): void {
  const known = new Set([
    ...forward.metrics.map((metric) => `${metric.split}.${metric.name}`),
    ...["train", "val", "test"].flatMap((split) => [
      `${split}.loss`,
      ...forward.losses.map((loss) => `${split}.${loss.name}`),
    ]),
  ]);
  const check = (name: string, span: Span): void => {
    if (!known.has(name))
      report(frame, unknownMetric, { name, suggestion: suggest(name, known) }, span);
  };
  for (const objective of train.objectives) check(objective.name, objective.span);
  if (train.best === null) return;
  check(train.best.metric, train.best.span);
  if (train.best.metric.startsWith("test."))
    report(frame, testChooses, { name: train.best.metric }, train.best.span);
}

function inferenceGraph(session: Session, program: Program, train: CheckedTrain): Graph | null {
  const elaboration = createElaboration(session);
  const applied = applyModel(elaboration, program.root, train, { training: false });
  if (applied === null) return null;
  return pruned(elaboration.builder.finish("infer", applied.outputs));
}

function measureOf(
  metric: Forward["metrics"][number],
  nameOf: (value: Forward["metrics"][number]["logits"]) => string,
): Plan["metrics"][number]["measure"] {
  const { logits, labels, within } = metric.moved;
  const inputs = { logits: nameOf(logits), labels: nameOf(labels) };
  switch (metric.kind) {
    case "accuracy":
      return { kind: "accuracy", ...inputs };
    case "f1":
      return { kind: "f1", ...inputs, threshold: metric.threshold };
    case "auroc":
      return { kind: "auroc", ...inputs, within: within === null ? null : nameOf(within) };
  }
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
