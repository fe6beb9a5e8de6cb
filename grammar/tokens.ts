/** The token types: what the lexer reads from text, and the roles the layout gives to words and brackets. */

import { createToken, Lexer, type TokenType } from "chevrotain";

const symbol = (name: string, text: string, ...categories: TokenType[]): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text, categories });

/** A type no text matches by itself: reserved words and roles are assigned after lexing. */
const role = (name: string, label: string, ...categories: TokenType[]): TokenType =>
  createToken({ name, label, pattern: Lexer.NA, categories });

const category = (name: string, label: string): TokenType => role(name, label);

// Categories -----------------------------------------------------------------------------------

/** Any operator between two operands, except `..` whose right side may be missing. */
export const Infix = category("Infix", "an operator");
/** Operators before an operand. */
export const Prefix = category("Prefix", "`-` or `not`");
/** A parenthesis, wherever it stands. */
export const Open = category("Open", "`(`");
/** A bracket, wherever it stands. */
export const Bracket = category("Bracket", "`[`");

// Skipped text and literals --------------------------------------------------------------------

const WhiteSpace = createToken({ name: "WhiteSpace", pattern: /\s+/, group: Lexer.SKIPPED });
/** `///` to the end of the line. */
export const DocComment = createToken({ name: "DocComment", pattern: /\/\/\/[^\n]*/ });
const Comment = createToken({ name: "Comment", pattern: /\/\/[^\n]*/, group: Lexer.SKIPPED });

/** A string on one line. */
export const Text = createToken({
  name: "Text",
  label: "a string",
  pattern: /"(?:[^"\\\n]|\\[^\n])*"/,
});
/** A string whose line ends first. */
export const UnterminatedText = createToken({ name: "UnterminatedText", pattern: /"[^\n]*/ });

/** Units as they may be written, with the singular form the AST carries. */
export const UNITS: Readonly<Record<string, string>> = {
  epoch: "epoch",
  epochs: "epoch",
  step: "step",
  steps: "step",
  frame: "frame",
  frames: "frame",
  sample: "sample",
  samples: "sample",
  second: "second",
  seconds: "second",
  minute: "minute",
  minutes: "minute",
  hour: "hour",
  hours: "hour",
  KiB: "KiB",
  MiB: "MiB",
  GiB: "GiB",
  "%": "%",
};

const NUMBER = "\\d[\\d_]*(?:\\.(?!\\.)\\d[\\d_]*)?(?:[eE][+-]?\\d+)?";
const UNIT_WORDS = Object.keys(UNITS).filter((unit) => unit !== "%");
/** A unit word before `:` is the next entry's key, before `(` a call. */
export const Quantity = createToken({
  name: "Quantity",
  label: "a quantity",
  pattern: new RegExp(`${NUMBER}(?:%|[ \\t]*(?:${UNIT_WORDS.join("|")})\\b(?![ \\t]*[:(]))`),
});
/** An integer or float, without a sign. */
export const NumberToken = createToken({
  name: "Number",
  label: "a number",
  pattern: new RegExp(NUMBER),
});
/** A word; reserved ones are told apart by `RESERVED`. */
export const Name = createToken({
  name: "Name",
  label: "a name",
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
});

/** What other languages write; the scanner reports it and puts our own token in its place. */
export const Foreign = createToken({
  name: "Foreign",
  pattern:
    /;|'(?:[^'\\\n]|\\[^\n])*'?|`[^`\n]*`?|===|!==|=>|:=|\+=|-=|\*\*?=|\/=|&&|\|\||!(?!=)|\?\??|@|#[^\n]*|\/\*(?:(?!\*\/)[\s\S])*(?:\*\/)?|%|\^|::|~|&|\$|\\/,
  line_breaks: true,
});

// Symbols, longer ones first -------------------------------------------------------------------

export const Ellipsis = symbol("Ellipsis", "...");
export const Range = symbol("Range", "..");
/** Directly after a point a number is digits only: `blocks.0.1`. */
export const DotDigits = createToken({ name: "DotDigits", label: "digits", pattern: /\.\d+/ });
export const Dot = symbol("Dot", ".");
export const Pipe = symbol("Pipe", "|>");
export const Bar = symbol("Bar", "|");
export const RightArrow = symbol("RightArrow", "->");
export const LeftArrow = symbol("LeftArrow", "<-");
export const EqualEqual = symbol("EqualEqual", "==", Infix);
export const NotEqual = symbol("NotEqual", "!=", Infix);
const LessEqual = symbol("LessEqual", "<=", Infix);
const GreaterEqual = symbol("GreaterEqual", ">=", Infix);
const Less = symbol("Less", "<", Infix);
const Greater = symbol("Greater", ">", Infix);
export const Equals = symbol("Equals", "=");
export const Glob = symbol("Glob", "**");
export const Star = symbol("Star", "*", Infix);
const Plus = symbol("Plus", "+", Infix);
export const Minus = symbol("Minus", "-", Infix, Prefix);
const Slash = symbol("Slash", "/", Infix);
export const Colon = symbol("Colon", ":");
export const Comma = symbol("Comma", ",");
export const LeftBrace = symbol("LeftBrace", "{");
export const RightBrace = symbol("RightBrace", "}");
export const LeftParen = symbol("LeftParen", "(", Open);
export const RightParen = symbol("RightParen", ")");
export const LeftBracket = symbol("LeftBracket", "[", Bracket);
export const RightBracket = symbol("RightBracket", "]");

// Brackets with a role -------------------------------------------------------------------------

/** `(` on the line of the value it calls. */
export const CallParen = role("CallParen", "`(`", Open);
/** `[` on the line of the value it indexes, or of a type's name. */
export const IndexBracket = role("IndexBracket", "`[`", Bracket);
/** `{` inside a path. */
export const PathBrace = role("PathBrace", "`{`");
/** `}` of a declaration that holds members: none stands inside another. */
export const DeclarationEnd = role("DeclarationEnd", "`}`", RightBrace);
/** `}` of a member of one of these, of entries and rules, or of an import's names. */
export const MemberEnd = role("MemberEnd", "`}`", RightBrace);
/** `}` of a body `{ let … value }`. */
export const BodyEnd = role("BodyEnd", "`}`", RightBrace);
/** `}` inside a path. */
export const PathEnd = role("PathEnd", "`}`", RightBrace);
/** `(` of `repeat (i in a .. b)`, also of `scan` and `group`. */
export const BinderParen = role("BinderParen", "`(`");
/** `(` of `rearrange(B T -> (B T))` and `einsum`. */
export const AxesParen = role("AxesParen", "`(`");
/** `*` in a path, where it multiplies nothing: `model.*.rel_*`. */
export const Wildcard = role("Wildcard", "`*`");

// Reserved words -------------------------------------------------------------------------------

const reserved = (text: string, ...categories: TokenType[]): TokenType =>
  role(`Reserved_${text}`, `\`${text}\``, ...categories);

export const Import = reserved("import");
export const Param = reserved("param");
export const Const = reserved("const");
export const Let = reserved("let");
export const If = reserved("if");
export const Else = reserved("else");
export const Then = reserved("then", Infix);
export const And = reserved("and", Infix);
export const Or = reserved("or", Infix);
export const Not = reserved("not", Prefix);
export const True = reserved("true");
export const False = reserved("false");
export const As = reserved("as");
export const Repeat = reserved("repeat");

/** Words that are never names. Every other word is one, except where it begins a member. */
export const RESERVED: ReadonlyMap<string, TokenType> = new Map([
  ["import", Import],
  ["param", Param],
  ["const", Const],
  ["let", Let],
  ["if", If],
  ["else", Else],
  ["then", Then],
  ["and", And],
  ["or", Or],
  ["not", Not],
  ["true", True],
  ["false", False],
  ["as", As],
  ["repeat", Repeat],
]);

// Words with a role ----------------------------------------------------------------------------

const word = (text: string): TokenType => role(`Word_${text}`, `\`${text}\``);

export const Fn = word("fn");
export const Block = word("block");
export const Optimizer = word("optimizer");
export const Schedule = word("schedule");
export const Dataset = word("dataset");
export const Train = word("train");
export const Expect = word("expect");
export const From = word("from");
export const In = word("in");
export const Out = word("out");
export const Weight = word("weight");
export const State = word("state");
export const Unused = word("unused");
export const Slot = word("slot");
export const Field = word("field");
export const Split = word("split");
export const By = word("by");
export const Random = word("random");
export const Transform = word("transform");
export const Loader = word("loader");
export const Loss = word("loss");
export const Metrics = word("metrics");
export const Stage = word("stage");
export const For = word("for");
export const Freeze = word("freeze");
export const Unfreeze = word("unfreeze");
export const Objective = word("objective");
export const Metric = word("metric");
export const Mesh = word("mesh");
export const Shard = word("shard");
export const Variant = word("variant");
export const Sweep = word("sweep");
export const Export = word("export");
export const On = word("on");
export const Of = word("of");
export const Over = word("over");
export const Better = word("better");
export const Carry = word("carry");
export const Tap = word("tap");
export const Sum = word("sum");
export const Min = word("min");
export const Max = word("max");
export const Fit = word("fit");
export const Group = word("group");
export const Where = word("where");
export const Init = word("init");
export const Predict = word("predict");
export const Restart = word("restart");
export const Each = word("each");
export const Scan = word("scan");
export const Rearrange = word("rearrange");
export const Einsum = word("einsum");

/** `in` between two operands. */
export const InOperator = role("InOperator", "`in`", Infix);
/** `in` before the bounds of a `param`. */
export const BoundsIn = role("BoundsIn", "`in`");
/** The first name of `a, b = …` or `a <- …`. */
export const TargetName = role("TargetName", "a name to assign");
/** The first name of `key: value` among entries, or of the paths before the colon of a rule. */
export const KeyName = role("KeyName", "a key");
/** Text that has already been reported; it stands where a value or step would. */
export const Reported = role("Reported", "a value");

/** In the order in which the lexer tries them. */
const lexed: readonly TokenType[] = [
  WhiteSpace,
  DocComment,
  Comment,
  Text,
  UnterminatedText,
  Quantity,
  NumberToken,
  Name,
  Foreign,
  Ellipsis,
  Range,
  DotDigits,
  Dot,
  Pipe,
  Bar,
  RightArrow,
  LeftArrow,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equals,
  Glob,
  Star,
  Plus,
  Minus,
  Slash,
  Colon,
  Comma,
  LeftBrace,
  RightBrace,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
];

const assigned: readonly TokenType[] = [
  Infix,
  Prefix,
  Open,
  Bracket,
  CallParen,
  IndexBracket,
  PathBrace,
  BinderParen,
  AxesParen,
  Wildcard,
  DeclarationEnd,
  MemberEnd,
  BodyEnd,
  PathEnd,
  ...RESERVED.values(),
  Fn,
  Block,
  Optimizer,
  Schedule,
  Dataset,
  Train,
  Expect,
  From,
  In,
  Out,
  Weight,
  State,
  Unused,
  Slot,
  Field,
  Split,
  By,
  Random,
  Transform,
  Loader,
  Loss,
  Metrics,
  Stage,
  For,
  Freeze,
  Unfreeze,
  Objective,
  Metric,
  Mesh,
  Shard,
  Variant,
  Sweep,
  Export,
  On,
  Of,
  Over,
  Better,
  Carry,
  Tap,
  Sum,
  Min,
  Max,
  Fit,
  Group,
  Where,
  Init,
  Predict,
  Restart,
  Each,
  Scan,
  Rearrange,
  Einsum,
  InOperator,
  BoundsIn,
  TargetName,
  KeyName,
  Reported,
];

/** Everything the parser may meet. */
export const vocabulary: TokenType[] = [...lexed, ...assigned];

const splitting = (skipValidations: boolean): Lexer =>
  // Offsets only: lines come from the source file, which counts them in one way.
  new Lexer([...lexed], { positionTracking: "onlyOffset", skipValidations });

/** Splits text into tokens. */
export const lexer = splitting(true);

/** Throws where the tokens contradict each other. */
export const validateTokens = (): void => void splitting(false);
