/** Areas under the ROC curve and under the curve of precision over recall, exactly, by ranks. */

import type { HostTensor } from "../tensor.js";
import { type Accumulator, decisionsOf, type MetricValue } from "./metric.js";
import { numbersOf } from "./numbers.js";

interface Scored {
  readonly logit: number;
  readonly positive: boolean;
}

/** With `within` (one value per record) it is the mean over the groups that have both classes. */
export function createCurve(names: {
  readonly kind: "auroc" | "auprc";
  readonly logits: string;
  readonly labels: string;
  readonly within: string | null;
}): Accumulator {
  const groups = new Map<number, Scored[]>();
  return {
    add: (tensor, valid) => {
      const group = groupReader(names.within === null ? null : tensor(names.within));
      for (const { logit, positive, record } of decisionsOf(
        tensor(names.logits),
        tensor(names.labels),
        valid,
      )) {
        const key = group(record);
        const scored = groups.get(key);
        if (scored === undefined) groups.set(key, [{ logit, positive }]);
        else scored.push({ logit, positive });
      }
    },
    value: () =>
      meanOf(
        [...groups.values()].map(names.kind === "auroc" ? areaUnder : averagePrecision),
        names.within !== null,
      ),
  };
}

/**
 * The probability that a positive record has a larger logit than a negative one, ties counted half
 * (Mann and Whitney, 1947), or why there is none.
 */
export function areaUnder(scored: readonly Scored[]): MetricValue {
  const ranked = rank(scored);
  if ("reason" in ranked) return ranked;
  // Twice the pairs won: whole numbers, so that nothing rounds before the division.
  let won = 0;
  let below = 0;
  for (const tie of ranked.ties.toReversed()) {
    won += tie.positives * (2 * below + tie.negatives);
    below += tie.negatives;
  }
  return { value: won / (2 * ranked.positives * below) };
}

/**
 * The mean over the positive records of the precision among all that score as high or higher: the
 * area under precision over recall in steps, not joined by lines (Davis and Goadrich, 2006).
 */
export function averagePrecision(scored: readonly Scored[]): MetricValue {
  const ranked = rank(scored);
  if ("reason" in ranked) return ranked;
  let [found, chosen, sum] = [0, 0, 0];
  for (const { positives, negatives } of ranked.ties) {
    found += positives;
    chosen += positives + negatives;
    sum += positives * (found / chosen);
  }
  return { value: sum / ranked.positives };
}

/** How many records of each class share a logit, from the largest down. */
function rank(scored: readonly Scored[]):
  | {
      readonly positives: number;
      readonly ties: readonly { readonly positives: number; readonly negatives: number }[];
    }
  | { readonly value: null; readonly reason: string } {
  if (scored.some(({ logit }) => Number.isNaN(logit)))
    return { value: null, reason: "some logits are not numbers" };
  const positives = scored.filter(({ positive }) => positive).length;
  if (positives === 0 || positives === scored.length)
    return { value: null, reason: `all records are ${positives === 0 ? "negative" : "positive"}` };
  const sorted = [...scored].sort((a, b) => (a.logit > b.logit ? -1 : a.logit < b.logit ? 1 : 0));
  const ties: { positives: number; negatives: number }[] = [];
  let last = NaN;
  for (const { logit, positive } of sorted) {
    if (logit !== last) ties.push({ positives: 0, negatives: 0 });
    last = logit;
    const tie = ties.at(-1);
    if (tie !== undefined) tie[positive ? "positives" : "negatives"] += 1;
  }
  return { positives, ties };
}

function meanOf(areas: readonly MetricValue[], grouped: boolean): MetricValue {
  const notNumbers = areas.find(
    (area) => area.value === null && area.reason.includes("not numbers"),
  );
  const [only] = areas;
  if (only === undefined) return { value: null, reason: "there are no records" };
  if (notNumbers !== undefined || !grouped) return notNumbers ?? only;
  const defined = areas.flatMap(({ value }) => (value === null ? [] : [value]));
  return defined.length === 0
    ? { value: null, reason: "no group has both classes" }
    : { value: defined.reduce((sum, value) => sum + value, 0) / defined.length };
}

function groupReader(tensor: HostTensor | null): (record: number) => number {
  return tensor === null ? () => 0 : numbersOf(tensor);
}
