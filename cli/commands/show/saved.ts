/** `saic show --what saved`: the values of the forward pass that the backward pass needs. */

import { printBytes } from "../../../compiler/check/quantities.js";
import type { Node } from "../../../compiler/ir/graph.js";
import { printType } from "../../../compiler/ir/type.js";
import {
  type Reader,
  type SavedValue,
  savedValues,
  type StageSaved,
} from "../../../compiler/lower/saved-values.js";
import { printSpan } from "../../../grammar/source.js";
import { columns } from "./columns.js";
import type { Subject } from "./subject.js";

/** Per stage, what is kept, what `recompute` makes anew, and the bytes of both. */
export const saved: Subject = {
  name: "saved",
  about: "values kept for the gradients, with their bytes",
  text: ({ lowered }) => {
    const { train, batch } = lowered.plan;
    const head = `${train}, batch ${batch}`;
    return savedValues(lowered)
      .map((stage) => table(head, stage))
      .join("\n\n");
  },
  json: ({ lowered }) => ({
    train: lowered.plan.train,
    batch: lowered.plan.batch,
    stages: savedValues(lowered).map(({ stage, kept, recomputed, inputBytes }) => ({
      stage,
      bytes: bytesIn(kept),
      recomputedBytes: bytesIn(recomputed),
      inputBytes,
      values: [
        ...kept.map((each) => ({ ...factsOf(each), recomputedIn: null })),
        ...recomputed.map((each) => ({ ...factsOf(each), recomputedIn: each.instance })),
      ],
    })),
  }),
};

const bytesIn = (values: readonly SavedValue[]): number =>
  values.reduce((sum, { bytes }) => sum + bytes, 0);

const placeOf = (span: Node["span"]): string => (span === null ? "" : printSpan(span));

const factsOf = ({ value, from, bytes, readers }: SavedValue) => ({
  place: placeOf(from.span),
  instance: from.scope,
  op: from.op,
  type: printType(value.type),
  bytes,
  readBy: readers.map(({ instance, span, parameters }) => ({
    place: placeOf(span),
    instance,
    parameters,
  })),
});

function table(head: string, { stage, kept, recomputed, inputBytes }: StageSaved): string {
  const [keptBytes, recomputedBytes] = [bytesIn(kept), bytesIn(recomputed)].map(printBytes);
  const names = ["place", "instance", "op", "type", "bytes", "read by the gradient at"];
  return [
    `${head}, stage ${stage}: ${count(kept)} kept from the forward pass, ${keptBytes}`,
    ...(kept.length === 0 ? [] : columns(names, kept.map(rowOf))),
    ...(recomputed.length === 0
      ? []
      : [
          `made anew by \`recompute\`, so not kept: ${count(recomputed)}, ${recomputedBytes}`,
          ...columns(
            [...names, "recomputed in"],
            recomputed.map((each) => [...rowOf(each), each.instance]),
          ),
        ]),
    `gradients also read ${printBytes(inputBytes)} of state and batch, which lie in memory anyway`,
  ].join("\n");
}

const count = ({ length }: readonly unknown[]): string =>
  length === 1 ? "1 value" : `${length} values`;

const rowOf = (each: SavedValue): readonly string[] => [
  placeOf(each.from.span),
  each.from.scope,
  each.from.op,
  printType(each.value.type),
  printBytes(each.bytes),
  each.readers.map(printReader).join(", "),
];

/** The instance, with its parameters whose gradients these are, or else the place. */
function printReader({ instance, span, parameters }: Reader): string {
  const own = parameters.map((path) =>
    path.startsWith(`${instance}.`) ? path.slice(instance.length + 1) : path,
  );
  const what = own.length > 0 ? own.join(", ") : placeOf(span);
  return instance === "" ? what : `${instance} (${what})`;
}
