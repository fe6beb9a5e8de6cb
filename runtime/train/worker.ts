/** The thread that trains: it feeds graphs and keeps the books. */

import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../../grammar/invariant.js";
import { openDataset } from "../data/open-dataset.js";
import { openExecutor } from "../executor/open-executor.js";
import type { KillMoment } from "../run-options.js";
import { type Report, reportOf, type WorkerInput } from "./messages.js";
import { runHere } from "./run-training.js";

const input: WorkerInput = workerData;
const stop = new Int32Array(input.stop);

const report = (message: Report): void => {
  invariant(parentPort, "the training thread has a parent");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- ports of threads have no origin
  parentPort.postMessage(message);
};

const dieAt = (moment: KillMoment["moment"], update: number): void => {
  const { killAt } = input.options;
  if (killAt?.moment === moment && killAt.update === update) process.kill(process.pid, "SIGKILL");
};

try {
  const result = await runHere(input.options, {
    openDataset,
    openExecutor,
    onEvent: (event) => {
      report({ type: "event", event });
      if (event.type === "step") dieAt("step", event.update);
    },
    shouldStop: () => Atomics.load(stop, 0) === 1,
    afterUpdate: (update) => dieAt("end", update),
  });
  report({ type: "done", result });
} catch (error) {
  report(reportOf(error));
}
