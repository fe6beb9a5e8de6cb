/** A video's frames and masks, and a GeoTIFF with its classes, where such data is at hand (SAIC_TEST_DATA). */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { dataProgramOf } from "./data-program.js";
import type { Batch, Dataset } from "../../runtime/data/dataset.js";

const folder = process.env["SAIC_TEST_DATA"] ?? resolve("..", "shared", "data");
const options = { seed: 1, threads: 1 };

/** Closes the dataset after its first batch. */
async function firstOf(data: Dataset): Promise<Batch | undefined> {
  try {
    for await (const batch of data.evaluationBatches("train")) return batch;
    return undefined;
  } finally {
    await data.close();
  }
}

describe.skipIf(!existsSync(join(folder, "video/car-shadow")))("a video", () => {
  it("gives windows of its frames, each with the mask of its last", async () => {
    const program = dataProgramOf(
      folder,
      `source: frames(root: "video", group: "{sequence}/JPEGImages")
      field clip: window("{t}.jpg", length: 3, stride: 2) -> u8[T = 3, 3, 480, 854]
      field mask: image("{sequence}/Annotations/{t}.png", root: "video") -> u8[1, 480, 854]
      field sequence: group_index() -> i64[]
      split by sequence { train: 100%  seed: 1 }
      transform {
        clip = clip |> crop(top: 200, left: 200, height: 96, width: 400)
        mask = mask |> crop(top: 200, left: 200, height: 96, width: 400)
      }
      loader { batch: 2  shuffle: false  workers: 0 }`,
    );
    const data = await openDataset(program, options);
    expect(data.warnings).toEqual([]);
    // 40 frames, of which the first four have no whole window.
    expect(data.size("train")).toBe(36);
    expect(data.manifest.splits.train).toMatchObject([{ group: "car-shadow" }]);
    const first = await firstOf(data);
    const clip = first?.fields.get("clip");
    expect(clip?.shape).toEqual([2, 3, 3, 96, 400]);
    const mask = first?.fields.get("mask")?.data ?? [];
    expect(new Set(Array.from(mask, Number))).toEqual(new Set([0, 255]));
    const size = 3 * 96 * 400;
    for (const [place, frame] of [0, 2, 4].entries()) {
      const file = join(folder, `video/car-shadow/JPEGImages/0000${frame}.jpg`);
      const window = { left: 200, top: 200, width: 400, height: 96 };
      const pixels = await sharp(file).extract(window).raw().toBuffer();
      const planes = Array.from(
        pixels,
        (_, i) => pixels[(i % (96 * 400)) * 3 + Math.floor(i / (96 * 400))],
      );
      expect(
        Array.from(clip?.data.subarray(place * size, (place + 1) * size) ?? [], Number),
      ).toEqual(planes);
    }
  });
});

describe.skipIf(!existsSync(join(folder, "landcover/torchsat")))("a GeoTIFF", () => {
  it("gives its bands, joined with the picture of its classes", async () => {
    const program = dataProgramOf(
      folder,
      `source: zip(
        map: geotiff("landcover/torchsat/{kind}_3channel_uint8.tif"),
        classes: images("landcover/torchsat/mask_{kind}_3channel_uint8.png"),
        by: "kind"
      )
      field bands: map.image() -> u8[3, 650, 500]
      field kinds: classes.image() -> u8[1, 650, 500]
      split random { train: 100%  seed: 1 }
      loader { batch: 1  workers: 0 }`,
    );
    const data = await openDataset(program, options);
    const batch = await firstOf(data);
    const bands = batch?.fields.get("bands");
    expect(bands?.shape).toEqual([1, 3, 650, 500]);
    const { data: pixels } = await sharp(join(folder, "landcover/torchsat/tiff_3channel_uint8.tif"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const plane = 650 * 500;
    expect(bands?.data.every((x, i) => x === pixels[(i % plane) * 3 + Math.floor(i / plane)])).toBe(
      true,
    );
    const kinds = new Set(Array.from(batch?.fields.get("kinds")?.data ?? [], Number));
    expect(kinds.size).toBe(4);
  });
});
