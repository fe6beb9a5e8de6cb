/** Long trainings on real data, too long for every change: what the pipelines promise, measured. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parsePlan } from "../compiler/plan/schema.js";
import { at } from "../grammar/invariant.js";
import { readEvents } from "../runtime/events.js";
import { areaUnder } from "../runtime/metrics/curves.js";
import type { SplitManifest } from "../runtime/data/dataset.js";
import { recordLabels, type RecordLabel } from "../runtime/data/tile-prior.js";

const data = resolve(process.env["SAIC_TEST_DATA"] ?? "../shared/data");
const command = fileURLToPath(new URL("../cli/main.js", import.meta.url));
const seeds = [1, 2, 3, 4, 5];

interface Outcome {
  readonly auroc: number;
  readonly byPosition: number;
  readonly prior: number;
}

/** Smoke tiles over five splits: within-position AUROC, and plain AUROC against the position's prior. */
async function smokeTiles(): Promise<boolean> {
  const folder = join(data, "smoke");
  if (!existsSync(folder)) {
    console.log(`smoke-tiles: skipped, there is no ${folder}`);
    return true;
  }
  const outcomes: Outcome[] = [];
  for (const seed of seeds) {
    const runs = mkdtempSync(join(tmpdir(), "saic-acceptance-"));
    const outcome = await smokeOnce(folder, seed, runs);
    rmSync(runs, { recursive: true, force: true });
    outcomes.push(outcome);
    console.log(
      `smoke-tiles split ${seed}: test.auroc ${outcome.auroc.toFixed(3)}, position prior ${outcome.prior.toFixed(3)}, test.auroc_by_position ${outcome.byPosition.toFixed(3)}`,
    );
  }
  const mean = (pick: (outcome: Outcome) => number): number =>
    outcomes.reduce((sum, outcome) => sum + pick(outcome), 0) / outcomes.length;
  const [auroc, prior, byPosition] = [
    mean((o) => o.auroc),
    mean((o) => o.prior),
    mean((o) => o.byPosition),
  ];
  const met = byPosition >= 0.7 && auroc > prior;
  console.log(
    `smoke-tiles mean of ${seeds.length}: test.auroc ${auroc.toFixed(3)} (position prior ${prior.toFixed(3)}), test.auroc_by_position ${byPosition.toFixed(3)} (target 0.70): ${met ? "met" : "NOT MET"}`,
  );
  return met;
}

async function smokeOnce(folder: string, seed: number, runs: string): Promise<Outcome> {
  const args = ["pipelines/smoke-tiles.pipe", "--data", folder, "--split-seed", String(seed)];
  const result = runPipeline(args, runs);
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(result.run_dir, name), "utf8"));
  const parsed = parsePlan(read("plan.json"));
  if (!parsed.ok) throw new Error(parsed.message);
  const labels = await recordLabels(parsed.plan.data);
  return {
    auroc: result.metrics["test.auroc"] ?? NaN,
    byPosition: result.metrics["test.auroc_by_position"] ?? NaN,
    prior: positionPrior(labels, read("split.manifest.json") as SplitManifest),
  };
}

/** Fields of Burgers' equation from their initial conditions: linear regression has 0.26. */
function burgers(): boolean {
  const folder = join(data, "simulation/burgers_darcy");
  if (!existsSync(folder)) {
    console.log(`burgers: skipped, there is no ${folder}`);
    return true;
  }
  const runs = mkdtempSync(join(tmpdir(), "saic-acceptance-"));
  const { metrics } = runPipeline(["pipelines/burgers.pipe", "--data", folder], runs);
  rmSync(runs, { recursive: true, force: true });
  const error = metrics["test.rel_l2"] ?? NaN;
  const met = error <= 0.1;
  console.log(`burgers: test.rel_l2 ${error.toFixed(4)} (target 0.10): ${met ? "met" : "NOT MET"}`);
  return met;
}

/** The folder of real data that a shipped pipeline reads; `null` where it makes its own. */
const dataOf: Readonly<Record<string, string | null>> = {
  burgers: "simulation/burgers_darcy",
  "car-damage": "cars",
  quickstart: null,
  "smoke-tiles": "smoke",
};

/** Every shipped pipeline made small, and all forms at once, killed twice at each update. */
function resume(): boolean {
  const forms = ["test/runtime/resume-forms.pipe", "--set", "Shapes.loader.workers=2"];
  let met = killed("all forms", forms);
  for (const file of readdirSync("pipelines").filter((name) => name.endsWith(".pipe"))) {
    const name = file.slice(0, -".pipe".length);
    const text = readFileSync(join("pipelines", file), "utf8");
    const variant = ["demo", "local"].find((each) => text.includes(`\nvariant ${each} `));
    const folder = dataOf[name];
    if (variant === undefined || folder === undefined) {
      const lacking =
        variant === undefined ? "has no variant `demo` or `local`" : "reads no known data";
      console.log(`resume of ${name}: it ${lacking}: NOT MET`);
      met = false;
    } else if (folder !== null && !existsSync(join(data, folder)))
      console.log(`resume of ${name}: skipped, there is no ${join(data, folder)}`);
    else {
      const own = folder === null ? [] : ["--data", join(data, folder)];
      const args = [join("pipelines", file), "--variant", variant, "--steps", "20", ...own];
      met = killed(`${name}, ${variant}`, args) && met;
    }
  }
  return met;
}

function killed(title: string, args: readonly string[]): boolean {
  const { status, stdout } = spawnSync(process.execPath, [command, "verify-resume", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  console.log(`resume of ${title}: ${stdout.trim()}: ${status === 0 ? "met" : "NOT MET"}`);
  return status === 0;
}

/** Memory of the training process over 10,000 updates of a small net. */
function memory(): boolean {
  const runs = mkdtempSync(join(tmpdir(), "saic-acceptance-"));
  const { run_dir: folder } = runPipeline(
    ["pipelines/quickstart.pipe", "--side=12", "--batch=8", "--steps=10000", "--executor=bound"],
    runs,
  );
  const rssAt = new Map<number, number>();
  for (const event of readEvents(join(folder, "events.jsonl")))
    if (event.type === "step") rssAt.set(event.update, event.rss / 2 ** 20);
  rmSync(runs, { recursive: true, force: true });
  const [early, late] = [rssAt.get(1_000) ?? NaN, rssAt.get(10_000) ?? NaN];
  const met = late < early * 1.1;
  console.log(
    `memory: ${early.toFixed(0)} MiB after 1,000 updates, ${late.toFixed(0)} MiB after 10,000 (at most a tenth more): ${met ? "met" : "NOT MET"}`,
  );
  return met;
}

interface PipelineResult {
  readonly run_dir: string;
  readonly metrics: Readonly<Record<string, number>>;
}

function runPipeline(pipeline: readonly string[], runs: string): PipelineResult {
  const args = ["run", ...pipeline];
  const child = spawnSync(
    process.execPath,
    [command, ...args, "--runs-dir", runs, "--format", "json"],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  if (child.status !== 0) throw new Error(`saic ${args.join(" ")} ended with ${child.status}`);
  return JSON.parse(child.stdout) as PipelineResult;
}

/** AUROC of scoring a test tile by how often training tiles at its position are positive. */
function positionPrior(labels: readonly RecordLabel[], manifest: SplitManifest): number {
  const records = (split: "train" | "test"): readonly RecordLabel[] =>
    manifest.splits[split].flatMap((group) => group.records.map((record) => at(labels, record)));
  const counts = new Map<number, { positives: number; all: number }>();
  for (const { position, label } of records("train")) {
    const count = counts.get(position) ?? { positives: 0, all: 0 };
    counts.set(position, { positives: count.positives + label, all: count.all + 1 });
  }
  const test = records("test");
  const scored = test.map(({ position, label }) => {
    const count = counts.get(position);
    return { logit: count === undefined ? 0 : count.positives / count.all, positive: label === 1 };
  });
  return areaUnder(scored).value ?? NaN;
}

const parts = { burgers, smoke: smokeTiles, memory, resume };
// Names choose parts; without any all are measured.
const chosen = process.argv.slice(2);
for (const [name, part] of Object.entries(parts))
  if ((chosen.length === 0 || chosen.includes(name)) && !(await part())) process.exitCode = 1;
