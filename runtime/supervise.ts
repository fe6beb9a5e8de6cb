/** Starts the training process and watches it: its end, however it comes, is a result or an error. */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { diagnose } from "../grammar/diagnostic.js";
import { processDied, processKilled } from "../grammar/diagnostics/run.js";
import { compiledModule } from "./compiled.js";
import type { RunEvent } from "./events.js";
import { exitCodes, Fault } from "./fault.js";
import type { RunOptions } from "./run-options.js";
import type { RunResult } from "./run-result.js";
import type { Order, Report } from "./train/messages.js";

/**
 * Trains in a process of its own and relays its events. When `stop` is aborted, the current update
 * is finished, a checkpoint written, and the result says `interrupted`. Rejects with a `Fault`;
 * a process that the system killed is one with exit code 5, for that is how memory runs out.
 */
export function runTraining(
  options: RunOptions,
  onEvent: (event: RunEvent) => void,
  stop?: AbortSignal,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(compiledModule("runtime/train/process.js")), [], {
      execArgv: [],
      // Standard output belongs to the command; what native code prints goes to standard error.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    let report: Exclude<Report, { readonly type: "event" }> | null = null;
    let largestRss = 0;
    const order = (message: Order): void => {
      // A process that is gone already reports itself by its exit.
      if (child.connected) child.send(message, () => undefined);
    };
    const requestStop = (): void => order({ type: "stop" });
    stop?.addEventListener("abort", requestStop);
    child.on("message", (message: Report) => {
      if (message.type !== "event") {
        report = message;
        return;
      }
      if (message.event.type === "step") largestRss = Math.max(largestRss, message.event.rss);
      onEvent(message.event);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      stop?.removeEventListener("abort", requestStop);
      if (report === null) reject(deathOf(code, signal, largestRss));
      else if (report.type === "done") resolve(report.result);
      else if (report.type === "fault") reject(new Fault(report.diagnostic, report.exitCode));
      else reject(new Error(report.message));
    });
    order({ type: "start", options });
    if (stop?.aborted === true) requestStop();
  });
}

function deathOf(code: number | null, signal: NodeJS.Signals | null, rss: number): Fault {
  const seen =
    rss === 0 ? "before its first update" : `last seen with ${Math.round(rss / 2 ** 20)} MiB`;
  if (signal === "SIGKILL")
    return new Fault(diagnose(processKilled, { seen }, null), exitCodes.outOfMemory);
  // A terminal's interrupt reaches the process before it listens, in its first moments.
  const interrupted = signal === "SIGINT" || signal === "SIGTERM";
  const how = signal === null ? `it exited with code ${code ?? "unknown"}` : `signal ${signal}`;
  return new Fault(
    diagnose(processDied, { how: `${how}, ${seen}` }, null),
    interrupted ? exitCodes.interrupted : exitCodes.bug,
  );
}
