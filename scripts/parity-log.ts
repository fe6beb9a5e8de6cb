/** Runs a small program that is watched, through two interruptions, for `test/parity`. */

import { join } from "node:path";
import { packageRoot } from "../cli/host.js";
import { openDataset } from "../runtime/data/open-dataset.js";
import { openExecutor } from "../runtime/executor/open-executor.js";
import { runHere } from "../runtime/train/run-training.js";
import { prepareTrain } from "./prepare-train.js";

/** Writes an artifact and a run into `folder`: torn off after update 5, stopped after 8, ended. */
export async function writeLogFixture(folder: string): Promise<void> {
  const artifact = join(folder, "artifact");
  prepareTrain(join(packageRoot, "test", "parity", "logged.pipe"), artifact);
  const run = async (until: number): Promise<void> => {
    let stop = false;
    await runHere(
      {
        artifact,
        runsDir: join(folder, "runs"),
        threads: 1,
        device: "cpu",
        executor: null,
        from: null,
        mode: "resume",
        graphs: "kernels",
        ignoreMemory: true,
      },
      {
        openDataset,
        openExecutor,
        onEvent: () => undefined,
        shouldStop: () => stop,
        afterUpdate: (update) => {
          if (update === 5 && until === 5) throw new TornOff();
          stop = update === until;
        },
      },
    );
  };
  await run(5).catch((error: unknown) => {
    if (!(error instanceof TornOff)) throw error;
  });
  await run(8);
  await run(Infinity);
}

/** Stands for a kill. */
class TornOff extends Error {
  override readonly name = "TornOff";
}
