/** The driver of rewriting passes: applies rules wherever their patterns fit, until none does. */

import { invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Pass } from "./pass.js";
import { type Captures, type NodePattern, type Uses, usesOf } from "./pattern.js";
import { copyNode, rebuild, withoutDeadNodes } from "./rebuild.js";

/** A rule with the types of its captures erased. */
export interface Rule {
  /** How to replace the node, or `null` where the rule does not apply. */
  readonly find: (node: Node, uses: Uses) => Replacement | null;
}

/** Builds the new outputs; `renew` takes values of the old graph into the new one. */
type Replacement = (b: GraphBuilder, renew: (value: Value) => Value) => readonly Value[];

/** What a rule looks for and what it puts there. */
export interface RuleDef<C extends Captures> {
  readonly match: NodePattern<C>;
  readonly where?: (captures: C) => boolean;
  /** One value, or as many as the matched node has outputs. Every rule must make progress. */
  readonly replace: (b: GraphBuilder, captures: C) => Value | readonly Value[];
}

/** A rule; `where` and `replace` see exactly the names that its pattern captures. */
export function rule<C extends Captures>({ match, where, replace }: RuleDef<C>): Rule {
  return {
    find(node, uses) {
      for (const captures of match.matchNode(node, uses))
        if (where?.(captures) ?? true)
          return (b, renew) => {
            const result = replace(b, renewCaptures(captures, renew));
            return "id" in result ? [result] : result;
          };
      return null;
    },
  };
}

/** A pass that applies `rules` until nothing matches; the first rule that fits a node wins. */
export function rewritePass({
  rules,
  ...about
}: Omit<Pass, "run"> & { readonly rules: readonly Rule[] }): Pass {
  return {
    ...about,
    run(graph) {
      let current = graph;
      // Every rule shrinks something, so rounds are few; the bound turns a rule that undoes
      // another into an error instead of a hang.
      for (let round = 0; round <= graph.nodes.length + 10; round++) {
        const next = rewriteOnce(current, rules);
        if (next === null) return current;
        current = withoutDeadNodes(next);
      }
      invariant(false, `the rules of \`${about.name}\` undo each other`);
    },
  };
}

/** Replaces every node that some rule fits, all matched on the same graph; `null` when none fits. */
function rewriteOnce(graph: Graph, rules: readonly Rule[]): Graph | null {
  const uses = usesOf(graph);
  const replacements = new Map<Node, Replacement>();
  for (const node of graph.nodes)
    for (const candidate of rules) {
      const replacement = candidate.find(node, uses);
      if (replacement === null) continue;
      replacements.set(node, replacement);
      break;
    }
  if (replacements.size === 0) return null;
  return rebuild(graph, (b, node, original, renew) => {
    const replacement = replacements.get(original);
    return replacement === undefined ? copyNode(b, node, original, renew) : replacement(b, renew);
  });
}

/** The captures as values of the new graph. The matched node's own outputs do not exist there yet. */
function renewCaptures<C extends Captures>(captures: C, renew: (value: Value) => Value): C {
  const renewed = Object.entries(captures).map(([name, found]) => [
    name,
    "id" in found ? renew(found) : { ...found, inputs: found.inputs.map(renew) },
  ]);
  // Names and kinds stay, which `fromEntries` cannot tell.
  return Object.fromEntries(renewed) as C;
}
