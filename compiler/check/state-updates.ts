/** States that a step sets: `mean <- expr`, in blocks and in losses. */

import type { BlockDecl, LossMember, Owned, UpdateMember } from "../../grammar/ast.js";
import {
  integerUpdate,
  stateNotUpdated,
  updatesNoState,
} from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Dim } from "../ir/dim.js";
import { isFloat, printType, sameType } from "../ir/type.js";
import { dependsOnBatch } from "./batch-free.js";
import { setCarry } from "./carry.js";
import { child, evaluate, type Frame, lookup, report } from "./frame.js";
import { presence } from "./inputs.js";
import { segmentOf } from "./members.js";
import { describe } from "./value.js";

/** What holds states and sets them. */
interface Lines {
  readonly members: readonly (BlockDecl["members"][number] | LossMember["members"][number])[];
}

/** One `<-`: of a state, or of what a `scan` carries. */
export function updateState(
  frame: Frame,
  { members: lines }: Lines,
  run: readonly Dim[] | null,
  { name, value: expr }: UpdateMember,
): void {
  const value = evaluate(frame, expr);
  const { span } = expr;
  const owned = lines.find(
    (member): member is Owned =>
      member.kind === "owned" && member.role !== "weight" && member.name.text === name.text,
  );
  if (owned === undefined) {
    report(frame, updatesNoState, { name: name.text }, name.span);
    return;
  }
  if (owned.role === "carry") {
    setCarry(frame, owned, run, value, span);
    return;
  }
  // State moves in training alone; what it would become elsewhere has been checked all the same.
  const current = lookup(frame, name.text, name.span);
  if (current?.kind !== "tensor" || value.kind === "unknown") return;
  const number = value.kind === "int" || value.kind === "float" ? value.value : null;
  const { builder, updates, members } = frame.elaboration;
  const next =
    value.kind === "tensor"
      ? value.value
      : number === null
        ? null
        : builder.constant(number, current.value.type.dtype, current.value.type.shape);
  if (next === null || !sameType(next.type, current.value.type)) {
    report(
      frame,
      wrongType,
      { what: `\`${name.text}\``, expected: printType(current.value.type), found: describe(value) },
      span,
    );
    return;
  }
  const path = child(frame.path, segmentOf(frame, owned.as) ?? owned.name.text);
  const { type } = current.value;
  if (!isFloat(type.dtype) && dependsOnBatch(frame.elaboration, next))
    report(frame, integerUpdate, { name: name.text, type: printType(type) }, span);
  else if (frame.training && members.has(path)) updates.set(path, next);
}

/** Every state is set once per update. */
export function checkStatesSet(
  frame: Frame,
  { members: lines }: Lines,
  updated: ReadonlySet<string>,
): void {
  for (const member of lines)
    if (
      member.kind === "owned" &&
      member.role === "state" &&
      !member.unused &&
      !updated.has(member.name.text) &&
      presence(frame, member.guard) !== "absent"
    )
      report(frame, stateNotUpdated, { name: member.name.text }, member.span);
}
