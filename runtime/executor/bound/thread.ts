/** The thread that graphs run in, so that no other waits for them: creates sessions and runs them. */

import { parentPort, workerData } from "node:worker_threads";
import { assertNever, invariant } from "../../../grammar/invariant.js";
import { type Handle, openApi, type OrtApi, OrtError } from "./api.js";
import type { Answer, Job, Order, ThreadInput } from "./jobs.js";
import { openLibrary } from "./library.js";
import { type KernelTeam, startTeam } from "./kernel-team.js";
import { probe } from "./probe.js";

const input: ThreadInput = workerData;

const answer = (message: Answer): void => {
  invariant(parentPort, "the thread has a parent");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- ports of threads have no origin
  parentPort.postMessage(message);
};

const answering = async (id: number, work: () => Handle | null | Promise<null>): Promise<void> => {
  try {
    const done = work();
    answer({ id, ok: true, session: done instanceof Promise ? await done : done });
  } catch (error) {
    answer({ id, ok: false, message: error instanceof Error ? error.message : String(error) });
  }
};

try {
  const api = openApi(await openLibrary());
  const env = api.createEnvironment(input.threads);
  await answering(0, () => {
    const shares = sharesThreads(api, env);
    parentPort?.on("message", ({ id, job }: Order) =>
      answering(id, () => carryOut(job, api, env, shares)),
    );
    return null;
  });
} catch (error) {
  await answering(0, () => {
    throw error;
  });
}

/**
 * Whether sessions may use the environment's threads. They may not where something else made the
 * process's environment before, without any: then each session has threads of its own.
 */
function sharesThreads(api: OrtApi, env: Handle): boolean {
  try {
    probe(api, env, "shared");
    return true;
  } catch (error) {
    if (!(error instanceof OrtError) || !error.message.includes("GlobalThreadPools")) throw error;
    probe(api, env, input.threads);
    return false;
  }
}

const teams = new Map<number, KernelTeam>();

function carryOut(
  job: Job,
  api: OrtApi,
  env: Handle,
  shares: boolean,
): Handle | null | Promise<null> {
  switch (job.do) {
    case "load": {
      const threads = shares && job.threads === input.threads ? "shared" : job.threads;
      return api.createSession(env, job.model, { threads });
    }
    case "run":
      api.run(job.call);
      return null;
    case "release":
      api.releaseSession(job.session);
      return null;
    case "load kernels":
      return startTeam(job.module, job.parts).then((team) => {
        teams.set(job.kernels, team);
        return null;
      });
    case "run kernels":
      teams.get(job.kernels)?.run();
      return null;
    case "close kernels":
      return closeTeam(job.kernels);
    default:
      return assertNever(job);
  }
}

async function closeTeam(kernels: number): Promise<null> {
  const team = teams.get(kernels);
  teams.delete(kernels);
  await team?.close();
  return null;
}
