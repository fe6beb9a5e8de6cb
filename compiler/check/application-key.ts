/** What decides how a block's application comes out: how it is applied, its settings, what arrives. */

import type { Value } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import type { CallSite } from "./bind.js";
import type { Frame } from "./frame.js";
import type { Meaning, Recipe } from "./value.js";

/** The tensors that arrive at a block. */
export const tensorsOf = ({ inputs }: CallSite): readonly Value[] =>
  inputs.flatMap(({ meaning }) => (meaning.kind === "tensor" ? [meaning.value] : []));

/** `null` where more than settings and types decides. */
export function applicationKey(
  frame: Frame,
  recipe: Recipe,
  call: CallSite,
  path: string,
): string | null {
  if (recipe.shared !== null || frame.scan !== undefined) return null;
  // A function may be given blocks, and what is around decides which of them would recur.
  if (frame.trail.some((entry) => entry.declaration?.kind === "fn")) return null;
  const frozen = frame.elaboration.isFrozen(path);
  const flags = [frame.training && !frozen, frame.sampling && !frozen, frame.unused, frozen];
  const parts = [flags.map(Number).join(""), [...(frame.portNames ?? [])].join(" ")];
  for (const [name, meaning] of recipe.settings) {
    const text = settingText(meaning);
    if (text === null) return null;
    parts.push(`${name}: ${text}`);
  }
  const tensors = tensorsOf(call);
  for (const { name, meaning } of call.inputs) {
    const text = meaning.kind === "tensor" ? tensorText(meaning, tensors) : settingText(meaning);
    if (text === null) return null;
    parts.push(`${name ?? ""}= ${text}`);
  }
  return parts.join("\n");
}

/** Its type, its axes' names, and which of the inputs it is, since one tensor may arrive twice. */
const tensorText = (
  { value, axes }: Extract<Meaning, { kind: "tensor" }>,
  tensors: readonly Value[],
): string =>
  `${printType(value.type)} ${axes === undefined ? "-" : JSON.stringify(axes)} ${tensors.findIndex(({ id }) => id === value.id)}`;

function settingText(meaning: Meaning): string | null {
  switch (meaning.kind) {
    case "int":
    case "float":
    case "bool":
      return `${meaning.kind} ${String(meaning.value)}${Object.is(meaning.value, -0) ? " negative" : ""}`;
    case "string":
      return JSON.stringify(meaning.value);
    case "word":
      return `word ${meaning.text}`;
    case "dim":
      return `dim ${meaning.dim.text}`;
    case "none":
      return "none";
    case "init":
      return `init ${JSON.stringify(meaning.recipe)}`;
    case "list": {
      const items = meaning.items.map(settingText);
      return items.includes(null) ? null : `[${items.join(", ")}]`;
    }
    default:
      return null;
  }
}
