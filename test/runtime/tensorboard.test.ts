/** Scalars for TensorBoard: framed as its readers expect, and each step once through interruptions. */

import { readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { crc32c, maskedCrc32c } from "../../runtime/crc32c.js";
import { readEvents } from "../../runtime/events.js";
import { scalarsOf } from "../../runtime/tensorboard.js";
import { Crash, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const artifact = join(folder.path, "artifact");
writeRegression(artifact, {
  data: tinyProgram,
  edit: (plan) => ({ ...plan, tensorboard: { folder: "" } }),
});

test("checksums are those of RFC 3720", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

/** The data of the records of a file; fails where a checksum is not theirs. */
function recordsIn(file: string): readonly Buffer[] {
  const bytes = readFileSync(file);
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

const fileOf = (runDir: string): string =>
  join(runDir, "tensorboard", "events.out.tfevents.0.saic");

/** One record for each event with scalars, each with its tags in order. */
function expectMirrored(runDir: string): void {
  const [version, ...records] = recordsIn(fileOf(runDir));
  expect(version?.toString()).toContain("brain.Event:2");
  const events = readEvents(join(runDir, "events.jsonl")).filter(
    (event) => scalarsOf(event).length > 0,
  );
  expect(records.length).toBe(events.length);
  events.forEach((event, i) => {
    expect(records[i]?.readDoubleLE(1)).toBe(event.time / 1000);
    const text = records[i]?.toString("latin1") ?? "";
    let from = 0;
    for (const [tag] of scalarsOf(event)) {
      const found = text.indexOf(tag, from);
      expect(found, tag).toBeGreaterThan(0);
      from = found + tag.length;
    }
  });
}

test("a run torn off and continued has each step once, whatever became of the file", async () => {
  const runsDir = join(folder.path, "runs");
  await expect(run({ artifact, runsDir }, { crashAfter: 6 })).rejects.toThrow(Crash);
  const { run_dir: dir } = await run({ artifact, runsDir }, { stopAfter: 9 });
  expectMirrored(dir);
  // A crash of the machine may take away what was not written through.
  truncateSync(fileOf(dir), 100);
  await expect(run({ artifact, runsDir }, { crashAfter: 12 })).rejects.toThrow(Crash);
  rmSync(fileOf(dir));
  await run({ artifact, runsDir });
  expectMirrored(dir);
  const steps = readEvents(join(dir, "events.jsonl")).filter(({ type }) => type === "step");
  expect(steps).toHaveLength(22);
});
