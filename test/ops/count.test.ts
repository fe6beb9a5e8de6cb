/** The ops that are no blocks: how many there are of each family, and that each says why. */

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ops } from "../../compiler/ops/index.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../compiler/ops");
const families = ["elementwise", "linear", "nn", "reduce", "shape"] as const;

/** More ops than these are a decision: what a block can say belongs into the library. */
const budget = { elementwise: 60, linear: 20, nn: 40, reduce: 16, shape: 24 } as const;

test("each family keeps to its number of ops", () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  expect(folders.map(({ name }) => name).toSorted()).toStrictEqual([...families, "kit"].toSorted());
  for (const family of families) {
    const files = readdirSync(join(folder, family)).length;
    expect(files, family).toBeLessThanOrEqual(budget[family]);
    // Room for a few: a budget that is far off says nothing.
    expect(files, family).toBeGreaterThan(budget[family] / 2);
  }
  const most = Object.values(budget).reduce((sum, count) => sum + count, 0);
  expect(ops.size).toBeLessThanOrEqual(most);
});

test("each op has a reason of its own, or one it shares with its like", () => {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of ops.values()) {
    expect(reason, name).toMatch(/^[A-Z`].*\.$/s);
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  // What many share says nothing of any of them.
  const shared = [...byReason].filter(([, names]) => names.length > 8);
  expect(shared).toStrictEqual([]);
});
