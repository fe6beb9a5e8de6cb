/** The grammar of what stands in the braces of blocks, optimizers, datasets and trains. */

import { ExpressionParser } from "./parser-expressions.js";
import * as t from "./tokens.js";

/** The middle one of three layers. */
export class MemberParser extends ExpressionParser {
  /** `= 1` */
  default = this.RULE("default", () => {
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  // Members of blocks and optimizers -----------------------------------------------------------

  blockMember = this.RULE("blockMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.port) },
      { ALT: () => this.SUBRULE(this.ownedMember) },
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.assignOrUpdate) },
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
    this.OR([{ ALT: () => this.CONSUME(t.Weight) }, { ALT: () => this.CONSUME(t.State) }]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.binary);
    this.OPTION2(() => this.SUBRULE(this.path));
    this.OPTION3(() => this.SUBRULE(this.guard));
  });

  /** `if stride != 1` */
  guard = this.RULE("guard", () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expr);
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

  // Members of datasets and trains -------------------------------------------------------------

  datasetMember = this.RULE("datasetMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.fieldMember) },
      { ALT: () => this.SUBRULE(this.splitMember) },
      { ALT: () => this.SUBRULE(this.transformMember) },
      { ALT: () => this.SUBRULE(this.loaderMember) },
    ]);
  });

  /** `field image: image() -> u8[3, 160, 160]` */
  fieldMember = this.RULE("fieldMember", () => {
    this.CONSUME(t.Field);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.expr);
    this.CONSUME(t.RightArrow);
    this.SUBRULE(this.type);
  });

  /** `split by event { train: 70%  val: 30% }` */
  splitMember = this.RULE("splitMember", () => {
    this.CONSUME(t.Split);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.By);
          this.CONSUME(t.Name);
        },
      },
      { ALT: () => this.CONSUME(t.Random) },
    ]);
    this.SUBRULE(this.entries);
  });

  /** `transform train { image = image |> hflip(p: 0.5) }` */
  transformMember = this.RULE("transformMember", () => {
    this.CONSUME(t.Transform);
    this.OPTION(() => this.CONSUME(t.Name));
    this.SUBRULE(this.assigns);
  });

  /** `loader { batch: 32  shuffle: true }` */
  loaderMember = this.RULE("loaderMember", () => {
    this.CONSUME(t.Loader);
    this.SUBRULE(this.entries);
  });

  trainMember = this.RULE("trainMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.lossMember) },
      { ALT: () => this.SUBRULE(this.metricsMember) },
      { ALT: () => this.SUBRULE(this.stageMember) },
      { ALT: () => this.SUBRULE(this.objectiveMember) },
    ]);
  });

  /** `loss { total = bce_logits(logit, smoke) }` */
  lossMember = this.RULE("lossMember", () => {
    this.CONSUME(t.Loss);
    this.SUBRULE(this.assigns);
  });

  /** `metrics val { auroc = auroc(logit, smoke) }` */
  metricsMember = this.RULE("metricsMember", () => {
    this.CONSUME(t.Metrics);
    this.OPTION(() => this.CONSUME(t.Name));
    this.SUBRULE(this.assigns);
  });

  /** `stage heads for 2 epochs { freeze model.cnn.** }` */
  stageMember = this.RULE("stageMember", () => {
    this.CONSUME(t.Stage);
    this.CONSUME(t.Name);
    this.OPTION2(() => {
      this.CONSUME(t.For);
      this.SUBRULE(this.expr);
    });
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.freezeMember) },
        { ALT: () => this.SUBRULE(this.entry) },
      ]);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.MemberEnd);
  });

  /** `freeze model.cnn.**, model.layers[0 .. 4].bn*` */
  freezeMember = this.RULE("freezeMember", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Freeze) }, { ALT: () => this.CONSUME(t.Unfreeze) }]);
    this.SUBRULE(this.glob);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.glob);
    });
  });

  /** `objective test.auroc >= 0.70` */
  objectiveMember = this.RULE("objectiveMember", () => {
    this.CONSUME(t.Objective);
    this.SUBRULE(this.expr);
  });

  /** `{ batch: 32  shuffle: true }` */
  entries = this.RULE("entries", () => {
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.entry);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.MemberEnd);
  });

  /** `loader.batch: 4`; the value may be missing. */
  entry = this.RULE("entry", () => {
    this.CONSUME(t.KeyName);
    this.MANY(() => this.SUBRULE(this.keySegment));
    this.CONSUME(t.Colon);
    this.OPTION(() => this.SUBRULE(this.expr));
  });

  keySegment = this.RULE("keySegment", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.CONSUME(t.Name);
        },
      },
      { ALT: () => this.CONSUME(t.DotDigits) },
    ]);
  });

  /** `{ a = f(x)  b = g(a) }` */
  assigns = this.RULE("assigns", () => {
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.SUBRULE(this.assign));
    this.CONSUME(t.MemberEnd);
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
