/** `precision: bf16(keep_f32: [softmax, norm, loss])`: in what numbers the graphs compute. */

import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { suggest } from "../../grammar/suggest.js";
import { cannotCarryOut, type Frame, report } from "./frame.js";
import { policyOf } from "./policy-forms.js";
import type { KeyValue } from "./train-keys.js";

/** What may stay in f32 where the rest does not. */
const keepable = ["softmax", "norm", "loss", "router"];

/** The name of the precision; `null` when it is wrong, which is reported. */
export function precisionOf(frame: Frame, { value }: KeyValue): "f32" | "bf16" | "f16" | null {
  const policy = policyOf(frame, "precision", value);
  if (policy === null) return null;
  const kept = policy.bound.get("keep_f32");
  const words = kept?.meaning.kind === "list" ? kept.meaning.items : [];
  for (const word of words) {
    if (word.kind !== "word" || keepable.includes(word.text)) continue;
    const suggestion = suggest(word.text, keepable) ?? keepable[0] ?? null;
    report(frame, unknownName, { name: word.text, suggestion }, kept?.span ?? policy.span);
    return null;
  }
  const word = (name: string): string | null => {
    const meaning = policy.bound.get(name)?.meaning;
    return meaning?.kind === "word" ? meaning.text : null;
  };
  if (word("weights") === "bf16" && word("update") === "nearest") {
    const what = "`weights: bf16`";
    const reason = "needs `update: stochastic`: small updates would be rounded away";
    report(frame, contradictoryKeys, { what, reason }, policy.span);
    return null;
  }
  if (policy.form === "f32") return "f32";
  cannotCarryOut(frame, `the precision \`${policy.form}\``, value.span);
  return policy.form === "bf16" ? "bf16" : "f16";
}
