/** The area under the ROC curve, exactly: by rank sums, ties counted half. */

import type { HostTensor } from "../tensor.js";
import { type Accumulator, decisionsOf, type MetricValue } from "./metric.js";
import { numbersOf } from "./numbers.js";

interface Scored {
  readonly logit: number;
  readonly positive: boolean;
}

/**
 * The probability that a positive record has a larger logit than a negative one (Mann and Whitney,
 * 1947). With `within` (one value per record) it is the mean over the groups that have both classes.
 */
export function createAuroc(names: {
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
    value: () => meanOf([...groups.values()].map(areaUnder), names.within !== null),
  };
}

/** The area of one set of scored records, or why it has none. */
export function areaUnder(scored: readonly Scored[]): MetricValue {
  if (scored.some(({ logit }) => Number.isNaN(logit)))
    return { value: null, reason: "some logits are not numbers" };
  const sorted = [...scored].sort((a, b) => (a.logit < b.logit ? -1 : a.logit > b.logit ? 1 : 0));
  const positives = sorted.filter(({ positive }) => positive).length;
  const negatives = sorted.length - positives;
  if (positives === 0 || negatives === 0)
    return { value: null, reason: `all records are ${positives === 0 ? "negative" : "positive"}` };
  // Twice the pairs won: whole numbers, so that nothing rounds before the division.
  let won = 0;
  let below = 0;
  for (let from = 0; from < sorted.length;) {
    let to = from;
    let tiedPositives = 0;
    while (to < sorted.length && sorted[to]?.logit === sorted[from]?.logit) {
      if (sorted[to]?.positive === true) tiedPositives++;
      to++;
    }
    const tiedNegatives = to - from - tiedPositives;
    won += tiedPositives * (2 * below + tiedNegatives);
    below += tiedNegatives;
    from = to;
  }
  return { value: won / (2 * positives * negatives) };
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
