/** The passes between differentiation and the ONNX file, in their order. */

import { InvariantError } from "../../grammar/invariant.js";
import type { Graph } from "../ir/graph.js";
import { verifyGraph } from "../ir/verify.js";
import { canonicalize } from "./canonicalize.js";
import { dropDeadNodes } from "./drop-dead-nodes.js";
import { foldConstants } from "./fold-constants.js";
import type { Pass } from "./pass.js";
import { shareSubexpressions } from "./share-subexpressions.js";

/** Every pass once. */
export const pipeline: readonly Pass[] = [
  dropDeadNodes, // First: differentiation leaves cotangents nobody asked for, no pass should look at them.
  foldConstants, // Before canonicalize, whose rules look for constants.
  canonicalize, // Before sharing: equal expressions must look equal.
  shareSubexpressions, // After canonicalize; it leaves no node without a use.
];

/** Runs the passes in order and verifies the graph after each; a broken graph names the pass. */
export function runPasses(graph: Graph, passes: readonly Pass[] = pipeline): Graph {
  return passes.reduce((current, pass) => {
    const next = pass.run(current);
    try {
      verifyGraph(next);
    } catch (error) {
      throw new InvariantError(`after pass \`${pass.name}\`: ${String(error)}`);
    }
    return next;
  }, graph);
}
