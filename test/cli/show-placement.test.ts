/** `saic show --what placement` on a train that a shard divides, and on one that none does. */

import { expect, it } from "vitest";
import { placement } from "../../cli/commands/show/placement.js";
import { at, invariant } from "../../grammar/invariant.js";
import { analyzeProgram, programsIn } from "../check/golden.js";

function shown(shard: string) {
  const text = `// == a train\n${shard}\n// with a train of fixture.Net() on fixture.Digits\n`;
  const analysis = analyzeProgram(at(programsIn(text), 0));
  expect(analysis.diagnostics).toEqual([]);
  const { lowered } = analysis;
  invariant(lowered !== null, "the program is sound");
  return { analysis, lowered };
}

const divided = `mesh pod { data: 2, model: 3 }
shard shared on pod {
  batch:    split(B, over: data)
  model.**: split(0, over: model)
}`;

it("prints what lies where, and the memory of one device", () => {
  const lines = placement.text(shown(divided)).split("\n");
  expect(lines.slice(0, -1)).toEqual([
    "shared on pod { data: 2, model: 3 }, 6 devices",
    "batch: 2 of 4 records, over data",
    "model.head.weight  f32[3, 3]  split(0, over: model)  f32[1, 3]  12 B",
    "state per device: 12 B of 36 B",
  ]);
  expect(lines.at(-1)).toMatch(
    /^peak per device: \S+ KiB \(state 12 B, gradients and activations /u,
  );
});

it("gives the same as values", () => {
  expect(placement.json(shown(divided))).toMatchObject([
    {
      train: "shared",
      mesh: "pod",
      axes: { data: 2, model: 3 },
      devices: 6,
      batch: { over: ["data"], perDevice: 2 },
      peak: { state: 12, gathered: 0 },
      state: [{ path: "model.head.weight", local: [1, 3], pieces: 3, bytesPerDevice: 12 }],
    },
  ]);
});

it("says that one device holds everything where no shard divides it", () => {
  expect(placement.text(shown(""))).toMatch(
    /^no shard places `shared`: one device holds everything\npeak per device: /u,
  );
  expect(placement.json(shown(""))).toEqual([]);
});
