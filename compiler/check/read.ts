/** Reads checked settings out of a bound call as plain values. */

import { InvariantError } from "../../grammar/invariant.js";
import type { Bound } from "./bind.js";
import type { Meaning } from "./value.js";

/** Typed access to settings that `conform` has checked; a wrong kind here is our bug. */
export function settingsOf(bound: ReadonlyMap<string, Bound>) {
  const meaning = (name: string): Meaning => {
    const found = bound.get(name)?.meaning;
    if (found === undefined) throw new InvariantError(`no setting \`${name}\``);
    return found;
  };
  const wrong = (name: string): never => {
    throw new InvariantError(`setting \`${name}\` has an unexpected kind`);
  };
  return {
    isKnown: [...bound.values()].every((value) => isKnown(value.meaning)),
    meaning,
    number(name: string): number {
      const value = meaning(name);
      return value.kind === "int" || value.kind === "float" ? value.value : wrong(name);
    },
    bool(name: string): boolean {
      const value = meaning(name);
      return value.kind === "bool" ? value.value : wrong(name);
    },
    /** A string, path or word. */
    text(name: string): string {
      const value = meaning(name);
      return value.kind === "string"
        ? value.value
        : value.kind === "word"
          ? value.text
          : wrong(name);
    },
    numbers(name: string): number[] {
      const value = meaning(name);
      if (value.kind !== "list") return wrong(name);
      return value.items.map((item) =>
        item.kind === "int" || item.kind === "float" ? item.value : wrong(name),
      );
    },
    words(name: string): string[] {
      const value = meaning(name);
      if (value.kind !== "list") return wrong(name);
      return value.items.map((item) => (item.kind === "word" ? item.text : wrong(name)));
    },
  };
}

/** Whether a value, and every item of a list, is known. */
export const isKnown = (meaning: Meaning): boolean =>
  meaning.kind === "list" ? meaning.items.every(isKnown) : meaning.kind !== "unknown";
