/** The parser's rules as data, which the quick parser walks: the text of `grammar/productions.ts`. */

import { invariant } from "../../grammar/invariant.js";
import { grammarRules } from "../../grammar/parser.js";
import { lines } from "./markdown.js";

/** One production, as far as it is written; Chevrotain's own type leaves the parts open. */
interface Production {
  readonly type: string;
  readonly name?: string;
  readonly definition?: readonly Production[];
  readonly separator?: Production;
}

/** Writes each rule in a line: names of tokens begin with a capital, those of rules do not. */
export const productionsFile = (): string =>
  lines(
    "/**",
    " * The rules of the parser as data: made by `npm run generate`, and a test fails when it is stale.",
    " * `( a | b )` chooses, `[ a ]` may be absent, `{ a }` repeats, `< a / b >` repeats `a` between `b`.",
    " */",
    "export const PRODUCTIONS: Readonly<Record<string, string>> = {",
    ...grammarRules().map((rule) => {
      const { name, definition } = rule as Production;
      return entry(name ?? "", sequence(definition ?? []));
    }),
    "};",
  );

/** A line of the table, broken where the formatter breaks it. */
function entry(name: string, text: string): string {
  const whole = `  ${name}: "${text}",`;
  return whole.length <= 100 ? whole : `  ${name}:\n    "${text}",`;
}

const sequence = (parts: readonly Production[]): string => parts.map(print).join(" ");

function print(part: Production): string {
  const inner = part.definition ?? [];
  switch (part.type) {
    case "Terminal":
    case "NonTerminal":
      return part.name ?? "";
    case "Option":
      return `[ ${sequence(inner)} ]`;
    case "Repetition":
      return `{ ${sequence(inner)} }`;
    case "RepetitionWithSeparator":
      return `[ ${separated(part, inner)} ]`;
    case "RepetitionMandatoryWithSeparator":
      return separated(part, inner);
    case "Alternation":
      return `( ${inner.map(({ definition }) => sequence(definition ?? [])).join(" | ")} )`;
    default:
      invariant(false, `the quick parser has no ${part.type}`);
  }
}

function separated({ separator }: Production, inner: readonly Production[]): string {
  invariant(separator !== undefined, "a list has a separator");
  return `< ${sequence(inner)} / ${print(separator)} >`;
}
