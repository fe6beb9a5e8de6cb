/** What the grammar expects at a place, in the user's words, and advice for common slips. */

import {
  tokenLabel,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
} from "chevrotain";

import { DECLARATION_WORDS } from "./member-words.js";
import { suggest } from "./suggest.js";
import { Name, RESERVED, RightBrace, RightParen } from "./tokens.js";

/** For rules that choose: what all their alternatives are together. */
const CHOICES: Readonly<Record<string, string>> = {
  importDecl: "`{ names }` or a module in quotes",
  fnDecl: "`=` or a `{ … }` body",
  type: "a type",
  dimension: "a dimension",
  splitMember: "`by` and a field, or `random`",
  ownedMember: "`weight` or `state`",
  lossLine: "`weight`, `state`, `let` or an assignment",
  accumulator: "`sum`, `min` or `max`",
  fitMember: "a type or `(name: type, …)`",
  variantDecl: "a name or a name in quotes",
  scan: "an axis or `(t in list)`",
  axis: "an axis",
  segment: "a member's name",
  assignOrUpdate: "`=` or `<-`",
  letMember: "a name",
  primary: "a value",
  step: "a block or function to apply",
  pathSegment: "a name for the path of the weights",
  globSegment: "a segment, `*` or `**`",
  suffix: "a member's name",
};

/** For rules that end in a brace: what may stand before it. */
const CONTENTS: Readonly<Record<string, string>> = {
  blockDecl: "a port, weight, state, `let`, `const`, assignment or `}`",
  metricDecl: "a port, `sum`, `min`, `max`, `let`, assignment or `}`",
  optimizerDecl: "`in`, `slot`, `let`, an update with `<-`, or `}`",
  datasetDecl: "`source:`, `field`, `fit`, `split`, `transform`, `loader` or `}`",
  trainDecl: "a `key: value`, `loss`, `metrics`, `stage`, `group`, `objective` or `}`",
  variantDecl: "a `path: value`, a whole member or `}`",
  stageMember: "`freeze`, `unfreeze`, a `key: value` or `}`",
  lossMember: "a weight, `let`, an assignment `name = value` or `}`",
  rules: "a `path: value` or `}`",
  entries: "a `key: value` or `}`",
  assigns: "an assignment `name = value` or `}`",
  body: "`}` after the value",
};

const BETWEEN_MEMBERS: ReadonlySet<string> = new Set(["a declaration", ...Object.values(CONTENTS)]);

/** Whether the expectation lies between members: then what stands there is wrong, nothing is missing. */
export const isBetweenMembers = (expected: string): boolean => BETWEEN_MEMBERS.has(expected);

/** The parser's messages are these words alone; `parse` makes the diagnostic. */
export const expectations: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) =>
    (expected.CATEGORIES?.includes(RightBrace) === true ? CONTENTS[ruleName] : undefined) ??
    (expected === RightParen ? "`,` or `)`" : tokenLabel(expected)),
  buildNotAllInputParsedMessage: () => "a declaration",
  buildNoViableAltMessage: ({ ruleName }) => CHOICES[ruleName] ?? "something else",
  buildEarlyExitMessage: ({ ruleName }) => CHOICES[ruleName] ?? "a value",
};

/** Advice for one error, or `null`. */
export function adviceFor(error: IRecognitionException, previous: IToken | null): string | null {
  const { token, message } = error;
  const found = token.image;
  const rule = error.context.ruleStack.at(-1) ?? "";
  const foreign = foreignConstruct(found) ?? foreignConstruct(previous?.image ?? "");
  if (foreign !== null && isNameLike(token, previous)) return foreign;
  if (found === "{" && rule === "primary")
    return "there are no records: a call's outputs are one, settings are `name: value` in `( )`";
  if (found === "->" && rule !== "fnDecl" && !TYPED.has(rule))
    return "there are no lambdas: name the function with `fn f(x) = …`";
  if (RESERVED.has(found) && message === "a name")
    return `\`${found}\` is a reserved word: take another name`;
  if (found === "=" && (rule === "callArgs" || rule === "group"))
    return "a setting is given as `name: value`";
  if (found === "==" && message === "`=`") return "a name gets its value with `=`";
  if (found === "<" && (rule === "blockDecl" || rule === "fnDecl"))
    return "settings stand in parentheses: `block Name(out: dim)`";
  if (found === "<-") return "`<-` updates a state; for a negative number write `< -1`";
  if (found === "->" && rule === "fnDecl") return "the result's type is inferred";
  if (found === "(" && rule === "letMember") return "write `let a, b = …` without parentheses";
  if (found.startsWith(".") && message === "a value") return "a number begins with a digit: `0.5`";
  if (found === "as" && rule === "importDecl")
    return 'names are imported as they are; a whole module gets a name: `import "saic:layers" as layers`';
  if (/^\d/.test(found) && rule === "pathSegment")
    return `a path begins with a name; digits alone are computed: \`as {${found}}\``;
  if (found === "as") return "a path is given to a step: `x |> Linear(64) as fc1`";
  if (found === "else" && message === "`{`")
    return "branches stand in braces: `if c { a } else { b }`";
  if (message === "`else`") return "every `if` has an `else`, because it gives a value";
  if (found === "**") return "a power is `pow(a, b)`";
  if (found === "}" && rule === "primary") return "a body ends with its value";
  if (message === "a declaration") return declarationAdvice(token, previous);
  if (rule === "blockDecl" && (found === ":" || token.tokenType === Name))
    return "a port begins with `in` or `out`, a value with `let`";
  return null;
}

/** Rules that read `->` or a type after it. */
const TYPED: ReadonlySet<string> = new Set(["fieldMember", "fitMember", "einops"]);

/** What other languages have and this one does not, with what to write instead. */
const CONSTRUCTS: Readonly<Record<string, string>> = {
  while: "there are no loops at run time: `repeat` chains blocks, `scan` runs one over an axis",
  for: "there are no loops: `repeat` chains blocks, `[for i in 0 .. n: f(i)]` makes a list",
  match: "there is no `match`: write `if a == b { … } else if … { … } else { … }`",
  switch: "there is no `switch`: write `if a == b { … } else if … { … } else { … }`",
  lambda: "there are no lambdas: name the function with `fn f(x) = …`",
  return: "a body ends with its value: leave `return` out",
  def: "a function is `fn f(x) = …`, a module with weights `block Name(…) { … }`",
  class: "a module with weights is `block Name(…) { … }`",
  record: "there are no records: a call's outputs are one, with `d.name` for each",
  struct: "there are no records: a call's outputs are one, with `d.name` for each",
  var: "a value is named with `let`, once",
  elif: "write `else if c { … }`",
};

const foreignConstruct = (word: string): string | null =>
  Object.hasOwn(CONSTRUCTS, word) ? (CONSTRUCTS[word] ?? null) : null;

/** The words above are names where an expression goes on after them. */
const isNameLike = (token: IToken, previous: IToken | null): boolean =>
  foreignConstruct(token.image) !== null || (previous !== null && /^[\w"({]/.test(token.image));

/** Advice for text that begins no declaration. */
export function declarationAdvice(token: IToken, previous: IToken | null): string | null {
  if (token.image === "let") return "at the level of the file a value is named with `const`";
  if (token.image === "=" || token.image === ":") {
    const word = previous === null ? null : suggest(previous.image, DECLARATION_WORDS);
    return word === null
      ? "at the level of the file a value is named with `const`"
      : `did you mean \`${word}\`?`;
  }
  const word = suggest(token.image, DECLARATION_WORDS);
  if (word !== null && word !== token.image) return `did you mean \`${word}\`?`;
  return `a declaration begins with ${DECLARATION_WORDS.map((w) => `\`${w}\``).join(", ")}`;
}
