/** Every form that an interruption could disturb, in one program that is killed at every update. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { RunResult } from "../../runtime/run-result.js";
import { compileInto, runCompiled } from "./compiled.js";
import { Crash, eventsOf, outcomeOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const program = readFileSync(new URL("resume-forms.pipe", import.meta.url), "utf8");

test("two stages with every policy, killed twice at every update: the same bits", async () => {
  const artifact = join(folder.path, "artifact");
  compileInto(artifact, program);
  const whole = await runCompiled({ artifact, runsDir: join(folder.path, "whole") });
  expect(whole.stopped).toMatchObject({ rule: "early_stop", stage: "full" });
  expect(whole.updates).toBeGreaterThan(7);
  expect(whole.updates).toBeLessThan(25);
  const rates = eventsOf(whole.run_dir).flatMap(({ type, schedules }) =>
    type === "step" ? Object.entries(schedules as object).map(([name]) => name) : [],
  );
  expect(new Set(rates)).toEqual(new Set(["lr", "lr@full"]));

  const runsDir = join(folder.path, "killed");
  for (let update = 1; update <= whole.updates; update++) {
    await expect(runCompiled({ artifact, runsDir, crashAt: update })).rejects.toThrow(Crash);
    await expect(runCompiled({ artifact, runsDir, crashAfter: update })).rejects.toThrow(Crash);
  }
  const killed = await runCompiled({ artifact, runsDir });
  expect(outcomeOf(killed)).toEqual(outcomeOf(whole));
  const average = ({ run_dir }: RunResult): string =>
    readFileSync(join(run_dir, "checkpoints/last/ema.safetensors")).toString("base64");
  expect(average(killed)).toBe(average(whole));
});
