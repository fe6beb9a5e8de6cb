/** The best checkpoints outlive an interruption, also when nothing better comes after it. */

import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readManifest } from "../../runtime/checkpoint/checkpoint.js";
import { Crash, outcomeOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);

test("the earliest checkpoints stay the best over a crash", async () => {
  const artifact = join(folder.path, "artifact");
  // A falling loss of which the largest is wanted: the first checkpoints are never beaten.
  writeRegression(artifact, {
    data: tinyProgram,
    edit: (plan) => ({
      ...plan,
      checkpoint: {
        ...plan.checkpoint,
        best: plan.checkpoint.best && { ...plan.checkpoint.best, better: "max" },
      },
    }),
  });
  const whole = await run({ artifact, runsDir: join(folder.path, "whole") });
  const runsDir = join(folder.path, "crashed");
  await expect(run({ artifact, runsDir }, { crashAfter: 13 })).rejects.toThrow(Crash);
  const resumed = await run({ artifact, runsDir });
  expect(outcomeOf(resumed)).toEqual(outcomeOf(whole));

  const checkpoints = join(resumed.run_dir, "checkpoints");
  const { best } = readManifest(join(checkpoints, "last")).progress;
  expect(best.map(({ update }) => update)).toEqual([4, 7]);
  expect(readlinkSync(join(checkpoints, "best-1"))).toBe("update-00000004");
  expect(readdirSync(checkpoints)).toContain("update-00000004");
});
