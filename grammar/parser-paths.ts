/** The grammar of types and of paths of weights. Each rule shows a piece of text it reads. */

import { CstParser, type CstNode, type ParserMethod } from "chevrotain";

import { expectations } from "./expected.js";
import * as t from "./tokens.js";

/** The innermost of five layers; the outermost one runs the self-analysis. */
export abstract class PathParser extends CstParser {
  protected abstract readonly expr: ParserMethod<[], CstNode>;

  constructor(rules: "trusted" | "validated") {
    super(t.vocabulary, {
      skipValidations: rules === "trusted",
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

  /** `f32[B, T = 3, ..., C]`, `int[2] | same` or `[f32[B, C], 3]` */
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

  /** `model.blocks.{i}.experts[g in 1 .. 3].**` */
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
            { ALT: () => this.CONSUME(t.Wildcard) },
            {
              ALT: () => {
                this.CONSUME(t.Name);
                this.OPTION(() =>
                  this.OR3([
                    { ALT: () => this.CONSUME2(t.Wildcard) },
                    { ALT: () => this.SUBRULE(this.computed) },
                  ]),
                );
              },
            },
            { ALT: () => this.SUBRULE2(this.computed) },
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
}
