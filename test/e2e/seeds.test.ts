/** Two runs of one seed agree bit for bit; another seed differs. */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, type PrintedResult, tinyProgram, weightsOf } from "../cli/saic.js";

const place = createWorkplace({ "tiny.pipe": tinyProgram() });
afterAll(place.remove);

async function trained(runs: string, seed: number): Promise<readonly string[]> {
  const ended = await place.saic(
    "run",
    "tiny.pipe",
    "--threads=1",
    "--format=json",
    `--runs-dir=${runs}`,
    `--seed=${seed}`,
  );
  expect(ended.code, ended.stderr).toBe(0);
  const { run_dir, weights, metrics } = JSON.parse(ended.stdout) as PrintedResult;
  return [
    ...weightsOf(join(place.path, run_dir), join(place.path, weights)),
    JSON.stringify(metrics),
  ];
}

test("the seed alone decides", async () => {
  const first = await trained("a", 3);
  expect(await trained("b", 3)).toEqual(first);
  const other = await trained("c", 4);
  for (const [i, bytes] of first.entries()) expect(other[i]).not.toBe(bytes);
});
