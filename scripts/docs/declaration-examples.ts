/** Examples of every declaration and every member; a test parses them. */

import type {
  BlockMember,
  DatasetMember,
  Declaration,
  MetricMember,
  OptimizerMember,
  StageLine,
  TrainMember,
} from "../../grammar/ast.js";

/** What a form is for, and how it looks. */
export interface Form {
  readonly about: string;
  readonly example: string;
}

type FormsOf<Kind extends string> = Readonly<Record<Kind, Form>>;

export const declarationForms: FormsOf<Declaration["kind"]> = {
  import: {
    about: "Brings names of another module, or the module under a name. Cycles are errors.",
    example: 'import { Linear, BatchNorm2d } from "saic:layers"\nimport "./meshes.pipe" as meshes',
  },
  param: {
    about:
      "A value that the command line may give as a flag. The range includes both bounds; without a value the flag is required.",
    example: "/// Peak learning rate.\nparam lr: float = 2e-4 in 1e-6 .. 1e-2",
  },
  const: {
    about: "A value of compile time. `/` of integers is exact; `floor` and `ceil` round.",
    example: "const TILES = (640 - 80) / (160 - 80)",
  },
  fn: {
    about: "A function without weights. A formal without a type is a tensor, with one a setting.",
    example:
      "fn swish(x, k: float = 1) = x * sigmoid(k * x)\nfn centered(x) {\n  let m = mean(x, axes: [1], keep: true)\n  x - m\n}",
  },
  block: {
    about:
      "A module with weights and states. Names in its `in` types that are no constants are solved at each application.",
    example:
      "block Mlp(hidden: dim, out: dim) {\n  in x: f32[..., C]\n  out y: f32[..., out]\n  y = x |> Linear(hidden) as fc1 |> relu |> Linear(out) as fc2\n}",
  },
  optimizer: {
    about: "An update rule of one parameter, by its gradient; `step` counts updates from 1.",
    example:
      "optimizer momentum(lr: float, beta: float = 0.9) {\n  in p, g\n  slot m = 0 as momentum_buffer\n  let v = beta * m + g\n  m <- v\n  p <- p - lr * v\n}",
  },
  schedule: {
    about: "A number over time, of `base`, `t`, `n` and `u = t / n`.",
    example: "schedule linear(to: float, over: duration = rest) = base + (to - base) * u",
  },
  metric: {
    about: "A measure that adds up over batches; `better` says which way is up.",
    example:
      "metric share(threshold: float = 0.5) better max {\n  in logit: f32[B]\n  in label: bool[B]\n  sum hits: f32[] = (sigmoid(logit) > threshold) == label\n  sum all: f32[] = 1\n  value = hits / all\n}",
  },
  dataset: {
    about: "Typed records of real files: one source, fields, a split, transforms, a loader.",
    example:
      "dataset Shapes {\n  source: synthetic(shapes, count: 800, size: 24, classes: [ring, cross])\n  field image: image() -> u8[3, 24, 24]\n  field kind: label() -> i64[]\n  split random { train: 80%  val: 20%  seed: 1 }\n  transform { image = image |> normalize(mean: 0.5, std: 0.25) }\n  loader { batch: 32 }\n}",
  },
  train: {
    about: "One run, of one or more stages.",
    example:
      "train main {\n  model: Net(classes: Shapes.classes)\n  data: Shapes\n  seed: 1\n  loss { total = cross_entropy(logits, kind) }\n  optimizer: adamw(lr: lr)\n  stage all for 5 epochs { }\n}",
  },
  mesh: { about: "Devices in named axes.", example: "mesh pod { data: 4, expert: 2 }" },
  shard: {
    about: "How the values of a train lie on a mesh: the first rule that matches decides.",
    example:
      "shard main on pod {\n  batch: split(B, over: data)\n  model.**: fsdp(over: data, min_size: 1e6)\n}",
  },
  variant: {
    about: "What differs from a train: dotted paths that exist, or whole members.",
    example: "variant small of main {\n  model.width: 8\n  loader.batch: 16\n}",
  },
  sweep: {
    about: "Values to search over.",
    example: "sweep search over main { lr: log(1e-5 .. 1e-3)  trials: 24 }",
  },
  export: {
    about: "A graph for others to run, with the weights in it.",
    example: 'export main as "main.onnx" { outputs: [logits] }',
  },
  expect: {
    about: "What must hold; `saic check` evaluates it.",
    example: "expect params(Net(classes: 4)) < 100_000",
  },
};

export const blockForms: FormsOf<BlockMember["kind"]> = {
  port: {
    about: "Inputs and outputs with their types; a default, or a condition of compile time.",
    example: "in x: f32[B, C]\nin mask: bool[B] = none\nout y: f32[B, out]",
  },
  owned: {
    about:
      "A learned tensor, a state that steps update without a gradient, or what a `scan` carries.",
    example:
      "weight w: f32[out, C] = kaiming_uniform() as weight\nweight b: f32[out] = 0 as bias if bias\nunused weight old: f32[4] = 0\nstate mean: f32[C] = 0 as running_mean\ncarry h: f32[N, out] = 0",
  },
  let: {
    about: "Names for values; `_` discards one.",
    example: "let a, _ = x |> chunk(2, axis: 1)",
  },
  const: {
    about: "A value of compile time, which types may use.",
    example: "const HALF = out / 2",
  },
  assign: { about: "Gives an output its value, once.", example: "y = x |> relu" },
  update: {
    about: "The value of a state after the step; a read gives the value before.",
    example: "mean <- 0.9 * mean + 0.1 * m",
  },
  tap: { about: "A value that losses and metrics may read.", example: "tap balance = mean(load)" },
};

export const optimizerForms: FormsOf<OptimizerMember["kind"] | "in"> = {
  in: { about: "The names of the parameter and its gradient.", example: "in p, g" },
  slot: {
    about: "A tensor that is kept with the parameter, of its type unless it has one.",
    example: "slot m = 0 as exp_avg if momentum > 0",
  },
  let: { about: "Names for values.", example: "let v = momentum * m + g" },
  update: {
    about: "The value of a slot or of the parameter after the step.",
    example: "p <- p - lr * v",
  },
};

export const metricForms: FormsOf<MetricMember["kind"]> = {
  port: { about: "What the metric reads of a batch.", example: "in logit: f32[B]" },
  let: { about: "Names for values.", example: "let hit = logit > 0" },
  const: { about: "A value of compile time.", example: "const BINS = 10" },
  accumulator: {
    about: "Added up, or the least or largest, over records, batches and ranks.",
    example: "sum hits: f32[] = hit\nmax top: f32[] = logit",
  },
  assign: {
    about: "`value` is the metric, others are parts of it.",
    example: "value = hits / all",
  },
};

export const datasetForms: FormsOf<DatasetMember["kind"]> = {
  entry: {
    about: "The source.",
    example: 'source: image_folder(root: "pictures", classes: [cat, dog])',
  },
  field: {
    about: "A part of every record, how it is read and its type as read.",
    example: "field image: image() -> u8[3, 64, 64]",
  },
  fit: {
    about: "Constants from the training split, readable as `Name.range` everywhere.",
    example: "fit range = minmax(x, axes: [0]) -> (lo: f32[4], hi: f32[4])",
  },
  split: {
    about: "Which records are for what: at random, by a group, or by a column.",
    example: "split by event { train: 70%  val: 15%  test: 15%  seed: 7 }",
  },
  transform: {
    about: "Changes of fields, for every split or for one, from top to bottom.",
    example: "transform train { clip, boxes = (clip, boxes) |> hflip(p: 0.5) }",
  },
  loader: {
    about: "How batches are made.",
    example: "loader { batch: 32  shuffle: true  last: drop }",
  },
};

export const trainForms: FormsOf<TrainMember["kind"] | "freeze" | "unfreeze"> = {
  entry: { about: "One of the keys below.", example: "seed: 1" },
  loss: {
    about: "Named terms, each logged; `total` is minimized. Named losses are chosen by stages.",
    example:
      "loss {\n  a = bce_logits(logit, smoke)\n  total = a + 0.1 * average(square(logit))\n}",
  },
  metrics: {
    about: "Measures of `val` and `test`, or of one.",
    example: "metrics val { f1 = f1(logit, smoke) }",
  },
  stage: {
    about: "A stretch of the run with its own graphs.",
    example: "stage heads for 2 epochs { freeze model.cnn.** }",
  },
  objective: { about: "A metric's target.", example: "objective test.auroc >= 0.70" },
  group: {
    about:
      "Settings of the optimizer for some weights; per key the first group that matches decides.",
    example:
      "group norms_and_biases { weight_decay: 0 }\ngroup model.cnn.** where rank(p) > 1 { lr: 1e-4 }",
  },
  init: {
    about: "Where weights begin, per weight the first rule that matches.",
    example: 'init { model.cnn.**: load("cnn.safetensors") }',
  },
  predict: {
    about: "Values that metrics and exports read.",
    example: "predict mc(samples: 20) { p = mean(sigmoid(logit), axes: [0]) }",
  },
  freeze: { about: "Weights that do not learn, in every stage.", example: "freeze model.cnn.**" },
  unfreeze: {
    about: "Takes weights out of an earlier line.",
    example: "unfreeze model.cnn.head.**",
  },
};

export const stageForms: FormsOf<StageLine["kind"]> = {
  freeze: {
    about: "Weights that do not learn here; the last line that matches decides.",
    example: "freeze model.**",
  },
  unfreeze: { about: "Weights that do.", example: "unfreeze model.head.**" },
  restart: { about: "Begins the train's schedule anew.", example: "restart schedule" },
  loss: { about: "A loss of this stage.", example: "loss { total = average(square(logit)) }" },
  metrics: { about: "Measures of this stage.", example: "metrics { mean = average(logit) }" },
  entry: { about: "A key in the train's place, dotted ones too.", example: "optimizer.lr: 1e-5" },
};
