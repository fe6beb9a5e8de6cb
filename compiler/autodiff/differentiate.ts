/** Reverse-mode differentiation: emits the gradient of a scalar into the graph that computes it. */

import { at, invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Node, Value } from "../ir/graph.js";
import { isFloat, printType, sameType } from "../ir/type.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";

export interface Differentiated {
  /** One per value of `wrt`; `null` where the loss does not depend on it. */
  readonly gradients: readonly (Value | null)[];
  /** Nodes that a gradient would have to pass but that have no rule: their gradients are missing. */
  readonly blocked: readonly Node[];
}

/**
 * The gradients of `loss`, a float scalar, for each value of `wrt`. Only nodes between `wrt` and the loss are
 * visited; each cotangent is emitted with the span and scope of the node it belongs to. A rule may
 * also emit cotangents that nobody needs: `finish` leaves those out.
 */
export function differentiate(b: GraphBuilder, loss: Value, wrt: readonly Value[]): Differentiated {
  invariant(
    isFloat(loss.type.dtype) && loss.type.shape.length === 0,
    `a loss is a float scalar, this is ${printType(loss.type)}`,
  );
  const nodes = [...b.nodes];
  const active = activeValues(nodes, wrt);
  const cotangents = new Map<number, Value>();
  const blocked: Node[] = [];
  if (active.has(loss.id)) cotangents.set(loss.id, b.constant(1, loss.type.dtype));
  for (const node of nodes.toReversed()) {
    const dys = node.outputs.map((output) => cotangents.get(output.id) ?? null);
    if (dys.every((dy) => dy === null) || !node.inputs.some((x) => active.has(x.id))) continue;
    b.within(node, () => {
      const parts = inputCotangents(b, node, dys);
      if (parts === null) blocked.push(node);
      for (const [i, part] of (parts ?? []).entries()) {
        const input = at(node.inputs, i);
        if (part === null || !active.has(input.id)) continue;
        const sum = cotangents.get(input.id);
        cotangents.set(input.id, sum === undefined ? part : b.add(sum, part));
      }
    });
  }
  return { gradients: wrt.map((value) => cotangents.get(value.id) ?? null), blocked };
}

/** The float values that depend on `wrt`. */
export function activeValues(nodes: readonly Node[], wrt: readonly Value[]): ReadonlySet<number> {
  const active = new Set(wrt.map((value) => value.id));
  for (const node of nodes)
    if (node.inputs.some((input) => active.has(input.id)))
      for (const output of node.outputs) if (isFloat(output.type.dtype)) active.add(output.id);
  return active;
}

/** One cotangent per input, in order, or `null` for a node without a rule. */
export function inputCotangents(
  b: GraphBuilder,
  node: Node,
  dys: readonly (Value | null)[],
): readonly (Value | null)[] | null {
  const op = opNamed(node.op);
  if (op.vjp === null) return null;
  const y = at(node.outputs, 0);
  const dy = dys[0] ?? b.expand(b.constant(0, y.type.dtype), y.type.shape);
  const scope = { ...scopeOf(op, node.inputs, node.attrs), y, dy, ys: node.outputs, dys };
  const rule = op.vjp(b, scope);
  const [expected, actual] = [Object.keys(op.inputs), Object.keys(rule)];
  invariant(
    actual.length === expected.length && expected.every((name) => name in rule),
    `the gradient rule of ${node.op} returns ${actual.join(", ")} instead of ${expected.join(", ")}`,
  );
  const parts = expected.flatMap((name) => rule[name] ?? null);
  for (const [i, part] of parts.entries()) {
    const { type } = at(node.inputs, i);
    if (part !== null && !sameType(part.type, type))
      invariant(
        false,
        `the gradient rule of ${node.op} gives ${printType(part.type)} for an input of ${printType(type)}`,
      );
  }
  return parts;
}
