/** A lock is held by the living only. */

import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { acquireLock, identityOf } from "../../runtime/lock.js";
import { temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const lockFiles = (): readonly string[] =>
  readdirSync(folder.path).filter((name) => name.includes(".lock."));
const target = join(folder.path, "run");

test("a second holder is refused, and may follow once the first has let go", async () => {
  const first = await acquireLock(target, { waitMs: 0 });
  await expect(acquireLock(target, { waitMs: 100 })).rejects.toMatchObject({
    exitCode: 2,
    diagnostic: {
      code: "run/locked",
      message: `\`${target}\` is in use by process ${process.pid}`,
    },
  });
  const other = await acquireLock(join(folder.path, "other"), { waitMs: 0 });
  other.release();
  const waiting = acquireLock(target, { waitMs: 2000 });
  setTimeout(first.release, 100);
  (await waiting).release();
  expect(lockFiles()).toEqual([]);
});

test("another living process blocks until it is killed", async () => {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  await new Promise((resolve) => child.once("spawn", resolve));
  const identity = identityOf(child.pid ?? 0);
  expect(identity).toMatch(new RegExp(`^${child.pid ?? 0}\\.\\d+-`, "u"));
  writeFileSync(join(folder.path, `.run.lock.${identity ?? ""}`), "");
  await expect(acquireLock(target, { waitMs: 50 })).rejects.toMatchObject({
    diagnostic: { message: expect.stringContaining(`process ${child.pid ?? 0}`) },
  });
  const waiting = acquireLock(target, { waitMs: 5000 });
  child.kill("SIGKILL");
  (await waiting).release();
  expect(lockFiles()).toEqual([]);
});

test("a lock of a dead process, and one of a recycled process id, never block", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.once("close", resolve));
  writeFileSync(join(folder.path, `.run.lock.${child.pid ?? 0}.123-00000000`), "");
  writeFileSync(join(folder.path, `.run.lock.${process.ppid}.1-00000000`), "");
  const lock = await acquireLock(target, { waitMs: 0 });
  expect(lockFiles()).toHaveLength(1);
  lock.release();
});

test("of many that come at once, one at a time gets in", async () => {
  const script = `
    import { appendFileSync } from "node:fs";
    import { acquireLock } from ${JSON.stringify(new URL("../../dist/runtime/lock.js", import.meta.url).href)};
    for (let i = 0; i < 5; i++) {
      const lock = await acquireLock(process.argv[1], { waitMs: 60000 });
      appendFileSync(process.argv[1] + ".log", "in\\n");
      await new Promise((resolve) => setTimeout(resolve, 3));
      appendFileSync(process.argv[1] + ".log", "out\\n");
      lock.release();
    }`;
  const { build } = await import("./build.js");
  build();
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", script, target], { stdio: "inherit" }),
  );
  const codes = await Promise.all(
    children.map((child) => new Promise((resolve) => child.once("close", resolve))),
  );
  expect(codes).toEqual([0, 0, 0, 0]);
  const { readFileSync } = await import("node:fs");
  const lines = readFileSync(`${target}.log`, "utf8").trimEnd().split("\n");
  expect(lines).toEqual(Array.from({ length: 20 }, () => ["in", "out"]).flat());
});
