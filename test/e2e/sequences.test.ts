/** A run over windows of frames: it learns what each shows, in threads, and tells how late it sees it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkplace, type PrintedResult } from "../cli/saic.js";
import { vocXml, writePicture, writeText } from "../data/fixtures.js";

const program = `import { Linear } from "saic:layers"
import { bce_logits } from "saic:losses"
import { time_to_detection } from "saic:metrics"
import { adamw } from "saic:optimizers"

dataset Watch {
  source: frames(root: "frames", group: "{camera}_{event}")
  field clip: window("{t}.png", length: 2) -> u8[T = 2, 1, 8, 16]
  field event: group_index() -> i64[]
  field offset: group_offset() -> f32[]
  field smoke: offset_at_least(0) -> bool[1]
  field tiles: tile_boxes("{t}.xml", size: 8) -> bool[2]
  field told: exists("{t}.xml") -> bool[]
  split by event { train: 50%  val: 50%  seed: 1 }
  transform { clip = clip |> normalize(mean: 0.5, std: 0.5) }
  transform train { clip, tiles = (clip, tiles) |> hflip(p: 0.5) }
  loader { batch: 4  shuffle: true  workers: 2  last: pad }
}

block Watcher() {
  in clip: f32[B, T, C, H, W]
  out logit: f32[B, 1]
  out tile: f32[B, 2]
  let seen = clip |> mean(axes: [3]) |> flatten()
  logit = seen |> Linear(1) as frame
  tile = seen |> Linear(2) as tiles
}

train watch {
  model: Watcher()
  data: Watch
  seed: 1
  loss {
    frame = bce_logits(logit, smoke)
    tiles = bce_logits(tile, tiles)
    total = frame + tiles
  }
  optimizer: adamw(lr: 0.05)
  stage main for 25 epochs { }
  metrics val {
    ttd = time_to_detection(logit |> squeeze(axis: -1), event, offset, events: 4)
  }
}
`;

const place = createWorkplace({ "watch.pipe": program });
afterAll(place.remove);
beforeAll(async () => {
  for (let event = 0; event < 8; event++)
    for (const offset of [-120, -60, 0, 60, 120]) {
      const t = `10${event}_${offset < 0 ? "-" : "+"}${String(Math.abs(offset)).padStart(5, "0")}`;
      const folder = join(place.path, `frames/north_fire${event}`);
      // Smoke is bright, on the left of every other event and on the right of the others.
      const left = 8 * (event % 2);
      const isSmoke = (x: number): boolean => offset >= 0 && x >= left && x < left + 8;
      await writePicture(join(folder, `${t}.png`), 8, 16, (_, x) => (isSmoke(x) ? 220 : 40));
      if (offset >= 0)
        await writeText(join(folder, `${t}.xml`), vocXml(8, 16, [[left, 0, left + 8, 8]]));
    }
});

test("windows, tiles and events are trained on and measured", async () => {
  const ended = await place.saic("run", "watch.pipe", "--threads=2", "--format=json");
  expect(ended.code, ended.stderr).toBe(0);
  const { run_dir, metrics } = JSON.parse(ended.stdout) as PrintedResult;
  expect(metrics["val.loss"]).toBeLessThan(0.2);
  // Every event is seen in its first frame with smoke.
  expect(metrics["val.ttd.detected"]).toBe(1);
  expect(metrics["val.ttd"]).toBe(0);
  const manifest: { splits: Record<"train" | "val", { group: string; records: number[] }[]> } =
    JSON.parse(readFileSync(join(place.path, run_dir, "split.manifest.json"), "utf8"));
  // Four windows of each event's five frames, together.
  for (const { records } of [...manifest.splits.train, ...manifest.splits.val])
    expect(records).toHaveLength(4);
  expect(existsSync(join(place.path, run_dir, "model.onnx"))).toBe(true);
});

test("a frame that is damaged stops the run with its file, record and field", async () => {
  await writeText(join(place.path, "frames/north_fire3/103_+00060.png"), "no picture");
  const ended = await place.saic("run", "watch.pipe", "--fresh", "--threads=1");
  expect(ended.code).toBe(6);
  expect(ended.stderr).toContain("error[data/image-unreadable]");
  expect(ended.stderr).toContain("103_+00060.png");
  expect(ended.stderr).not.toContain("    at ");
});
