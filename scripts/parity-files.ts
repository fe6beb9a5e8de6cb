/**
 * Reads datasets as a run does and writes what they hold, for comparison with the Python libraries
 * that wrote their files: `node dist/scripts/parity-files.js CASES`, where CASES is a JSON list of
 * `{name, folder, members}`. Each case gives `folder/name.safetensors`, or `folder/name.fault` with
 * the code and the message of what stopped it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { createHost } from "../cli/host.js";
import { analyze } from "../compiler/compile.js";
import { type DataProgram, dataProgram } from "../compiler/plan/data.js";
import { createSource } from "../grammar/source.js";
import { invariant } from "../grammar/invariant.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import { openDataset } from "../runtime/data/open-dataset.js";
import { Fault } from "../runtime/fault.js";
import { allocate, elementCount, type HostTensor } from "../runtime/tensor.js";

const caseList = z.array(z.object({ name: z.string(), folder: z.string(), members: z.string() }));

const [manifest] = process.argv.slice(2);
invariant(manifest !== undefined, "a list of cases is given");
for (const { name, folder, members } of caseList.parse(
  JSON.parse(readFileSync(manifest, "utf8")),
)) {
  const file = (extension: string): string => join(folder, `${name}.${extension}`);
  try {
    const tensors = await read(programOf(folder, members));
    writeFileSync(file("safetensors"), Buffer.concat(encodeSafetensors(tensors)));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    writeFileSync(file("fault"), `${error.diagnostic.code}\n${error.diagnostic.message}\n`);
  }
}

/** The data program of a dataset with these members. */
function programOf(folder: string, members: string): DataProgram {
  const text = `import { adamw } from "saic:optimizers"
dataset D {
${members}
}
block M() {
  weight w: f32[1] = 0
  out z: f32[1]
  z = w
}
train t {
  model: M()
  data: D
  loss { total = average(square(z)) }
  optimizer: adamw(lr: 0.1)
  stage main for 1 epochs { }
}
`;
  const options = { overrides: [], train: null, purpose: "check" } as const;
  const source = createSource(join(folder, "files.pipe"), text);
  const { train, diagnostics } = analyze(source, createHost(), options);
  invariant(train !== null, diagnostics.map(({ message }) => message).join("; "));
  return dataProgram.parse(JSON.parse(JSON.stringify(train.data.program)));
}

/** All records of the training split in their order, field by field. */
async function read(program: DataProgram): Promise<ReadonlyMap<string, HostTensor>> {
  const data = await openDataset(program, { seed: 0, threads: 1 });
  try {
    const records = data.size("train");
    const all = new Map(
      program.outputs.map(({ name, dtype, shape }): [string, HostTensor] => [
        name,
        {
          dtype,
          shape: [records, ...shape],
          data: allocate(dtype, records * elementCount(shape)),
        },
      ]),
    );
    let done = 0;
    for await (const batch of data.evaluationBatches("train")) {
      for (const [name, { data: from }] of batch.fields) {
        const into = all.get(name);
        invariant(into !== undefined, `there is a field ${name}`);
        const size = into.data.length / records;
        const part = from.subarray(0, size * batch.count);
        if (into.data instanceof BigInt64Array && part instanceof BigInt64Array)
          into.data.set(part, done * size);
        else if (!(into.data instanceof BigInt64Array) && !(part instanceof BigInt64Array))
          into.data.set(part, done * size);
      }
      done += batch.count;
    }
    return all;
  } finally {
    await data.close();
  }
}
