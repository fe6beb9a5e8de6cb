/**
 * The canonical form of a file. Two columns per level; one space around operators, after `:` and
 * `,`, and none inside `( )` and `[ ]`; nothing is aligned. Lines are at most 100 columns wide
 * where they can be broken: an argument list, list or type then takes one item per line, a chain
 * one `|>` per line, operators a line for each of the loosest. What the author wrote in braces on
 * one line stays there if it fits, its members two spaces apart; otherwise each member has a line.
 * Empty lines between members are kept, one at most. Comments stay where they are. Words, numbers,
 * quantities and strings stay as written; commas at the end of a list or of a line of entries go.
 */

import type { Diagnostic } from "./diagnostic.js";
import { printDoc } from "./format-doc.js";
import { fileDoc } from "./format-rules.js";
import { readTrivia } from "./format-trivia.js";
import { layOut } from "./layout.js";
import { parseModule } from "./parse.js";
import { parseDeclarationTokens } from "./parser.js";
import { scan } from "./scan.js";
import type { SourceFile } from "./source.js";

/** Columns of a line. */
export const LINE_WIDTH = 100;

/** A file's canonical text; one that has diagnostics is given back unchanged, with them. */
export interface FormattedModule {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Formats a file. Formatting twice changes nothing, and the syntax tree stays the same. */
export function formatModule(source: SourceFile): FormattedModule {
  const { diagnostics } = parseModule(source);
  if (diagnostics.length > 0) return { text: source.text, diagnostics };
  const { chunks, starts } = layOut(source, scan(source).lexemes, "module");
  const tokens = chunks.flatMap((chunk) => chunk.tokens);
  const begins = new Set(starts);
  const printing = {
    trivia: readTrivia(source.text, tokens),
    begins: (offset: number) => begins.has(offset),
  };
  const trees = chunks.map((chunk) => parseDeclarationTokens(chunk.tokens).cst);
  return { text: printDoc(fileDoc(printing, trees), LINE_WIDTH), diagnostics };
}
