/** Patterns over graphs: what the rules of a rewriting pass look for. */

import { at, invariant } from "../../grammar/invariant.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Op } from "../ops/define.js";
import { opNamed } from "../ops/index.js";

/** What a pattern found, by the names that its parts carry. */
export type Captures = Readonly<Record<string, Value | Node>>;

/** Who makes a value and how many take it, graph outputs included. */
export interface Uses {
  producer(value: Value): Node | undefined;
  count(value: Value): number;
}

/** Every way in which a value fits; commutative ops are tried both ways. */
export interface Pattern<C extends Captures> {
  /** Whether a value may fit, without captures: most do not, and that is to cost little. */
  readonly may: (value: Value, uses: Uses) => boolean;
  readonly match: (value: Value, uses: Uses) => readonly C[];
}

/** A pattern for a node, which may stand at the root of a rule. */
export interface NodePattern<C extends Captures> extends Pattern<C> {
  /** Whether a node of that op may fit. */
  readonly mayFit: (op: string) => boolean;
  readonly matchNode: (node: Node, uses: Uses) => readonly C[];
}

type Empty = Readonly<Record<never, never>>;
type Merged<P extends readonly Pattern<Captures>[]> = P extends readonly [
  Pattern<infer C>,
  ...infer R extends readonly Pattern<Captures>[],
]
  ? C & Merged<R>
  : Empty;

/** Any value; the same name twice asks for the same value twice. */
export const any = <N extends string>(name: N): Pattern<Readonly<Record<N, Value>>> => ({
  may: () => true,
  match: (value) => [one(name, value)],
});

/** A value that some constant fills. */
export const constant = <N extends string>(name: N): Pattern<Readonly<Record<N, Value>>> => ({
  may: (value, uses) => splatOf(uses.producer(value)) !== null,
  match: (value) => [one(name, value)],
});

/** A value that is no constant. */
export const variable = <N extends string>(name: N): Pattern<Readonly<Record<N, Value>>> => ({
  may: (value, uses) => splatOf(uses.producer(value)) === null,
  match: (value) => [one(name, value)],
});

/** A constant filled with `filling`; it may have other consumers, for it costs nothing. */
export const splat = (filling: number): Pattern<Empty> => ({
  may: (value, uses) => splatOf(uses.producer(value)) === filling,
  match: () => [{}],
});

/**
 * One output of an op of that name, or of any op that holds to a condition. Below the root of a
 * pattern it must have no other consumer: otherwise a rewrite would compute it twice.
 */
export function op<const P extends readonly Pattern<Captures>[]>(
  operator: string | ((op: Op) => boolean),
  ...inputs: P
): NodePattern<Merged<P>> {
  const mayFit = (name: string): boolean =>
    typeof operator === "string" ? name === operator : operator(opNamed(name));
  const matchNode = (node: Node, uses: Uses): readonly Merged<P>[] => {
    if (node.inputs.length !== inputs.length || !mayFit(node.op)) return [];
    const swaps = inputs.length === 2 && opNamed(node.op).traits?.includes("commutative") === true;
    const found = matchAll(inputs, node.inputs, uses);
    const swapped = swaps ? matchAll(inputs, node.inputs.toReversed(), uses) : [];
    // Merging loses the names that the parts' types carry; `Merged` says what they add up to.
    return (swapped.length === 0 ? found : [...found, ...swapped]) as readonly Merged<P>[];
  };
  return { mayFit, matchNode, ...onOutput({ mayFit, matchNode }, 1) };
}

/** The pattern, its node captured as `name`. */
export function named<N extends string, C extends Captures>(
  name: N,
  pattern: NodePattern<C>,
): NodePattern<C & Readonly<Record<N, Node>>> {
  const matchNode = (node: Node, uses: Uses): readonly (C & Readonly<Record<N, Node>>)[] =>
    pattern.matchNode(node, uses).map((captures) => ({ ...captures, ...one(name, node) }));
  const { mayFit } = pattern;
  return { mayFit, matchNode, ...onOutput({ mayFit, matchNode }, 1) };
}

/** The pattern, also where its value has other consumers: for rewrites that merely go around it. */
export const shared = <C extends Captures>(pattern: NodePattern<C>): Pattern<C> =>
  onOutput(pattern, Infinity);

/** The number that fills the node's output where the node is a constant, `null` otherwise. */
export function splatOf(node: Node | undefined): number | null {
  if (node?.op !== "constant") return null;
  const filling = node.attrs["value"];
  invariant(typeof filling === "number", "a constant's value is a number");
  return filling;
}

/** Counts the graph's uses once. */
export function usesOf(graph: Graph): Uses {
  const producers = new Map<number, Node>();
  const counts = new Map<number, number>();
  const count = ({ id }: Value): void => {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  for (const node of graph.nodes) {
    for (const { id } of node.outputs) producers.set(id, node);
    node.inputs.forEach(count);
  }
  for (const { value } of graph.outputs) count(value);
  return {
    producer: (value) => producers.get(value.id),
    count: (value) => counts.get(value.id) ?? 0,
  };
}

/** A value that a fitting node of one output makes, and that at most so many take. */
function onOutput<C extends Captures>(
  { mayFit, matchNode }: Pick<NodePattern<C>, "mayFit" | "matchNode">,
  consumers: number,
): Pattern<C> {
  return {
    may(value, uses) {
      const node = uses.producer(value);
      return (
        node !== undefined &&
        mayFit(node.op) &&
        node.outputs.length === 1 &&
        uses.count(value) <= consumers
      );
    },
    match(value, uses) {
      const node = uses.producer(value);
      return node === undefined ? [] : matchNode(node, uses);
    },
  };
}

/** Every way in which the values fit, one by one. */
function matchAll(
  patterns: readonly Pattern<Captures>[],
  values: readonly Value[],
  uses: Uses,
): readonly Captures[] {
  for (let i = 0; i < patterns.length; i++)
    if (!at(patterns, i).may(at(values, i), uses)) return [];
  let found: readonly Captures[] = [{}];
  for (const [i, pattern] of patterns.entries()) {
    const heads = pattern.match(at(values, i), uses);
    if (heads.length === 0) return [];
    found = found.flatMap((earlier) =>
      heads.flatMap((head) => (agree(earlier, head) ? [{ ...earlier, ...head }] : [])),
    );
  }
  return found;
}

const agree = (a: Captures, b: Captures): boolean =>
  Object.entries(a).every(([name, found]) => {
    const other = b[name];
    return other === undefined || sameCapture(found, other);
  });

const sameCapture = (a: Value | Node, b: Value | Node): boolean =>
  "id" in a && "id" in b ? a.id === b.id : a === b;

const one = <N extends string, T>(name: N, found: T): Readonly<Record<N, T>> =>
  // A computed key's type is lost by the language.
  ({ [name]: found }) as Readonly<Record<N, T>>;
