/** `recompute: [model.cnn.layer3, model.vit.blocks.*]`: instances whose activations are not kept. */

import { pathMatchesNothing } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { cannotCarryOut, type Frame, type Member, report } from "./frame.js";
import { pathsMatching, printGlob } from "./globs.js";
import { globOfExpr } from "./path-expr.js";
import type { CheckedTrain } from "./train.js";

/** Every path must name instances of the model, which have weights or states below them. */
export function checkRecompute(
  frame: Frame,
  train: CheckedTrain,
  members: readonly Member[],
): void {
  const paths = train.stages.flatMap(({ named }) => named.recompute);
  const instances = [...new Set(members.flatMap(({ path }) => instancesOf(path)))];
  for (const { expr, span } of paths) {
    const glob = globOfExpr(expr);
    if (glob === null) {
      const expected = "paths of instances, such as `model.cnn.layer3`";
      const what = "`recompute`";
      report(frame, wrongType, { what, expected, found: "another expression" }, span);
      continue;
    }
    const found = pathsMatching(frame, glob, instances);
    if (found === null) continue;
    if (found.size > 0) cannotCarryOut(frame, "`recompute`", span);
    else {
      const path = printGlob(glob);
      report(frame, pathMatchesNothing, { path, suggestion: suggest(path, instances) }, span);
    }
  }
}

/** Every proper beginning of a weight's path. */
const instancesOf = (path: string): readonly string[] => {
  const segments = path.split(".");
  return segments.slice(0, -1).map((_, i) => segments.slice(0, i + 1).join("."));
};
