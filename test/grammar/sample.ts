/** A file that uses every supported form once or more: the ground for recovery tests. */

export const SAMPLE = `/// Two 3x3 convolutions with an identity shortcut (He et al., 2015).
import { Conv2d, BatchNorm2d } from "saic:layers"
import "./other.pipe" as other
param lr: float = 2e-4 in 1e-6 .. 1e-2
const N = (480 - 80) / (160 - 80)
fn swish(x, k: float = 1) = x * sigmoid(k * x)
fn center(x) {
  let m = mean(x)
  x - m
}
block BasicBlock(out: dim, stride: int[2] | same = 1) {
  /// The input.
  in  x: f32[B, C, H, W]
  out y: f32[B, out, ceil(H / stride), ceil(W / stride)]
  weight w: f32[out, C] = kaiming_uniform(a: sqrt(5)) as weight
  unused weight b: f32[out] = 0 as bias if stride != 1
  state n: i64[] = 0 as num_batches_tracked
  let shortcut = if stride != 1 or C != out
    { x |> Conv2d(out, kernel: 1, stride: stride, bias: false) as downsample.0 |> BatchNorm2d() as downsample.1 }
    else { x }
  n <- n + 1
  y = x
    |> Conv2d(out, kernel: 3, stride: stride, pad: 1, bias: false) as conv1 |> BatchNorm2d() as bn1 |> relu
    |> repeat (i in 0 .. 3) Foo(if i == 0 { 2 } else { 1 }) as layer{i}.x
    |> add(shortcut) |> relu
}
optimizer sgd(lr: float, momentum: float = 0) {
  in p, g
  slot m = 0 as momentum_buffer if momentum > 0
  let v = if momentum == 0 { g } else { momentum * m + g }
  m <- v
  p <- p - lr * v
}
schedule cosine(to: float, over: duration = rest) = to + (base - to) * 0.5 * (1 + cos(pi * u))
dataset Smoke {
  source: voc_tiles(root: data, images: "images/{frame}.jpeg", boxes: "xmls/{frame}.xml", size: 160, overlap: 80)
  field image: image() -> u8[3, 160, 160]
  field smoke: covered(at_least: 0.1) -> bool[]
  split by frame { train: 60%  val: 15%  test: 25%  seed: 7 }
  transform       { image = image |> resize(64, 64) |> normalize(mean: 0.5, std: 0.5) }
  transform train { image = image |> hflip(p: 0.5) }
  loader { batch: batch  shuffle: true  workers: 2  last: drop }
}
train smoke_tiles {
  model: Net()
  data: Smoke
  seed: 1
  loss { total = bce_logits(logit, smoke, pos_weight: 5) }
  optimizer: adamw(lr: lr, weight_decay: 0.05)
  schedule: warmup(500 steps) then cosine(to: 1e-6)
  stage heads for 2 epochs { freeze model.cnn.**, model.layers[0 .. 4].bn*  }
  stage full for 10 epochs { lr: 0.1 }
  metrics val { auroc = auroc(logit, smoke) }
  checkpoint: [best(val.auroc, keep: 3), last(every: 1 epochs)]
  objective test.auroc >= 0.70
}
expect params(BasicBlock(64)) < 1_000_000
`;
