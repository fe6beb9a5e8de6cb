/** The calling side of the thread that runs graphs: one thread, started once, asked many times. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { compiledModule } from "../../compiled.js";
import { type Call, type Handle, openApi, type OrtApi, OrtError } from "./api.js";
import type { Answer, Job, Order, ThreadInput } from "./jobs.js";
import type { KernelModule, Stretch } from "./kernel-jobs.js";
import { openLibrary } from "./library.js";

/** Jobs are done one after another, in the order in which they are asked for. */
export interface Engine {
  /** Of this thread: for all that takes no time. */
  readonly api: OrtApi;
  /** Path of ONNX Runtime's library. */
  readonly library: string;
  /** Creates a session of a serialized model, which is given away. */
  readonly load: (model: Uint8Array<ArrayBuffer>, threads: number) => Promise<Handle>;
  /** What the call points at must stay until it has ended. */
  readonly run: (call: Call) => Promise<void>;
  readonly release: (session: Handle) => Promise<void>;
  /** Loads kernels to run in the thread and as many others as there are further parts. */
  readonly loadKernels: (
    module: KernelModule,
    parts: readonly (readonly Stretch[])[],
  ) => Promise<number>;
  readonly runKernels: (kernels: number) => Promise<void>;
  readonly closeKernels: (kernels: number) => Promise<void>;
}

let started: Promise<Engine> | null = null;

/**
 * The engine of this thread, started at the first call, when a small graph is run and compared;
 * rejects with the reason where that fails. It never keeps the process alive by itself.
 */
export function startEngine(threads: number): Promise<Engine> {
  started ??= start({ threads }).catch((error: unknown) => {
    started = null;
    throw error;
  });
  return started;
}

interface Waiting {
  readonly resolve: (session: Handle | null) => void;
  readonly reject: (error: Error) => void;
}

async function start(workerData: ThreadInput): Promise<Engine> {
  const library = await openLibrary();
  const api = openApi(library);
  const url = compiledModule("runtime/executor/bound/thread.js");
  if (!existsSync(url)) throw new Error(`\`${fileURLToPath(url)}\` does not exist`);
  const worker = new Worker(url, { workerData });
  const waiting = new Map<number, Waiting>();
  let failure: Error | null = null;
  let nextId = 0;

  const expect = (id: number): Promise<Handle | null> =>
    new Promise((resolve, reject) => {
      if (failure !== null) reject(failure);
      else waiting.set(id, { resolve, reject });
      worker.ref();
    });
  const settle = (id: number, how: (waiting: Waiting) => void): void => {
    const found = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (found !== undefined) how(found);
  };
  worker.on("message", (answer: Answer) =>
    settle(answer.id, ({ resolve, reject }) =>
      answer.ok ? resolve(answer.session) : reject(new OrtError(answer.message)),
    ),
  );
  const fail = (error: Error): void => {
    failure ??= error;
    started = null;
    for (const id of waiting.keys()) settle(id, ({ reject }) => reject(error));
  };
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`the thread of graphs ended with code ${code}`)));

  const ask = (job: Job): Promise<Handle | null> => {
    const order: Order = { id: ++nextId, job };
    const answer = expect(order.id);
    worker.postMessage(order, job.do === "load" ? [job.model.buffer] : []);
    return answer;
  };
  await expect(0);
  return {
    api,
    library: library.path,
    load: async (model, threads) => {
      const session = await ask({ do: "load", model, threads });
      if (session === null) throw new Error("a loaded graph has a session");
      return session;
    },
    run: async (call) => void (await ask({ do: "run", call })),
    release: async (session) => void (await ask({ do: "release", session })),
    loadKernels: async (module, parts) => {
      const kernels = ++nextId;
      await ask({ do: "load kernels", kernels, module, parts });
      return kernels;
    },
    runKernels: async (kernels) => void (await ask({ do: "run kernels", kernels })),
    closeKernels: async (kernels) => void (await ask({ do: "close kernels", kernels })),
  };
}
