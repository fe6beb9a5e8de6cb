/** Progress: a bar that renews itself on a terminal, plain lines elsewhere. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createProgress } from "../../cli/progress.js";
import type { RunEvent } from "../../runtime/events.js";
import { createWorkplace, root, tinyProgram } from "./saic.js";

/** Milliseconds since 1970. */
const began = 1_700_000_000_000;

const started: RunEvent = {
  type: "run",
  train: "tiny",
  run_dir: "runs/tiny/1",
  resumed_from: null,
  updates: 40,
  batches_per_epoch: 10,
  stages: [{ name: "main", updates: 40 }],
  records: { train: 80, val: 10, test: 10 },
  parameters: 3482,
  device: "cpu",
  executor: "bound",
  threads: 1,
  pid: 1,
  time: began,
};
const step = (update: number): RunEvent => ({
  type: "step",
  update,
  epoch: 1,
  stage: "main",
  losses: { total: 0.5, loss: 0.5 },
  schedules: { lr: 0.001 },
  step_ms: 970,
  data_ms: 30,
  rss: 0,
  time: began + update * 1000,
});
const validated: RunEvent = {
  type: "validation",
  split: "val",
  update: 2,
  stage: "main",
  metrics: { "val.total": 0.25, "val.loss": 0.25, "val.auroc": null },
  tables: {},
  ms: 1,
  time: began + 2000,
};

function shown(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  events: readonly RunEvent[],
): string {
  let text = "";
  const progress = createProgress({ ...stream, write: (piece) => (text += piece) });
  for (const event of events) progress.show(event);
  progress.end();
  return text;
}

describe("without a terminal", () => {
  test("the start, a line every ten seconds, validations, and the loss once", () => {
    const steps = Array.from({ length: 21 }, (_, i) => step(i + 1));
    expect(shown({}, [started, ...steps, validated])).toBe(
      `tiny: training on cpu (executor bound), 1 thread; 3,482 parameters, 40 updates, 80 + 10 + 10 records
main 1/40  loss 0.5000  lr 0.001000  39 s left  step 970 ms  data 30 ms
main 11/40  loss 0.5000  lr 0.001000  29 s left  step 970 ms  data 30 ms
main 21/40  loss 0.5000  lr 0.001000  19 s left  step 970 ms  data 30 ms
val after 2 updates: val.loss 0.2500  val.auroc undefined
`,
    );
  });

  test("a total that differs from the loss is kept", () => {
    const other: RunEvent = { ...validated, metrics: { "val.total": 1, "val.loss": 2 } };
    expect(shown({}, [other])).toBe("val after 2 updates: val.total 1.000  val.loss 2.000\n");
  });
});

describe("on a terminal", () => {
  test("the bar renews its line, makes way for others, and is gone at the end", () => {
    const events = [started, step(1), step(20), validated, step(21)];
    const clear = "\r\u001b[K";
    expect(shown({ isTTY: true, columns: 100 }, events).split("\n").slice(1)).toEqual([
      `${clear}█░░░░░░░░░░░░░░░░░░░ main 1/40  loss 0.5000  lr 0.001000  39 s left  step 970 ms  data 30 ms` +
        `${clear}██████████░░░░░░░░░░ main 20/40  loss 0.5000  lr 0.001000  20 s left  step 970 ms  data 30 ms` +
        `${clear}val after 2 updates: val.loss 0.2500  val.auroc undefined`,
      `${clear}███████████░░░░░░░░░ main 21/40  loss 0.5000  lr 0.001000  19 s left  step 970 ms  data 30 ms${clear}`,
    ]);
  });

  test.for([0, 1, 10, 40, 80, 200])("no bar reaches the last of %i columns", (columns) => {
    const [, bar = ""] = shown({ isTTY: true, columns }, [step(1)]).split("\r\u001b[K");
    expect(bar.length).toBeLessThan(columns === 0 ? 80 : columns);
  });
});

const script = spawnSync("script", ["--version"], { encoding: "utf8" });
const reason =
  script.status === 0 && /util-linux/u.test(script.stdout) ? "" : " (no `script` here)";

describe("on a real pseudo-terminal", () => {
  const place = createWorkplace({ "tiny.pipe": tinyProgram({ steps: 40 }) });
  afterAll(place.remove);

  test.skipIf(reason !== "")(`bars fit and are cleared${reason}`, () => {
    const command = `stty cols 50; "${process.execPath}" "${join(root, "dist/cli/main.js")}" run tiny.pipe`;
    const { stdout, status } = spawnSync("script", ["-qefc", command, "/dev/null"], {
      cwd: place.path,
      encoding: "utf8",
    });
    expect(status, stdout).toBe(0);
    const pieces = stdout.split("\r\u001b[K");
    const bars = pieces.filter((piece) => /^[█░]/u.test(piece));
    expect(bars.length).toBeGreaterThan(10);
    for (const bar of bars) expect(bar.length).toBeLessThan(50);
    // What follows the last bar begins on a cleared line.
    expect(pieces.at(-1)).not.toMatch(/[█░]/u);
    expect(stdout).toContain("trained 40 updates");
  });
});
