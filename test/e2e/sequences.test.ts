/** Runs over windows of frames: they learn what each shows, in threads, and tell how late they see it. */

import { existsSync } from "node:fs";
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
  split by event { train: 50%  val: 20%  test: 30%  seed: 1 }
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
    ttd = time_to_detection(logit |> squeeze(axis: -1), event, offset, events: Watch.val.groups)
  }
}
`;

const place = createWorkplace({ "watch.pipe": program });
afterAll(place.remove);

/** Five frames, a minute apart, with smoke from the third on, bright at the left or at the right. */
async function writeEvent(event: number): Promise<void> {
  for (const offset of [-120, -60, 0, 60, 120]) {
    const t = `10${event}_${offset < 0 ? "-" : "+"}${String(Math.abs(offset)).padStart(5, "0")}`;
    const folder = join(place.path, `frames/north_fire${event}`);
    const left = 8 * (event % 2);
    const isSmoke = (x: number): boolean => offset >= 0 && x >= left && x < left + 8;
    await writePicture(join(folder, `${t}.png`), 8, 16, (_, x) => (isSmoke(x) ? 220 : 40));
    if (offset >= 0)
      await writeText(join(folder, `${t}.xml`), vocXml(8, 16, [[left, 0, left + 8, 8]]));
  }
}

beforeAll(async () => {
  for (let event = 0; event < 10; event++) await writeEvent(event);
});

interface Manifest {
  readonly splits: Readonly<
    Record<"train" | "val" | "test", readonly { readonly group: string; records: number[] }[]>
  >;
}

let run: PrintedResult;

test("windows, tiles and events are trained on and measured", async () => {
  const ended = await place.saic("run", "watch.pipe", "--threads=2", "--format=json");
  expect(ended.code, ended.stderr).toBe(0);
  run = JSON.parse(ended.stdout) as PrintedResult;
  const { run_dir, metrics } = run;
  expect(metrics["val.loss"]).toBeLessThan(0.2);
  // Every event is seen in its first frame with smoke.
  expect(metrics["val.ttd.detected"]).toBe(1);
  expect(metrics["val.ttd"]).toBe(0);
  expect(Object.keys(metrics)).not.toContain("test.ttd");
  const { splits } = JSON.parse(place.read(join(run_dir, "split.manifest.json"))) as Manifest;
  expect([splits.train, splits.val, splits.test].map(({ length }) => length)).toEqual([5, 2, 3]);
  // Four windows of each event's five frames, together.
  for (const { records } of [...splits.train, ...splits.val, ...splits.test])
    expect(records).toHaveLength(4);
  expect(existsSync(join(place.path, run_dir, "model.onnx"))).toBe(true);
});

test("events are counted before anything is compiled, and by no check", async () => {
  const checked = await place.saic("check", "watch.pipe");
  expect(checked.stdout).toBe("watch.pipe: no findings\n");
  const plan = JSON.parse(place.read(join(run.run_dir, "plan.json"))) as {
    readonly data: { readonly groups: unknown };
  };
  expect(plan.data.groups).toEqual({ val: 2 });
  // Where there are no data, a check is content and all else says what a run would.
  place.write("lost.pipe", program.replace('root: "frames"', 'root: "nowhere"'));
  expect((await place.saic("check", "lost.pipe")).code).toBe(0);
  const lost = await place.saic("compile", "lost.pipe", "--out", "lost");
  expect(lost.code).toBe(6);
  expect(lost.stderr).toContain("error[data/folder-missing]");
});

test("the time is that of the events that are seen", async () => {
  const { splits } = JSON.parse(place.read(join(run.run_dir, "split.manifest.json"))) as Manifest;
  const [late = "", unseen = ""] = splits.val.map(({ group }) => group);
  const darken = (event: string, offset: string): Promise<void> =>
    writePicture(
      join(place.path, `frames/north_${event}/10${event.slice(4)}_+${offset}.png`),
      8,
      16,
      () => 40,
    );
  await darken(late, "00000");
  for (const offset of ["00000", "00060", "00120"]) await darken(unseen, offset);
  const ended = await place.saic("eval", run.run_dir, "--split=val", "--format=json");
  expect(ended.code, ended.stderr).toBe(0);
  const { metrics } = JSON.parse(ended.stdout) as PrintedResult;
  expect(metrics).toMatchObject({ "val.ttd": 1, "val.ttd.detected": 0.5 });
  for (const event of [late, unseen]) await writeEvent(Number(event.slice(4)));
});

test("on a split with more events than the metric has places it is undefined", async () => {
  const ended = await place.saic("eval", run.run_dir, "--split=train", "--format=json");
  expect(ended.code, ended.stderr).toBe(0);
  const { metrics } = JSON.parse(ended.stdout) as PrintedResult;
  expect(metrics["train.loss"]).toBeLessThan(0.2);
  expect(metrics).toMatchObject({ "train.ttd": null, "train.ttd.detected": null });
  expect(ended.stderr).toContain("train.ttd");
});

test("groups of one split in a metric of two are an error", async () => {
  place.write("both.pipe", program.replace("metrics val {", "metrics {"));
  for (const command of ["check", "run"]) {
    const ended = await place.saic(command, "both.pipe");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("error[data/groups-of-other-split]");
    expect(ended.stderr).toContain("`ttd` is also measured on `test`");
  }
});

test("more events make another run, and the old one refuses them", async () => {
  for (let event = 10; event < 15; event++) await writeEvent(event);
  const refused = await place.saic("eval", run.run_dir, "--split=val");
  expect(refused.code).toBe(6);
  expect(refused.stderr).toContain("error[data/groups-differ]");
  expect(refused.stderr).toContain("`Watch.val` has 3 groups, and the program was compiled for 2");
  const ended = await place.saic("run", "watch.pipe", "--threads=2", "--format=json");
  expect(ended.code, ended.stderr).toBe(0);
  const next = JSON.parse(ended.stdout) as PrintedResult;
  expect(next.run_dir).not.toBe(run.run_dir);
  expect(next.metrics["val.ttd.detected"]).toBe(1);
});

test("a frame that is damaged stops the run with its file, record and field", async () => {
  await writeText(join(place.path, "frames/north_fire3/103_+00060.png"), "no picture");
  const ended = await place.saic("run", "watch.pipe", "--fresh", "--threads=1");
  expect(ended.code).toBe(6);
  expect(ended.stderr).toContain("error[data/image-unreadable]");
  expect(ended.stderr).toContain("103_+00060.png");
  expect(ended.stderr).not.toContain("    at ");
});
