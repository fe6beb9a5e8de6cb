/** Opens an artifact: the folder of graphs and the plan that the compiler wrote. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ExecutablePlan, parsePlan } from "../compiler/plan/schema.js";
import { diagnose } from "../grammar/diagnostic.js";
import { artifactInvalid, artifactMissing } from "../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "./fault.js";

export interface Artifact {
  readonly folder: string;
  readonly plan: ExecutablePlan;
  /** `plan.json` as it stands in the folder, to be copied into the run directory. */
  readonly planText: string;
  /** The resolved program, when the artifact has it. */
  readonly programText: string | null;
}

/** Faults with exit code 2 when the plan is missing, damaged, or newer than this runtime. */
export function openArtifact(folder: string): Artifact {
  const file = join(folder, "plan.json");
  const planText = readText(file);
  if (planText === null)
    throw new Fault(diagnose(artifactMissing, { folder, file }, null), exitCodes.environment);
  const invalid = (reason: string): Fault =>
    new Fault(diagnose(artifactInvalid, { file, reason }, null), exitCodes.environment);
  let json: unknown;
  try {
    json = JSON.parse(planText);
  } catch {
    throw invalid("it is not JSON");
  }
  const parsed = parsePlan(json);
  if (!parsed.ok) throw invalid(parsed.message);
  return {
    folder,
    plan: parsed.plan,
    planText,
    programText: readText(join(folder, "program.pipe")),
  };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
