/** A worker process of the benchmark: started once, asked many times. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Answer, Request, Timing } from "./protocol.js";

export interface Worker {
  readonly ask: (request: Request) => Promise<Answer>;
  readonly steps: (count: number) => Promise<Timing>;
  readonly gemm: (size: number, count: number) => Promise<Timing>;
  readonly peakBytes: () => Promise<number>;
  readonly close: () => void;
}

/** Starts a command; a worker that dies fails what it was asked. */
export function startWorker(command: string, args: readonly string[]): Worker {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gone = failure(child, command);
  const ask = async (request: Request): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await Promise.race([lines.next(), gone]);
    if (line.done === true) throw new Error(`${command} stopped without an answer`);
    return JSON.parse(line.value) as Answer;
  };
  const timing = async (request: Request): Promise<Timing> => {
    const answer = await ask(request);
    if (!("ms" in answer)) throw new Error(`${command} gave no times`);
    return answer;
  };
  return {
    ask,
    steps: (count) => timing({ do: "steps", count }),
    gemm: (size, count) => timing({ do: "gemm", size, count }),
    peakBytes: async () => {
      const answer = await ask({ do: "peak" });
      if (!("bytes" in answer)) throw new Error(`${command} gave no memory`);
      return answer.bytes;
    },
    close: () => {
      child.stdin.end();
    },
  };
}

function failure(child: ChildProcess, command: string): Promise<never> {
  const gone = new Promise<never>((_, reject) => {
    child.once("error", (error) => {
      reject(new Error(`${command} cannot be started: ${error.message}`));
    });
  });
  // Nobody may be waiting when it happens.
  gone.catch(() => null);
  return gone;
}
