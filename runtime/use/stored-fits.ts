/** What a run's data were fitted to when it began, as its directory keeps it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type DataProgram } from "../../compiler/plan/data.js";
import { dtypeName } from "../../compiler/plan/transform-op.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { resultDamaged } from "../../grammar/diagnostics/run.js";
import { invariant } from "../../grammar/invariant.js";
import type { Fits } from "../data/fits.js";
import { valueOf } from "../data/value.js";
import { exitCodes, Fault } from "../fault.js";
import type { HostTensor } from "../tensor.js";

const stored = z.record(
  z.string(),
  z.strictObject({
    dtype: dtypeName,
    shape: z.array(z.number().int().min(0)),
    values: z.array(z.number()),
  }),
);

/** By the path of the state; empty where nothing was fitted. Faults with exit code 2 when damaged. */
export function readFits(runDir: string): ReadonlyMap<string, HostTensor> {
  const file = join(runDir, "fits.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return new Map();
  }
  const damaged = (reason: string): Fault =>
    new Fault(diagnose(resultDamaged, { file, reason }, null), exitCodes.environment);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged("it is not JSON");
  }
  const parsed = stored.safeParse(json);
  if (!parsed.success) throw damaged(parsed.error.issues[0]?.message ?? "it is malformed");
  return new Map(
    Object.entries(parsed.data).map(([path, { dtype, shape, values }]) => [
      path,
      valueOf(dtype, shape, (i) => values[i] ?? 0),
    ]),
  );
}

/** The same by the fits' names, as transforms read them. */
export function fitsOf(program: DataProgram, runDir: string): Fits {
  const tensors = readFits(runDir);
  const tensor = (path: string): HostTensor => {
    const found = tensors.get(path);
    invariant(found !== undefined, `the run keeps no ${path}`);
    return found;
  };
  return new Map(
    (program.fits ?? []).map((fit) => {
      const owner = `data.${program.name}.${fit.name}`;
      const [one, two] = fit.kind === "minmax" ? ["lo", "hi"] : ["mean", "std"];
      const result = {
        fit,
        first: tensor(`${owner}.${one}`),
        second: tensor(`${owner}.${two}`),
      };
      return [fit.name, result];
    }),
  );
}
