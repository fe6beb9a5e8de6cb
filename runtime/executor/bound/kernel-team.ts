/** The thread of graphs and its helpers, which run the parts of an update at the same time. */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { compiledModule } from "../../compiled.js";
import {
  announceTurn,
  awaitTurn,
  flushesDenormals,
  type KernelModule,
  type KernelThreadInput,
  type Stretch,
  stretchRunner,
  turnPlaces,
} from "./kernel-jobs.js";

export interface KernelTeam {
  /** Returns when all parts are done. */
  readonly run: () => void;
  readonly close: () => Promise<void>;
}

/** ONNX Runtime sets the mode where it has SSE3, and nowhere else. */
const graphsFlush = process.arch === "x64";

/**
 * To be called in the thread of graphs: helpers inherit its mode for denormal numbers, so that a
 * kernel gives what a graph would give whichever thread it falls to. Rejects where they do not.
 */
export async function startTeam(
  module: KernelModule,
  [own = [], ...others]: readonly (readonly Stretch[])[],
): Promise<KernelTeam> {
  const run = stretchRunner(module, own);
  const helpers = others.map((stretches) => {
    const turns = new Int32Array(new SharedArrayBuffer(12));
    const workerData: KernelThreadInput = { module, stretches, turns: turns.buffer };
    const url = compiledModule("runtime/executor/bound/kernel-thread.js");
    return { turns, worker: new Worker(url, { workerData }) };
  });
  const close = async (): Promise<void> => {
    for (const { worker } of helpers) await worker.terminate();
  };
  try {
    const modes: unknown[] = [flushesDenormals()];
    for (const [mode] of await Promise.all(helpers.map(({ worker }) => once(worker, "message"))))
      modes.push(mode);
    if (modes.some((flushes) => flushes !== graphsFlush))
      throw new Error("threads of kernels and of graphs take denormal numbers differently");
  } catch (error) {
    await close();
    throw error;
  }
  // From here on they only wait: that keeps no process alive.
  for (const { worker } of helpers) worker.unref();
  let turn = 0;
  return {
    run: () => {
      turn++;
      for (const { turns } of helpers) announceTurn(turns, turnPlaces.asked, turn);
      run();
      for (const { turns } of helpers) {
        awaitTurn(turns, turnPlaces.made, turn);
        if (Atomics.load(turns, turnPlaces.failed) !== 0) throw new Error("a kernel failed");
      }
    },
    close,
  };
}
