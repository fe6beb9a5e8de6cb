/** `saic check --format sarif` and `--format github`. */

import { afterAll, expect, test } from "vitest";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { createSource } from "../../grammar/source.js";
import { githubCommands } from "../../cli/github.js";
import { sarifLog } from "../../cli/sarif.js";
import { createWorkplace, tinyProgram } from "./saic.js";

const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "wrong.pipe": tinyProgram().replace("optimizer:", "optimiser:"),
});
afterAll(place.remove);

interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly Record<string, unknown>[];
  }[];
}

async function sarif(code: number, ...args: readonly string[]): Promise<Log["runs"][number]> {
  const ended = await place.saic("check", ...args, "--format", "sarif");
  expect(ended, ended.stderr).toMatchObject({ code, stderr: "" });
  const log = JSON.parse(ended.stdout) as Log;
  expect(log.version).toBe("2.1.0");
  expect(log.runs).toHaveLength(1);
  const [run] = log.runs;
  if (run === undefined) throw new Error("no run");
  return run;
}

test("SARIF has rules with explanations and results with places", async () => {
  const { tool, results } = await sarif(1, "wrong.pipe");
  expect(tool.driver).toMatchObject({
    name: "saic",
    rules: [
      { id: "names/unknown-key", defaultConfiguration: { level: "error" } },
      { id: "names/missing-key", help: { markdown: expect.stringMatching(/\w/u) } },
    ],
  });
  expect(results[0]).toMatchObject({
    ruleId: "names/unknown-key",
    ruleIndex: 0,
    level: "error",
    message: { text: expect.stringContaining("did you mean `optimizer`?") },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: "wrong.pipe" },
          region: { startLine: 33, startColumn: 3, endLine: 33, endColumn: 12 },
        },
      },
    ],
  });
  expect(results.map(({ ruleIndex }) => ruleIndex)).toEqual([0, 1]);
});

test("SARIF without findings, and of a check that cannot begin", async () => {
  expect(await sarif(0, "tiny.pipe")).toMatchObject({ results: [], columnKind: "utf16CodeUnits" });
  expect(await sarif(2, "nosuch.pipe")).toMatchObject({
    results: [{ ruleId: "command/unreadable-file", locations: [] }],
  });
  expect((await sarif(2, "tiny.pipe", "--lr", "x")).results[0]).toMatchObject({
    locations: [{ logicalLocations: [{ fullyQualifiedName: "--lr" }] }],
  });
});

test("GitHub: one workflow command a line", async () => {
  const ended = await place.saic("check", "wrong.pipe", "--format", "github");
  expect(ended).toMatchObject({ code: 1, stderr: "" });
  const [first, ...rest] = ended.stdout.trimEnd().split("\n");
  expect(first).toMatch(
    /^::error file=wrong\.pipe,line=33,endLine=33,col=3,endColumn=12,title=names\/unknown-key::.*`optimiser`%0Ahint: did you mean `optimizer`\?$/u,
  );
  expect(rest).toHaveLength(1);
  const none = await place.saic("check", "tiny.pipe", "--format", "github");
  expect(none).toMatchObject({ code: 0, stdout: "", stderr: "" });
  const failed = await place.saic("check", "nosuch.pipe", "--format=github");
  expect(failed).toMatchObject({ code: 2, stderr: "" });
  expect(failed.stdout).toMatch(/^::error title=command\/unreadable-file::cannot read `nosuch/u);
});

const source = createSource("a, b/100%:x y.pipe", "first\nsecond\n");
const twoLines: Diagnostic = {
  code: "train/none",
  severity: "warning",
  message: "50%: one,\r\ntwo",
  span: { source, start: 2, end: 8 },
  place: null,
  labels: [{ span: { source, start: 0, end: 5 }, text: "here" }],
  hint: null,
  fix: { span: { source, start: 2, end: 3 }, text: "R" },
};

test("GitHub: characters with a meaning are escaped, and columns need one line", () => {
  expect(githubCommands([twoLines])).toBe(
    "::warning file=a%2C b/100%25%3Ax y.pipe,line=1,endLine=2,title=train/none::50%25: one,%0D%0Atwo\n",
  );
  const flag: Diagnostic = { ...twoLines, span: null, place: "--train", message: "m", hint: "h" };
  expect(githubCommands([flag])).toBe("::warning title=train/none::--train: m%0Ahint: h\n");
});

test("SARIF: names are URIs; labels and fixes have places", () => {
  const absolute = createSource("/srv/a b.pipe", "x");
  const log = sarifLog([twoLines, { ...twoLines, span: { source: absolute, start: 0, end: 1 } }]);
  const region = { startLine: 1, startColumn: 3, endLine: 1, endColumn: 4 };
  expect(log).toMatchObject({
    runs: [
      {
        results: [
          {
            level: "warning",
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: "a%2C%20b/100%25%3Ax%20y.pipe" },
                  region: { startLine: 1, startColumn: 3, endLine: 2, endColumn: 3 },
                },
              },
            ],
            relatedLocations: [
              {
                id: 0,
                message: { text: "here" },
                physicalLocation: { region: { startColumn: 1, endColumn: 6 } },
              },
            ],
            fixes: [
              {
                artifactChanges: [
                  { replacements: [{ deletedRegion: region, insertedContent: { text: "R" } }] },
                ],
              },
            ],
          },
          {
            locations: [
              { physicalLocation: { artifactLocation: { uri: "file:///srv/a%20b.pipe" } } },
            ],
          },
        ],
      },
    ],
  });
});
