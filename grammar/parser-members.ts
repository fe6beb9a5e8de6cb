/** The grammar of what stands in the braces of datasets, trains, variants and placements. */

import { BlockParser } from "./parser-blocks.js";
import * as t from "./tokens.js";

/** The fourth of five layers. */
export class MemberParser extends BlockParser {
  // Members of datasets -------------------------------------------------------------

  datasetMember = this.RULE("datasetMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.fieldMember) },
      { ALT: () => this.SUBRULE(this.splitMember) },
      { ALT: () => this.SUBRULE(this.transformMember) },
      { ALT: () => this.SUBRULE(this.loaderMember) },
      { ALT: () => this.SUBRULE(this.fitMember) },
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
    this.OPTION(() => this.SUBRULE(this.guard));
  });

  /** `fit range = minmax(x, axes: [0]) -> (lo: f32[M], hi: f32[M])` */
  fitMember = this.RULE("fitMember", () => {
    this.CONSUME(t.Fit);
    this.CONSUME(t.Name);
    this.SUBRULE(this.default);
    this.CONSUME(t.RightArrow);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LeftParen);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.fitOutput) });
          this.CONSUME(t.RightParen);
        },
      },
      { ALT: () => this.SUBRULE(this.type) },
    ]);
  });

  /** `lo: f32[M]` */
  fitOutput = this.RULE("fitOutput", () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
  });

  /** `split by event { train: 70%  val: 30% }` or `split by column("s") { val: "valid" }` */
  splitMember = this.RULE("splitMember", () => {
    this.CONSUME(t.Split);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.By);
          this.CONSUME(t.Name);
          this.OPTION(() => this.SUBRULE(this.callArgs));
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

  // Members of trains --------------------------------------------------------------------------

  trainMember = this.RULE("trainMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.lossMember) },
      { ALT: () => this.SUBRULE(this.metricsMember) },
      { ALT: () => this.SUBRULE(this.stageMember) },
      { ALT: () => this.SUBRULE(this.objectiveMember) },
      { ALT: () => this.SUBRULE(this.groupMember) },
      { ALT: () => this.SUBRULE(this.initMember) },
      { ALT: () => this.SUBRULE(this.predictMember) },
      { ALT: () => this.SUBRULE(this.freezeMember) },
    ]);
  });

  /** `loss calibrate { weight t: f32[] = 0  total = cross_entropy(logits / exp(t), label) }` */
  lossMember = this.RULE("lossMember", () => {
    this.CONSUME(t.Loss);
    this.OPTION(() => this.CONSUME(t.Name));
    this.CONSUME(t.LeftBrace);
    this.MANY(() => this.SUBRULE(this.lossLine));
    this.CONSUME(t.MemberEnd);
  });

  lossLine = this.RULE("lossLine", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.ownedMember) },
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.assignOrUpdate) },
    ]);
  });

  /** `group (i in 0 .. 12) model.blocks.{i}.** where size(p) < 4096 { lr: 0.1 * lr }` */
  groupMember = this.RULE("groupMember", () => {
    this.CONSUME(t.Group);
    this.OPTION(() => this.SUBRULE(this.binder));
    this.SUBRULE(this.glob);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.glob);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Where);
      this.SUBRULE(this.expr);
    });
    this.SUBRULE(this.entries);
  });

  /** `init { model.cnn: load(weights) }` */
  initMember = this.RULE("initMember", () => {
    this.CONSUME(t.Init);
    this.SUBRULE(this.rules);
  });

  /** `predict mc(samples: 20) { p = mean(softmax(logits), axis: 0) }` */
  predictMember = this.RULE("predictMember", () => {
    this.CONSUME(t.Predict);
    this.OPTION(() => {
      this.CONSUME(t.Name);
      this.OPTION2(() => this.SUBRULE(this.callArgs));
    });
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
    this.OPTION(() => {
      this.CONSUME(t.For);
      this.SUBRULE(this.expr);
    });
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.stageLine);
      this.OPTION2(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.MemberEnd);
  });

  stageLine = this.RULE("stageLine", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.freezeMember) },
      { ALT: () => this.SUBRULE(this.restartMember) },
      { ALT: () => this.SUBRULE(this.lossMember) },
      { ALT: () => this.SUBRULE(this.metricsMember) },
      { ALT: () => this.SUBRULE(this.entry) },
    ]);
  });

  /** `restart schedule` */
  restartMember = this.RULE("restartMember", () => {
    this.CONSUME(t.Restart);
    this.CONSUME(t.Name);
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

  variantMember = this.RULE("variantMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.fieldMember) },
      { ALT: () => this.SUBRULE(this.fitMember) },
      { ALT: () => this.SUBRULE(this.splitMember) },
      { ALT: () => this.SUBRULE(this.transformMember) },
      { ALT: () => this.SUBRULE(this.loaderMember) },
      { ALT: () => this.SUBRULE(this.lossMember) },
      { ALT: () => this.SUBRULE(this.metricsMember) },
      { ALT: () => this.SUBRULE(this.stageMember) },
      { ALT: () => this.SUBRULE(this.objectiveMember) },
      { ALT: () => this.SUBRULE(this.groupMember) },
      { ALT: () => this.SUBRULE(this.initMember) },
      { ALT: () => this.SUBRULE(this.predictMember) },
    ]);
  });

  // Entries, rules and assignments -------------------------------------------------------------

  /** `{ model.cnn.**, model.head: fsdp(over: data) }` */
  rules = this.RULE("rules", () => {
    this.CONSUME(t.LeftBrace);
    this.MANY(() => {
      this.SUBRULE(this.rule);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.MemberEnd);
  });

  rule = this.RULE("rule", () => {
    this.SUBRULE(this.ruleHead);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.glob);
    });
    this.CONSUME(t.Colon);
    this.OPTION(() => this.SUBRULE(this.expr));
  });

  ruleHead = this.RULE("ruleHead", () => {
    this.CONSUME(t.KeyName);
    this.MANY(() => this.SUBRULE(this.globSegment));
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
}
