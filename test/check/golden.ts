/** Golden tests of the checker: programs whose findings and types stand as comments inside them. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { analyze, type Analysis, type Limits } from "../../compiler/compile.js";
import type { CompilerHost } from "../../compiler/host.js";
import { printType } from "../../compiler/ir/type.js";
import type { Override } from "../../compiler/overrides.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { invariant } from "../../grammar/invariant.js";
import { createSource, positionOf, printSpan, type Span } from "../../grammar/source.js";

const folder = dirname(fileURLToPath(import.meta.url));
const library = join(folder, "../../stdlib");
const libraryModules = readdirSync(library, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".pipe"))
  .map((file) => `saic:${file.slice(0, -".pipe".length)}`)
  .toSorted();

const libraryText = new Map(
  libraryModules.map((name) => {
    const file = join(library, `${name.slice("saic:".length)}.pipe`);
    return [name, createSource(name, readFileSync(file, "utf8"))] as const;
  }),
);

/** Modules as strings; those of the standard library come from disk. */
export function memoryHost(modules: ReadonlyMap<string, string>): CompilerHost {
  return {
    libraryModules,
    readModule(specifier) {
      const own = libraryText.get(specifier);
      if (own !== undefined) return own;
      const text = modules.get(specifier);
      return text === undefined ? null : createSource(specifier, text);
    },
    resolvePath: (path) => `/${path}`,
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
  };
}

/** One program of a case file, annotations taken out. */
export interface Program {
  readonly title: string;
  /** As written, annotations included. */
  readonly written: string;
  readonly modules: readonly Module[];
  readonly overrides: readonly Override[];
  readonly train: string | null;
  readonly variant: string | null;
  readonly limits: Limits;
}

interface Module {
  readonly name: string;
  readonly lines: readonly Line[];
  /** Text that the harness adds after the lines. */
  readonly tail: string;
}

interface Line {
  readonly text: string;
  /** Columns whose types are shown. */
  readonly marks: readonly number[];
}

const rootName = "case.pipe";

/** Parts of programs that many cases share: a dataset, a model, a loss, an optimizer. */
const fixture = readFileSync(join(folder, "fixture.pipe"), "utf8");

/** `// with a train of M on D` adds this. */
const trainOf = (model: string, data: string): string => `
import "./fixture.pipe" as fixture
train shared {
  model: ${model}
  data: ${data}
  loss { total = fixture.fit(logits, kind) }
  optimizer: fixture.plain(lr: 0.1)
  stage main for 1 epochs { }
}
`;

/** The programs of a file, each after a line `// == title`. */
export const readCases = (file: string): readonly Program[] =>
  programsIn(readFileSync(join(folder, "cases", file), "utf8"));

/** The programs of a text. */
export const programsIn = (text: string): readonly Program[] =>
  text
    .split(/^(?=\/\/ == )/m)
    .filter((part) => part.startsWith("// == "))
    .map(readProgram);

export const caseFiles = (): readonly string[] =>
  readdirSync(join(folder, "cases")).filter((file) => file.endsWith(".pipe"));

/** Puts what was found in place of what stands in the file. */
export function writeCases(file: string, programs: readonly string[]): void {
  writeFileSync(join(folder, "cases", file), programs.join(""));
}

const isAnnotation = (line: string): boolean => /^\/\/([ ]*[\^-]|= |! )/.test(line);

function readProgram(written: string): Program {
  const modules: { name: string; lines: Line[]; tail: string }[] = [
    { name: rootName, lines: [], tail: "" },
  ];
  const overrides: Override[] = [];
  let train: string | null = null;
  let variant: string | null = null;
  let limits: Limits = { seed: null, length: null };
  for (const text of written.replace(/\n$/, "").split("\n")) {
    const module = modules.at(-1);
    invariant(module !== undefined, "a program has a module");
    const flag = /^\/\/ flag (--set )?(\S+?)[ =](.*)$/.exec(text);
    const tail = /^\/\/ with a train of (.+) on (.+)$/.exec(text);
    if (flag !== null) {
      const [, set, name = "", value = ""] = flag;
      overrides.push({
        path: set === undefined ? name.slice(2).replaceAll("-", "_") : name,
        value,
        flag: set === undefined ? name : `--set ${name}`,
      });
    }
    if (text.startsWith("// train ")) train = text.slice("// train ".length);
    if (text.startsWith("// variant ")) variant = text.slice("// variant ".length);
    if (text.startsWith("// steps "))
      limits = { seed: null, length: { amount: Number(text.slice(9)), unit: "step" } };
    if (tail !== null) module.tail = trainOf(tail[1] ?? "", tail[2] ?? "");
    if (text.startsWith("// ++ ")) modules.push({ name: text.slice(6), lines: [], tail: "" });
    const last = module.lines.at(-1);
    if (!isAnnotation(text)) modules.at(-1)?.lines.push({ text, marks: [] });
    else if (last !== undefined && /^\/\/ *\^/.test(text) && !/(?:error|warning)\[/.test(text))
      module.lines.splice(-1, 1, { ...last, marks: [...last.marks, text.indexOf("^")] });
  }
  const title = written.slice("// == ".length, written.indexOf("\n"));
  return { title, written, modules, overrides, train, variant, limits };
}

const sourcesOf = (program: Program): ReadonlyMap<string, string> =>
  new Map([
    ["./fixture.pipe", fixture],
    ...program.modules.map((module) => [module.name, textOf(module)] as const),
  ]);

/** What a program's modules are read from. */
export const hostOf = (program: Program): CompilerHost => memoryHost(sourcesOf(program));

export function analyzeProgram(
  program: Program,
  purpose: "check" | "compile" = "compile",
): Analysis {
  const root = createSource(rootName, sourcesOf(program).get(rootName) ?? "");
  return analyze(root, hostOf(program), {
    overrides: program.overrides,
    train: program.train,
    limits: program.limits,
    variant: program.variant,
    variants: "all",
    purpose,
  });
}

const textOf = ({ lines, tail }: Module): string =>
  `${lines.map(({ text }) => text).join("\n")}\n${tail}`;

/** The program with what the analysis found written into it. */
export function annotate(program: Program, analysis: Analysis): string {
  const { facts } = analysis;
  const diagnostics = [...analysis.diagnostics, ...analysis.uncarried];
  const shown = new Set<Diagnostic>();
  const lines = program.modules.flatMap(({ name, lines: code }) =>
    code.flatMap((line, i) => {
      const at = (span: Span): boolean =>
        span.source.name === name && positionOf(span.source, span.start).line === i + 1;
      const types = line.marks.map((column) => {
        const offset = lineStart(code, i) + column;
        const holding = facts.filter(
          ({ span }) => span.source.name === name && span.start <= offset && offset < span.end,
        );
        const size = Math.min(...holding.map(({ span }) => span.end - span.start));
        const inner = holding.filter(({ span }) => span.end - span.start === size);
        const distinct = new Set(inner.map(({ type }) => printType(type)));
        return pointer(column, "^", 1, [...distinct].join(" | ") || "no type");
      });
      const found = diagnostics
        .filter(({ span }) => span !== null && at(span))
        .flatMap((diagnostic) => {
          shown.add(diagnostic);
          return primary(diagnostic, line);
        });
      const labels = diagnostics
        .flatMap((diagnostic) => diagnostic.labels)
        .filter(({ span }) => at(span))
        .map(({ span, text }) => mark(span, "-", line, text));
      return [line.text, ...types, ...found, ...labels];
    }),
  );
  const elsewhere = diagnostics.flatMap((diagnostic) => {
    const outside = diagnostic.labels.filter(
      ({ span }) => !program.modules.some(({ name }) => name === span.source.name),
    );
    const place = diagnostic.span === null ? diagnostic.place : excerpt(diagnostic.span);
    return [
      ...(shown.has(diagnostic) ? [] : [`//! ${summary(diagnostic)}, at ${place}`]),
      ...(shown.has(diagnostic) ? [] : hint(diagnostic)),
      ...outside.map(({ span, text }) => `//! ${text}: ${excerpt(span)}`),
    ];
  });
  return [...lines, ...elsewhere, ""].join("\n");
}

const lineStart = (lines: readonly Line[], index: number): number =>
  lines.slice(0, index).reduce((sum, { text }) => sum + text.length + 1, 0);

const primary = (diagnostic: Diagnostic, line: Line): readonly string[] =>
  diagnostic.span === null
    ? []
    : [mark(diagnostic.span, "^", line, summary(diagnostic)), ...hint(diagnostic)];

const summary = ({ severity, code, message }: Diagnostic): string =>
  `${severity}[${code}]: ${message}`;

const hint = (diagnostic: Diagnostic): readonly string[] =>
  diagnostic.hint === null ? [] : [`//= hint: ${diagnostic.hint}`];

/** A span of several lines is marked to the end of its first. */
function mark(span: Span, sign: string, line: Line, text: string): string {
  const column = positionOf(span.source, span.start).column - 1;
  const length = Math.min(span.end - span.start, line.text.length - column);
  return pointer(column, sign, Math.max(1, length), text);
}

/** Below the first two columns stands the comment's own sign: the marks move right. */
const pointer = (column: number, sign: string, length: number, text: string): string =>
  `//${" ".repeat(Math.max(0, column - 2))}${sign.repeat(Math.max(1, length - Math.max(0, 2 - column)))} ${text}`;

/** A place outside of the case, named by what stands there: line numbers move. */
function excerpt(span: Span): string {
  const place = span.source.name.startsWith("saic:") ? span.source.name : printSpan(span);
  return `${place} \`${span.source.text.slice(span.start, span.end).split("\n")[0]}\``;
}
