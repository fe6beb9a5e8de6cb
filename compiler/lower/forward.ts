/** The forward half of a graph: the model on a batch, its losses as named sums and weights. */

import {
  applyModel,
  type AppliedModel,
  evaluateLosses,
  evaluateMetrics,
  type EvaluatedMetric,
  type NamedLoss,
} from "../check/model.js";
import {
  batchName,
  createElaboration,
  type ElaborationOptions,
  type Session,
} from "../check/elaboration.js";
import type { Draw, Member } from "../check/frame.js";
import type { CheckedTrain } from "../check/train.js";
import type { LossAtom } from "../check/value.js";
import { bindDims } from "../ir/bind-dims.js";
import { continueGraph } from "../ir/continue-graph.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { NamedValue, Value } from "../ir/graph.js";
import { invariant } from "../../grammar/invariant.js";
import type { ModuleScope } from "../modules.js";
import type { LossTerm } from "../plan/schema.js";

/** A forward pass with its batch bound to a size, ready to be continued. */
export interface Forward {
  readonly builder: GraphBuilder;
  /** By field, and `valid` apart. */
  readonly members: readonly (Member & { readonly moved: Value })[];
  readonly updates: readonly NamedValue[];
  readonly draws: readonly (Draw & { readonly moved: Value })[];
  readonly outputs: readonly NamedValue[];
  readonly losses: readonly LossTerm[];
  readonly atoms: readonly {
    readonly name: string;
    readonly sum: Value;
    readonly weight: Value;
    readonly source: LossAtom;
  }[];
  readonly named: readonly NamedLoss[];
  readonly metrics: readonly (EvaluatedMetric & { readonly moved: MetricValues })[];
  readonly applied: AppliedModel;
}

interface MetricValues {
  readonly logits: Value;
  readonly labels: Value;
  readonly within: Value | null;
}

export interface ForwardOptions {
  readonly training: boolean;
  readonly isFrozen?: (path: string) => boolean;
  readonly padding?: "masked";
}

/** `null` when the model, a loss or a metric is wrong; everything has been reported. */
export function buildForward(
  session: Session,
  module: ModuleScope,
  train: CheckedTrain,
  options: ForwardOptions,
): Forward | null {
  const batch = train.data.program.loader.batch;
  const elaborationOptions: ElaborationOptions = {
    batch,
    ...(options.isFrozen === undefined ? {} : { isFrozen: options.isFrozen }),
    ...(options.padding === undefined ? {} : { padding: options.padding }),
  };
  const elaboration = createElaboration(session, elaborationOptions);
  const applied = applyModel(elaboration, module, train, options);
  if (applied === null) return null;
  const named = evaluateLosses(applied, train);
  const metrics = options.training ? [] : evaluateMetrics(applied, train);
  if (named === null || session.diagnostics.some(({ severity }) => severity === "error"))
    return null;

  const graph = elaboration.builder.finish(
    "forward",
    [
      ...named.flatMap(({ loss }) => loss.terms.flatMap(({ atom }) => [atom.sum, atom.weight])),
      ...applied.outputs.map(({ value }) => value),
      ...elaboration.updates.values(),
      ...metrics.flatMap(({ logits, labels, within }) => [
        logits,
        labels,
        ...(within === null ? [] : [within]),
      ]),
    ].map((value, i) => ({ name: String(i), value })),
  );
  const { builder, moved } = continueGraph(bindDims(graph, new Map([[batchName, batch]])));
  const find = (value: Value): Value => {
    const found = moved.get(value.id);
    invariant(found !== undefined, `value ${value.id} is not in the bound graph`);
    return found;
  };
  const { atoms, losses } = nameAtoms(named);
  return {
    builder,
    members: [...elaboration.members.values()].map((member) => ({
      ...member,
      moved: find(member.value),
    })),
    updates: [...elaboration.updates].map(([name, value]) => ({ name, value: find(value) })),
    draws: elaboration.draws.map((draw) => ({ ...draw, moved: find(draw.value) })),
    outputs: applied.outputs.map(({ name, value }) => ({ name, value: find(value) })),
    atoms: atoms.map(({ name, atom }) => ({
      name,
      sum: find(atom.sum),
      weight: find(atom.weight),
      source: atom,
    })),
    losses,
    named,
    metrics: metrics.map((metric) => ({
      ...metric,
      moved: {
        logits: find(metric.logits),
        labels: find(metric.labels),
        within: metric.within === null ? null : find(metric.within),
      },
    })),
    applied,
  };
}

/** Each atom once, named after the first loss that holds it. */
function nameAtoms(named: readonly NamedLoss[]): {
  readonly atoms: readonly { readonly name: string; readonly atom: LossAtom }[];
  readonly losses: readonly LossTerm[];
} {
  const names = new Map<LossAtom, string>();
  const losses = named.map(({ name, loss }) => ({
    name,
    constant: loss.constant,
    terms: loss.terms.map(({ coefficient, atom }) => {
      const known = names.get(atom);
      if (known !== undefined) return { coefficient, atom: known };
      const taken = [...names.values()];
      const own = taken.includes(name)
        ? `${name}.${taken.filter((other) => other.startsWith(`${name}.`)).length + 1}`
        : name;
      names.set(atom, own);
      return { coefficient, atom: own };
    }),
  }));
  return { atoms: [...names].map(([atom, name]) => ({ name, atom })), losses };
}
