/** The parser's grammar in readable EBNF. */

import { grammarRules } from "../../grammar/parser.js";
import { vocabulary } from "../../grammar/tokens.js";

/** One production, as far as it is printed; Chevrotain's own type leaves the parts open. */
interface Production {
  readonly type: string;
  readonly name?: string;
  readonly label?: string;
  readonly definition?: readonly Production[];
  readonly separator?: Production;
}

const tokens = new Map(vocabulary.map((token) => [token.name, token.LABEL ?? token.name]));

export interface EbnfRule {
  readonly name: string;
  readonly text: string;
}

/** Every rule in the parser's order: `{ }` repeats, `[ ]` may be absent, quotes are literal. */
export const ebnfRules = (): readonly EbnfRule[] =>
  grammarRules().map((rule) => {
    const production = rule as Production;
    return { name: production.name ?? "", text: sequence(production.definition ?? []) };
  });

/** What a token looks like: its text in quotes, or its name. */
export function tokenText(name: string): string {
  const label = tokens.get(name) ?? name;
  const literal = /^`(.+)`$/u.exec(label)?.[1];
  return literal === undefined || literal.includes("`") ? name : `"${literal}"`;
}

const sequence = (parts: readonly Production[]): string => parts.map(print).join(" ");

function print(part: Production): string {
  const inner = part.definition ?? [];
  switch (part.type) {
    case "Terminal":
      return tokenText(part.name ?? "");
    case "NonTerminal":
      return part.name ?? "";
    case "Option":
      return `[ ${sequence(inner)} ]`;
    case "Repetition":
      return `{ ${sequence(inner)} }`;
    case "RepetitionMandatory":
      return `${grouped(inner)} { ${sequence(inner)} }`;
    case "RepetitionWithSeparator":
      return `[ ${separated(part, inner)} ]`;
    case "RepetitionMandatoryWithSeparator":
      return separated(part, inner);
    case "Alternation":
      return alternatives(inner);
    default:
      return grouped(inner);
  }
}

const separated = ({ separator }: Production, inner: readonly Production[]): string => {
  const between = separator === undefined ? "" : `${print(separator)} `;
  return `${grouped(inner)} { ${between}${sequence(inner)} }`;
};

function alternatives(options: readonly Production[]): string {
  const texts = options.map((option) => sequence(option.definition ?? [option]));
  return texts.length === 1 ? texts.join("") : `( ${texts.join(" | ")} )`;
}

const grouped = (parts: readonly Production[]): string =>
  parts.length === 1 ? sequence(parts) : `( ${sequence(parts)} )`;
