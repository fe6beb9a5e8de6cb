/** What must hold while training: losses are numbers, and updates change weights. */

import type { Plan } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { lossNotFinite, nothingLearned, stateNotFinite } from "../../grammar/diagnostics/run.js";
import type { Tensors } from "../executor/executor.js";
import { exitCodes, Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";

/** Where a guard stands, for its message. */
export interface GuardPlace {
  readonly stage: string;
  readonly update: number;
}

/** Faults with exit code 4 at the first loss that is not finite. */
export function requireFiniteLosses(
  losses: Readonly<Record<string, number>>,
  { stage, update }: GuardPlace,
): void {
  for (const [loss, value] of Object.entries(losses))
    if (!Number.isFinite(value))
      throw new Fault(
        diagnose(lossNotFinite, { stage, update, loss, value }, null),
        exitCodes.guard,
      );
}

/** Faults with exit code 4 at the first state tensor that holds NaN or an infinity. */
export function requireFiniteState(plan: Plan, state: Tensors, place: GuardPlace): void {
  for (const { path } of plan.state) {
    const tensor = state.get(path);
    if (tensor !== undefined && !isFinite(tensor))
      throw new Fault(diagnose(stateNotFinite, { ...place, path }, null), exitCodes.guard);
  }
}

/** Faults with exit code 4 unless the norm of the change of all trainable parameters is above zero. */
export function requireChange(
  trainable: readonly string[],
  before: Tensors,
  after: Tensors,
  stage: string,
): void {
  if (trainable.some((path) => changed(before.get(path), after.get(path)))) return;
  throw new Fault(
    diagnose(nothingLearned, { stage, parameters: trainable.length }, null),
    exitCodes.guard,
  );
}

/** Those of `paths` whose tensors are element by element the same before and after. */
export const unchanged = (
  paths: readonly string[],
  before: Tensors,
  after: Tensors,
): readonly string[] => paths.filter((path) => !changed(before.get(path), after.get(path)));

/**
 * The norm of a difference is above zero exactly when some element differs; -0 and 0 do not, and
 * neither do denormal numbers of f32, which every executor takes for zero.
 */
function changed(before: HostTensor | undefined, after: HostTensor | undefined): boolean {
  if (before === undefined || after === undefined || before === after) return false;
  const { data: old } = before;
  const { data: now } = after;
  const zeroBelow = before.dtype === "f32" ? 2 ** -126 : 0;
  const isZero = (value: number | bigint | undefined): boolean =>
    typeof value === "number" && Math.abs(value) < zeroBelow;
  for (let i = 0; i < old.length; i++)
    if (old[i] !== now[i] && !(isZero(old[i]) && isZero(now[i]))) return true;
  return false;
}

/** Whether every element is a number; of other types than floats all are. */
export function isFinite(tensor: HostTensor): boolean {
  const { dtype, data } = tensor;
  if (dtype === "f32" || dtype === "f64") {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
    return true;
  }
  if (dtype !== "f16" && dtype !== "bf16") return true;
  const value = numbersOf(tensor);
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(value(i))) return false;
  return true;
}
