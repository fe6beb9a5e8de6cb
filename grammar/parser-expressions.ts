/** The grammar of expressions and steps. Each rule shows a piece of text it reads. */

import { PathParser } from "./parser-paths.js";
import * as t from "./tokens.js";

/** The second of five layers. */
export class ExpressionParser extends PathParser {
  // Expressions --------------------------------------------------------------------------------

  /** `x |> Conv2d(64) as conv1 |> relu` */
  expr = this.RULE("expr", () => {
    this.SUBRULE(this.binary);
    this.MANY(() => {
      this.CONSUME(t.Pipe);
      this.SUBRULE(this.step);
    });
  });

  /** `unused repeat (i in 0 .. 3) Block(i) as layers` or `Conv2d(64) as conv1` */
  step = this.RULE("step", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Reported) },
      { ALT: () => this.SUBRULE(this.einops) },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(t.Unused));
          this.OR2([
            { ALT: () => this.SUBRULE(this.repeat) },
            { ALT: () => this.SUBRULE(this.each) },
            { ALT: () => this.SUBRULE(this.scan) },
            { ALT: () => this.SUBRULE(this.apply) },
          ]);
        },
      },
    ]);
    this.OPTION2(() => this.SUBRULE(this.path));
  });

  repeat = this.RULE("repeat", () => {
    this.CONSUME(t.Repeat);
    this.OR([{ ALT: () => this.SUBRULE(this.binder) }, { ALT: () => this.SUBRULE(this.binary) }]);
    this.SUBRULE(this.apply);
  });

  /** `(i in 0 .. 3)` */
  binder = this.RULE("binder", () => {
    this.CONSUME(t.BinderParen);
    this.CONSUME(t.Name);
    this.CONSUME(t.InOperator);
    this.SUBRULE(this.expr);
    this.CONSUME(t.RightParen);
  });

  /** `each E Mlp(hidden: 4 * D)` */
  each = this.RULE("each", () => {
    this.CONSUME(t.Each);
    this.CONSUME(t.Name);
    this.SUBRULE(this.apply);
  });

  /** `scan T Cell(64)` or `scan (t in [2, 0, 1], axis: T) Cell(64)` */
  scan = this.RULE("scan", () => {
    this.CONSUME(t.Scan);
    this.OR([{ ALT: () => this.CONSUME(t.Name) }, { ALT: () => this.SUBRULE(this.scanBinder) }]);
    this.SUBRULE(this.apply);
  });

  /** `(t in [2, 0, 1], axis: T)` */
  scanBinder = this.RULE("scanBinder", () => {
    this.CONSUME(t.BinderParen);
    this.CONSUME(t.Name);
    this.CONSUME(t.InOperator);
    this.SUBRULE(this.expr);
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.setting);
    });
    this.CONSUME(t.RightParen);
  });

  /** `rearrange(B (h d) -> B h d, h: 8)` or `einsum(E K M, M D -> E K D)` */
  einops = this.RULE("einops", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Rearrange) }, { ALT: () => this.CONSUME(t.Einsum) }]);
    this.CONSUME(t.AxesParen);
    this.SUBRULE(this.axes);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.axes);
    });
    this.CONSUME(t.RightArrow);
    this.SUBRULE(this.output);
    this.MANY2(() => {
      this.CONSUME2(t.Comma);
      this.SUBRULE(this.setting);
    });
    this.CONSUME(t.RightParen);
  });

  output = this.RULE("output", () => {
    this.SUBRULE(this.axes);
  });

  /** `B (T N) 1 ...` */
  axes = this.RULE("axes", () => {
    this.MANY(() => this.SUBRULE(this.axis));
  });

  axis = this.RULE("axis", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Name) },
      { ALT: () => this.CONSUME(t.NumberToken) },
      { ALT: () => this.CONSUME(t.Ellipsis) },
      {
        ALT: () => {
          this.CONSUME(t.LeftParen);
          this.SUBRULE(this.axes);
          this.CONSUME(t.RightParen);
        },
      },
    ]);
  });

  /** `h: 8` */
  setting = this.RULE("setting", () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.expr);
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
          this.SUBRULE(this.segment);
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

  /** What follows a point; the stars and braces stand in paths: `sum(model.**.rel_*)`. */
  segment = this.RULE("segment", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.OPTION(() =>
            this.OR2([
              { ALT: () => this.CONSUME(t.Wildcard) },
              { ALT: () => this.SUBRULE(this.computed) },
            ]),
          );
        },
      },
      { ALT: () => this.CONSUME(t.Glob) },
      { ALT: () => this.CONSUME2(t.Wildcard) },
      { ALT: () => this.SUBRULE2(this.computed) },
    ]);
  });

  callArgs = this.RULE("callArgs", () => {
    this.CONSUME(t.CallParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
    this.CONSUME(t.RightParen);
  });

  /** `x` or `k: x` */
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

  /** `[1, ...xs, 3]` or `[for i in 0 .. 3: f(i)]` */
  list = this.RULE("list", () => {
    this.CONSUME(t.LeftBracket);
    this.OR([
      { ALT: () => this.SUBRULE(this.comprehension) },
      { ALT: () => this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.item) }) },
    ]);
    this.CONSUME(t.RightBracket);
  });

  item = this.RULE("item", () => {
    this.OPTION(() => this.CONSUME(t.Ellipsis));
    this.SUBRULE(this.expr);
  });

  /** `for i in 0 .. n if i > 1: f(i)` */
  comprehension = this.RULE("comprehension", () => {
    this.CONSUME(t.For);
    this.CONSUME(t.Name);
    this.CONSUME(t.InOperator);
    this.SUBRULE(this.binary);
    this.OPTION(() => this.SUBRULE(this.guard));
    this.CONSUME(t.Colon);
    this.SUBRULE(this.expr);
  });

  /** `if stride != 1` */
  guard = this.RULE("guard", () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expr);
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
