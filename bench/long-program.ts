/** A program of a given length, in the manner of real ones: blocks of residual branches, one train. */

/**
 * Blocks in canonical form, a step in three lines as in real programs, all applied by one model, between the declarations of a whole
 * program; at least `lines` lines. Sound, so that every phase does all of its work.
 */
export function longProgram(lines: number): string {
  const count = Math.ceil((lines - head.length - tail(0).length) / (block(0).length + 1));
  const steps = Array.from({ length: count }, (_, i) => i);
  return [...head, ...steps.flatMap(block), ...tail(count)].join("\n");
}

const head = `import { BatchNorm2d, Conv2d, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { adamw } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

param lr: float = 1e-3 in 1e-6 .. 1
const WIDTH = 32

dataset Shapes {
  source: synthetic(shapes, count: 400, size: 16, classes: [ring, cross, disk], seed: 1)
  field image: image() -> u8[3, 16, 16]
  field kind: label() -> i64[]
  split random { train: 70%  val: 15%  test: 15%  seed: 3 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  transform train { image = image |> hflip(p: 0.5) }
  loader { batch: 20  shuffle: true }
}
`.split("\n");

const block = (i: number): readonly string[] =>
  `/// Branch ${i}: a bottleneck beside a plain path, gated by its own mean.
block Branch${i}(width: dim = WIDTH, stride: int = 1, ratio: int = ${2 + (i % 3) * 2}) {
  in x: f32[B, C, H, W]
  out y: f32[B, width, ceil(H / stride), ceil(W / stride)]
  const HIDDEN = floor(width / ratio)
  let shortcut = if stride != 1 or C != width {
    x
      |> Conv2d(width, kernel: 1, stride: stride, bias: false) as down.conv
      |> BatchNorm2d() as down.bn
  } else {
    x
  }
  let narrow = x
    |> Conv2d(HIDDEN, kernel: 1, bias: false) as narrow.conv
    |> BatchNorm2d() as narrow.bn
    |> relu
  let wide = narrow
    |> Conv2d(width, kernel: 3, stride: stride, pad: 1, bias: false) as wide.conv
    |> BatchNorm2d() as wide.bn
  let gate = sigmoid(mean(wide, axes: [2, 3], keep: true))
  y = wide * gate |> add(shortcut) |> relu
}
`.split("\n");

const tail = (count: number): readonly string[] => [
  "block Net(classes: dim) {",
  "  in  image: f32[B, 3, H, W]",
  "  out logits: f32[B, classes]",
  "  logits = image",
  "    |> Conv2d(WIDTH, kernel: 3, pad: 1) as stem",
  ...Array.from({ length: count }, (_, i) => `    |> Branch${i}() as branch${i}`),
  "    |> mean(axes: [2, 3])",
  "    |> Linear(classes) as head",
  "}",
  "",
  "train long {",
  "  model: Net(classes: Shapes.classes)",
  "  data: Shapes",
  "  seed: 1",
  "  loss { total = cross_entropy(logits, kind) }",
  "  optimizer: adamw(lr: lr, weight_decay: 0.01)",
  "  schedule: warmup(20 steps) then cosine(to: 0)",
  "  group norms_and_biases { weight_decay: 0 }",
  "  stage head for 1 epochs { freeze model.branch*.** }",
  "  stage full for 4 epochs { }",
  "}",
  "",
];
