/** `key: value` members against a closed schema: unknown, doubled, missing and empty keys are named. */

import type { Argument, Entry, Formal } from "../../grammar/ast.js";
import {
  duplicateKey,
  missingKey,
  missingValue,
  unknownKey,
} from "../../grammar/diagnostics/names.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { type Bound, bindArguments } from "./bind.js";
import { type Frame, report } from "./frame.js";

export interface EntrySchema {
  /** `loader`, `train smoke`: how messages call the place. */
  readonly owner: string;
  readonly formals: readonly Formal[];
}

/** Values by key, defaults filled in; `null` when a needed key is missing. */
export function bindEntries(
  frame: Frame,
  schema: EntrySchema,
  entries: readonly Entry[],
  span: Span,
): ReadonlyMap<string, Bound> | null {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const key = entry.key.map(({ text }) => text).join(".");
    const keySpan = entry.key[0]?.span ?? entry.span;
    const earlier = seen.get(key);
    if (earlier !== undefined)
      report(frame, duplicateKey, { key, owner: schema.owner }, keySpan, [
        { span: earlier.span, text: "first given here" },
      ]);
    else if (!schema.formals.some(({ name }) => name.text === key)) {
      const known = schema.formals.map(({ name }) => name.text);
      report(
        frame,
        unknownKey,
        { key, owner: schema.owner, suggestion: suggest(key, known) },
        keySpan,
      );
    } else seen.set(key, entry);
  }
  const args: Argument[] = [];
  let complete = true;
  for (const [key, entry] of seen) {
    const name = entry.key[0];
    if (entry.value === null || name === undefined) {
      report(frame, missingValue, { key }, entry.span);
      complete = false;
    } else args.push({ name, value: entry.value, span: entry.span });
  }
  for (const formal of schema.formals) {
    if (formal.value !== null || seen.has(formal.name.text)) continue;
    report(frame, missingKey, { key: formal.name.text, owner: schema.owner }, span);
    complete = false;
  }
  if (!complete) return null;
  return bindArguments(frame, frame, schema.formals, {
    callee: schema.owner.replaceAll("`", ""),
    inputs: [],
    args,
    span,
  });
}
