/** Peak memory of a graph, from when its values live in the order of its nodes. */

import { opNamed } from "../ops/index.js";
import { bodyOf, hasBody } from "../passes/expand-bodies.js";
import { bindDims } from "./bind-dims.js";
import { bytesOf } from "./cost.js";
import type { Dim } from "./dim.js";
import type { Graph, Node, Value } from "./graph.js";
import { printType } from "./type.js";

/** In bytes. */
export interface MemoryEstimate {
  /** The most that lives at once: inputs, outputs made so far, and values still needed. */
  readonly peakBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /**
   * Values that were made before the node at the peak, are needed after it, and are no outputs: in a
   * training step the activations kept for the gradient, which recomputing would free.
   */
  readonly savedBytes: number;
}

/**
 * Inputs live throughout, outputs from their node to the end, other values until their last use. An
 * element-by-element op writes into an input that ends there where the size is the same, as
 * runtimes do; graph outputs have memory of their own; an op that is defined by a body needs what its
 * body needs. Every name in a shape must be bound. `sizeOf`
 * says what part of a value lies in this memory: all of it, unless told otherwise.
 */
export function estimateMemory(
  graph: Graph,
  bindings: ReadonlyMap<string, Dim> = new Map(),
  sizeOf: (value: Value) => number = wholeBytes,
): MemoryEstimate {
  const totalBytes = (values: readonly Value[]): number =>
    values.reduce((sum, value) => sum + sizeOf(value), 0);
  const { inputs, nodes, outputs } = bindDims(graph, bindings);
  const permanent = new Set([...inputs, ...outputs].map(({ value }) => value.id));
  const lastUse = new Map<number, number>();
  for (const [i, node] of nodes.entries())
    for (const value of [...node.inputs, ...node.outputs]) lastUse.set(value.id, i);
  const endsAt = (value: Value, i: number): boolean =>
    lastUse.get(value.id) === i && !permanent.has(value.id);

  const inputBytes = totalBytes(inputs.map(({ value }) => value));
  const scratchOf = scratchCounter();
  let live = inputBytes;
  let [peakBytes, savedBytes] = [inputBytes, 0];
  let kept = 0;
  for (const [i, node] of nodes.entries()) {
    const ending = distinct(node.inputs).filter((value) => endsAt(value, i));
    const made = totalBytes(node.outputs);
    live += made;
    const peak =
      live +
      scratchOf(node) -
      (node.outputs.some((v) => permanent.has(v.id)) ? 0 : reusedBytes(node, ending, sizeOf));
    const keptAcross = kept - totalBytes(ending);
    if (peak > peakBytes) [peakBytes, savedBytes] = [peak, keptAcross];
    live -= totalBytes(ending) + totalBytes(node.outputs.filter((value) => endsAt(value, i)));
    kept =
      keptAcross + totalBytes(node.outputs.filter((v) => !permanent.has(v.id) && !endsAt(v, i)));
  }
  return {
    peakBytes,
    inputBytes,
    outputBytes: totalBytes(distinct(outputs.map(({ value }) => value))),
    savedBytes,
  };
}

/** The bytes that the node need not allocate, for it writes over an input nobody else needs. */
function reusedBytes(
  node: Node,
  ending: readonly Value[],
  sizeOf: (value: Value) => number,
): number {
  const [output, ...others] = node.outputs;
  if (output === undefined || others.length > 0) return 0;
  if (opNamed(node.op).traits?.includes("elementwise") !== true) return 0;
  const bytes = sizeOf(output);
  return ending.some((value) => sizeOf(value) === bytes) ? bytes : 0;
}

/** The bytes that an op's body holds at its peak beside the op's inputs and outputs; equal nodes once. */
function scratchCounter(): (node: Node) => number {
  const known = new Map<string, number>();
  return (node) => {
    if (!hasBody(node)) return 0;
    const types = node.inputs.map(({ type }) => printType(type)).join(", ");
    const key = `${node.op}(${types}) ${JSON.stringify(node.attrs)}`;
    const found = known.get(key) ?? scratchBytes(node);
    known.set(key, found);
    return found;
  };
}

function scratchBytes(node: Node): number {
  const { peakBytes, inputBytes, outputBytes } = estimateMemory(bodyOf(node));
  return Math.max(0, peakBytes - inputBytes - outputBytes);
}

const wholeBytes = (value: Value): number => bytesOf(value.type);

const distinct = (values: readonly Value[]): readonly Value[] => [
  ...new Map(values.map((value) => [value.id, value])).values(),
];
