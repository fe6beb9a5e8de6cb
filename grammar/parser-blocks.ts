/** The grammar of what stands in the braces of blocks, optimizers and metrics. */

import { ExpressionParser } from "./parser-expressions.js";
import * as t from "./tokens.js";

/** The third of five layers. */
export class BlockParser extends ExpressionParser {
  /** `= 1` */
  default = this.RULE("default", () => {
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  // Members of blocks -----------------------------------------------------------

  blockMember = this.RULE("blockMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.port) },
      { ALT: () => this.SUBRULE(this.ownedMember) },
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.assignOrUpdate) },
      { ALT: () => this.SUBRULE(this.tapMember) },
    ]);
  });

  /** `in mask: f32[B, T] = none if masked` */
  port = this.RULE("port", () => {
    this.OR([{ ALT: () => this.CONSUME(t.In) }, { ALT: () => this.CONSUME(t.Out) }]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION(() => this.SUBRULE(this.default));
    this.OPTION2(() => this.SUBRULE(this.guard));
  });

  /** `unused weight b: f32[out] = 0 as bias if stride != 1` */
  ownedMember = this.RULE("ownedMember", () => {
    this.OPTION(() => this.CONSUME(t.Unused));
    this.OR([
      { ALT: () => this.CONSUME(t.Weight) },
      { ALT: () => this.CONSUME(t.State) },
      { ALT: () => this.CONSUME(t.Carry) },
    ]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.binary);
    this.OPTION2(() => this.SUBRULE(this.path));
    this.OPTION3(() => this.SUBRULE(this.guard));
  });

  /** `a, b = f(x)` or `n <- n + 1` */
  assignOrUpdate = this.RULE("assignOrUpdate", () => {
    this.CONSUME(t.TargetName);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LeftArrow);
          this.SUBRULE(this.expr);
        },
      },
      {
        ALT: () => {
          this.MANY(() => {
            this.CONSUME(t.Comma);
            this.CONSUME(t.Name);
          });
          this.CONSUME(t.Equals);
          this.SUBRULE2(this.expr);
        },
      },
    ]);
  });

  /** `tap balance = mean(load)` */
  tapMember = this.RULE("tapMember", () => {
    this.CONSUME(t.Tap);
    this.CONSUME(t.Name);
    this.SUBRULE(this.default);
  });

  // Members of optimizers and metrics ----------------------------------------------------------

  optimizerMember = this.RULE("optimizerMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.optimizerInputs) },
      { ALT: () => this.SUBRULE(this.slotMember) },
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.update) },
    ]);
  });

  /** `in p, g` */
  optimizerInputs = this.RULE("optimizerInputs", () => {
    this.CONSUME(t.In);
    this.CONSUME(t.Name);
    this.CONSUME(t.Comma);
    this.CONSUME2(t.Name);
  });

  /** `slot m = 0 as exp_avg if momentum > 0` */
  slotMember = this.RULE("slotMember", () => {
    this.CONSUME(t.Slot);
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.binary);
    this.OPTION2(() => this.SUBRULE(this.path));
    this.OPTION3(() => this.SUBRULE(this.guard));
  });

  /** `p <- p - lr * g` */
  update = this.RULE("update", () => {
    this.CONSUME(t.TargetName);
    this.CONSUME(t.LeftArrow);
    this.SUBRULE(this.expr);
  });

  metricMember = this.RULE("metricMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.port) },
      { ALT: () => this.SUBRULE(this.accumulator) },
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.assign) },
    ]);
  });

  /** `sum hits: f32[] = yes and target` */
  accumulator = this.RULE("accumulator", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Sum) },
      { ALT: () => this.CONSUME(t.Min) },
      { ALT: () => this.CONSUME(t.Max) },
    ]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.SUBRULE(this.default);
  });

  /** `clip, tiles = (clip, tiles) |> hflip(p: 0.5)` */
  assign = this.RULE("assign", () => {
    this.CONSUME(t.TargetName);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.CONSUME(t.Name);
    });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });
}
