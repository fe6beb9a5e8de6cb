/** The passes between differentiation and the ONNX file, in their order. */

import { InvariantError } from "../../grammar/invariant.js";
import type { Graph } from "../ir/graph.js";
import { verifyGraph } from "../ir/verify.js";
import { canonicalize } from "./canonicalize.js";
import { dropDeadNodes } from "./drop-dead-nodes.js";
import { expandBodies } from "./expand-bodies.js";
import { foldConstants } from "./fold-constants.js";
import { formRowProducts } from "./form-row-products.js";
import { fuseColumnSums } from "./fuse-column-sums.js";
import { fuseNormalizations } from "./fuse-normalizations.js";
import { fuseProducts } from "./fuse-products.js";
import { mergeProducts } from "./merge-products.js";
import type { Functions, Pass } from "./pass.js";
import { shareSubexpressions } from "./share-subexpressions.js";
import { simplifyProducts } from "./simplify-products.js";

/** Every pass once. */
export const pipeline: readonly Pass[] = [
  expandBodies, // First: the passes below simplify what bodies consist of, and drop what is not needed of it.
  dropDeadNodes, // Differentiation leaves cotangents nobody asked for, no pass should look at them.
  foldConstants, // Before canonicalize, whose rules look for constants.
  canonicalize, // Before sharing: equal expressions must look equal.
  simplifyProducts, // After canonicalize, which puts constants on the right and removes double transposes.
  mergeProducts, // After canonicalize, and before sharing: rows stand together twice.
  shareSubexpressions, // After canonicalize; it leaves no node without a use.
  formRowProducts, // After sharing, which leaves no transposed product for two.
  fuseProducts, // After sharing: an expression that is used twice must not be taken apart.
  fuseNormalizations,
  fuseColumnSums, // After the products, which it looks for.
];

const passesFor = (functions: Functions): readonly Pass[] =>
  pipeline.filter((pass) => pass.functions === undefined || pass.functions === functions);

/** What happens to a graph whose coarse ops are written out, and to one whose are calls. */
const passesOf: Readonly<Record<Functions, readonly Pass[]>> = {
  inline: passesFor("inline"),
  keep: passesFor("keep"),
};

/** Runs the passes in order and verifies what comes out; a broken graph names the pass that broke it. */
export function runPasses(graph: Graph, which: Functions | readonly Pass[] = "inline"): Graph {
  const passes = typeof which === "string" ? passesOf[which] : which;
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
