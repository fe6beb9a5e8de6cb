/** Lowers one stage: the graphs `grad`, `apply`, `step` and `eval`. */

import { differentiate } from "../autodiff/differentiate.js";
import {
  lossReachesNothing,
  noGradient,
  unreachedParameter,
} from "../../grammar/diagnostics/program.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { invariant } from "../../grammar/invariant.js";
import type { Session } from "../check/elaboration.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Graph, NamedValue, Node, Value } from "../ir/graph.js";
import type { LossTerm } from "../plan/schema.js";
import type { Forward, LoweredLoss } from "./forward.js";
import {
  countName,
  gradientName,
  nextName,
  scheduleName,
  slotPath,
  sumName,
  weightName,
} from "./naming.js";
import { lowerUpdate, type Slot } from "./optimizer.js";
import type { ParameterRule } from "./parameter-rules.js";

export interface StagePlan {
  readonly name: string;
  /** Paths of the parameters that learn. */
  readonly trainable: readonly string[];
  /** Per trainable parameter, the stage in which its slots were made. */
  readonly born: ReadonlyMap<string, number>;
}

export interface StageGraphs {
  readonly grad: Graph;
  readonly apply: Graph;
  readonly step: Graph;
  readonly slots: readonly { readonly parameter: string; readonly slot: Slot }[];
  readonly losses: readonly LossTerm[];
}

/** `null` when a parameter or loss is not reached, or the rule is wrong; everything is reported. */
export function lowerStage(
  session: Session,
  forward: Forward,
  stage: StagePlan,
  rules: ReadonlyMap<string, ParameterRule>,
): StageGraphs | null {
  const { builder } = forward;
  const [objective] = forward.objectives;
  invariant(objective !== undefined, "a stage has a loss");
  const total = totalOf(builder, objective);
  const parameters = stage.trainable.map((path) => {
    const member = forward.members.find((candidate) => candidate.path === path);
    invariant(member !== undefined, `no member ${path}`);
    return member;
  });
  const wrt = parameters.map((member) => member.moved);
  const { gradients, blocked } = differentiate(builder, total, wrt);
  for (const node of blocked)
    session.diagnostics.push(diagnose(noGradient, { op: node.op }, node.span));
  parameters.forEach((member, i) => {
    if (gradients[i] === null && !member.unused)
      session.diagnostics.push(
        diagnose(unreachedParameter, { path: member.path, stage: stage.name }, member.place.span, {
          labels: member.place.labels,
        }),
      );
  });
  checkLosses(session, builder, objective, wrt, stage.name);
  if (session.diagnostics.some(({ severity }) => severity === "error")) return null;

  const learned = parameters.flatMap((member, i) => {
    const gradient = gradients[i];
    return gradient === null || gradient === undefined
      ? []
      : [{ path: member.path, value: member.moved, gradient }];
  });
  const measured: readonly NamedValue[] = objective.atoms.flatMap(({ name, sum, weight }) => [
    { name: sumName(name), value: sum },
    { name: weightName(name), value: weight },
  ]);
  const buffers = forward.updates.map(({ name, value }) => ({ name: nextName(name), value }));
  const grad = pruned(
    builder.finish(`${stage.name}.grad`, [
      ...measured,
      ...learned.map(({ path, gradient }) => ({ name: gradientName(path), value: gradient })),
      ...buffers,
    ]),
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
  return {
    grad,
    step: pruned(builder.finish(`${stage.name}.step`, [...measured, ...fused.outputs, ...buffers])),
    apply: pruned(applying.finish(`${stage.name}.apply`, separate.outputs)),
    slots: fused.slots,
    losses: objective.terms,
  };
}

/** constant + sum of coefficient * (sum / weight), for the last loss. */
function totalOf(builder: GraphBuilder, { terms, atoms }: LoweredLoss): Value {
  const total = terms.at(-1);
  invariant(total !== undefined, "a train has a loss");
  let value: Value | null = null;
  for (const { coefficient, atom, atLeast } of total.terms) {
    const source = atoms.find((candidate) => candidate.name === atom);
    invariant(source !== undefined, `no loss atom ${atom}`);
    const weight =
      atLeast === undefined
        ? source.weight
        : builder.maximum(source.weight, builder.constant(atLeast));
    const term = builder.scale(builder.div(source.sum, weight), coefficient);
    value = value === null ? term : builder.add(value, term);
  }
  return value ?? builder.constant(total.constant);
}

/** A named loss that depends on nothing that learns changes nothing. */
function checkLosses(
  session: Session,
  builder: GraphBuilder,
  { terms, atoms, evaluated }: LoweredLoss,
  wrt: readonly Value[],
  stage: string,
): void {
  const reached = new Set(wrt.map((value) => value.id));
  for (const node of builder.nodes)
    if (node.inputs.some((input) => reached.has(input.id)))
      for (const output of node.outputs) reached.add(output.id);
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

function updateAll(
  session: Session,
  rules: ReadonlyMap<string, ParameterRule>,
  builder: GraphBuilder,
  stage: StagePlan,
  learned: readonly { readonly path: string; readonly value: Value; readonly gradient: Value }[],
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
  for (const { path, value, gradient } of learned) {
    const rule = rules.get(path);
    invariant(rule !== undefined, `no rule for ${path}`);
    const { optimizer } = rule;
    const scheduled = new Map(
      [...rule.schedules].map(([setting, name]) => [setting, scheduleInput(name)]),
    );
    const born = stage.born.get(path) ?? 0;
    const step = counts.get(born) ?? builder.input(countName(born), scalar);
    counts.set(born, step);
    const updated = builder.within({ span: optimizer.span, scope: "optimizer" }, () =>
      lowerUpdate(session, builder, optimizer, {
        parameter: value,
        gradient,
        slot: (slot) => builder.input(slotPath(path, slot.name), slot.type),
        scheduled,
        step,
      }),
    );
    if (updated === null) return null;
    outputs.push({ name: nextName(path), value: updated.parameter });
    for (const { slot, after } of updated.slots) {
      outputs.push({ name: nextName(slotPath(path, slot.name)), value: after });
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
