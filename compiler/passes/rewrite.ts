/** The driver of rewriting passes: applies rules wherever their patterns fit, until none does. */

import { invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Pass } from "./pass.js";
import { type Captures, type NodePattern, type Uses, usesOf } from "./pattern.js";
import { patch, type Replacement } from "./rebuild.js";

/** A rule with the types of its captures erased. */
export interface Rule {
  /** Whether the rule may fit a node of that op. */
  readonly mayFit: (op: string) => boolean;
  /** How to replace the node, or `null` where the rule does not apply. */
  readonly find: (node: Node, uses: Uses) => Replacement | null;
}

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
    mayFit: match.mayFit,
    find(node, uses) {
      for (const captures of match.matchNode(node, uses))
        if (where?.(captures) ?? true)
          return (b, _, renew) => {
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
      const fitting = rulesByOp(rules);
      let current = graph;
      // Every rule shrinks something, so rounds are few; the bound turns a rule that undoes
      // another into an error instead of a hang.
      for (let round = 0; round <= graph.nodes.length + 10; round++) {
        const next = rewriteOnce(current, fitting);
        if (next === null) return current;
        current = next;
      }
      invariant(false, `the rules of \`${about.name}\` undo each other`);
    },
  };
}

/** The rules that may fit a node of an op, in their order; each op is asked for once. */
function rulesByOp(rules: readonly Rule[]): (op: string) => readonly Rule[] {
  const known = new Map<string, readonly Rule[]>();
  return (op) => {
    const found = known.get(op) ?? rules.filter(({ mayFit }) => mayFit(op));
    known.set(op, found);
    return found;
  };
}

/** Replaces every node that some rule fits, all matched on the same graph; `null` when none fits. */
function rewriteOnce(graph: Graph, rulesOf: (op: string) => readonly Rule[]): Graph | null {
  let uses: Uses | null = null;
  const replacements = new Map<Node, Replacement>();
  for (const node of graph.nodes)
    for (const candidate of rulesOf(node.op)) {
      uses ??= usesOf(graph);
      const replacement = candidate.find(node, uses);
      if (replacement === null) continue;
      replacements.set(node, replacement);
      break;
    }
  return replacements.size === 0 ? null : patch(graph, replacements);
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
