/** What an update of several micro-batches adds to graphs, and what is done to its gradients once. */

import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import { diagnose } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/source.js";
import { inputsOf } from "../check/batch-free.js";
import type { Session } from "../check/elaboration.js";
import type { UpdatePolicies } from "../check/update-policies.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Value } from "../ir/graph.js";
import { isFloat } from "../ir/type.js";
import type { Forward, LoweredLoss } from "./forward.js";
import { soFarName } from "./naming.js";

/**
 * An output over the micro-batches so far: their sum or their mean. Integer state does not depend on
 * the batch, so each gives the same.
 */
export function accumulated(
  builder: GraphBuilder,
  output: string,
  value: Value,
  batches: number,
  how: "sum" | "mean" = "sum",
): Value {
  if (batches === 1 || !isFloat(value.type.dtype)) return value;
  const share = how === "sum" ? value : builder.scale(value, 1 / batches);
  return builder.add(builder.input(soFarName(output), value.type), share);
}

/**
 * `false` after a report of a weight that is neither constant nor computed from fields alone: an
 * update would depend on how its records are cut into micro-batches.
 */
export function checkAccumulation(
  session: Session,
  { builder }: Forward,
  { atoms }: LoweredLoss,
  { what, span }: { readonly what: string; readonly span: Span | null },
): boolean {
  const before = session.diagnostics.length;
  const names = new Map(builder.inputs.map(({ name, value }) => [value.id, name]));
  const inputs = (value: Value): readonly string[] =>
    inputsOf(builder.nodes, value).flatMap((id) => names.get(id) ?? []);
  const isField = (name: string): boolean => name.startsWith("field:") || name === "valid";
  const labels = span === null ? [] : [{ span, text: "several micro-batches make an update" }];
  for (const { name, weight, source } of atoms) {
    const other = inputs(weight).find((input) => !isField(input));
    if (other === undefined) continue;
    const read = other.startsWith("random:") ? "random numbers" : `\`${other}\``;
    const reason = `needs weights of losses that fields alone decide; that of \`${name}\` depends on ${read}`;
    session.diagnostics.push(
      diagnose(contradictoryKeys, { what, reason }, source.span, { labels }),
    );
  }
  return session.diagnostics.length === before;
}

export interface Clipped {
  readonly values: readonly Value[];
  readonly norm: Value | null;
  /** Whether the update is made; `null` where it always is. A norm that is no number is not sound. */
  readonly isSound: Value | null;
}

/** PyTorch's `clip_grad_norm_` and `clip_grad_value_`, and whether the norm is above a limit. */
export function clipped(
  builder: GraphBuilder,
  clip: UpdatePolicies["clip"],
  gradients: readonly Value[],
): Clipped {
  const [first] = gradients;
  if (clip === null || first === undefined) return { values: gradients, norm: null, isSound: null };
  const limit = builder.constant(clip.max);
  if (clip.form === "value") {
    const least = builder.constant(-clip.max);
    const values = gradients.map((each) => builder.minimum(builder.maximum(each, least), limit));
    return { values, norm: null, isSound: null };
  }
  const squares = gradients.map((each) =>
    builder.sum(builder.square(each), {
      axes: each.type.shape.map((_, i) => i),
      keep: false,
    }),
  );
  const norm = builder.sqrt(squares.reduce((sum, each) => builder.add(sum, each)));
  const factor = builder.minimum(
    builder.div(limit, builder.shift(norm, 1e-6)),
    builder.constant(1),
  );
  return {
    values: gradients.map((each) => builder.mul(each, factor)),
    norm,
    isSound:
      clip.skipAbove === null ? null : builder.lessEqual(norm, builder.constant(clip.skipAbove)),
  };
}
