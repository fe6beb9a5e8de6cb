/** What lint rules look at: the user's own modules, the checked train, its graphs. */

import { createElaboration, createSession, rootFrame, type Session } from "../check/elaboration.js";
import type { Elaboration, Frame, Member } from "../check/frame.js";
import { frozenInstance, frozenPaths } from "../check/globs.js";
import { type EvaluatedLoss, evaluateLoss } from "../check/losses.js";
import { evaluateMetrics } from "../check/metrics.js";
import { type AppliedModel, applyModel } from "../check/model.js";
import type { CheckedTrain } from "../check/train.js";
import type { Analysis } from "../compile.js";
import type { CompilerHost } from "../host.js";
import type { Node } from "../ir/graph.js";
import type { ModuleScope, Program } from "../modules.js";

export interface LintContext {
  readonly program: Program;
  /** The modules that are no part of the standard library. */
  readonly modules: readonly ModuleScope[];
  /** The train that was chosen; `null` where the program has none. */
  readonly train: LintedTrain | null;
}

export interface LintedTrain {
  readonly checked: CheckedTrain;
  /** At the top of the root module. */
  readonly frame: Frame;
  /** The model, the losses and the metrics in evaluation; `null` where the model is not built. */
  readonly evaluation: Evaluation | null;
  readonly stages: readonly TrainedStage[];
}

export interface Evaluation {
  /** Every node, those that nothing reads too. */
  readonly nodes: readonly Node[];
  /** Weights by their paths, those of losses too. */
  readonly weights: readonly Member[];
  /** The instances that `each` has made. */
  readonly stacks: Elaboration["stacks"];
  readonly losses: readonly EvaluatedLoss[];
  /** Names of the fields that are read. */
  readonly fields: ReadonlySet<string>;
}

/** The nodes of the model in training, as frozen in a stage. */
export interface TrainedStage {
  readonly stage: CheckedTrain["stages"][number];
  readonly nodes: readonly Node[];
}

/** Elaborates anew: what the checker said of the program is said already. */
export function lintContext(analysis: Analysis, host: CompilerHost): LintContext {
  const { program, train } = analysis;
  const modules = program.modules.filter(({ name }) => !name.startsWith("saic:"));
  if (train === null) return { program, modules, train: null };
  const session = createSession(host);
  const frame = rootFrame(createElaboration(session), program.root);
  const evaluation = evaluationOf(session, program.root, train);
  const weights = (evaluation?.weights ?? []).map(({ path }) => path);
  for (const [path, stack] of evaluation?.stacks ?? []) frame.elaboration.stacks.set(path, stack);
  const stages = train.stages.flatMap((stage): readonly TrainedStage[] => {
    const isFrozen = frozenInstance(weights, frozenPaths(frame, stage.lines, weights));
    const elaboration = elaborate(session, train, isFrozen);
    const applied = applyModel(elaboration, program.root, train, { training: true });
    return applied === null ? [] : [{ stage, nodes: elaboration.builder.nodes }];
  });
  return { program, modules, train: { checked: train, frame, evaluation, stages } };
}

const elaborate = (
  session: Session,
  { data }: CheckedTrain,
  isFrozen: (path: string) => boolean,
): Elaboration =>
  createElaboration(session, { batch: data.program.loader.batch, padding: "masked", isFrozen });

function evaluationOf(session: Session, root: ModuleScope, train: CheckedTrain): Evaluation | null {
  const elaboration = elaborate(session, train, () => false);
  const applied = applyModel(elaboration, root, train, { training: false });
  if (applied === null) return null;
  const losses = train.losses
    .map((loss) => evaluateLoss(applied, loss))
    .filter((loss) => loss !== null);
  evaluateMetrics(applied, metricsOf(train));
  return {
    nodes: elaboration.builder.nodes,
    weights: [...elaboration.members.values()].filter(({ role }) => role === "weight"),
    stacks: elaboration.stacks,
    losses,
    fields: new Set(fieldsRead(applied)),
  };
}

const metricsOf = ({ metrics, stages }: CheckedTrain): CheckedTrain["metrics"] => [
  ...metrics,
  ...stages.flatMap((stage) => stage.metrics),
];

const fieldsRead = ({ fields }: AppliedModel): Iterable<string> => fields.keys();
