/** Meshes: named axes of devices, `mesh pod { data: 8, expert: 4 }`. */

import type { MeshDecl } from "../../../grammar/ast.js";
import { duplicateKey, missingValue } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Span } from "../../../grammar/source.js";
import { evaluate, type Frame, report } from "../frame.js";
import { describe } from "../value.js";

/** Devices along each axis, in the order of the declaration. */
export type MeshAxes = ReadonlyMap<string, number>;

/** How many devices a mesh has. */
export const meshSize = (axes: MeshAxes): number =>
  [...axes.values()].reduce((product, devices) => product * devices, 1);

/** `pod.size` is the number of devices, so no axis has this name. */
export const sizeMember = "size";

/**
 * The axes of a mesh, whose sizes are evaluated in `frame`, at the top of its module; `null` when
 * something is wrong with one, which is reported.
 */
export function meshAxes(frame: Frame, mesh: MeshDecl): MeshAxes | null {
  const owner = `\`${mesh.name.text}\``;
  const axes = new Map<string, number>();
  const places = new Map<string, Span>();
  let sound = true;
  const wrong = (expected: string, found: string, span: Span, what: string): void => {
    sound = false;
    report(frame, wrongType, { what, expected, found }, span);
  };
  for (const { key, value, span } of mesh.axes) {
    const name = key.map(({ text }) => text).join(".");
    const keySpan = key[0]?.span ?? span;
    const earlier = places.get(name);
    places.set(name, earlier ?? span);
    if (earlier !== undefined) {
      sound = false;
      report(frame, duplicateKey, { key: name, owner }, keySpan, [
        { span: earlier, text: "first given here" },
      ]);
    } else if (key.length > 1) wrong("one name", `\`${name}\``, keySpan, `an axis of ${owner}`);
    else if (name === sizeMember)
      wrong(`any name but \`${sizeMember}\``, `\`${name}\``, keySpan, `an axis of ${owner}`);
    else if (value === null) {
      sound = false;
      report(frame, missingValue, { key: name }, span);
    } else {
      const meaning = evaluate(frame, value);
      if (meaning.kind === "int" && meaning.value >= 1) axes.set(name, meaning.value);
      else if (meaning.kind === "unknown") sound = false;
      else
        wrong(
          "a number of devices, an integer of at least 1",
          describe(meaning),
          value.span,
          `\`${name}\` of ${owner}`,
        );
    }
  }
  if (mesh.axes.length === 0) wrong("at least one axis", "none", mesh.name.span, owner);
  return sound ? axes : null;
}
