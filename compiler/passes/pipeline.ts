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

/** Runs the passes in order and verifies what comes out; a broken graph names the pass that broke it. */
export function runPasses(graph: Graph, passes: readonly Pass[] = pipeline): Graph {
  try {
    const result = passes.reduce((current, pass) => pass.run(current), graph);
    verifyGraph(result);
    return result;
  } catch (error) {
    return blamePass(graph, passes, error);
  }
}

/** Runs the passes again and verifies after each: too slow for every time, and only needed now. */
function blamePass(graph: Graph, passes: readonly Pass[], cause: unknown): never {
  let current = graph;
  for (const pass of passes)
    try {
      current = pass.run(current);
      verifyGraph(current);
    } catch (error) {
      throw new InvariantError(`after pass \`${pass.name}\`: ${String(error)}`);
    }
  throw cause;
}
