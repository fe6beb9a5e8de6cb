/** `saic ops`: the table of ops says what the registry says. */

import { afterAll, expect, test } from "vitest";
import { ops } from "../../compiler/ops/index.js";
import { createWorkplace } from "./saic.js";

const place = createWorkplace();
afterAll(place.remove);

const all = [...ops.values()];
const publicOps = all.filter(({ surface }) => surface === "public");

const rows = async (...args: readonly string[]): Promise<readonly string[]> => {
  const ended = await place.saic("ops", ...args);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  return ended.stdout.trimEnd().split("\n");
};

test("public ops have a row each, and --all adds the others", async () => {
  const [head, ...shown] = await rows();
  expect(head?.split(/ {2,}/u)).toEqual(["op", "inputs", "attributes", "gradient", "reason"]);
  const names = (lines: readonly string[]): readonly (string | undefined)[] =>
    lines.map((line) => line.split(" ", 1)[0]);
  expect(names(shown)).toEqual(publicOps.map(({ name }) => name));
  expect(all.length).toBeGreaterThan(publicOps.length);
  expect(names((await rows("--all")).slice(1))).toEqual(all.map(({ name }) => name));
});

test("a row has inputs, attributes, gradient and reason", async () => {
  const table = await rows();
  const row = (name: string): string =>
    table.find((line) => line.startsWith(`${name} `))?.replaceAll(/ {2,}/gu, " | ") ?? "";
  expect(row("matmul")).toContain(`yes | ${ops.get("matmul")?.reason}`);
  expect(row("argmax")).toMatch(/^argmax \| x: \w+ \| axis: axis.* \| no \| \S/u);
  expect(row("concat")).toMatch(/^concat \| \w+\.\.\.: any \|/u);
  expect(row("mean")).toContain("axes: axes = all");
});

test("JSON has the same facts", async () => {
  const printed = JSON.parse((await rows("--all", "--format", "json")).join("\n")) as readonly {
    readonly name: string;
    readonly attributes: readonly { readonly required: boolean }[];
  }[];
  expect(printed.map(({ name }) => name)).toEqual(all.map(({ name }) => name));
  for (const op of all)
    expect(printed.find(({ name }) => name === op.name)).toMatchObject({
      surface: op.surface,
      summary: op.summary,
      inputs: Object.entries(op.inputs).map(([name, dtype]) => ({ name, dtype })),
      attributes: Object.entries(op.attrs).map(([name, { kind, fallback }]) => ({
        name,
        kind,
        required: fallback === undefined,
      })),
      gradient: op.vjp !== null,
      functions:
        typeof op.coarse === "object" ? op.coarse.names : [op.coarse].filter((name) => name),
      reason: op.reason,
    });
});
