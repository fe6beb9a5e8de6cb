/** `log: [jsonl(), tensorboard()]`: where a run tells what happens. */

import { wrongType } from "../../grammar/diagnostics/types.js";
import { cannotCarryOut, type Frame, report } from "./frame.js";
import { itemsOf, policyOf } from "./policy-forms.js";
import type { KeyValue, KeyValues } from "./train-keys.js";

/** Events are always written as lines of JSON, for a run is continued by them. */
export function checkLog(frame: Frame, { value, span }: KeyValue, key: string): null | "wrong" {
  const forms: string[] = [];
  for (const item of itemsOf(value)) {
    const policy = policyOf(frame, key, item);
    if (policy === null) return "wrong";
    if (forms.includes(policy.form)) {
      const what = `\`${policy.form}\` of \`log\``;
      report(frame, wrongType, { what, expected: "given once", found: "two" }, item.span);
      return "wrong";
    }
    forms.push(policy.form);
  }
  if (!forms.includes("jsonl")) cannotCarryOut(frame, "a `log` without `jsonl()`", span);
  return null;
}

/** Where scalars for TensorBoard go, empty for the run's own directory; `null` where none do. */
export function tensorboardOf(frame: Frame, values: KeyValues): string | null {
  const given = values.get("log");
  for (const item of given === undefined ? [] : itemsOf(given.value)) {
    const policy = policyOf(frame, "log", item);
    const folder = policy?.bound.get("folder")?.meaning;
    if (policy?.form === "tensorboard" && folder?.kind === "string")
      return folder.value === ""
        ? ""
        : frame.elaboration.resolvePath(folder.value, frame.module.name);
  }
  return null;
}
