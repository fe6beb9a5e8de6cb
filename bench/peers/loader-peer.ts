/** The process that loads pictures with PyTorch: started once, asked for epochs. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface LoadedEpochs {
  readonly images: number;
  readonly ms: number;
  /** Of the process, its threads and its workers. */
  readonly cpuMs: number;
}

export interface LoaderPeer {
  readonly epochs: (count: number) => Promise<LoadedEpochs>;
  readonly close: () => void;
}

/** Rejects where the process ends before it is set up. */
export async function startLoaderPeer(
  command: string,
  script: string,
  setup: Readonly<Record<string, string | number>>,
): Promise<LoaderPeer> {
  const child = spawn(command, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${command} ended with ${code ?? "a signal"}`)));
  });
  gone.catch(() => null);
  child.stdin.on("error", () => null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: object): Promise<string> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await Promise.race([lines.next(), gone]);
    if (line.done === true) throw new Error(`${command} stopped without an answer`);
    return line.value;
  };
  await ask({ do: "setup", ...setup });
  return {
    epochs: async (count): Promise<LoadedEpochs> =>
      JSON.parse(await ask({ do: "epochs", count })) as LoadedEpochs,
    close: () => {
      child.stdin.end();
    },
  };
}
