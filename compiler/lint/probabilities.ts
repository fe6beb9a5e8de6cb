/** Finds losses that take logits and are given probabilities. */

import type { Label } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/source.js";
import type { Node } from "../ir/graph.js";
import type { LintedTrain } from "./context.js";
import { makersOf, nodesBehind, originOf } from "./dataflow.js";

/** Which ops of losses take logits, and what must not come before them. */
export interface Confusion {
  /** Ops of a loss whose first input is meant to be logits. */
  readonly takers: ReadonlySet<string>;
  /** Ops that make probabilities. */
  readonly makers: ReadonlySet<string>;
  /** Ops of a loss that may stand between the two; in a model they may make logits. */
  readonly through: ReadonlySet<string>;
}

export interface ConfusedLoss {
  readonly name: string;
  readonly span: Span;
  /** Where the probabilities are made, when that is in the user's own text. */
  readonly labels: readonly Label[];
}

/** The named losses whose own terms confuse the two, each once. */
export function confusedLosses(
  { evaluation }: LintedTrain,
  { takers, makers, through }: Confusion,
): readonly ConfusedLoss[] {
  if (evaluation === null) return [];
  const made = makersOf(evaluation.nodes);
  const reported = new Set<Node>();
  const terms = evaluation.losses.flatMap((each) => each.terms);
  return terms.flatMap(({ name, loss, span }) => {
    const behind = nodesBehind(
      made,
      loss.terms.flatMap(({ atom }) => [atom.sum, atom.weight]),
    );
    for (const node of behind) {
      const [logits] = node.inputs;
      if (!takers.has(node.op) || isInModel(node) || logits === undefined || reported.has(node))
        continue;
      const origin = originOf(
        made,
        logits,
        makers,
        (between) => through.has(between.op) && !isInModel(between),
      );
      if (origin === null) continue;
      for (const each of behind) reported.add(each);
      return [{ name, span, labels: labelsAt(origin) }];
    }
    return [];
  });
}

/** What stands inside the model is no part of a loss. */
const isInModel = ({ scope }: Node): boolean => /^model(?:\.|$)/u.test(scope);

const labelsAt = ({ op, span }: Node): readonly Label[] =>
  span === null || span.source.name.startsWith("saic:")
    ? []
    : [{ span, text: `this ${op} makes probabilities` }];
