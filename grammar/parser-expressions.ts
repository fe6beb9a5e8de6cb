/** The grammar of types, paths and expressions. Each rule shows a piece of text it reads. */

import { CstParser } from "chevrotain";

import { expectations } from "./expected.js";
import * as t from "./tokens.js";

/** The innermost of three layers; the outermost one runs the self-analysis. */
export class ExpressionParser extends CstParser {
  constructor() {
    super(t.vocabulary, {
      maxLookahead: 2,
      recoveryEnabled: true,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectations,
    });
  }

  // Brackets are balanced before parsing, so a made-up or removed token only hides the mistake.
  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false;
  }
  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false;
  }

  // Types and paths ----------------------------------------------------------------------------

  /** `f32[B, T = 3, ..., C]` or `int[2] | same` */
  type = this.RULE("type", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LeftBracket);
          this.SUBRULE(this.type);
          this.OPTION(() => {
            this.CONSUME(t.Comma);
            this.SUBRULE(this.expr);
          });
          this.CONSUME(t.RightBracket);
        },
      },
      {
        ALT: () => this.AT_LEAST_ONE_SEP({ SEP: t.Bar, DEF: () => this.SUBRULE(this.alternative) }),
      },
    ]);
  });

  alternative = this.RULE("alternative", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.dimensions));
  });

  dimensions = this.RULE("dimensions", () => {
    this.CONSUME(t.IndexBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.dimension) });
    this.CONSUME(t.RightBracket);
  });

  dimension = this.RULE("dimension", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Ellipsis) },
      {
        ALT: () => {
          this.OPTION(() => {
            this.CONSUME(t.Name);
            this.CONSUME(t.Equals);
          });
          this.SUBRULE(this.expr);
        },
      },
    ]);
  });

  /** `as layer{i}.conv.0` */
  path = this.RULE("path", () => {
    this.CONSUME(t.As);
    this.SUBRULE(this.pathSegment);
    this.MANY(() => this.SUBRULE(this.pathTail));
  });

  pathTail = this.RULE("pathTail", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.DotDigits) },
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.SUBRULE(this.pathSegment);
        },
      },
    ]);
  });

  pathSegment = this.RULE("pathSegment", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.OPTION(() => this.SUBRULE(this.computed));
        },
      },
      { ALT: () => this.SUBRULE2(this.computed) },
    ]);
  });

  computed = this.RULE("computed", () => {
    this.CONSUME(t.PathBrace);
    this.SUBRULE(this.expr);
    this.CONSUME(t.PathEnd);
  });

  glob = this.RULE("glob", () => {
    this.CONSUME(t.Name);
    this.MANY(() => this.SUBRULE(this.globSegment));
  });

  globSegment = this.RULE("globSegment", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.DotDigits) },
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.OR2([
            { ALT: () => this.CONSUME(t.Glob) },
            { ALT: () => this.CONSUME(t.Star) },
            {
              ALT: () => {
                this.CONSUME(t.Name);
                this.OPTION(() => this.CONSUME2(t.Star));
              },
            },
          ]);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.IndexBracket);
          this.SUBRULE(this.expr);
          this.CONSUME(t.RightBracket);
        },
      },
    ]);
  });

  // Expressions --------------------------------------------------------------------------------

  /** `x |> Conv2d(64) as conv1 |> relu` */
  expr = this.RULE("expr", () => {
    this.SUBRULE(this.binary);
    this.MANY(() => {
      this.CONSUME(t.Pipe);
      this.SUBRULE(this.step);
    });
  });

  /** `repeat (i in 0 .. 3) Block(i) as layers` or `Conv2d(64) as conv1` */
  step = this.RULE("step", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Reported) },
      { ALT: () => this.SUBRULE(this.repeat) },
      { ALT: () => this.SUBRULE(this.apply) },
    ]);
    this.OPTION(() => this.SUBRULE(this.path));
  });

  repeat = this.RULE("repeat", () => {
    this.CONSUME(t.Repeat);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.BinderParen);
          this.CONSUME(t.Name);
          this.CONSUME(t.InOperator);
          this.SUBRULE(this.expr);
          this.CONSUME(t.RightParen);
        },
      },
      { ALT: () => this.SUBRULE(this.binary) },
    ]);
    this.SUBRULE(this.apply);
  });

  apply = this.RULE("apply", () => {
    this.CONSUME(t.Name);
    this.MANY(() => {
      this.CONSUME(t.Dot);
      this.CONSUME2(t.Name);
    });
    this.OPTION(() => this.SUBRULE(this.callArgs));
  });

  /** Operators stand flat in the tree; their precedence is applied when the AST is built. */
  binary = this.RULE("binary", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => this.SUBRULE(this.tail));
  });

  tail = this.RULE("tail", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Infix);
          this.SUBRULE(this.operand);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Range);
          this.OPTION(() => this.SUBRULE2(this.operand));
        },
      },
    ]);
  });

  /** `-blocks.0[i].out(x)` */
  operand = this.RULE("operand", () => {
    this.MANY(() => this.CONSUME(t.Prefix));
    this.SUBRULE(this.primary);
    this.MANY2(() => this.SUBRULE(this.suffix));
  });

  suffix = this.RULE("suffix", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.DotDigits) },
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.OR2([{ ALT: () => this.CONSUME(t.Name) }, { ALT: () => this.CONSUME(t.Reported) }]);
        },
      },
      { ALT: () => this.SUBRULE(this.callArgs) },
      {
        ALT: () => {
          this.CONSUME(t.IndexBracket);
          this.SUBRULE(this.expr);
          this.CONSUME(t.RightBracket);
        },
      },
    ]);
  });

  callArgs = this.RULE("callArgs", () => {
    this.CONSUME(t.CallParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
    this.CONSUME(t.RightParen);
  });

  argument = this.RULE("argument", () => {
    this.OPTION(() => {
      this.CONSUME(t.Name);
      this.CONSUME(t.Colon);
    });
    this.SUBRULE(this.expr);
  });

  primary = this.RULE("primary", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Name) },
      { ALT: () => this.CONSUME(t.NumberToken) },
      { ALT: () => this.CONSUME(t.Quantity) },
      { ALT: () => this.CONSUME(t.Text) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.Reported) },
      { ALT: () => this.SUBRULE(this.group) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.choice) },
    ]);
  });

  /** `(q, kv, mask: m)` */
  group = this.RULE("group", () => {
    this.CONSUME(t.LeftParen);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
    this.CONSUME(t.RightParen);
  });

  /** `[1, 2, 3]` */
  list = this.RULE("list", () => {
    this.CONSUME(t.LeftBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expr) });
    this.CONSUME(t.RightBracket);
  });

  /** `if n > 1 { a } else if n == 1 { b } else { c }` */
  choice = this.RULE("choice", () => {
    this.SUBRULE(this.branch);
    this.MANY(() => {
      this.CONSUME(t.Else);
      this.SUBRULE2(this.branch);
    });
    this.CONSUME2(t.Else);
    this.SUBRULE(this.body);
  });

  branch = this.RULE("branch", () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.body);
  });

  /** `{ let m = mean(x)  x - m }` */
  body = this.RULE("body", () => {
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.letMember) },
        { ALT: () => this.SUBRULE(this.constDecl) },
      ]);
    });
    this.SUBRULE(this.expr);
    this.CONSUME(t.BodyEnd);
  });

  /** `let m, v = moments(x)` */
  letMember = this.RULE("letMember", () => {
    this.CONSUME(t.Let);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  /** `const N = ROWS * COLS` */
  constDecl = this.RULE("constDecl", () => {
    this.CONSUME(t.Const);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });
}
