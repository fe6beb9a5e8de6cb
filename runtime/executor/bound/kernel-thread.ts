/** One more thread for kernels: makes its part of each turn, until it is terminated. */

import { parentPort, workerData } from "node:worker_threads";
import {
  announceTurn,
  awaitTurn,
  flushesDenormals,
  type KernelThreadInput,
  stretchRunner,
  turnPlaces,
} from "./kernel-jobs.js";

const { module, stretches, turns: shared }: KernelThreadInput = workerData;
const turns = new Int32Array(shared);
const run = stretchRunner(module, stretches);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- ports of threads have no origin
parentPort?.postMessage(flushesDenormals());
for (let turn = 1; ; turn++) {
  awaitTurn(turns, turnPlaces.asked, turn);
  try {
    run();
  } catch {
    Atomics.store(turns, turnPlaces.failed, 1);
  }
  announceTurn(turns, turnPlaces.made, turn);
}
