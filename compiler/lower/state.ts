/** The state table: every tensor that outlives a step, in one fixed order. */

import { invariant } from "../../grammar/invariant.js";
import { printSpan } from "../../grammar/source.js";
import type { Member } from "../check/frame.js";
import { isNumeric, numelOf, dtypeBytes } from "../ir/type.js";
import type { StateEntry } from "../plan/schema.js";
import { averagePath, keyOf, slotPath } from "./naming.js";
import type { Slot } from "./optimizer.js";

/**
 * Parameters and buffers in the program's order, slots in that of their parameters, then the moving
 * averages of `averaged` paths.
 */
export function stateTable(
  members: readonly Member[],
  slots: readonly { readonly parameter: string; readonly slot: Slot }[],
  averaged: ReadonlySet<string>,
): readonly StateEntry[] {
  const own = members.map((member): StateEntry => {
    const { shape, dtype } = member.value.type;
    invariant(isNumeric(shape) && member.init !== null, `${member.path} is not settled`);
    return {
      path: member.path,
      role: member.role === "weight" ? "parameter" : "buffer",
      key: keyOf(member.path),
      of: null,
      dtype,
      shape: [...shape],
      init: member.init,
      ...(member.source === undefined ? {} : { source: member.source }),
      unused: member.unused,
      place: printSpan(member.span),
    };
  });
  const seen = new Set<string>();
  const kept: StateEntry[] = [];
  for (const { parameter, slot } of slots) {
    const path = slotPath(parameter, slot.name);
    if (seen.has(path)) continue;
    seen.add(path);
    invariant(isNumeric(slot.type.shape), `${path} is not settled`);
    kept.push({
      path,
      role: "slot",
      key: slotPath(keyOf(parameter), slot.name),
      of: parameter,
      dtype: slot.type.dtype,
      shape: [...slot.type.shape],
      init: { kind: "constant", value: slot.init },
      unused: false,
      place: own.find((entry) => entry.path === parameter)?.place ?? "",
    });
  }
  const averages = own
    .filter(({ path }) => averaged.has(path))
    // An average begins as what it is the average of.
    .map((entry): StateEntry => {
      const { source: _source, ...rest } = entry;
      return { ...rest, path: averagePath(entry.path), role: "average", of: entry.path };
    });
  return [...own, ...kept, ...averages];
}

/** Bytes of all state. */
export const stateBytes = (state: readonly StateEntry[]): number =>
  state.reduce((sum, entry) => sum + numelOf(entry) * dtypeBytes(entry.dtype), 0);
