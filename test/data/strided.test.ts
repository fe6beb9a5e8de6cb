/** Steps on bytes where they lie give what the same steps give one by one on planes. */

import { expect, it } from "vitest";
import type { TransformOp } from "../../compiler/plan/transform-op.js";
import { applySteps } from "../../runtime/data/apply-steps.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import type { Step } from "../../runtime/data/passes.js";
import { cut, ofPicture, planar } from "../../runtime/data/strided.js";
import { transform } from "../../runtime/data/transforms/transform.js";
import type { Value } from "../../runtime/data/value.js";
import { createStream } from "../../runtime/random.js";
import { shapesProgram } from "./fixtures.js";

const mean = [0.2, 0.4, 0.6];
const std = [0.3, 0.5, 0.7];
const chains: readonly (readonly TransformOp[])[] = [
  [{ kind: "hflip", p: 1 }],
  [
    { kind: "hflip", p: 1 },
    { kind: "vflip", p: 1 },
    { kind: "normalize", mean: [0.5], std: [0.25] },
  ],
  [
    { kind: "random_crop", height: 5, width: 4 },
    { kind: "jitter", brightness: 0.4, contrast: 0.4 },
    { kind: "normalize", mean, std },
  ],
  [
    { kind: "jitter", brightness: 0.4, contrast: 0.4 },
    { kind: "hflip", p: 1 },
    { kind: "pad", top: 1, bottom: 0, left: 2, right: 1, value: 7 },
    { kind: "vflip", p: 1 },
  ],
  [
    { kind: "random_shift", pad: 2 },
    { kind: "hflip", p: 0.5 },
    { kind: "normalize", mean: [0.1], std },
    { kind: "hflip", p: 1 },
  ],
  [
    { kind: "crop", top: 1, left: 3, height: 4, width: 4 },
    { kind: "resize", height: 2, width: 3 },
  ],
];

const stepOf = (op: TransformOp, i: number): Step => ({
  split: null,
  field: "image",
  op,
  draw: `draw ${i}`,
  place: "p",
});

it.each([
  [8, 12, 3],
  [7, 9, 3],
  [6, 8, 1],
  [9, 7, 1],
])("pictures of %i x %i with %i channels", (height, width, channels) => {
  const length = height * width * channels;
  const data = Uint8Array.from({ length }, (_, i) => (i * i * 31 + 7 * i) % 256);
  const picture = ofPicture({ height, width, channels, data });
  const planes: Value = {
    dtype: "u8",
    shape: [channels, height, width],
    data: Uint8Array.from({ length }, (_, i) => {
      const pixel = i % (height * width);
      return data[pixel * channels + Math.floor(i / (height * width))] ?? 0;
    }),
  };
  expect(planar(picture)).toEqual(planes);
  for (const ops of chains)
    for (let record = 0; record < 4; record++) {
      if (channels === 1 && ops.some((op) => op.kind === "normalize" && op.std.length > 1))
        continue;
      const steps = ops.map(stepOf);
      const pointOf = ({ draw }: Step) => ({ stream: createStream(1, draw), epoch: 2, record });
      const onebyone = steps.reduce((x, step) => transform(step.op, x, pointOf(step)), planes);
      const to = {
        pointOf,
        fits: new Map(),
        onError: (error: unknown) => {
          throw error;
        },
      };
      expect(applySteps(steps, picture, to)).toEqual(onebyone);
      expect(applySteps(steps, planes, to)).toEqual(onebyone);
      const into = new Float32Array(onebyone.data.length);
      const written = applySteps(steps, picture, { ...to, into });
      expect(written).toEqual(onebyone);
      expect(written.data === into).toBe(steps.at(-1)?.op.kind === "normalize");
    }
});

it("windows of a picture are tiles of it", () => {
  const data = Uint8Array.from({ length: 5 * 9 * 3 }, (_, i) => i);
  const run = (first: number, count: number) => ({ first, count, isReversed: false });
  const tile = planar(
    cut(ofPicture({ height: 5, width: 9, channels: 3, data }), run(1, 2), run(4, 3)),
  );
  expect(tile.shape).toEqual([3, 2, 3]);
  const at = (y: number, x: number, c: number): number => (y * 9 + x) * 3 + c;
  const expected = [0, 1, 2].flatMap((c) =>
    [1, 2].flatMap((y) => [4, 5, 6].map((x) => at(y, x, c))),
  );
  expect([...tile.data]).toEqual(expected);
});

it.each([
  [0, "own"],
  [2, "own"],
  [2, "shared"],
] as const)(
  "batches that are given up are empty, and their memory serves later ones: %i workers, %s",
  async (workers, batches) => {
    const program = shapesProgram({ loader: { workers } });
    const data = await openDataset(program, { seed: 1, threads: 2, batches });
    const read = async (release: boolean) => {
      const values: number[][] = [];
      let shared = 0;
      for (let epoch = 0; epoch < 3; epoch++)
        for await (const batch of data.trainBatches(epoch, 0)) {
          const image = batch.fields.get("image")?.data ?? new Float32Array(0);
          values.push(Array.from(image, Number));
          if (image.buffer instanceof SharedArrayBuffer) shared++;
          if (!release) continue;
          batch.release?.();
          expect(batch.fields.size).toBe(0);
          batch.release?.();
        }
      return { values, shared };
    };
    const released = await read(true);
    expect(released.shared).toBe(batches === "shared" ? 15 : 0);
    const kept = await read(false);
    expect(kept.values).toEqual(released.values);
    // Two a thread ahead, and two more: the rest moves from thread to thread.
    expect(kept.shared).toBe(batches === "shared" ? 6 : 0);
    await data.close();
  },
);
