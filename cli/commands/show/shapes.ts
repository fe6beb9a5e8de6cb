/** `saic show --what shapes`: the type of every piece of the program's own text. */

import { positionOf } from "../../../grammar/source.js";
import { printType } from "../../../compiler/ir/type.js";
import type { Shown, Subject } from "./subject.js";

interface ShapeFact {
  readonly place: string;
  readonly text: string;
  readonly type: string;
}

/** Types by the place where the piece of text ends, each once. */
export const shapes: Subject = {
  name: "shapes",
  about: "the type of every expression",
  text: (shown) =>
    shapeFacts(shown)
      .map((fact) => `${fact.place.padEnd(40)} ${fact.type}`)
      .join("\n"),
  json: shapeFacts,
};

function shapeFacts({ analysis }: Shown): readonly ShapeFact[] {
  const seen = new Set<string>();
  return analysis.facts
    .filter(({ span }) => !span.source.name.startsWith("saic:"))
    .map(({ span, type }) => {
      const { line, column } = positionOf(span.source, span.end);
      const text = span.source.text.slice(span.start, span.end).split("\n").at(-1)?.trim() ?? "";
      return { place: `${span.source.name}:${line}:${column}`, text, type: printType(type) };
    })
    .filter((fact) => {
      const key = `${fact.place} ${fact.type}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}
