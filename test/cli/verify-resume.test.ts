/** `saic verify-resume` kills a run again and again and finds the same bits at its end. */

import { afterAll, expect, test } from "vitest";
import { createWorkplace, tinyProgram } from "./saic.js";

const place = createWorkplace({ "tiny.pipe": tinyProgram({ steps: 2 }), "wrong.pipe": "train {" });
afterAll(place.remove);

test("a run that is killed twice at every update ends with the same bits", async () => {
  const ended = await place.saic("verify-resume", "tiny.pipe", "--threads=1");
  expect(ended.stderr).not.toContain("error[");
  expect(ended.stdout).toBe("killed 4 times over 2 updates: the same bits as in one go\n");
  expect(ended.code).toBe(0);
}, 60_000);

test("a program that is wrong is reported", async () => {
  const ended = await place.saic("verify-resume", "wrong.pipe");
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("error[");
});
