/** The program that `saic init --template images` writes: a classifier of pictures in folders. */

/** Its one param without a value is `--data`, the folder of the pictures. */
export const imagesProgram = `\
/// Sorts pictures into classes. Each class has a folder of pictures: \`<data>/cat/*.jpg\` and
/// \`<data>/dog/*.jpg\`, all of one size.
import { BatchNorm2d, Conv2d, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

/// Folder with one folder of pictures per class.
param data: path
/// Height of the pictures in pixels.
param height: int = 64 in 16 .. 4096
/// Width of the pictures in pixels.
param width: int = 64 in 16 .. 4096
/// Peak learning rate.
param lr: float = 1e-3 in 1e-6 .. 1e-1
/// Records per update.
param batch: int = 32 in 1 .. 1024

dataset Pictures {
  // The classes are the names of the folders; their order gives the labels.
  source: image_folder(root: data, classes: [cat, dog])

  field image: image() -> u8[3, height, width]
  field kind: label() -> i64[]

  split random { train: 70%  val: 15%  test: 15%  seed: 1 }

  transform { image = image |> resize(64, 64) }
  transform train { image = image |> hflip(p: 0.5) |> random_shift(pad: 4) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }

  loader { batch: batch  shuffle: true  workers: 1  last: drop }
}

/// Convolution, normalization, activation.
block Layer(out: dim, stride: int = 1) {
  in x: f32[B, C, H, W]
  out y: f32[B, out, ceil(H / stride), ceil(W / stride)]
  y = x
    |> Conv2d(out, kernel: 3, stride: stride, pad: 1, bias: false) as conv
    |> BatchNorm2d() as norm
    |> relu
}

block PictureNet(classes: dim, width: dim = 16) {
  in image: f32[B, 3, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Layer(width) as layer1
    |> Layer(2 * width, stride: 2) as layer2
    |> Layer(4 * width, stride: 2) as layer3
    |> Layer(8 * width, stride: 2) as layer4
    |> mean(axes: [2, 3])
    |> Linear(classes) as head
}

train images {
  model: PictureNet(classes: Pictures.classes)
  data: Pictures
  seed: 1

  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: lr, weight_decay: 0.01)
  group norms_and_biases { weight_decay: 0 }
  schedule: warmup(50 steps) then cosine(to: 1e-6)

  stage main for 20 epochs { }

  metrics { accuracy = accuracy(logits, kind) }
  checkpoint: [best(val.accuracy), last(every: 1 epochs)]
}
`;
