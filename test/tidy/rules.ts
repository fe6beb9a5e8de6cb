/** The house rules: each takes one file and says what is wrong with it, by line. */

import { dirname, join, normalize } from "node:path/posix";
import { importsOf, lineOf, type SourceText } from "./sources.js";

/** Complaints of the form `path:line: what`; none when the file is fine. */
export type Rule = (file: SourceText) => readonly string[];

/** Folders in the order in which they build on each other. */
const layers = ["grammar", "compiler", "runtime", "cli", "bench", "scripts"] as const;

/** What each folder may import of the project. Tests may import everything. */
const allowed: Readonly<Record<(typeof layers)[number], RegExp>> = {
  grammar: /^grammar\//u,
  compiler: /^(?:grammar|compiler)\//u,
  // Of the language the runtime knows diagnostics and invariants only: it reads plans, not programs.
  runtime:
    /^(?:runtime\/|compiler\/plan\/|grammar\/(?:diagnostic|invariant|suggest|diagnostics\/[\w-]+)\.js$)/u,
  cli: /^(?:grammar|compiler|runtime|cli)\//u,
  bench: /^(?:grammar|compiler|runtime|cli|bench|scripts)\//u,
  scripts: /^(?:grammar|compiler|runtime|cli|bench|scripts)\//u,
};

const layerOf = (path: string): (typeof layers)[number] | null =>
  layers.find((layer) => path.startsWith(`${layer}/`)) ?? null;

const isPure = (path: string): boolean => /^(?:grammar|compiler)\//u.test(path);
const isShipped = (path: string): boolean => layerOf(path) !== null;
const isTypeScript = (path: string): boolean => path.endsWith(".ts");

/** Matches of `pattern` in the code of TypeScript files whose path passes. */
const forbidden =
  (pattern: RegExp, what: string, applies: (path: string) => boolean = isTypeScript): Rule =>
  ({ path, code }) =>
    isTypeScript(path) && applies(path)
      ? [...code.matchAll(pattern)].map(
          (match) => `${path}:${lineOf(code, match.index)}: ${what}: \`${match[0].trim()}\``,
        )
      : [];

/** Imports go to the same or an earlier layer, and name the file they mean. */
export const importLayers: Rule = (file) => {
  const layer = layerOf(file.path);
  if (!isTypeScript(file.path)) return [];
  return importsOf(file).flatMap(({ specifier, line }) => {
    const place = `${file.path}:${line}`;
    if (!specifier.startsWith(".")) {
      const impure = isPure(file.path) && specifier.startsWith("node:");
      return impure ? [`${place}: pure code imports \`${specifier}\``] : [];
    }
    if (!/\.(?:js|json)$/u.test(specifier)) return [`${place}: \`${specifier}\` names no file`];
    const target = normalize(join(dirname(file.path), specifier));
    return layer === null || allowed[layer].test(target)
      ? []
      : [`${place}: ${layer}/ imports \`${target}\``];
  });
};

/** Pure code sees no clock, chance, process or console. */
export const pureCode = forbidden(
  /(?<![\w.])(?:Date|console|process|performance|setTimeout|setInterval|fetch|globalThis|Buffer)\s*[.(]|new\s+Date\b|\bMath\.random\b/gu,
  "pure code",
  isPure,
);

/** Types are erased in `defineOp` and in `rule` alone. */
export const noBridgingCasts = forbidden(
  /\bas\s+unknown\s+as\b/gu,
  "a cast as a bridge",
  (path) => path !== "compiler/ops/define.ts" && path !== "compiler/passes/rewrite.ts",
);

/** No `any`, as a type or a cast. */
export const noAny = forbidden(
  /\bas\s+any\b|<any\b|,\s*any>|\bany\[\]|[|&]\s*any\s*[;,)>=]|:\s*any\s*[=)]/gu,
  "the type `any`",
);

/**
 * The type checker is not silenced, and the linter for one line only, with a reason. A test may show
 * that something does not compile.
 */
export const notSilenced: Rule = ({ path, text }) =>
  isTypeScript(path) && !path.startsWith("test/tidy")
    ? [
        ...text.matchAll(
          /(?:oxlint|eslint)-disable(?!-next-line [\w/-]+ -- \w)|@ts-(?:ignore|nocheck|expect-error)/gu,
        ),
      ]
        .filter(([word]) => !(path.startsWith("test/") && word === "@ts-expect-error"))
        .map((match) => `${path}:${lineOf(text, match.index)}: \`${match[0]}\``)
    : [];

/** No non-null assertion. */
export const noNonNull = forbidden(
  /(?<=[\w\])])!(?=\s*[.;,)\]}[(]|\s*$)/gmu,
  "a non-null assertion",
);

/** No construct that types do not erase, no default export, no barrel. */
export const plainConstructs = forbidden(
  /^\s*(?:export\s+)?(?:const\s+)?(?:enum|namespace)\s+\w+|^export\s+\*|^export\s+default\b/gmu,
  "a construct the style rules out",
  (path) => path !== "vitest.config.ts",
);

/** Classes are errors or the parser that Chevrotain wants. */
export const fewClasses = forbidden(
  /\bclass\s+\w+(?!\w)(?!\s+extends\s+(?:\w*Error|CstParser|\w*Parser)\b)/gu,
  "a class",
  isShipped,
);

/** Shared code asks an op for its traits, never for its name. */
export const noOpNames: Rule = (file) =>
  isPure(file.path) && !file.path.startsWith("compiler/passes/pattern")
    ? [...file.code.matchAll(/(?:\.op|\bop\.name)\s*[!=]==\s*["'`]/gu)].map(
        (match) => `${file.path}:${lineOf(file.code, match.index)}: compares an op's name`,
      )
    : [];

/** The compiler writes models and never runs them. */
export const compilerRunsNothing = forbidden(
  /\bInferenceSession\b/gu,
  "the compiler runs no model",
  isPure,
);

/** No test is switched off or runs alone. */
export const noSkippedTests = forbidden(
  /\b(?:it|test|describe)(?:\.concurrent)?\.(?:skip|todo|only|fails)\b/gu,
  "a test that does not count",
  (path) => path.startsWith("test/"),
);

/** A file has a first line that says what it is, a length and a name. */
export const fileShape: Rule = ({ path, text }) => {
  if (!isTypeScript(path)) return [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  const lines = text.trimEnd().split("\n").length;
  return [
    ...(isShipped(path) || path.startsWith("test/")
      ? /^(?:#!.*\n)?\/\*\*(?: \S|\n \* \S)/u.test(text)
        ? []
        : [`${path}:1: the first line is no \`/** … \` comment`]
      : []),
    ...(lines > sizeLimit(path) ? [`${path}: ${lines} lines, at most ${sizeLimit(path)}`] : []),
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|config))?\.ts$/u.test(name)
      ? []
      : [`${path}: the name is not in kebab-case`]),
    ...(/^(?:utils?|helpers?|common|misc|index)\.ts$/u.test(name) && !listFiles.includes(path)
      ? [`${path}: the name says nothing`]
      : []),
  ];
};

/** The explicit ordered lists. */
const listFiles = ["compiler/ops/index.ts", "cli/commands/index.ts"];

/** The tree is one union: a file for each half would only hide that. */
const sizeLimit = (path: string): number => (path === "grammar/ast.ts" ? 520 : 400);

const foreignWords: readonly (readonly [RegExp, string])[] = [
  [/\b(?:TODO|FIXME|XXX|HACK|hack|hacky)\b/gu, "unfinished business"],
  [/(?<![\w&/#[('"`])#\d+\b(?![^`\n]*`)/gu, "an issue number"],
  [/(?<![\w.])\/(?:work|root|opt|home)\/\w+/gu, "a path of one machine"],
  [
    /\bregistry\.[\w-]+\.(?:org|com|net|io|dev|cn)\b|\bpypi\.org\b|\bpythonhosted\b|\bnpmmirror\b/gu,
    "a registry's host",
  ],
  [/\b(?:claude|anthropic|openai|chatgpt|copilot|sub-?agent|language model)\b/giu, "an outsider"],
];

/** Words that have no place in the project's text; the rules themselves name them. */
export const ownWords: Rule = ({ path, text }) =>
  path.startsWith("test/tidy")
    ? []
    : foreignWords.flatMap(([pattern, what]) =>
        [...text.matchAll(pattern)].map(
          (match) => `${path}:${lineOf(text, match.index)}: ${what}: \`${match[0]}\``,
        ),
      );

/** Every rule by its sentence. */
export const rules: readonly (readonly [string, Rule])[] = [
  ["imports go to earlier layers", importLayers],
  ["grammar and compiler are pure", pureCode],
  ["types are erased in two places", noBridgingCasts],
  ["nothing is `any`", noAny],
  ["nothing is silenced", notSilenced],
  ["nothing is asserted not to be null", noNonNull],
  ["constructs are plain", plainConstructs],
  ["classes are errors and parsers", fewClasses],
  ["shared code compares no op's name", noOpNames],
  ["the compiler runs no model", compilerRunsNothing],
  ["no test is switched off", noSkippedTests],
  ["files say what they are, and are short", fileShape],
  ["the text speaks of the project alone", ownWords],
];
