/** Files of weights that `init` reads, held against the model as far as the host can read them. */

import type { CallExpr } from "../../grammar/ast.js";
import {
  weightsFormat,
  weightsKeyMissing,
  weightsMalformed,
  weightsNoneFound,
  weightsTensorDiffers,
} from "../../grammar/diagnostics/weights.js";
import { suggest } from "../../grammar/suggest.js";
import { isNumeric, printType } from "../ir/type.js";
import type { WeightSource } from "../plan/initial.js";
import { fitOf } from "../plan/tensor-fit.js";
import { type Frame, type Member, report } from "./frame.js";

/** A weight and where it comes from. */
export interface SourcedMember {
  readonly member: Member;
  readonly source: WeightSource;
}

/**
 * Reports what one `load` cannot find or use in its file: another format, missing keys, other shapes
 * and types. A file that is not there is left to the run.
 */
export function checkFile(frame: Frame, call: CallExpr, targets: readonly SourcedMember[]): void {
  const loads = targets.flatMap(({ member, source }) =>
    source.kind === "load" ? [{ member, source }] : [],
  );
  const [first] = loads;
  if (first === undefined) return;
  const { file } = first.source;
  if (!file.endsWith(".safetensors")) {
    report(frame, weightsFormat, { file }, call.span);
    return;
  }
  const content = frame.elaboration.describeData?.({ kind: "safetensors", file }) ?? null;
  if (content?.kind === "malformed") {
    report(frame, weightsMalformed, { file, problem: content.problem }, call.span);
    return;
  }
  if (content?.kind !== "arrays") return;
  const arrays = new Map(content.arrays.map((array) => [array.name, array] as const));
  const missing = loads.filter(({ source }) => !arrays.has(source.key));
  const [absent] = missing.filter(({ source }) => source.missing === "error");
  if (absent !== undefined) {
    const { key } = absent.source;
    const suggestion = suggest(key, arrays.keys());
    const params = { file, key, target: absent.member.path, suggestion, more: missing.length - 1 };
    report(frame, weightsKeyMissing, params, call.span);
    return;
  }
  if (missing.length === loads.length) {
    const params = { file, key: first.source.key, weights: loads.length };
    report(frame, weightsNoneFound, params, call.span);
    return;
  }
  const differing = loads.flatMap(({ member, source }) => {
    const stored = arrays.get(source.key);
    const { shape, dtype } = member.value.type;
    if (stored === undefined || !isNumeric(shape)) return [];
    return fitOf(stored, { dtype, shape }, source.resize) === "differs"
      ? [{ member, source, stored }]
      : [];
  });
  const [wrong] = differing;
  if (wrong === undefined) return;
  const { member, source, stored } = wrong;
  const found = `${stored.dtype}[${stored.shape.join(", ")}]`;
  const params = { file, key: source.key, found, target: member.path };
  report(
    frame,
    weightsTensorDiffers,
    { ...params, expected: printType(member.value.type), more: differing.length - 1 },
    call.span,
  );
}
