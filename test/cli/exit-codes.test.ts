/** Every documented exit code, from the real command; standard output holds results only. */

import { afterAll, describe, expect, test } from "vitest";
import { failureOf, reportFailure } from "../../cli/fail.js";
import { createWorkplace, type PrintedResult, tinyProgram } from "./saic.js";

const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "long.pipe": tinyProgram({ steps: 100_000 }),
  "wrong.pipe": tinyProgram().replace("optimizer:", "optimiser:"),
});
afterAll(place.remove);

const long = ["run", "long.pipe", "--threads", "1", "--format", "json"];

describe("exit codes", () => {
  test("0, then at once with the same result, 3 with --gate, and anew with --fresh", async () => {
    const first = await place.saic("run", "tiny.pipe", "--format", "json");
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain("training on cpu");
    const again = await place.saic("run", "tiny.pipe", "--format", "json");
    expect(again).toEqual({ code: 0, signal: null, stdout: first.stdout, stderr: "" });
    const gated = await place.saic("run", "tiny.pipe", "--format", "json", "--gate");
    expect(gated).toEqual({ code: 3, signal: null, stdout: first.stdout, stderr: "" });
    const fresh = await place.saic("run", "tiny.pipe", "--format", "json", "--fresh");
    expect(fresh.stderr).toContain("training on cpu");
    expect(fresh.stdout).toBe(first.stdout);
  });

  test("1: findings in the program, none of it on standard output", async () => {
    for (const command of ["run", "compile", "show"]) {
      const ended = await place.saic(command, "wrong.pipe", "--format", "json");
      expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toContain("did you mean `optimizer`?");
    }
  });

  test("4: a guard stops a training that diverges", async () => {
    const ended = await place.saic("run", "tiny.pipe", "--lr", "1e30", "--format", "json");
    expect(ended, ended.stderr).toMatchObject({ code: 4, stdout: "" });
    expect(ended.stderr).toMatch(/error\[run\/(loss|state)-not-finite\]: /u);
  });

  test("5: memory that is predicted not to suffice", async () => {
    const ended = await place.saic("run", "tiny.pipe", "--hidden-units", "2_000_000_000");
    expect(ended, ended.stderr).toMatchObject({ code: 5, stdout: "" });
    expect(ended.stderr).toMatch(/predicted to need [\d.]+ GiB .* but only [\d.]+ GiB/u);
  });

  test("6: bad data", async () => {
    const empty = tinyProgram({ count: 5 });
    place.write("empty.pipe", empty);
    const ended = await place.saic("run", "empty.pipe");
    expect(ended, ended.stderr).toMatchObject({ code: 6, stdout: "" });
    expect(ended.stderr).toContain("not enough for one batch of 8");
  });

  test.for(["SIGINT", "SIGTERM"] as const)("75: %s ends with a checkpoint", async (signal) => {
    const stopped = place.start(...long, "--runs-dir", signal, "--seed", "5");
    await untilPrinted(stopped.stderr, "main 1/");
    process.kill(stopped.child.pid ?? 0, signal);
    const ended = await stopped.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 75, signal: null });
    expect(ended.stderr).toContain("stopping after this update");
    const result = JSON.parse(ended.stdout) as PrintedResult;
    expect(result).toMatchObject({ status: "interrupted", model: null });
    expect(result.updates).toBeGreaterThan(0);

    const continued = place.start(...long, "--runs-dir", signal, "--seed", "5");
    await untilPrinted(continued.stderr, `continuing after update ${result.updates}`);
    // Two requests in one go: the second does not wait for the first.
    process.kill(continued.child.pid ?? 0, signal);
    await untilPrinted(continued.stderr, "stopping after this update");
    process.kill(continued.child.pid ?? 0, signal === "SIGINT" ? "SIGTERM" : "SIGINT");
    expect((await continued.ended).code).toBe(75);
  });
});

describe("failures that are our bugs", () => {
  const bug = new TypeError("x is not a function");

  test("70, with a message of one line and the stack in a file", () => {
    const { diagnostic, exitCode } = failureOf(bug);
    expect(exitCode).toBe(70);
    expect(diagnostic.code).toBe("command/bug");
    expect(diagnostic.message).toBe("this is a bug in saic: x is not a function");
    expect(diagnostic.hint).toMatch(/saic-crash-\d+\.txt/u);
  });

  test("nothing of the stack is printed", () => {
    const printed: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text: string | Uint8Array) => printed.push(String(text)) > 0;
    try {
      expect(reportFailure(bug)).toBe(70);
      expect(reportFailure("thrown text")).toBe(70);
    } finally {
      process.stderr.write = write;
    }
    expect(printed.join("")).not.toMatch(/^\s+at /mu);
    expect(printed.join("")).toContain("this is a bug in saic: thrown text");
  });
});

async function untilPrinted(printed: () => string, text: string): Promise<void> {
  for (let waited = 0; !printed().includes(text); waited += 5) {
    if (waited > 50_000) throw new Error(`never printed \`${text}\`: ${printed()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
