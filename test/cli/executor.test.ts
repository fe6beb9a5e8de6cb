/** Which executor runs: said in the first line, in the events, in the result and by `doctor`. */

import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { createWorkplace, eventsIn, tinyProgram } from "./saic.js";

const place = createWorkplace({ "tiny.pipe": tinyProgram() });
afterAll(place.remove);

/** Makes every import of `koffi` fail in the processes that follow, as where it is not installed. */
function withoutKoffi(): void {
  place.write(
    "hooks.mjs",
    `export const resolve = (name, context, next) => {
      if (name === "koffi") throw new Error("Cannot find package 'koffi'");
      return next(name, context);
    };`,
  );
  const registration = place.write(
    "without-koffi.mjs",
    `import { register } from "node:module";
    register("./hooks.mjs", import.meta.url);`,
  );
  process.env["NODE_OPTIONS"] = `--import=${registration}`;
}
afterEach(() => {
  delete process.env["NODE_OPTIONS"];
});

const run = (...args: readonly string[]) =>
  place.saic("run", "tiny.pipe", "--format", "json", ...args);

test("`bound` where it works, `session` on request: the same metrics", async () => {
  const bound = await run("--runs-dir", "bound", "--threads", "1");
  expect(bound.code, bound.stderr).toBe(0);
  expect(bound.stderr).toMatch(/^tiny: training on cpu \(executor bound\), 1 thread;/mu);
  const result = JSON.parse(bound.stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ executor: "bound" });
  const [first] = eventsIn(join(place.path, String(result["run_dir"])));
  expect(first).toMatchObject({ type: "run", executor: "bound" });
  const session = await run("--runs-dir", "session", "--threads", "1", "--executor", "session");
  expect(JSON.parse(session.stdout)).toMatchObject({
    executor: "session",
    metrics: result["metrics"],
  });
});

test("without koffi a run says so and uses `session`; `--executor bound` is refused", async () => {
  withoutKoffi();
  const fallen = await run("--runs-dir", "fallen");
  expect(fallen.code, fallen.stderr).toBe(0);
  expect(JSON.parse(fallen.stdout)).toMatchObject({ executor: "session" });
  expect(fallen.stderr).toContain("(executor session)");
  expect(fallen.stderr).toContain(
    "warning[run/executor-fallback]: the executor `bound` cannot be used, `session` runs instead: " +
      "Cannot find package 'koffi'",
  );
  const refused = await run("--runs-dir", "refused", "--executor", "bound");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(
    "error[run/executor-unavailable]: the executor `bound` cannot be used: " +
      "Cannot find package 'koffi'",
  );
  const doctor = await place.saic("doctor");
  expect(doctor.code).toBe(0);
  expect(doctor.stdout).toMatch(/^missing {2}koffi: .*Cannot find package 'koffi'.*`session`/mu);
});

test("`doctor` names the default", async () => {
  const { code, stdout } = await place.saic("doctor");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^ok {7}koffi: \d+\.\d+\.\d+, calls \S*onnxruntime\S* \(executor `bound`, the default\)$/mu,
  );
});
