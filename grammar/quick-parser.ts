/**
 * Reads what is right, at a fraction of the parser's cost: the same rules as data, walked by one
 * function. It makes the parser's concrete tree or gives up; then the parser reads, and says why.
 */

import type { CstElement, CstNode, IToken, TokenType } from "chevrotain";

import { invariant } from "./invariant.js";
import { PRODUCTIONS } from "./productions.js";
import { vocabulary } from "./tokens.js";

/** The tree of tokens that are `rule` as a whole; `null` where they are not. */
export function readQuickly(tokens: readonly IToken[], rule: string): CstNode | null {
  const reading: Reading = { tokens, at: 0 };
  const tree = readRule(reading, ruleNamed(rule));
  return tree !== null && reading.at === tokens.length ? tree : null;
}

type Kind = "token" | "rule" | "choice" | "option" | "many" | "list";

/** A part of a rule. `list` stands for parts between separators. */
interface Part {
  readonly kind: Kind;
  /** The name of a token or rule, under which the tree holds it. */
  readonly name: string;
  /** One sequence, or those of a choice. */
  readonly sequences: readonly (readonly Part[])[];
  readonly separator: Part | null;
  /** What follows in the rule, which decides whether an optional part is meant. */
  after: readonly Part[];
  /** By type of the next token: which sequence begins so, plus one; `SECOND` when two tokens tell. */
  choices: Int8Array | null;
  /** By both next tokens, where the first does not tell. */
  readonly pairs: Map<number, number>;
  /** Of a rule: its parts, once it has been met. */
  rule: Rule | null;
}

interface Rule {
  readonly name: string;
  readonly parts: readonly Part[];
}

interface Reading {
  readonly tokens: readonly IToken[];
  at: number;
}

const SECOND = -1;
const NONE = 0;

function readRule(reading: Reading, rule: Rule): CstNode | null {
  const from = reading.at;
  const children: Record<string, CstElement[]> = {};
  if (!readParts(reading, rule.parts, children)) return null;
  const first = reading.tokens[from];
  const last = reading.tokens[reading.at - 1];
  const location =
    reading.at === from || first === undefined || last === undefined
      ? { startOffset: NaN, endOffset: NaN }
      : { startOffset: first.startOffset, endOffset: last.endOffset ?? NaN };
  return { name: rule.name, children, location };
}

function readParts(
  reading: Reading,
  parts: readonly Part[],
  children: Record<string, CstElement[]>,
): boolean {
  for (const part of parts) if (!readPart(reading, part, children)) return false;
  return true;
}

function readPart(reading: Reading, part: Part, children: Record<string, CstElement[]>): boolean {
  switch (part.kind) {
    case "token": {
      const token = reading.tokens[reading.at];
      if (token === undefined || !matches(token, part.name)) return false;
      reading.at++;
      add(children, part.name, token);
      return true;
    }
    case "rule": {
      const tree = readRule(reading, ruleOf(part));
      if (tree === null) return false;
      add(children, part.name, tree);
      return true;
    }
    case "choice": {
      const sequence = part.sequences[choose(reading, part) - 1];
      return sequence !== undefined && readParts(reading, sequence, children);
    }
    case "option":
      return choose(reading, part) !== 1 || readParts(reading, only(part), children);
    case "many":
      while (choose(reading, part) === 1)
        if (!readParts(reading, only(part), children)) return false;
      return true;
    case "list":
      return readList(reading, part, children);
  }
}

/** Parts between separators; whether there may be none stands in an `option` around them. */
function readList(reading: Reading, part: Part, children: Record<string, CstElement[]>): boolean {
  const { separator } = part;
  invariant(separator !== null, "a list has a separator");
  for (;;) {
    if (!readParts(reading, only(part), children)) return false;
    const next = reading.tokens[reading.at];
    if (next === undefined || !matches(next, separator.name)) return true;
    if (!readPart(reading, separator, children)) return false;
  }
}

function add(children: Record<string, CstElement[]>, name: string, element: CstElement): void {
  const known = children[name];
  if (known === undefined) children[name] = [element];
  else known.push(element);
}

function ruleOf(part: Part): Rule {
  part.rule ??= ruleNamed(part.name);
  return part.rule;
}

const only = (part: Part): readonly Part[] => part.sequences[0] ?? [];

// What comes next --------------------------------------------------------------------------------

/** Which sequence of a part the next tokens begin, counted from one; `NONE` when none is meant. */
function choose(reading: Reading, part: Part): number {
  const first = typeIndex(reading.tokens[reading.at]);
  part.choices ??= choicesOf(part);
  const choice = part.choices[first] ?? NONE;
  if (choice !== SECOND) return choice;
  const second = typeIndex(reading.tokens[reading.at + 1]);
  const pair = first * (LAST_TYPE + 1) + second;
  const known = part.pairs.get(pair);
  if (known !== undefined) return known;
  const found = options(part).findIndex((sequence) => beginsWith(sequence, first, second));
  const chosen = found === part.sequences.length ? NONE : found + 1;
  part.pairs.set(pair, chosen);
  return chosen;
}

/** What the next tokens have to tell apart: the sequences and, for optional parts, what follows. */
const options = (part: Part): readonly (readonly Part[])[] =>
  part.kind === "choice" ? part.sequences : [...part.sequences, part.after];

function choicesOf(part: Part): Int8Array {
  const choices = new Int8Array(LAST_TYPE + 1);
  let otherwise = NONE;
  for (const [i, sequence] of options(part).entries()) {
    const begun = new Set<number>();
    const empty = firstsOf(sequence, begun);
    if (empty && part.kind === "choice" && otherwise === NONE) otherwise = i + 1;
    for (const type of begun)
      if (choices[type] !== NONE) choices[type] = SECOND;
      else if (i < part.sequences.length) choices[type] = i + 1;
  }
  // An alternative that may be empty is meant where no other one begins.
  return choices.map((choice) => (choice === NONE ? otherwise : choice));
}

/** Adds the types that can begin the parts; returns whether the parts can be empty. */
function firstsOf(parts: readonly Part[], into: Set<number>): boolean {
  return parts.every((part) => {
    if (part.kind === "token") {
      for (const type of typesOf(part.name)) into.add(type);
      return false;
    }
    if (part.kind === "rule") return firstsOf(ruleOf(part).parts, into);
    const empty = part.sequences.map((sequence) => firstsOf(sequence, into));
    return part.kind === "option" || part.kind === "many" || empty.includes(true);
  });
}

/** Whether the parts can begin with tokens of these types, or be the first alone. */
function beginsWith(parts: readonly Part[], first: number, second: number): boolean {
  return afterFirst(parts, first).some((rest) => {
    const seconds = new Set<number>();
    return firstsOf(rest, seconds) || seconds.has(second);
  });
}

/** What can follow a first token of the type within the parts, one entry for each way to read it. */
function afterFirst(parts: readonly Part[], first: number): readonly (readonly Part[])[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  switch (part.kind) {
    case "token":
      return typesOf(part.name).has(first) ? [rest] : [];
    case "rule":
      return afterFirst([...ruleOf(part).parts, ...rest], first);
    case "choice":
      return part.sequences.flatMap((sequence) => afterFirst([...sequence, ...rest], first));
    case "option":
      return [...afterFirst([...only(part), ...rest], first), ...afterFirst(rest, first)];
    case "many":
      return [...afterFirst([...only(part), ...parts], first), ...afterFirst(rest, first)];
    case "list": {
      const more: Part = { ...part, kind: "many", sequences: [[...separated(part)]] };
      return afterFirst([...only(part), more, ...rest], first);
    }
  }
}

const separated = (part: Part): readonly Part[] =>
  part.separator === null ? only(part) : [part.separator, ...only(part)];

// Token types ------------------------------------------------------------------------------------

/** By name of a token of the rules: the types of tokens that stand for it. */
const matching = new Map<string, ReadonlySet<number>>();

const LAST_TYPE = Math.max(...vocabulary.map(({ tokenTypeIdx }) => tokenTypeIdx ?? 0));

const typeIndex = (token: IToken | undefined): number => token?.tokenType.tokenTypeIdx ?? 0;

function typesOf(name: string): ReadonlySet<number> {
  const known = matching.get(name);
  if (known !== undefined) return known;
  const types = new Set<number>();
  for (const type of vocabulary) if (isOf(type, name)) types.add(type.tokenTypeIdx ?? 0);
  matching.set(name, types);
  return types;
}

function matches({ tokenType }: IToken, name: string): boolean {
  if (tokenType.name === name) return true;
  return (tokenType.CATEGORIES ?? []).length > 0 && isOf(tokenType, name);
}

const isOf = (type: TokenType, name: string): boolean =>
  type.name === name || (type.CATEGORIES ?? []).some((category) => isOf(category, name));

// The rules --------------------------------------------------------------------------------------

const rules = new Map<string, Rule>();

function ruleNamed(name: string): Rule {
  const known = rules.get(name);
  if (known !== undefined) return known;
  // A rule that a stale table lacks reads nothing: then the parser does all the work.
  const words = (PRODUCTIONS[name] ?? "Nothing").split(" ");
  const rule: Rule = { name, parts: sequenceIn(words, { at: 0 }) };
  rules.set(name, rule);
  return rule;
}

interface Place {
  at: number;
}

/** Reads `Name { Comma formal } [ default ]` up to a word that ends a sequence. */
function sequenceIn(words: readonly string[], place: Place): readonly Part[] {
  const parts: Part[] = [];
  for (;;) {
    const word = words[place.at];
    if (word === undefined || ENDS.has(word)) break;
    place.at++;
    parts.push(partIn(word, words, place));
  }
  for (const [i, part] of parts.entries()) part.after = parts.slice(i + 1);
  return parts;
}

const ENDS: ReadonlySet<string> = new Set(["|", ")", "]", "}", "/", ">"]);

function partIn(word: string, words: readonly string[], place: Place): Part {
  const made = (kind: Kind, name: string, sequences: readonly (readonly Part[])[]): Part => ({
    kind,
    name,
    sequences,
    separator: null,
    after: [],
    choices: null,
    pairs: new Map(),
    rule: null,
  });
  const kind = OPENS[word];
  if (kind === undefined) return made(/^[A-Z]/.test(word) ? "token" : "rule", word, []);
  const sequences = [sequenceIn(words, place)];
  while (words[place.at] === "|") {
    place.at++;
    sequences.push(sequenceIn(words, place));
  }
  let separator: Part | null = null;
  if (words[place.at] === "/") {
    place.at++;
    separator = sequenceIn(words, place)[0] ?? null;
  }
  place.at++;
  return { ...made(kind, "", sequences), separator };
}

/** `( a | b )` chooses, `[ a ]` may be absent, `{ a }` repeats, `< a / b >` repeats `a` between `b`. */
const OPENS: Readonly<Record<string, Kind>> = {
  "(": "choice",
  "[": "option",
  "{": "many",
  "<": "list",
};
