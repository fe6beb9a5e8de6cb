/** Catalogue of what the grammar reports: text that cannot be read. */

import { diagnosticKind } from "../diagnostic.js";

/** A token where the grammar allows another; `found` is `null` where something is missing. */
export const unexpectedToken = diagnosticKind<{
  readonly found: string | null;
  readonly after: string | null;
  readonly expected: string;
  readonly hint: string | null;
}>({
  code: "syntax/unexpected-token",
  severity: "error",
  message: ({ found, after, expected }) => {
    if (found !== null) return `unexpected \`${found}\`, expected ${expected}`;
    return after === null ? `expected ${expected}` : `expected ${expected} after \`${after}\``;
  },
  hint: ({ hint }) => hint,
  explain: `The text does not follow the grammar at this place.
What comes before it was read; reading goes on at the next member or declaration.`,
});

/** A string whose line ends before its closing quote. */
export const unterminatedString = diagnosticKind<Record<never, never>>({
  code: "syntax/unterminated-string",
  severity: "error",
  message: () => "this string is not closed",
  hint: () => 'a string ends on the line on which it begins: add the closing `"`',
  explain: `Strings stand between double quotes on one line.
Write \`\\"\` for a quote and \`\\n\` for a line break inside one.`,
});

/** A backslash followed by a character that has no meaning there. */
export const unknownEscape = diagnosticKind<{ readonly escape: string }>({
  code: "syntax/unknown-escape",
  severity: "error",
  message: ({ escape }) => `\`${escape}\` means nothing in a string`,
  hint: () => "write `\\\\` for a backslash; paths may use `/` on every system",
  explain: 'The escapes are `\\"`, `\\\\`, `\\n` and `\\t`.',
});

/** A character outside the language, with how many more of it follow. */
export const unknownCharacter = diagnosticKind<{
  readonly character: string;
  readonly more: number;
}>({
  code: "syntax/unknown-character",
  severity: "error",
  message: ({ character }) => `${character} is not part of the language`,
  hint: ({ more }) => `names are made of a to z, A to Z, digits and \`_\`${andMore(more)}`,
  explain: `Outside strings and comments the text is plain ASCII.
Strings and comments may hold any character.`,
});

/** A token of another language, with what to write instead. */
export const foreignToken = diagnosticKind<{
  readonly token: string;
  readonly advice: string;
  readonly more: number;
}>({
  code: "syntax/foreign-token",
  severity: "error",
  message: ({ token }) => `\`${token}\` is not part of the language`,
  hint: ({ advice, more }) => `${advice}${andMore(more)}`,
  explain: "Each such token is reported once per file, at its first place.",
});

/** Brackets left open, reported once where they should have been closed. */
export const missingCloser = diagnosticKind<{
  readonly closers: string;
  readonly before: string;
}>({
  code: "syntax/missing-closer",
  severity: "error",
  message: ({ closers, before }) => `missing ${closers} before ${before}`,
  explain: `Every \`{\`, \`(\` and \`[\` is closed in the order in which it was opened.
A line that begins a declaration ends the one before it, closed or not.`,
});

/** A closing bracket that nothing opened. */
export const strayCloser = diagnosticKind<{ readonly closer: string }>({
  code: "syntax/stray-closer",
  severity: "error",
  message: ({ closer }) => `\`${closer}\` closes nothing`,
  hint: () => "remove it, or open the bracket before it",
  explain: "Every closing bracket belongs to an opening one of its kind.",
});

/** A tensor where one of several settings' types stands. */
export const tensorAmongTypes = diagnosticKind<{ readonly dtype: string }>({
  code: "syntax/tensor-among-types",
  severity: "error",
  message: ({ dtype }) => `a tensor \`${dtype}[…]\` cannot be one of several types`,
  hint: () => "an optional input is `in mask: f32[B, T] = none`",
  explain: `Only the types of settings are joined by \`|\`: \`int | same\`, \`dim | none\`.
A tensor has one type; an input that may be missing gets \`= none\`.`,
});

/** A list of any length where one of several settings' types stands. */
export const listAmongTypes = diagnosticKind<{ readonly type: string }>({
  code: "syntax/list-among-types",
  severity: "error",
  message: ({ type }) => `a list \`${type}[]\` cannot be one of several types`,
  hint: ({ type }) => `an empty list stands for none: \`name: ${type}[] = []\``,
  explain: `A list of any length is a type by itself. Of the types joined by \`|\`, each is one value or a list
of a given length: \`int[2] | same\`.`,
});

/** More text than a module may hold. */
export const textTooLarge = diagnosticKind<{ readonly limit: string }>({
  code: "syntax/text-too-large",
  severity: "error",
  message: ({ limit }) => `the file is larger than ${limit}`,
  hint: () => "a `.pipe` file is written by hand: is this a data file?",
  explain: "A module holds at most 4 MiB of text.",
});

/** Brackets, operators or steps nested beyond what a person can read. */
export const nestingTooDeep = diagnosticKind<{ readonly what: string; readonly limit: number }>({
  code: "syntax/nesting-too-deep",
  severity: "error",
  message: ({ what, limit }) => `more than ${limit} ${what}`,
  hint: () => "name parts of it with `let`",
  explain: `Brackets nest at most 40 levels deep.
One expression holds at most 500 nested operators, steps, calls and branches.`,
});

/** `a < b < c`, or the type arguments of other languages. */
export const chainedComparison = diagnosticKind<{
  readonly first: string;
  readonly second: string;
}>({
  code: "syntax/chained-comparison",
  severity: "error",
  message: ({ first, second }) => `\`${first}\` and \`${second}\` cannot follow one another`,
  hint: ({ first, second }) =>
    first === "<" && second === ">"
      ? "settings stand in parentheses: `Conv2d(64)`"
      : "join two comparisons with `and`",
  explain: "A comparison gives a boolean, which is not compared again.",
});

/** `==` where a value is given to a name. */
export const equalityForAssignment = diagnosticKind<{ readonly name: string }>({
  code: "syntax/equality-for-assignment",
  severity: "error",
  message: ({ name }) => `\`${name} ==\` compares and its result goes nowhere`,
  hint: () => "an assignment is written with `=`",
  explain: "`=` gives a name its value, `==` compares two values, `<-` updates a state.",
});

/** A place that takes `a .. b` only. */
export const notARange = diagnosticKind<{ readonly where: string; readonly hint: string }>({
  code: "syntax/not-a-range",
  severity: "error",
  message: ({ where }) => `expected a range ${where}`,
  hint: ({ hint }) => hint,
  explain: "A range is written `a .. b`. For indices its end is excluded.",
});

/** An optimizer that does not name its parameter and gradient. */
export const missingOptimizerInputs = diagnosticKind<{ readonly name: string }>({
  code: "syntax/missing-optimizer-inputs",
  severity: "error",
  message: ({ name }) => `optimizer \`${name}\` does not name its parameter and gradient`,
  hint: () => "begin its body with `in p, g`",
  explain: "An optimizer is the update rule of one parameter `p`, given its gradient `g`.",
});

/** A number that a 64-bit float cannot hold as written. */
export const numberOutOfRange = diagnosticKind<{ readonly text: string }>({
  code: "syntax/number-out-of-range",
  severity: "error",
  message: ({ text }) => `\`${text}\` cannot be held exactly`,
  hint: () => "integers reach to 9007199254740991, floats to about 1.8e308",
  explain: "Numbers are 64-bit floats until their type is known.",
});

/** Damage beyond what is worth listing. */
export const tooManyErrors = diagnosticKind<{ readonly count: number }>({
  code: "syntax/too-many-errors",
  severity: "error",
  message: ({ count }) => `more than ${count} syntax errors: the rest of the file was not read`,
  explain: "Reading stops there, because later errors mostly follow from earlier ones.",
});

const andMore = (more: number): string => (more === 0 ? "" : ` (${more} more below)`);
