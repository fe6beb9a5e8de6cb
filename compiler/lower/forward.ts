/** The forward half of a graph: the model on a batch, its losses as named sums and weights. */

import { applyModel, type AppliedModel } from "../check/model.js";
import { evaluateMetrics, type EvaluatedMetrics, noMetrics, valuesRead } from "../check/metrics.js";
import { bindPredictions } from "../check/predict.js";
import {
  type CheckedLoss,
  evaluateLoss,
  type EvaluatedLoss,
  type NamedLoss,
} from "../check/losses.js";
import {
  batchName,
  createElaboration,
  type ElaborationOptions,
  type Session,
} from "../check/elaboration.js";
import type { Draw, Member } from "../check/frame.js";
import type { CheckedStage } from "../check/stages.js";
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
  /** Terms of all losses together. */
  readonly losses: readonly LossTerm[];
  readonly objectives: readonly LoweredLoss[];
  readonly measured: EvaluatedMetrics;
  /** Of stages with metrics of their own, those and the train's. */
  readonly measuredIn: ReadonlyMap<CheckedStage, EvaluatedMetrics>;
  /** A value of the check's graph in the bound one. */
  readonly find: (value: Value) => Value;
  readonly applied: AppliedModel;
}

/** A loss of the train on the bound graph. */
export interface LoweredLoss {
  readonly evaluated: EvaluatedLoss;
  /** The one to minimize last. */
  readonly terms: readonly LossTerm[];
  readonly atoms: readonly {
    readonly name: string;
    readonly sum: Value;
    readonly weight: Value;
    readonly source: LossAtom;
  }[];
}

export interface ForwardOptions {
  readonly training: boolean;
  readonly losses: readonly CheckedLoss[];
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
  const evaluated = options.losses.map((loss) => evaluateLoss(applied, loss));
  const sound = evaluated.filter((loss) => loss !== null);
  if (!options.training) {
    bindPredictions(applied, train);
  }
  const measured = options.training ? noMetrics(applied) : evaluateMetrics(applied, train.metrics);
  const measuredIn = new Map(
    (options.training ? [] : train.stages).flatMap((stage) =>
      stage.metrics.length === 0
        ? []
        : [[stage, evaluateMetrics(applied, [...train.metrics, ...stage.metrics])] as const],
    ),
  );
  if (
    sound.length < evaluated.length ||
    session.diagnostics.some(({ severity }) => severity === "error")
  )
    return null;

  const graph = elaboration.builder.finish(
    "forward",
    [
      ...sound
        .flatMap(({ terms }) => terms)
        .flatMap(({ loss }) => loss.terms.flatMap(({ atom }) => [atom.sum, atom.weight])),
      ...applied.outputs.map(({ value }) => value),
      ...elaboration.updates.values(),
      ...[measured, ...measuredIn.values()].flatMap(valuesRead),
    ].map((value, i) => ({ name: String(i), value })),
  );
  const { builder, moved } = continueGraph(bindDims(graph, new Map([[batchName, batch]])));
  const find = (value: Value): Value => {
    const found = moved.get(value.id);
    invariant(found !== undefined, `value ${value.id} is not in the bound graph`);
    return found;
  };
  const objectives = sound.map((loss): LoweredLoss => {
    const { atoms, losses } = nameAtoms(loss.terms);
    return {
      evaluated: loss,
      terms: losses,
      atoms: atoms.map(({ name, atom }) => ({
        name,
        sum: find(atom.sum),
        weight: find(atom.weight),
        source: atom,
      })),
    };
  });
  return {
    builder,
    members: [...elaboration.members.values()].map((member) => ({
      ...member,
      moved: find(member.value),
    })),
    updates: [...elaboration.updates].map(([name, value]) => ({ name, value: find(value) })),
    draws: elaboration.draws.map((draw) => ({ ...draw, moved: find(draw.value) })),
    outputs: applied.outputs.map(({ name, value }) => ({ name, value: find(value) })),
    losses: objectives.flatMap(({ terms }) => terms),
    objectives,
    measured,
    measuredIn,
    find,
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
      const bounded = atom.atLeast === undefined ? {} : { atLeast: atom.atLeast };
      const known = names.get(atom);
      if (known !== undefined) return { coefficient, atom: known, ...bounded };
      const taken = [...names.values()];
      const own = taken.includes(name)
        ? `${name}.${taken.filter((other) => other.startsWith(`${name}.`)).length + 1}`
        : name;
      names.set(atom, own);
      return { coefficient, atom: own, ...bounded };
    }),
  }));
  return { atoms: [...names].map(([atom, name]) => ({ name, atom })), losses };
}
