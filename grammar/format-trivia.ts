/** Comments and blank lines, which the grammar skips, by the token they stand at. */

import type { IToken } from "chevrotain";

/** A comment with a line to itself. */
export interface OwnComment {
  readonly text: string;
  /** An empty line stands before it. */
  readonly blank: boolean;
}

/** What surrounds one token. */
export interface Trivia {
  readonly before: readonly OwnComment[];
  /** An empty line stands directly before the token. */
  readonly blank: boolean;
  /** The token begins a line. */
  readonly first: boolean;
  /** The comment after it on its line. */
  after: string | null;
}

/** The trivia of each token, and the comments after the last one. */
export interface TriviaTable {
  readonly of: (token: IToken) => Trivia;
  readonly rest: readonly OwnComment[];
  /** Whether comments stand between the two tokens or before those after the first. */
  readonly commentsWithin: (first: IToken, last: IToken) => boolean;
}

/** Reads the gaps between the tokens of a file, in order. */
export function readTrivia(text: string, tokens: readonly IToken[]): TriviaTable {
  const table = new Map<number, Trivia>();
  const order = new Map<number, number>();
  // How many tokens up to each have comments before or after them.
  const before: number[] = [];
  const after: number[] = [];
  let end = 0;
  let previous: Trivia | null = null;
  for (const [i, token] of tokens.entries()) {
    const gap = readGap(text.slice(end, token.startOffset), end === 0);
    if (previous !== null) previous.after = gap.trailing;
    before.push((before.at(-1) ?? 0) + (gap.own.length > 0 ? 1 : 0));
    after.push((after.at(-1) ?? 0) + (gap.trailing === null ? 0 : 1));
    previous = { before: gap.own, blank: gap.blank, first: gap.first, after: null };
    table.set(token.startOffset, previous);
    order.set(token.startOffset, i);
    end = (token.endOffset ?? token.startOffset) + 1;
  }
  const rest = readGap(text.slice(end), end === 0);
  if (previous !== null) previous.after = rest.trailing;
  const plain: Trivia = { before: [], blank: false, first: false, after: null };
  return {
    of: (token) => table.get(token.startOffset) ?? plain,
    rest: rest.own,
    commentsWithin: (first, last) => {
      const [from = 0, to = 0] = [order.get(first.startOffset), order.get(last.startOffset)];
      const count = (sums: readonly number[]): number => (sums[to] ?? 0) - (sums[from] ?? 0);
      // `after[i]` counts the comments behind the tokens before `i`.
      return count(before) > 0 || count(after) > 0;
    },
  };
}

interface Gap {
  readonly trailing: string | null;
  readonly own: readonly OwnComment[];
  readonly blank: boolean;
  readonly first: boolean;
}

/** A gap holds white space, comments and commas that the layout drops. */
function readGap(gap: string, atStart: boolean): Gap {
  const own: OwnComment[] = [];
  let trailing: string | null = null;
  let space = "";
  for (const [i, line] of gap.split("\n").entries()) {
    const start = line.indexOf("//");
    space += i === 0 ? "" : "\n";
    if (start === -1) continue;
    const text = line.slice(start).trimEnd();
    if (i === 0 && !atStart) trailing = text;
    else own.push({ text, blank: isBlank(space) });
    space = "";
  }
  return { trailing, own, blank: isBlank(space), first: atStart || gap.includes("\n") };
}

const isBlank = (space: string): boolean => space.length > 1;
