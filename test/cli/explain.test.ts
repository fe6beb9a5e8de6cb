/** `saic explain`: the catalogue on the command line, and where a check points to it. */

import { afterAll, expect, test } from "vitest";
import { diagnosticKinds, messageShape } from "../../grammar/catalogue.js";
import { createWorkplace, tinyProgram } from "./saic.js";

const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "wrong.pipe": tinyProgram().replace("seed:  1", "sede:  1"),
  "worse.pipe": tinyProgram().replace("optimizer:", "optimiser:"),
});
afterAll(place.remove);

test("a code is explained, with the shape of its message", async () => {
  const ended = await place.saic("explain", "dims/inexact-division");
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  const [head, empty, ...text] = ended.stdout.split("\n");
  expect(head).toBe(
    "error[dims/inexact-division]: <left> / <right> is not exact: the remainder is <remainder>",
  );
  expect(empty).toBe("");
  expect(text.join("\n").trim().length).toBeGreaterThan(20);
});

test("an unknown code is a wrong call, with the code that was meant", async () => {
  for (const [code, hint] of [
    ["dims/inexact-divison", "did you mean `dims/inexact-division`?"],
    ["inexact-division", "did you mean `dims/inexact-division`?"],
    ["nothing/like-this-at-all", "`saic explain` lists all codes"],
  ] as const) {
    const ended = await place.saic("explain", code);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(`there is no diagnostic \`${code}\``);
    expect(ended.stderr).toContain(hint);
  }
});

test("without a code all are listed, by code", async () => {
  const { stdout } = await place.saic("explain");
  const codes = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ", 1)[0]);
  expect(codes).toEqual(diagnosticKinds.map(({ code }) => code));
  expect(codes).toEqual(codes.toSorted());
});

test("JSON holds the same", async () => {
  const all: unknown = JSON.parse((await place.saic("explain", "--format", "json")).stdout);
  expect(all).toEqual(
    diagnosticKinds.map((kind) => ({
      code: kind.code,
      severity: kind.severity,
      message: messageShape(kind),
      explanation: kind.explain,
    })),
  );
  const one = await place.saic("explain", "train/none", "--format", "json");
  expect(JSON.parse(one.stdout)).toMatchObject({ code: "train/none", severity: "error" });
});

test("every message has a shape of words and parameters", () => {
  for (const kind of diagnosticKinds)
    expect(messageShape(kind), kind.code).toMatch(
      /^(?!.*(?:(?<!is )undefined|NaN|\[object|=>))\S.+$/u,
    );
});

test("a check with errors ends with where to read on", async () => {
  const wrong = await place.saic("check", "wrong.pipe");
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/\nrun `saic explain names\/unknown-key` for more\n$/u);
  const worse = await place.saic("check", "worse.pipe");
  expect(worse.stderr).toMatch(/\nrun `saic explain CODE` for more\n$/u);
  expect(worse.stderr.match(/saic explain/gu)).toHaveLength(1);
  expect((await place.saic("check", "tiny.pipe")).stderr).toBe("");
});
