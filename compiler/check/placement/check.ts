/** Checks the meshes and shards of a program. */

import type { ShardDecl, TrainDecl } from "../../../grammar/ast.js";
import { diagnose } from "../../../grammar/diagnostic.js";
import { alreadyDefined } from "../../../grammar/diagnostics/names.js";
import { severalDevices } from "../../../grammar/diagnostics/placement.js";
import type { Program } from "../../modules.js";
import { createElaboration, rootFrame, type Session } from "../elaboration.js";
import { report } from "../frame.js";
import { meshAxes, meshSize } from "./mesh.js";
import { namedBy, type Placement, placementOf } from "./shard.js";

/**
 * Every mesh, and every shard as far as it stands for itself; those of the `chosen` train against
 * its weights. A train that is to lie on several devices is compiled and not run.
 */
export function checkPlacements(
  session: Session,
  program: Program,
  chosen: TrainDecl | null,
): readonly Placement[] {
  const frame = rootFrame(createElaboration(session), program.root);
  const placements: Placement[] = [];
  const seen = new Map<string, ShardDecl>();
  for (const declaration of program.root.module.declarations) {
    if (declaration.kind === "mesh") meshAxes(frame, declaration);
    if (declaration.kind !== "shard") continue;
    const { name, on } = declaration;
    const earlier = seen.get(`${name.text} ${on.text}`);
    seen.set(`${name.text} ${on.text}`, declaration);
    if (earlier !== undefined) {
      const label = { span: earlier.name.span, text: "first defined here" };
      report(frame, alreadyDefined, { name: `shard ${name.text} on ${on.text}` }, name.span, [
        label,
      ]);
      continue;
    }
    const named = namedBy(frame, declaration);
    if (named === null) continue;
    const { train, axes } = named;
    const placement = placementOf(
      frame,
      declaration,
      named,
      train === chosen ? session.figuresOf(train) : null,
    );
    if (placement !== null) placements.push(placement);
    const wrong = session.diagnostics.some(({ severity }) => severity === "error");
    const devices = meshSize(axes);
    if (train !== chosen || devices === 1 || wrong) continue;
    session.uncarried.push(diagnose(severalDevices, { train: name.text, devices }, name.span));
  }
  return placements;
}
