/** Where the graphs of a run lie. */

import { join } from "node:path";
import type { Plan } from "../compiler/plan/schema.js";

/** Beside the run directories of the plan's train; batches in parts have graphs of their own. */
export function artifactFolder(trainFolder: string, { hash, data }: Plan): string {
  const { parts } = data.loader;
  const name = hash.slice(0, 16);
  return join(trainFolder, ".artifacts", parts === undefined ? name : `${name}-${parts}`);
}
