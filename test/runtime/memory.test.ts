/** Predicted against available memory, with control groups made up. */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { availableMemory, predictMemory, requireMemory } from "../../runtime/memory.js";
import { run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const MiB = 2 ** 20;

const system = (files: Readonly<Record<string, string>>) => (path: string) => files[path] ?? null;
const meminfo = { "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    2048 kB\n" };

test("the least of the system and the control groups counts, cached files given back", () => {
  expect(availableMemory(system(meminfo))).toEqual({ bytes: 2 * MiB, limit: "system memory" });
  const grouped = {
    ...meminfo,
    "/proc/self/cgroup": "0::/jobs/one\n",
    "/sys/fs/cgroup/jobs/one/memory.max": "max\n",
    "/sys/fs/cgroup/jobs/one/memory.current": "500000\n",
    "/sys/fs/cgroup/jobs/memory.max": "1048576\n",
    "/sys/fs/cgroup/jobs/memory.current": "600000\n",
    "/sys/fs/cgroup/jobs/memory.stat": "anon 1\ninactive_file 100000\n",
  };
  expect(availableMemory(system(grouped))).toEqual({
    bytes: 548576,
    limit: "control group `/sys/fs/cgroup/jobs`",
  });
  const used = { ...grouped, "/sys/fs/cgroup/jobs/memory.current": "9999999" };
  expect(availableMemory(system(used)).bytes).toBe(0);
  expect(availableMemory().bytes).toBeGreaterThan(0);
});

test("a run that will not fit is refused with figures, unless told to try", async () => {
  const artifact = join(folder.path, "artifact");
  const plan = writeRegression(artifact, {
    data: tinyProgram,
    edit: (plan) => ({
      ...plan,
      stages: plan.stages.map((stage) => ({
        ...stage,
        graphs: { ...stage.graphs, step: { ...stage.graphs.step, peakBytes: 2 ** 50 } },
      })),
    }),
  });
  const available = { bytes: 300 * MiB, limit: "system memory" };
  expect(predictMemory(plan, "fused", "cpu")).toMatchObject({
    needed: 2 ** 50 + plan.stateBytes + 200 * MiB,
    graph: { file: "first/step.onnx" },
  });
  expect(() => requireMemory(plan, "fused", "cpu", available)).toThrow(
    "predicted to need 1048576.20 GiB (`first/step.onnx` 1048576.00 GiB, state 0.0 MiB), " +
      "but only 300.0 MiB are available (system memory)",
  );
  requireMemory(plan, "split", "cpu", available);
  requireMemory(plan, "fused", "cuda", available);
  const runsDir = join(folder.path, "runs");
  await expect(run({ artifact, runsDir })).rejects.toMatchObject({ exitCode: 5 });
  expect((await run({ artifact, runsDir, ignoreMemory: true })).status).toBe("finished");
});
