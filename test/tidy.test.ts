/** The rules of the house, as tests: on bad samples, where each must speak, and on the project. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../cli/commands/index.js";
import type { Op } from "../compiler/ops/define.js";
import { ops } from "../compiler/ops/index.js";
import type { Pass } from "../compiler/passes/pass.js";
import { pipeline } from "../compiler/passes/pipeline.js";
import {
  catalogueFaults,
  dependencyFaults,
  entriesIn,
  importCycles,
  type PackageFile,
  unimported,
  unlisted,
  untested,
  unusedEntries,
} from "./tidy/lists.js";
import { rules } from "./tidy/rules.js";
import { importsOf, readProject, root, source, type SourceText } from "./tidy/sources.js";

/** Raised in a commit of its own, when the compiler earns it. */
const compilerBudget = 42_000;

const project = readProject();
const within = (pattern: RegExp): readonly SourceText[] =>
  project.filter(({ path }) => pattern.test(path));
const modules = async (files: readonly SourceText[]): Promise<ReadonlyMap<string, object>> =>
  new Map(
    await Promise.all(
      files.map(async ({ path }) => [path, (await import(join(root, path))) as object] as const),
    ),
  );

const header = "/** What it is. */\n";
const pure = "compiler/sample.ts";

/** For every rule a path, text it complains about, and text it does not. */
const samples: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  "imports go to earlier layers": [
    ["grammar/a.ts", 'import { x } from "../compiler/x.js";', 'import { x } from "./x.js";'],
    [pure, 'import { readFileSync } from "node:fs";', 'import { z } from "zod";'],
    [pure, 'import { x } from "./x";', 'const s = "import x from ./x";'],
    ["compiler/a.ts", 'import type { X } from "../runtime/x.js";', 'import "../grammar/x.js";'],
    ["runtime/a.ts", 'import "../grammar/parse.js";', 'import "../grammar/diagnostics/run.js";'],
    ["runtime/a/b.ts", 'import "../../compiler/compile.js";', 'import "../../compiler/plan/a.js";'],
    ["cli/a.ts", 'const x = await import("../scripts/x.js");', 'import "../runtime/x.js";'],
    ["scripts/a.ts", 'import "../test/x.js";', 'import "../bench/x.js";'],
  ],
  "grammar and compiler are pure": [
    [pure, "const now = Date.now();", "const word = a.process;"],
    ["grammar/a.ts", "const x = Math.random();", "// Math.random() is not for us."],
    [pure, "console.log(1);", 'const text = "console.log(1)";'],
    [pure, "const home = process.env;", "const x = `process.env ${1} console.log`;"],
  ],
  "types are erased in two places": [
    [pure, "const x = y as unknown as string;", "const x = y as string;"],
  ],
  "nothing is `any`": [
    [pure, "const x: any = 1;", 'const kind: "any" = "any";'],
    [pure, "const x = y as any;", "const x = any(y, z);"],
    [pure, "const x: Map<string, any> = y;", "/* any */ const x = [all, any];"],
  ],
  "nothing is silenced": [
    [
      pure,
      "// oxlint-disable-next-line no-console",
      "// oxlint-disable-next-line no-console -- it is its purpose",
    ],
    ["cli/a.ts", "// @ts-expect-error", "// An error is expected."],
    ["test/a.test.ts", "// @ts-ignore", "// @ts-expect-error"],
  ],
  "nothing is asserted not to be null": [
    [pure, "const x = y[0]!.length;", "const x = a !== b;"],
    [pure, "f(x!);", "f(!x);"],
  ],
  "constructs are plain": [
    [pure, "export enum Color { red }", "const enumerate = 1;"],
    [pure, 'export * from "./x.js";', 'export type { X } from "./x.js";'],
    [pure, "export default 1;", "const text = 'export default 1';"],
  ],
  "classes are errors and parsers": [
    [pure, "class Checker {}", "class Fault extends Error {}"],
    [pure, "class Checker extends Base {}", "class PipeParser extends CstParser {}"],
  ],
  "shared code compares no op's name": [
    [pure, 'if (node.op === "softmax") return;', "if (node.op === name) return;"],
  ],
  "the compiler runs no model": [[pure, "InferenceSession.create(x);", "// InferenceSession"]],
  "no test is switched off": [
    ["test/a.test.ts", "it.skip('x', f);", "it('x', f);"],
    ["test/a.test.ts", "describe.only('x', f);", "test.each([1])('x', f);"],
  ],
  "files say what they are, and are short": [
    [pure, "const x = 1;", "const x = 1;"],
    [pure, `${header}${"const x = 1;\n".repeat(400)}`, "const x = 1;\n".repeat(399)],
    ["compiler/badName.ts", header, ""],
    ["compiler/helpers.ts", header, ""],
    ["runtime/index.ts", header, ""],
  ],
  "the text speaks of the project alone": [
    ["docs/a.md", "TODO: write this", "todo lists"],
    ["docs/a.md", "Fixes #12.", "# 12 rules, [here](#12-rules), `#1` and a&#12;"],
    ["docs/a.md", "See /work/here.", "See docs/work/here."],
    ["docs/a.md", "npm from registry.example.org", "the registry of packages"],
  ],
};

describe("rules", () => {
  for (const [sentence, rule] of rules) {
    it(`${sentence}: samples`, () => {
      const cases = samples[sentence] ?? [];
      expect(cases.length).toBeGreaterThan(0);
      for (const [path, bad, good] of cases) {
        expect(rule(source(path, bad)), bad).not.toEqual([]);
        // A good file has a header; a name is judged by its path.
        const goodPath = /badName|helpers|index/u.test(path) ? pure : path;
        expect(rule(source(goodPath, header + good)), good).toEqual([]);
      }
    });

    it(`${sentence}: the project`, () => {
      expect(project.flatMap((file) => rule(file))).toEqual([]);
    });
  }
});

describe("lists", () => {
  const isOp = (value: unknown): value is Op =>
    typeof value === "object" && value !== null && "formulations" in value && "infer" in value;
  const isPass = (value: unknown): value is Pass =>
    typeof value === "object" && value !== null && "run" in value && "example" in value;

  it("hold every op, once", async () => {
    const files = within(/^compiler\/ops\/(?!kit\/)[a-z]+\/[\w-]+\.ts$/u);
    const found = await modules(files);
    expect(unlisted(found, isOp, new Set(ops.values()))).toEqual([]);
    expect(unlisted(found, isOp, new Set())).toHaveLength(ops.size);
  });

  it("hold every pass, once", async () => {
    const found = await modules(within(/^compiler\/passes\/[\w-]+\.ts$/u));
    expect(unlisted(found, isPass, new Set(pipeline))).toEqual([]);
    expect(unlisted(found, isPass, new Set())).toHaveLength(new Set(pipeline).size);
  });

  it("hold every command, once", () => {
    const files = within(/^cli\/commands\/[\w-]+\.ts$/u);
    const [list] = within(/^cli\/commands\/index\.ts$/u);
    expect(list && unimported(files, list)).toEqual([]);
    expect(new Set(commands).size).toBe(files.length - 1);
    const stray = source("cli/commands/stray.ts", header);
    expect(list && unimported([...files, stray], list)).toHaveLength(1);
  });
});

describe("the catalogue of diagnostics", async () => {
  const files = within(/^grammar\/diagnostics\//u);
  const found = await modules(files);
  const entries = [...found].flatMap(([file, exports]) => entriesIn(file, exports));
  const stray = {
    file: "grammar/diagnostics/a.ts",
    name: "strayEntry",
    code: "stray/Entry",
    explain: "",
  };

  it("has unique, explained codes", () => {
    expect(entries.length).toBeGreaterThan(100);
    expect(catalogueFaults(entries)).toEqual([]);
    expect(catalogueFaults([stray])).toHaveLength(2);
    expect(catalogueFaults([...entries, ...entries.slice(0, 1)])).toHaveLength(1);
  });

  it("is tested entry by entry", () => {
    const tests = within(/^test\/(?!tidy)/u);
    expect(untested([stray], tests)).toHaveLength(1);
    expect(untested(entries, tests)).toEqual([]);
  });

  it("holds nothing that is never reported", () => {
    const product = within(/^(?:grammar|compiler|runtime|cli)\/.*\.ts$/u);
    expect(unusedEntries([stray], product)).toHaveLength(1);
    expect(unusedEntries(entries, product)).toEqual([]);
  });
});

describe("the project", () => {
  it("uses the packages it declares, at exact versions", () => {
    const declared: PackageFile = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(dependencyFaults(declared, project)).toEqual([]);
    const wrong: PackageFile = {
      scripts: {},
      dependencies: { unused: "1.0.0" },
      devDependencies: { oxlint: "1.0.0", zod: "^4.0.0" },
    };
    const file = source("cli/a.ts", 'import { z } from "zod";\nimport "other";');
    expect(dependencyFaults(wrong, [file])).toHaveLength(6);
  });

  it("has no circle of imports", () => {
    expect(importCycles(project.filter(({ path }) => path.endsWith(".ts")))).toEqual([]);
    const a = source("a/a.ts", 'import { b } from "../b.js";');
    const b = source("b.ts", 'import { a } from "./a/a.js";');
    expect(importCycles([a, b])).toEqual(["a/a.ts -> b.ts -> a/a.ts"]);
    expect(importCycles([a, source("b.ts", 'import type { A } from "./a/a.js";')])).toEqual([]);
  });

  it("has no registry in its lock file", () => {
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(/"resolved"/u);
  });

  it("keeps the compiler within its budget", () => {
    const lines = ({ text }: SourceText): number => text.trimEnd().split("\n").length;
    const sizes = project
      .filter(({ path }) => path.endsWith(".ts"))
      .map((file) => ({ path: file.path, lines: lines(file) }))
      .toSorted((a, b) => b.lines - a.lines);
    const compiler = sizes
      .filter(({ path }) => path.startsWith("compiler/"))
      .reduce((sum, { lines: count }) => sum + count, 0);
    const largest = sizes.slice(0, 10).map(({ path, lines: count }) => `${count} ${path}`);
    process.stdout.write(
      `largest files:\n  ${largest.join("\n  ")}\ncompiler/: ${compiler} of ${compilerBudget} lines\n`,
    );
    expect(compiler).toBeLessThanOrEqual(compilerBudget);
  });

  it("reads imports where they are and nowhere else", () => {
    const text =
      'import type { A } from "./a.js";\nexport { b } from "./b.js";\nawait import("./c.js");\n' +
      '// from "./d.js"\nconst s = `from "./e.js" ${f("from")} `;\nconst r = /from "x"/u;\n';
    expect(importsOf(source("a.ts", text)).map(({ specifier }) => specifier)).toEqual([
      "./a.js",
      "./b.js",
      "./c.js",
    ]);
  });
});
