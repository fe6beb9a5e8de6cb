/** The training process: hosts the thread, relays its reports, and dies with its parent. */

import { Worker } from "node:worker_threads";
import { diagnose } from "../../grammar/diagnostic.js";
import { outOfMemory } from "../../grammar/diagnostics/run.js";
import { exitCodes } from "../fault.js";
import type { RunOptions } from "../run-options.js";
import { type Order, type Report, reportOf, type WorkerInput } from "./messages.js";

/** A parent that is gone needs no report, and hears of no failure to send one. */
const send = (report: Report): void => {
  process.send?.(report, undefined, undefined, () => undefined);
};
process.on("uncaughtException", (error) => {
  process.send?.(reportOf(error), undefined, undefined, () => process.exit(1));
});

const stop = new SharedArrayBuffer(4);
const requestStop = (): void => {
  Atomics.store(new Int32Array(stop), 0, 1);
};

// A terminal sends its interrupt to the whole group: for us it is a request like the parent's.
process.on("SIGINT", requestStop);
process.on("SIGTERM", requestStop);
// Ending in good order would wait for the running graph; every file is safe against a kill.
const dieWithParent = (): void => {
  process.kill(process.pid, "SIGKILL");
};
process.on("disconnect", dieWithParent);
if (!process.connected) dieWithParent();
process.on("message", (order: Order) => {
  if (order.type === "start") start(order.options);
  else requestStop();
});

function start(options: RunOptions): void {
  const workerData: WorkerInput = { options, stop };
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
  let concluded = false;
  worker.on("message", (report: Report) => {
    if (report.type !== "event") concluded = true;
    send(report);
  });
  worker.on("error", (error) => {
    concluded = true;
    const exhausted = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
    send(
      exhausted
        ? {
            type: "fault",
            diagnostic: diagnose(outOfMemory, { doing: "training", detail: error.message }, null),
            exitCode: exitCodes.outOfMemory,
          }
        : reportOf(error),
    );
  });
  worker.on("exit", (code) => {
    if (!concluded) send({ type: "bug", message: `the thread ended with code ${code}` });
    // Leaves once everything sent before has been handed over.
    process.off("disconnect", dieWithParent);
    process.disconnect();
    process.exitCode = 0;
  });
}
