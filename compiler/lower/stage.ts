/** Lowers one stage: the graphs `grad`, `apply`, `step` and `eval`, and `weights` when accumulating. */

import { differentiate } from "../autodiff/differentiate.js";
import {
  lossReachesNothing,
  noGradient,
  unreachedParameter,
} from "../../grammar/diagnostics/program.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Session } from "../check/elaboration.js";
import type { UpdatePolicies } from "../check/update-policies.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Graph, NamedValue, Node, Value } from "../ir/graph.js";
import type { LossTerm } from "../plan/schema.js";
import { accumulated, checkAccumulation, clipped } from "./accumulate.js";
import type { Forward, LoweredLoss } from "./forward.js";
import {
  averagePath,
  countName,
  divisorName,
  gradientName,
  nextName,
  normName,
  scheduleName,
  slotPath,
  sumName,
  weightName,
} from "./naming.js";
import { lowerUpdate, type Slot } from "./optimizer.js";
import type { ParameterRule } from "./parameter-rules.js";
import { recomputing } from "./recompute.js";

export interface StagePlan {
  readonly name: string;
  /** Paths of the parameters that learn. */
  readonly trainable: readonly string[];
  /** Per trainable parameter, the stage in which its slots were made. */
  readonly born: ReadonlyMap<string, number>;
  readonly updates: UpdatePolicies;
}

export interface StageGraphs {
  readonly grad: Graph;
  /** `grad` as it is where nothing is recomputed; `null` where nothing is. */
  readonly gradKeepingAll: Graph | null;
  readonly apply: Graph;
  readonly step: Graph;
  /** The weights of atoms in one micro-batch; `null` where an update is one batch. */
  readonly weights: Graph | null;
  readonly slots: readonly { readonly parameter: string; readonly slot: Slot }[];
  readonly losses: readonly LossTerm[];
}

/** What a stage's graphs are made by. */
export interface StageRequest {
  readonly rules: ReadonlyMap<string, ParameterRule>;
  /** State of which moving averages are kept where the stage asks for them. */
  readonly averaged?: ReadonlySet<string>;
  /** Instances whose inner values the backward pass makes anew. */
  readonly recomputed?: readonly string[];
}

/** `null` when a parameter or loss is not reached, or the rule is wrong; everything is reported. */
export function lowerStage(
  session: Session,
  forward: Forward,
  stage: StagePlan,
  { rules, averaged = new Set(), recomputed = [] }: StageRequest,
): StageGraphs | null {
  const { builder } = forward;
  const before = new Set(recomputed.length === 0 ? [] : builder.nodes);
  const objective = objectiveOf(forward);
  const batches = stage.updates.accumulate;
  const gradients = checkedGradients(session, forward, [stage], differentiate);
  if (gradients === null) return null;
  const learned = stage.trainable
    .flatMap((path) => gradients.get(path) ?? [])
    .map((each) => ({
      ...each,
      gradient: accumulated(builder, gradientName(each.path), each.gradient, batches),
    }));
  const measured: readonly NamedValue[] = objective.atoms.flatMap(({ name, sum, weight }) => [
    { name: sumName(name), value: sum },
    { name: weightName(name), value: weight },
  ]);
  const buffers = forward.updates.map(({ name, value }) => ({
    name: nextName(name),
    value: accumulated(builder, nextName(name), value, batches, "mean"),
  }));
  const finished = (name: string, outputs: readonly NamedValue[]): Graph =>
    pruned(builder.finish(`${stage.name}.${name}`, outputs));
  const again = (graph: Graph): Graph => recomputing(graph, before, recomputed);
  const grad = finished("grad", [
    ...measured,
    ...learned.map(({ path, gradient }) => ({ name: gradientName(path), value: gradient })),
    ...buffers,
  ]);
  const weights =
    batches === 1
      ? null
      : finished(
          "weights",
          measured.filter(({ name }) => name.startsWith(weightName(""))),
        );
  const fused = updateAll(session, rules, builder, stage, learned);
  const applying = createGraphBuilder();
  const separate = updateAll(
    session,
    rules,
    applying,
    stage,
    learned.map(({ path, value }) => ({
      path,
      value: applying.input(path, value.type),
      gradient: applying.input(gradientName(path), value.type),
    })),
  );
  if (fused === null || separate === null) return null;
  const read = (path: string): Value => {
    const member = forward.members.find((each) => each.path === path);
    invariant(member !== undefined, `no member ${path}`);
    return member.moved;
  };
  const rate = stage.updates.ema;
  const fusedAverages = averagesOf(builder, rate, averaged, [...fused.outputs, ...buffers], read);
  // State that `grad` replaces is an input of `apply` in its new form.
  const separateAverages = averagesOf(applying, rate, averaged, separate.outputs, (path) =>
    applying.input(path, read(path).type),
  );
  return {
    grad: again(grad),
    gradKeepingAll: recomputed.length === 0 ? null : grad,
    step: again(finished("step", [...measured, ...fused.outputs, ...buffers, ...fusedAverages])),
    apply: pruned(
      applying.finish(`${stage.name}.apply`, [...separate.outputs, ...separateAverages]),
    ),
    weights,
    slots: fused.slots,
    losses: objective.terms,
  };
}

/** New moving averages: each moves towards what it is an average of, as the update leaves that. */
function averagesOf(
  builder: GraphBuilder,
  rate: number | null,
  paths: ReadonlySet<string>,
  updated: readonly NamedValue[],
  unchanged: (path: string) => Value,
): readonly NamedValue[] {
  if (rate === null) return [];
  const values = new Map(updated.map(({ name, value }) => [name, value]));
  return [...paths].map((path) => {
    const value = values.get(nextName(path)) ?? unchanged(path);
    const before = builder.input(averagePath(path), value.type);
    const after = builder.add(before, builder.scale(builder.sub(value, before), 1 - rate));
    return { name: nextName(averagePath(path)), value: after };
  });
}

/** A parameter that learns and its gradient. */
export interface Learned<Gradient = Value> {
  readonly path: string;
  readonly value: Value;
  readonly gradient: Gradient;
}

/** Finds the gradients of `wrt`, or that there are some. */
type Follow<Gradient> = (
  builder: GraphBuilder,
  total: Value,
  wrt: readonly Value[],
) => { readonly gradients: readonly (Gradient | null)[]; readonly blocked: readonly Node[] };

/**
 * The gradients of all that learns in some of the stages that minimize a loss of the forward pass.
 * Reports, for each of these stages, ops without a gradient, parameters and losses that are not
 * reached; `null` when there is an error.
 */
export function checkedGradients<Gradient>(
  session: Session,
  forward: Forward,
  stages: readonly Pick<StagePlan, "name" | "trainable" | "updates">[],
  follow: Follow<Gradient>,
  objective: LoweredLoss = objectiveOf(forward),
): ReadonlyMap<string, Learned<Gradient>> | null {
  const { builder } = forward;
  const members = new Map(forward.members.map((member) => [member.path, member]));
  const parameters = [...new Set(stages.flatMap(({ trainable }) => trainable))].map((path) => {
    const member = members.get(path);
    invariant(member !== undefined, `no member ${path}`);
    return member;
  });
  const accumulating = stages.filter(({ updates }) => updates.accumulate > 1);
  const [cut] = accumulating;
  const halved = stages.flatMap(({ updates }) => updates.halve ?? [])[0];
  const source =
    cut === undefined
      ? halved && { what: "`on_oom`", span: halved.span }
      : { what: "`accumulate`", span: cut.updates.accumulateSpan };
  if (source !== undefined && !checkAccumulation(session, forward, objective, source)) return null;
  const total = totalOf(builder, objective, cut === undefined ? "batch" : "whole update");
  const wrt = parameters.map((member) => member.moved);
  // What the losses reach is read off the forward nodes, before the gradient's are added.
  const reached = stages.map(({ trainable }) => reachedFrom(builder, members, trainable));
  const { gradients, blocked } = follow(builder, total, wrt);
  for (const node of blocked)
    session.diagnostics.push(diagnose(noGradient, { op: node.op }, node.span));
  const learned = new Map<string, Learned<Gradient>>();
  parameters.forEach((member, i) => {
    const gradient = gradients[i];
    if (gradient !== null && gradient !== undefined)
      learned.set(member.path, { path: member.path, value: member.moved, gradient });
  });
  stages.forEach((stage, i) => {
    for (const path of stage.trainable) {
      const member = members.get(path);
      if (member === undefined || learned.has(path) || member.unused) continue;
      const params = { path, stage: stage.name };
      const { span, labels } = member.place;
      session.diagnostics.push(diagnose(unreachedParameter, params, span, { labels }));
    }
    checkLosses(session, objective, reached[i] ?? new Set(), stage.name);
  });
  return session.diagnostics.some(({ severity }) => severity === "error") ? null : learned;
}

function objectiveOf(forward: Forward): LoweredLoss {
  const [objective] = forward.objectives;
  invariant(objective !== undefined, "a stage has a loss");
  return objective;
}

/**
 * constant + sum of coefficient * (sum / weight), for the last loss. Over a whole update the weights
 * are those of all its micro-batches, which are inputs.
 */
function totalOf(
  builder: GraphBuilder,
  { terms, atoms }: LoweredLoss,
  over: "batch" | "whole update",
): Value {
  const total = terms.at(-1);
  invariant(total !== undefined, "a train has a loss");
  let value: Value | null = null;
  for (const { coefficient, atom, atLeast } of total.terms) {
    const source = atoms.find((candidate) => candidate.name === atom);
    invariant(source !== undefined, `no loss atom ${atom}`);
    const counted =
      over === "batch" ? source.weight : builder.input(divisorName(atom), source.weight.type);
    const weight =
      atLeast === undefined ? counted : builder.maximum(counted, builder.constant(atLeast));
    const term = builder.scale(builder.div(source.sum, weight), coefficient);
    value = value === null ? term : builder.add(value, term);
  }
  return value ?? builder.constant(total.constant);
}

/** The values that depend on what learns. */
function reachedFrom(
  builder: GraphBuilder,
  members: ReadonlyMap<string, Forward["members"][number]>,
  trainable: readonly string[],
): ReadonlySet<number> {
  const reached = new Set(trainable.flatMap((path) => members.get(path)?.moved.id ?? []));
  for (const node of builder.nodes)
    if (node.inputs.some((input) => reached.has(input.id)))
      for (const output of node.outputs) reached.add(output.id);
  return reached;
}

/** A named loss that depends on nothing that learns changes nothing. */
function checkLosses(
  session: Session,
  { terms, atoms, evaluated }: LoweredLoss,
  reached: ReadonlySet<number>,
  stage: string,
): void {
  terms.forEach((loss, i) => {
    const named = evaluated.terms[i];
    const touches = loss.terms.some(({ atom }) => {
      const source = atoms.find((candidate) => candidate.name === atom);
      return source !== undefined && reached.has(source.sum.id);
    });
    if (!touches && named !== undefined)
      session.diagnostics.push(
        diagnose(lossReachesNothing, { loss: loss.name, stage }, named.span),
      );
  });
}

/** The updates of some parameters by their rules; `null` when a rule is wrong, which is reported. */
export function updateAll(
  session: Session,
  rules: ReadonlyMap<string, ParameterRule>,
  builder: GraphBuilder,
  { born: births, updates }: Pick<StagePlan, "born" | "updates">,
  learned: readonly Learned[],
): { readonly outputs: readonly NamedValue[]; readonly slots: StageGraphs["slots"] } | null {
  const scalar = { dtype: "f32", shape: [] } as const;
  const schedules = new Map<string, Value>();
  const scheduleInput = (name: string): Value => {
    const input = schedules.get(name) ?? builder.input(scheduleName(name), scalar);
    schedules.set(name, input);
    return input;
  };
  const counts = new Map<number, Value>();
  const outputs: NamedValue[] = [];
  const slots: { parameter: string; slot: Slot }[] = [];
  const gradients = clipped(
    builder,
    updates.clip,
    learned.map(({ gradient }) => gradient),
  );
  if (gradients.norm !== null) outputs.push({ name: normName, value: gradients.norm });
  /** What an update that is skipped leaves as it was. */
  const made = (before: Value, after: Value): Value =>
    gradients.isSound === null ? after : builder.where(gradients.isSound, after, before);
  for (const [i, { path, value }] of learned.entries()) {
    const gradient = at(gradients.values, i);
    const rule = rules.get(path);
    invariant(rule !== undefined, `no rule for ${path}`);
    const { optimizer } = rule;
    const scheduled = new Map(
      [...rule.schedules].map(([setting, name]) => [setting, scheduleInput(name)]),
    );
    const born = births.get(path) ?? 0;
    const step = counts.get(born) ?? builder.input(countName(born), scalar);
    counts.set(born, step);
    const before = new Map<string, Value>();
    const updated = builder.within({ span: optimizer.span, scope: "optimizer" }, () =>
      lowerUpdate(session, builder, optimizer, {
        parameter: value,
        gradient,
        slot: (slot) => {
          const input = builder.input(slotPath(path, slot.name), slot.type);
          before.set(slot.name, input);
          return input;
        },
        scheduled,
        step,
      }),
    );
    if (updated === null) return null;
    outputs.push({ name: nextName(path), value: made(value, updated.parameter) });
    for (const { slot, after } of updated.slots) {
      const old = before.get(slot.name);
      invariant(old !== undefined, `the slot \`${slot.name}\` is an input`);
      outputs.push({ name: nextName(slotPath(path, slot.name)), value: made(old, after) });
      slots.push({ parameter: path, slot });
    }
  }
  return { outputs, slots };
}

/** Leaves out inputs that nothing reads: a graph asks for what it uses. */
export function pruned(graph: Graph): Graph {
  const used = new Set<number>([
    ...graph.nodes.flatMap((node: Node) => node.inputs.map((input) => input.id)),
    ...graph.outputs.map(({ value }) => value.id),
  ]);
  return { ...graph, inputs: graph.inputs.filter(({ value }) => used.has(value.id)) };
}

/** The evaluation graph: sums and weights of a loss, and what metrics read. */
export const evaluationGraph = (
  { builder }: Forward,
  { atoms }: LoweredLoss,
  name: string,
  outputs: readonly NamedValue[],
): Graph =>
  pruned(
    builder.finish(name, [
      ...atoms.flatMap(({ name: atom, sum, weight }) => [
        { name: sumName(atom), value: sum },
        { name: weightName(atom), value: weight },
      ]),
      ...outputs,
    ]),
  );
