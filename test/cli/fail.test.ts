/** What a thrown value becomes for the user. */

import { existsSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { failureOf } from "../../cli/fail.js";

test.each([
  "Cannot find package 'saic-absent' imported from /x/run.js",
  "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'saic-absent' imported from /x/run.js",
])("a package that is not there is the installation's fault: %s", (message) => {
  const { diagnostic, exitCode } = failureOf(new Error(message));
  expect(diagnostic).toMatchObject({
    code: "command/package-missing",
    message: "the package `saic-absent` is not installed",
  });
  expect(exitCode).toBe(2);
});

test("anything else is a bug of ours, whose stack lies in a file", () => {
  const { diagnostic, exitCode } = failureOf(new Error("what"));
  expect(diagnostic.code).toBe("command/bug");
  expect(exitCode).toBe(70);
  const [file] = /\/[^`]*saic-crash-\d+\.txt/u.exec(diagnostic.hint ?? "") ?? [];
  expect(file !== undefined && existsSync(file)).toBe(true);
  if (file !== undefined) rmSync(file);
});
