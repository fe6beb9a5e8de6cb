/** The outputs of a model as tensors with names of their own, and back as what their names mean. */

import type { BlockDecl, Port } from "../../grammar/ast.js";
import type { Value } from "../ir/graph.js";
import { type Meaning, none, tensorOf, type TupleItem } from "./value.js";

/** One output, or one item of an output that is a list: `maps.0`. */
export interface NamedOutput {
  readonly name: string;
  readonly value: Value;
}

export const outPorts = ({ members }: BlockDecl): readonly Port[] =>
  members.filter((member): member is Port => member.kind === "port" && member.direction === "out");

/** What the model gives, lists taken apart, absent outputs left out; `null` when one is wrong. */
export function flatOutputs(
  declaration: BlockDecl,
  result: Meaning,
): readonly NamedOutput[] | null {
  const [only] = outPorts(declaration);
  const items: readonly TupleItem[] =
    result.kind === "tuple" ? result.items : [{ name: only?.name.text ?? null, value: result }];
  const found = items.map(({ name, value }) => (name === null ? null : flat(name, value)));
  return found.every((each) => each !== null) ? found.flat() : null;
}

function flat(name: string, meaning: Meaning): readonly NamedOutput[] | null {
  if (meaning.kind === "tensor") return [{ name, value: meaning.value }];
  if (meaning.kind === "none") return [];
  if (meaning.kind !== "list") return null;
  const items = meaning.items.map((item, i) => flat(`${name}.${i}`, item));
  return items.every((each) => each !== null) ? items.flat() : null;
}

/** The same outputs by name: tensors, lists, `none` where one is absent. */
export function outputMeanings(
  declaration: BlockDecl,
  outputs: readonly NamedOutput[],
): ReadonlyMap<string, Meaning> {
  return new Map(
    outPorts(declaration).map(({ name, type }) => [
      name.text,
      type.kind === "list-type"
        ? listAt(name.text, outputs)
        : (outputs
            .filter((output) => output.name === name.text)
            .map(({ value }) => tensorOf(value))[0] ?? none),
    ]),
  );
}

function listAt(path: string, outputs: readonly NamedOutput[]): Meaning {
  const items: Meaning[] = [];
  for (let i = 0; ; i++) {
    const place = `${path}.${i}`;
    const whole = outputs.find(({ name }) => name === place);
    if (whole !== undefined) items.push(tensorOf(whole.value));
    else if (outputs.some(({ name }) => name.startsWith(`${place}.`)))
      items.push(listAt(place, outputs));
    else return { kind: "list", items };
  }
}
