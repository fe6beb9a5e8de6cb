/** `saic show`: the resolved program, schedules and the schema, as text and as JSON. */

import { afterAll, expect, test } from "vitest";
import { createWorkplace, tinyProgram } from "./saic.js";

const scheduled = tinyProgram({ steps: 12 })
  .replace(
    "optimizer: adamw(lr: lr)",
    "optimizer: adamw(lr: lr)\n  schedule: warmup(4 steps) then linear(to: 0)",
  )
  .replace("import { adamw }", 'import { linear, warmup } from "saic:schedules"\nimport { adamw }');
const place = createWorkplace({
  "tiny.pipe": scheduled,
  "short.pipe": scheduled
    .replace("loader { batch: 8  shuffle: true  workers: 0  last: drop }", "loader { batch: 8 }")
    .replace("  seed:  1\n", ""),
  "folders.pipe": scheduled
    .replace(/synthetic\(.*\)/u, 'image_folder(root: "pictures", classes: [ring, cross])')
    .replace("stage main for 12 steps", "stage main for 3 epochs"),
});
afterAll(place.remove);

const json = async (...args: readonly string[]): Promise<unknown> => {
  const { stdout, code } = await place.saic("show", ...args, "--format", "json");
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

test("schedules are tables over updates and epochs, with a chart", async () => {
  const facts = (await json("tiny.pipe", "--what", "schedules")) as {
    readonly updatesPerEpoch: number;
    readonly schedules: readonly {
      readonly name: string;
      readonly rows: readonly Record<string, unknown>[];
      readonly values: readonly number[];
    }[];
  };
  expect(facts.updatesPerEpoch).toBe(6);
  const [lr] = facts.schedules;
  // The line reaches zero one update after the last: an eighth is left.
  const last = expect.closeTo(0.00125, 12);
  expect(lr?.name).toBe("lr");
  expect(lr?.rows).toEqual([
    // Warmup reaches lr * (t + 1) / n: a quarter at first, all of it at the fourth update.
    { what: "segment 1", from: 1, to: 4, epochs: [0, 4 / 6], begins: 0.0025, ends: 0.01 },
    { what: "segment 2", from: 5, to: 12, epochs: [4 / 6, 2], begins: 0.01, ends: last },
    { what: "stage main", from: 1, to: 12, epochs: [0, 2], begins: 0.0025, ends: last },
  ]);
  expect(lr?.values[0]).toBe(0.0025);
  expect(lr?.values.at(-1)).toEqual(last);
  const { stdout } = await place.saic("show", "tiny.pipe", "--what", "schedules");
  expect(stdout).toContain("12 updates, 6 per epoch");
  expect(stdout).toMatch(/segment 1 +1 \.\. 4 +0 \.\. 0\.66667 +0\.0025 +0\.01\n/u);
  expect(stdout).toContain("│");
});

test("an epoch of unknown length is said to be assumed", async () => {
  const { stdout } = await place.saic("show", "folders.pipe", "--what", "schedules");
  expect(stdout).toContain("only the data say how long an epoch is");
  expect(await json("folders.pipe", "--what", "schedules")).toMatchObject({
    updatesPerEpoch: null,
    assumed: true,
  });
});

test("the schema has types as read, after transforms and in a batch", async () => {
  expect(await json("tiny.pipe", "--what", "schema")).toMatchObject({
    dataset: "Shapes",
    fields: [
      {
        name: "image",
        read: "u8[3, 12, 12]",
        record: "f32[3, 12, 12]",
        batch: "f32[8, 3, 12, 12]",
      },
      { name: "kind", read: "i64[]", record: "i64[]", batch: "i64[8]" },
    ],
    loader: { batch: 8 },
  });
  const { stdout } = await place.saic("show", "tiny.pipe", "--what", "schema");
  expect(stdout).toMatch(/image +image +u8\[3, 12, 12\] +f32\[3, 12, 12\] +f32\[8, 3, 12, 12\]/u);
  expect(stdout).toMatch(/^loader: batch: 8/mu);
});

test("the resolved program has origins and defaults, and is the same program", async () => {
  const { stdout } = await place.saic("show", "short.pipe", "--what", "resolved", "--lr", "1e-3");
  expect(stdout).toContain("param lr: float = 1e-3");
  expect(stdout).toMatch(/\/\/ saic:optimizers: adamw at \d+\nimport \{ adamw \}/u);
  expect(stdout).toMatch(
    /adamw\(lr: lr, betas: \[0\.9, 0\.999\], eps: 1e-8, weight_decay: 0\.01\)/u,
  );
  expect(stdout).toContain("shuffle: true");
  expect(stdout).toContain("seed: 0");
  place.write("again.pipe", stdout);
  const again = await json("again.pipe", "--what", "params");
  expect(again).toEqual(await json("short.pipe", "--what", "params"));
  const [one, other] = (await Promise.all(
    ["short.pipe", "again.pipe"].map((file) =>
      json(file, "--what", "ir", ...(file === "short.pipe" ? ["--lr", "1e-3"] : [])),
    ),
  )) as [unknown, unknown];
  expect(other).toEqual(one);
  // What is resolved already stays as it is.
  const twice = await place.saic("show", "again.pipe", "--what", "resolved");
  expect(twice.stdout.split("\n").filter((line) => !line.startsWith("// saic:"))).toEqual(
    stdout.split("\n").filter((line) => !line.startsWith("// saic:")),
  );
});
