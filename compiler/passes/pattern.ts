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
  readonly match: (value: Value, uses: Uses) => Iterable<C>;
}

/** A pattern for a node, which may stand at the root of a rule. */
export interface NodePattern<C extends Captures> extends Pattern<C> {
  readonly matchNode: (node: Node, uses: Uses) => Iterable<C>;
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
  match: (value) => [one(name, value)],
});

/** A value that some constant fills. */
export const constant = <N extends string>(name: N): Pattern<Readonly<Record<N, Value>>> => ({
  match: (value, uses) => (splatOf(uses.producer(value)) === null ? [] : [one(name, value)]),
});

/** A value that is no constant. */
export const variable = <N extends string>(name: N): Pattern<Readonly<Record<N, Value>>> => ({
  match: (value, uses) => (splatOf(uses.producer(value)) === null ? [one(name, value)] : []),
});

/** A constant filled with `filling`; it may have other consumers, for it costs nothing. */
export const splat = (filling: number): Pattern<Empty> => ({
  match: (value, uses) => (splatOf(uses.producer(value)) === filling ? [{}] : []),
});

/**
 * One output of an op of that name, or of any op that holds to a condition. Below the root of a
 * pattern it must have no other consumer: otherwise a rewrite would compute it twice.
 */
export function op<const P extends readonly Pattern<Captures>[]>(
  operator: string | ((op: Op) => boolean),
  ...inputs: P
): NodePattern<Merged<P>> {
  const fits = (node: Node): boolean =>
    node.inputs.length === inputs.length &&
    (typeof operator === "string" ? node.op === operator : operator(opNamed(node.op)));
  // Most nodes fit no pattern: they cost no generator.
  const matchNode = (node: Node, uses: Uses): Iterable<Merged<P>> =>
    fits(node) ? matchOrders(node, uses) : [];
  const matchOrders = function* (node: Node, uses: Uses): Iterable<Merged<P>> {
    const swaps = inputs.length === 2 && opNamed(node.op).traits?.includes("commutative") === true;
    const orders = swaps ? [node.inputs, node.inputs.toReversed()] : [node.inputs];
    // Merging loses the names that the parts' types carry; `Merged` says what they add up to.
    for (const order of orders)
      for (const captures of matchAll(inputs, order, uses)) yield captures as Merged<P>;
  };
  return { matchNode, match: (value, uses) => matchOutput(matchNode, value, uses, 1) };
}

/** The pattern, its node captured as `name`. */
export function named<N extends string, C extends Captures>(
  name: N,
  pattern: NodePattern<C>,
): NodePattern<C & Readonly<Record<N, Node>>> {
  const matchNode = (node: Node, uses: Uses): Iterable<C & Readonly<Record<N, Node>>> => {
    const found = pattern.matchNode(node, uses);
    return Array.isArray(found) && found.length === 0 ? [] : withNode(found, node);
  };
  const withNode = function* (
    found: Iterable<C>,
    node: Node,
  ): Iterable<C & Readonly<Record<N, Node>>> {
    for (const captures of found) yield { ...captures, ...one(name, node) };
  };
  return { matchNode, match: (value, uses) => matchOutput(matchNode, value, uses, 1) };
}

/** The pattern, also where its value has other consumers: for rewrites that merely go around it. */
export const shared = <C extends Captures>(pattern: NodePattern<C>): Pattern<C> => ({
  match: (value, uses) => matchOutput(pattern.matchNode, value, uses, Infinity),
});

/** The number that fills the node's output where the node is a constant, `null` otherwise. */
export function splatOf(node: Node | undefined): number | null {
  if (node?.op !== "constant") return null;
  const filling = node.attrs["value"];
  invariant(typeof filling === "number", "a constant's value is a number");
  return filling;
}

/** Counts the graph's uses once. */
export function usesOf(graph: Graph): Uses {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((value) => [value.id, node] as const)),
  );
  const counts = new Map<number, number>();
  const taken = [
    ...graph.nodes.flatMap((node) => node.inputs),
    ...graph.outputs.map(({ value }) => value),
  ];
  for (const { id } of taken) counts.set(id, (counts.get(id) ?? 0) + 1);
  return {
    producer: (value) => producers.get(value.id),
    count: (value) => counts.get(value.id) ?? 0,
  };
}

function matchOutput<C extends Captures>(
  matchNode: NodePattern<C>["matchNode"],
  value: Value,
  uses: Uses,
  consumers: number,
): Iterable<C> {
  const node = uses.producer(value);
  if (node === undefined || node.outputs.length !== 1 || uses.count(value) > consumers) return [];
  return matchNode(node, uses);
}

function* matchAll(
  patterns: readonly Pattern<Captures>[],
  values: readonly Value[],
  uses: Uses,
): Iterable<Captures> {
  const [first, ...rest] = patterns;
  if (first === undefined) {
    yield {};
    return;
  }
  for (const head of first.match(at(values, 0), uses))
    for (const tail of matchAll(rest, values.slice(1), uses))
      if (agree(head, tail)) yield { ...head, ...tail };
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
