/** The project's own files, as the house rules read them. */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A text file of the project. */
export interface SourceText {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** TypeScript without comments and without the insides of strings; the same lines as `text`. */
  readonly code: string;
}

/** The project's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

const foreign = new Set(["node_modules", "dist", "build", "runs", "coverage", "__pycache__"]);
const textual = /\.(?:ts|md|pipe|py|json|jsonc|txt|ya?ml|toml|sh|cjs|mjs|ir)$|^LICENSE$|^run$/u;

/** Every text file that the project keeps, sorted by path. */
export function readProject(): readonly SourceText[] {
  const paths: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const hidden = entry.name.startsWith(".") && entry.name !== ".ci";
      if (entry.isDirectory() && !hidden && !foreign.has(entry.name)) visit(path);
      if (entry.isFile() && textual.test(entry.name) && entry.name !== "package-lock.json")
        paths.push(path);
    }
  };
  visit("");
  return paths.toSorted().map((path) => source(path, readFileSync(join(root, path), "utf8")));
}

/** A file given as text: what rules are tried on. */
export const source = (path: string, text: string): SourceText => ({
  path,
  text,
  code: path.endsWith(".ts") ? codeOnly(text) : text,
});

/**
 * Blanks comments, the insides of strings, template texts and regular expressions. A slash begins an
 * expression after an operator, an opening bracket or `return`, and divides elsewhere.
 */
export function codeOnly(text: string): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=(?:^|[=(,:[!&|?{};>]|return)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*|[`{}]/gu;
  let result = "";
  let from = 0;
  // One entry per open `${`: the number of braces open inside of it.
  const holes: number[] = [];
  const blank = (piece: string): string => piece.replaceAll(/[^\n]/gu, " ");
  /** Blanks a template's text from `start` on, up to its end or its next hole. */
  const template = (start: number): number => {
    let at = start;
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at))
      at += text[at] === "\\" ? 2 : 1;
    result += blank(text.slice(start, at));
    if (text[at] === "`") {
      result += "`";
      return at + 1;
    }
    holes.push(0);
    result += "${";
    return at + 2;
  };
  for (;;) {
    token.lastIndex = from;
    const match = token.exec(text);
    if (match === null) return result + text.slice(from);
    const [piece] = match;
    result += text.slice(from, match.index);
    from = match.index + piece.length;
    const open = holes.at(-1);
    if (piece === "`") {
      result += piece;
      from = template(from);
    } else if (piece === "}" && open === 0) {
      holes.pop();
      result += piece;
      from = template(from);
    } else if (piece === "{" || piece === "}") {
      if (open !== undefined) holes[holes.length - 1] = open + (piece === "{" ? 1 : -1);
      result += piece;
    } else if (piece.startsWith('"') || piece.startsWith("'"))
      result += piece.slice(0, 1) + blank(piece.slice(1, -1)) + piece.slice(-1);
    else result += blank(piece);
  }
}

/** The specifiers a file imports, re-exports or loads, with the line of each. */
export function importsOf({ text, code }: SourceText): readonly {
  readonly specifier: string;
  readonly line: number;
}[] {
  // Found in the code, so that an import inside of a string does not count; read from the text.
  const pattern = /(?<!\.)\b(?:from\s*|import\s*\(?\s*)(?=["'])/gu;
  return [...code.matchAll(pattern)].map((match) => {
    const start = match.index + match[0].length;
    const end = text.indexOf(text.slice(start, start + 1), start + 1);
    return { specifier: text.slice(start + 1, end), line: lineOf(text, match.index) };
  });
}

/** The line of an offset, counted from 1. */
export const lineOf = (text: string, offset: number): number =>
  text.slice(0, offset).split("\n").length;
