/** The grammar, LL(2), over laid-out tokens: declarations, and the parser itself. */

import type { CstNode, IRecognitionException, ISerializedGast, IToken } from "chevrotain";

import { MemberParser } from "./parser-members.js";
import { readQuickly } from "./quick-parser.js";
import * as t from "./tokens.js";

/** A concrete tree, partial where there are errors. */
export interface ConcreteParse {
  readonly cst: CstNode;
  readonly errors: readonly IRecognitionException[];
}

/** Reads the tokens of one declaration; the tree may be partial where there are errors. */
export const parseDeclarationTokens = (tokens: readonly IToken[]): ConcreteParse =>
  read(tokens, "declaration");

/** Reads tokens that are one expression as a whole. */
export const parseExpressionTokens = (tokens: readonly IToken[]): ConcreteParse =>
  read(tokens, "lone");

/** As the two above, always by the parser itself: for a test, which compares the trees. */
export const parseThoroughly = (
  tokens: readonly IToken[],
  rule: "declaration" | "lone",
): ConcreteParse => theParser().read(tokens, rule);

/** The grammar as data, one production per rule: for its description. */
export const grammarRules = (): readonly ISerializedGast[] =>
  theParser().getSerializedGastProductions();

/** Throws when rules are ambiguous or never end: for a test, since every command would pay for it. */
export const validateGrammar = (): void => void new PipeParser("validated");

class PipeParser extends MemberParser {
  constructor(rules: "trusted" | "validated") {
    super(rules);
    this.performSelfAnalysis();
  }

  read(tokens: readonly IToken[], rule: "declaration" | "lone"): ConcreteParse {
    this.input = [...tokens];
    const cst = rule === "declaration" ? this.declaration() : this.lone();
    return { cst, errors: this.errors };
  }

  declaration = this.RULE("declaration", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.importDecl) },
      { ALT: () => this.SUBRULE(this.paramDecl) },
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.fnDecl) },
      { ALT: () => this.SUBRULE(this.blockDecl) },
      { ALT: () => this.SUBRULE(this.optimizerDecl) },
      { ALT: () => this.SUBRULE(this.scheduleDecl) },
      { ALT: () => this.SUBRULE(this.datasetDecl) },
      { ALT: () => this.SUBRULE(this.trainDecl) },
      { ALT: () => this.SUBRULE(this.metricDecl) },
      { ALT: () => this.SUBRULE(this.meshDecl) },
      { ALT: () => this.SUBRULE(this.shardDecl) },
      { ALT: () => this.SUBRULE(this.variantDecl) },
      { ALT: () => this.SUBRULE(this.sweepDecl) },
      { ALT: () => this.SUBRULE(this.exportDecl) },
      { ALT: () => this.SUBRULE(this.expectDecl) },
    ]);
  });

  /** `2 epochs` on a command line. */
  lone = this.RULE("lone", () => {
    this.SUBRULE(this.expr);
  });

  // Declarations -------------------------------------------------------------------------------

  /** `import { Linear, relu } from "saic:layers"` or `import "./blocks.pipe" as blocks` */
  importDecl = this.RULE("importDecl", () => {
    this.CONSUME(t.Import);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LeftBrace);
          this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
          this.CONSUME(t.MemberEnd);
          this.CONSUME(t.From);
          this.CONSUME(t.Text);
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.Text);
          this.CONSUME(t.As);
          this.CONSUME2(t.Name);
        },
      },
    ]);
  });

  /** `param lr: float = 2e-4 in 1e-6 .. 1e-2` */
  paramDecl = this.RULE("paramDecl", () => {
    this.CONSUME(t.Param);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION(() => this.SUBRULE(this.default));
    this.OPTION2(() => this.SUBRULE(this.bounds));
  });

  /** `in 1 .. 256` */
  bounds = this.RULE("bounds", () => {
    this.CONSUME(t.BoundsIn);
    this.SUBRULE(this.expr);
  });

  /** `fn swish(x, k: float = 1) = x * sigmoid(k * x)` */
  fnDecl = this.RULE("fnDecl", () => {
    this.CONSUME(t.Fn);
    this.CONSUME(t.Name);
    this.SUBRULE(this.formals);
    this.OR([{ ALT: () => this.SUBRULE(this.default) }, { ALT: () => this.SUBRULE(this.body) }]);
  });

  /** `block Net(width: dim = 64) { in x: f32[B, C]  out y: f32[B, width]  y = x |> Linear(width) }` */
  blockDecl = this.RULE("blockDecl", () => {
    this.CONSUME(t.Block);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.formals));
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.SUBRULE(this.blockMember));
    this.CONSUME(t.DeclarationEnd);
  });

  /** `optimizer sgd(lr: float) { in p, g  p <- p - lr * g }` */
  optimizerDecl = this.RULE("optimizerDecl", () => {
    this.CONSUME(t.Optimizer);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.formals));
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.SUBRULE(this.optimizerMember));
    this.CONSUME(t.DeclarationEnd);
  });

  /** `schedule linear(to: float) = base + (to - base) * u` */
  scheduleDecl = this.RULE("scheduleDecl", () => {
    this.CONSUME(t.Schedule);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.formals));
    this.SUBRULE(this.default);
  });

  /** `dataset Digits { source: csv("d.csv")  field x: column("x") -> f32[] }` */
  datasetDecl = this.RULE("datasetDecl", () => {
    this.CONSUME(t.Dataset);
    this.CONSUME(t.Name);
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.datasetMember);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.DeclarationEnd);
  });

  /** `train digits { model: Net()  data: Digits }` */
  trainDecl = this.RULE("trainDecl", () => {
    this.CONSUME(t.Train);
    this.CONSUME(t.Name);
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.trainMember);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.DeclarationEnd);
  });

  /** `metric f1(at: float = 0.5) better max { in x: f32[B]  sum n: f32[] = x  value = n }` */
  metricDecl = this.RULE("metricDecl", () => {
    this.CONSUME(t.Metric);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.formals));
    this.OPTION2(() => {
      this.CONSUME(t.Better);
      this.CONSUME2(t.Name);
    });
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.SUBRULE(this.metricMember));
    this.CONSUME(t.DeclarationEnd);
  });

  /** `mesh pod { data: 4, expert: 2 }` */
  meshDecl = this.RULE("meshDecl", () => {
    this.CONSUME(t.Mesh);
    this.CONSUME(t.Name);
    this.SUBRULE(this.entries);
  });

  /** `shard pretrain on pod { batch: split(B, over: data) }` */
  shardDecl = this.RULE("shardDecl", () => {
    this.CONSUME(t.Shard);
    this.CONSUME(t.Name);
    this.CONSUME(t.On);
    this.CONSUME2(t.Name);
    this.SUBRULE(this.rules);
  });

  /** `variant "9.6b" of base { model.experts: 16 }` */
  variantDecl = this.RULE("variantDecl", () => {
    this.CONSUME(t.Variant);
    this.OR([{ ALT: () => this.CONSUME(t.Name) }, { ALT: () => this.CONSUME(t.Text) }]);
    this.CONSUME(t.Of);
    this.CONSUME2(t.Name);
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.variantMember);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.DeclarationEnd);
  });

  /** `sweep search over base { lr: log(1e-5 .. 1e-3)  trials: 24 }` */
  sweepDecl = this.RULE("sweepDecl", () => {
    this.CONSUME(t.Sweep);
    this.CONSUME(t.Name);
    this.CONSUME(t.Over);
    this.CONSUME2(t.Name);
    this.SUBRULE(this.entries);
  });

  /** `export smokey as "smokey.onnx" { outputs: [logit] }` */
  exportDecl = this.RULE("exportDecl", () => {
    this.CONSUME(t.Export);
    this.CONSUME(t.Name);
    this.CONSUME(t.As);
    this.CONSUME(t.Text);
    this.SUBRULE(this.entries);
  });

  /** `expect params(Net()) < 1_000_000` */
  expectDecl = this.RULE("expectDecl", () => {
    this.CONSUME(t.Expect);
    this.SUBRULE(this.expr);
  });

  /** `(out: dim, stride: int[2] | same = 1)` */
  formals = this.RULE("formals", () => {
    this.CONSUME(t.Open);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.formal) });
    this.CONSUME(t.RightParen);
  });

  /** `stride: int = 1` */
  formal = this.RULE("formal", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => this.SUBRULE(this.default));
  });
}

function read(tokens: readonly IToken[], rule: "declaration" | "lone"): ConcreteParse {
  const cst = readQuickly(tokens, rule);
  return cst === null ? parseThoroughly(tokens, rule) : { cst, errors: [] };
}

/** Made for the first text with an error: its self-analysis takes longer than most checks. */
let made: PipeParser | null = null;
function theParser(): PipeParser {
  made ??= new PipeParser("trusted");
  return made;
}
