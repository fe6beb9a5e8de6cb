/** Which values a gradient would reach, without the nodes of the gradient: what a check asks. */

import type { GraphBuilder } from "../ir/builder.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Attrs, Node, Value } from "../ir/graph.js";
import { sameType } from "../ir/type.js";
import { activeValues, inputCotangents } from "./differentiate.js";

export interface Reached {
  /** One per value of `wrt`: `null` where the loss does not depend on it. */
  readonly gradients: readonly (true | null)[];
  /** Nodes that a gradient would have to pass but that have no rule. */
  readonly blocked: readonly Node[];
}

/** Finds what `differentiate` finds. Rules are asked once for all nodes that are copies of one. */
export function gradientReach(
  { nodes }: GraphBuilder,
  loss: Value,
  wrt: readonly Value[],
): Reached {
  const active = activeValues(nodes, wrt);
  const reached = new Set(active.has(loss.id) ? [loss.id] : []);
  const blocked: Node[] = [];
  const known: Known = new Map();
  for (const node of nodes.toReversed()) {
    const has = node.outputs.map((output) => reached.has(output.id));
    if (!has.includes(true) || !node.inputs.some((x) => active.has(x.id))) continue;
    const passes = passesOf(known, node, has);
    if (passes === null) blocked.push(node);
    for (const [i, { id }] of node.inputs.entries())
      if (passes?.[i] === true && active.has(id)) reached.add(id);
  }
  return { gradients: wrt.map(({ id }) => (reached.has(id) ? true : null)), blocked };
}

interface Answer {
  readonly node: Node;
  readonly has: readonly boolean[];
  readonly passes: readonly boolean[] | null;
}

/** Copies of a node share its attributes. */
type Known = Map<Attrs, Answer[]>;

/** Through which inputs a gradient at these outputs goes on; `null` without a rule. */
function passesOf(known: Known, node: Node, has: readonly boolean[]): Answer["passes"] {
  const answers = known.get(node.attrs) ?? [];
  known.set(node.attrs, answers);
  const earlier = answers.find(
    (answer) =>
      answer.node.op === node.op &&
      answer.has.every((each, i) => each === has[i]) &&
      answer.node.inputs.length === node.inputs.length &&
      answer.node.inputs.every(({ type }, i) => {
        const own = node.inputs[i]?.type;
        return own !== undefined && sameType(own, type);
      }),
  );
  if (earlier !== undefined) return earlier.passes;
  const cotangents = node.outputs.map((output, i) => (has[i] === true ? output : null));
  const parts = inputCotangents(createGraphBuilder(), node, cotangents);
  const passes = parts?.map((part) => part !== null) ?? null;
  answers.push({ node, has, passes });
  return passes;
}
