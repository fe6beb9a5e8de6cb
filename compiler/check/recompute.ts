/** `recompute: [model.cnn.layer3, model.vit.blocks.*]`: instances whose activations are not kept. */

import { pathMatchesNothing } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { type Frame, type Member, report } from "./frame.js";
import { pathsMatching, printGlob } from "./globs.js";
import { globOfExpr } from "./glob-expr.js";
import type { PathExpr } from "./train-policies.js";
import type { CheckedTrain } from "./train.js";

/**
 * Every path must name instances of the model, which have weights or states below them. Returns, for
 * each stage, the paths of those that it recomputes.
 */
export function checkRecompute(
  frame: Frame,
  train: CheckedTrain,
  members: readonly Member[],
): readonly (readonly string[])[] {
  const instances = [...new Set(members.flatMap(({ path }) => instancesOf(path)))];
  return train.stages.map(({ named }) => [
    ...new Set(named.recompute.flatMap((each) => instancesAt(frame, each, instances))),
  ]);
}

function instancesAt(
  frame: Frame,
  { expr, span }: PathExpr,
  instances: readonly string[],
): readonly string[] {
  const glob = globOfExpr(expr);
  if (glob === null) {
    const expected = "paths of instances, such as `model.cnn.layer3`";
    const what = "`recompute`";
    report(frame, wrongType, { what, expected, found: "another expression" }, span);
    return [];
  }
  const found = pathsMatching(frame, glob, instances);
  if (found === null) return [];
  const path = printGlob(glob);
  if (found.size === 0)
    report(frame, pathMatchesNothing, { path, suggestion: suggest(path, instances) }, span);
  return [...found.keys()];
}

/** Every proper beginning of a weight's path. */
const instancesOf = (path: string): readonly string[] => {
  const segments = path.split(".");
  return segments.slice(0, -1).map((_, i) => segments.slice(0, i + 1).join("."));
};
