/** The losses of a train: named terms, and the one to minimize. */

import type {
  AssignMember,
  Expr,
  LossMember,
  Name,
  StageMember,
  TrainDecl,
} from "../../grammar/ast.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import { noTotal, notALoss, unusedState } from "../../grammar/diagnostics/program.js";
import type { Span } from "../../grammar/source.js";
import { destructure } from "./destructure.js";
import { bind, createScope, evaluate, type Frame, report } from "./frame.js";
import { asLoss } from "./loss-algebra.js";
import { createMember } from "./members.js";
import type { AppliedModel } from "./model.js";
import { type LossSchedule, valueNow } from "./over-time.js";
import { checkStatesSet, updateState } from "./state-updates.js";
import { describe, type Loss, type Meaning, tensorOf, type TupleItem } from "./value.js";

/** One `loss` of a train or of a stage. */
export interface CheckedLoss {
  /** `null` for the train's unnamed one. */
  readonly name: string | null;
  /** Where its weights live: `loss`, or `loss.calibrate`. */
  readonly path: string;
  readonly member: LossMember;
  /** The module's text that messages about the whole loss point at. */
  readonly span: Span;
}

export interface NamedLoss {
  readonly name: string;
  readonly loss: Loss;
  readonly span: Span;
}

/** A loss on the outcome of a model. */
export interface EvaluatedLoss {
  readonly loss: CheckedLoss;
  /** In order, the one to minimize last. */
  readonly terms: readonly NamedLoss[];
  readonly schedules: readonly LossSchedule[];
}

/** Every loss of a train, those that stages hold under the names of their stages; doubles are reported. */
export function lossesIn(frame: Frame, declaration: TrainDecl): readonly CheckedLoss[] {
  const losses: CheckedLoss[] = [];
  const add = (member: LossMember, name: Name | null): void => {
    const text = name?.text ?? null;
    const earlier = losses.find((loss) => loss.name === text);
    const span = member.name?.span ?? member.span;
    if (earlier !== undefined)
      report(frame, alreadyDefined, { name: text ?? "loss" }, span, [
        { span: earlier.span, text: "first defined here" },
      ]);
    else losses.push({ name: text, path: text === null ? "loss" : `loss.${text}`, member, span });
  };
  for (const member of declaration.members) if (member.kind === "loss") add(member, member.name);
  for (const stage of declaration.members)
    if (stage.kind === "stage")
      for (const line of stage.members)
        if (line.kind === "loss") add(line, line.name ?? stage.name);
  return losses;
}

/** The loss that stands in a stage. */
export const lossOfStage = (
  losses: readonly CheckedLoss[],
  stage: StageMember,
): CheckedLoss | undefined =>
  losses.find(({ member }) => stage.members.some((line) => line === member));

/** The loss on the model's outcome; `null` when one of its lines is wrong. */
export function evaluateLoss(model: AppliedModel, checked: CheckedLoss): EvaluatedLoss | null {
  const { frame } = model;
  const scope = createScope(frame.scope);
  const inner: Frame = { ...frame, scope, path: checked.path };
  const before = frame.elaboration.lossSchedules.length;
  const terms: NamedLoss[] = [];
  const lines = checked.member.members;
  const updated = new Set<string>();
  if (!lines.every((line) => take(line))) return null;
  checkStatesSet(inner, checked.member, updated);
  const total =
    terms.find((term) => term.name === "total") ?? (terms.length === 1 ? terms[0] : undefined);
  if (total === undefined) {
    report(frame, noTotal, {}, checked.member.span);
    return null;
  }
  return {
    loss: checked,
    terms: [...terms.filter((term) => term !== total), total],
    schedules: frame.elaboration.lossSchedules.slice(before),
  };

  /** Whether the line is sound. */
  function take(line: LossMember["members"][number]): boolean {
    const names = line.kind === "let" || line.kind === "assign" ? line.names : [line.name];
    if (line.kind !== "update" && !names.every((name) => isFree(name))) return false;
    switch (line.kind) {
      case "owned":
        if (line.unused && line.role === "state") {
          report(frame, unusedState, { name: line.name.text, role: line.role }, line.span);
          return false;
        }
        bind(scope, line.name.text, createMember(inner, line, null), line.name.span);
        return scope.names.get(line.name.text)?.meaning?.kind !== "unknown";
      case "const":
        bind(scope, line.name.text, evaluate(inner, line.value), line.name.span);
        return true;
      case "let":
        destructure(inner, line.names, valueOf(line.value, line.names));
        return true;
      case "assign":
        return assign(line);
      case "update":
        if (updated.has(line.name.text)) {
          report(frame, alreadyDefined, { name: `${line.name.text} <- …` }, line.name.span);
          return false;
        }
        updated.add(line.name.text);
        updateState(inner, checked.member, null, line);
        return true;
    }
  }

  function assign({ names, value, span }: AssignMember): boolean {
    const [name] = names;
    if (name === undefined) return true;
    const meaning = valueOf(value, names);
    bind(scope, name.text, meaning, name.span);
    // A schedule is a factor with a name; only what can be minimized is a term.
    if (isSchedule(meaning)) return true;
    const loss = termOf(inner, name.text, meaning, value.span);
    if (loss !== null) terms.push({ name: name.text, loss, span });
    return loss !== null;
  }

  function valueOf(value: Expr, [name]: readonly Name[]): Meaning {
    return valueNow(inner, evaluate(inner, value), value.span, name?.text ?? null);
  }

  function isSchedule(meaning: Meaning): boolean {
    const { builder } = frame.elaboration;
    return (
      meaning.kind === "tensor" &&
      builder.inputs.some(
        ({ name, value }) => name.startsWith("schedule:") && value.id === meaning.value.id,
      )
    );
  }

  function isFree({ text, span }: Name): boolean {
    const earlier = scope.names.get(text)?.span ?? null;
    if (earlier === null || text === "_") return true;
    const labels = [{ span: earlier, text: "first defined here" }];
    report(frame, alreadyDefined, { name: text }, span, labels);
    return false;
  }
}

/** An assignment of a loss block as a loss; `null` when it is none, which is reported. */
function termOf(frame: Frame, name: string, meaning: Meaning, span: Span): Loss | null {
  if (meaning.kind === "unknown") return null;
  const constant = meaning.kind === "int" || meaning.kind === "float";
  const loss = constant ? null : asLoss(frame, meaning, `\`${name}\``, span);
  if (loss === null) report(frame, notALoss, { name, found: describe(meaning) }, span);
  return loss === "wrong" ? null : loss;
}

/** The weights of losses as a record: `loss.v`, `loss.calibrate.t`, for what reads them elsewhere. */
export function lossRecord(model: AppliedModel, losses: readonly CheckedLoss[]): Meaning {
  const { members } = model.elaboration;
  const own = (path: string): readonly TupleItem[] =>
    [...members.values()]
      .filter((member) => member.owner === path)
      .map((member) => ({
        name: member.path.slice(path.length + 1),
        value: tensorOf(member.value),
      }));
  const items = losses.flatMap(({ name, path }): readonly TupleItem[] =>
    name === null ? own(path) : [{ name, value: { kind: "tuple", items: own(path) } }],
  );
  return { kind: "tuple", items };
}
