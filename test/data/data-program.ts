/** Data programs from datasets as they are written, through the checker and the plan's schema. */

import { join } from "node:path";
import { expect } from "vitest";
import { createHost } from "../../cli/host.js";
import { analyze } from "../../compiler/compile.js";
import { type DataProgram, dataProgram } from "../../compiler/plan/data.js";
import { createSource } from "../../grammar/source.js";

/** `members` stand in a dataset `D` of a program that lies in `folder`. */
export function dataProgramOf(folder: string, members: string): DataProgram {
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
  const source = createSource(join(folder, "test.pipe"), text);
  const options = { overrides: [], train: null, purpose: "check" } as const;
  const { train, uncarried, diagnostics } = analyze(source, createHost(), options);
  expect(uncarried.map(({ message }) => message)).toEqual([]);
  if (train === null) throw new Error(diagnostics.map(({ message }) => message).join("; "));
  return dataProgram.parse(JSON.parse(JSON.stringify(train.data.program)));
}
