/** Camera frames with smoke boxes, where such data is at hand (SAIC_TEST_DATA). */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { recordLabels } from "../../runtime/data/tile-prior.js";
import { collect, tilesProgram, valuesOf } from "./fixtures.js";

const folder = process.env["SAIC_TEST_DATA"] ?? resolve("..", "shared", "data");
const root = join(folder, "smoke");
const settings = {
  frame: [480, 640],
  size: 160,
  overlap: 32,
  atLeast: 0.05,
  classes: ["smoke"],
  images: "images/{frame}.jpeg",
} as const;

describe.skipIf(!existsSync(root))("smoke frames", () => {
  it("are read in full, and batches agree with the labels", async () => {
    const split = { by: "frame", train: 0.7, val: 0.15, test: 0.15, seed: 7 };
    const program = tilesProgram(root, settings, { split, loader: { batch: 32, workers: 2 } });
    const labels = await recordLabels(program);
    expect(new Set(labels.map(({ group }) => group)).size).toBe(60);
    expect(labels).toHaveLength(60 * 12);
    const positives = labels.filter(({ label }) => label === 1).length;
    process.stdout.write(`smoke frames: ${labels.length} tiles, ${positives} positive\n`);

    const data = await openDataset(program, { seed: 1, threads: 2 });
    expect(["train", "val", "test"].map((name) => data.size(name as "train"))).toEqual([
      42 * 12,
      9 * 12,
      9 * 12,
    ]);
    let read = 0;
    for (const name of ["train", "val", "test"] as const) {
      const records = data.manifest.splits[name].flatMap((group) => group.records);
      const batches = await collect(data.evaluationBatches(name));
      const smoke = valuesOf(batches, "smoke");
      expect(smoke).toEqual(records.map((index) => labels[index]?.label));
      expect(valuesOf(batches, "position")).toEqual(
        records.map((index) => labels[index]?.position),
      );
      expect(smoke).toContain(1);
      expect(smoke).toContain(0);
      read += smoke.length;
    }
    expect(read).toBe(720);
    await data.close();
  });
});
