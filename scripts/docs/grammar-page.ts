/** The page of the grammar: tokens and rules, from the parser itself. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RESERVED, UNITS, vocabulary } from "../../grammar/tokens.js";
import { type EbnfRule, ebnfRules, tokenText } from "./ebnf.js";
import { fenced, type Page, pageOf, prose, table } from "./markdown.js";

const parts = [
  "parser.ts",
  "parser-members.ts",
  "parser-blocks.ts",
  "parser-expressions.ts",
  "parser-paths.ts",
];

/** What the grammar says with a word and the text does not show. */
const named: Readonly<Record<string, string>> = {
  Name: "a word that is not reserved; most words that begin a declaration or a member are names elsewhere",
  Number: "an integer or a float without a sign; `_` may stand between digits",
  Quantity: "a number with its unit as one token",
  Text: "a string on one line, in double quotes, with `\\` before a quote or itself",
  Infix:
    "`then`, `or`, `and`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `+`, `-`, `*`, `/`, loosest first",
  Prefix: "`-` or `not`",
  TargetName: "the first name of `a, b = …` or `a <- …`",
  DotDigits: "a point and digits: the index in `blocks.0`",
  Reported: "text that the scanner has reported already",
  KeyName: "the first name of `key: value`, or of the paths before the colon of a rule",
};

export function grammarPage(root: string): Page {
  const rules = fromTheTop(ebnfRules());
  const examples = examplesIn(root);
  const width = Math.max(...rules.map(({ name }) => name.length));
  const text = rules
    .flatMap(({ name, text: body }) => {
      const example = examples.get(name);
      const lines = wrapped(body, 96 - width - 3);
      const first = `${name.padEnd(width)} = ${lines[0] ?? ""}`;
      const rest = lines.slice(1).map((line) => `${" ".repeat(width)}   ${line}`);
      return [...(example === undefined ? [] : [`(* ${example} *)`]), first, ...rest];
    })
    .join("\n");
  return pageOf("grammar", "Grammar", "the rules that the parser follows, and the tokens.", [
    prose(
      "A file is a sequence of declarations. The rules are LL(2): two tokens decide at every choice. `[ ]` may be absent, `{ }` repeats any number of times, `( | )` are alternatives, and what stands in quotes is literal.",
    ),
    "",
    ...fenced("ebnf", text),
    "",
    "## Tokens",
    "",
    ...table(
      ["token", "meaning"],
      Object.entries(named).map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    "",
    `Reserved words are never names: ${[...RESERVED.keys()].map((word) => `\`${word}\``).join(", ")}.`,
    "",
    `Units: ${Object.keys(UNITS)
      .map((unit) => `\`${unit}\``)
      .join(", ")}.`,
    prose(
      "A unit stands on the line of its number. `(` and `[` continue an expression only on its own line; a line that begins with an operator continues the one before. `//` begins a comment, `///` one that documents what follows.",
    ),
    "",
    `Operators and punctuation: ${punctuation()
      .map((sign) => `\`${sign}\``)
      .join(" ")}.`,
  ]);
}

/** Declarations first: the parser is built from its smallest rules up. `lone` is for flags alone. */
function fromTheTop(rules: readonly EbnfRule[]): readonly EbnfRule[] {
  const top = rules.findIndex(({ name }) => name === "declaration");
  const file = { name: "file", text: "{ declaration }" };
  return [file, ...rules.slice(top), ...rules.slice(0, top)].filter(({ name }) => name !== "lone");
}

/** Signs that the lexer reads as they are. */
const punctuation = (): readonly string[] => [
  ...new Set(
    vocabulary
      .map(({ name }) => /^"(\W+)"$/u.exec(tokenText(name))?.[1] ?? "")
      .filter((sign) => sign !== ""),
  ),
];

/** The first example in the comment above each rule: `name = this.RULE("name", …`. */
function examplesIn(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of parts) {
    const text = readFileSync(join(root, "grammar", part), "utf8");
    for (const [, comment = "", name = ""] of text.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+(?:override |protected |public )*\w+ = this\.RULE\(\s*"(\w+)"/gu,
    )) {
      const example = /`([^`]+)`/u.exec(comment.replaceAll(/\n\s*\* ?/gu, " "))?.[1];
      if (example !== undefined) found.set(name, example);
    }
  }
  return found;
}

/** Lines of at most `width`, broken at spaces. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width)
      lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(word);
  }
  return lines;
}
