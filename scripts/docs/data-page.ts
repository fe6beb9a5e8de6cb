/** The page of the data: sources, readers, transforms, splits and loaders. */

import type { DataProgram, DataSource, TransformOp } from "../../compiler/plan/data.js";
import { type Page, pageOf, prose } from "./markdown.js";
import { signatureNamed, signaturesIn } from "./signatures.js";

type ReaderKind = DataProgram["fields"][number]["reader"]["kind"];

const sources: Readonly<Record<DataSource["kind"], string>> = {
  synthetic:
    "Small drawn images with noise, made by the runtime. Record i depends on the seed and i only. The figures are `ring`, `cross`, `square` and `triangle`. `noise` is the standard deviation of the pixels' noise, of the range 0 to 1. Readers: `image`, `label`.",
  image_folder:
    "Pictures in one folder per class: `root/<class>/*.jpg`, `.jpeg`, `.png` or `.webp`. The list of classes is explicit and its order gives the labels. Readers: `image`, `label`. `split by class` keeps a class whole.",
  voc_tiles:
    "Frames with Pascal VOC boxes, cut into overlapping square tiles; a record is a tile. The part of `images` in braces names the frame, and `boxes` is found by the same name. `frame` is the height and width of every picture. `classes` limits which boxes count; without it all do. Readers: `image`, `covered`, `holds`, `position`. `split by frame` keeps the tiles of a frame together.",
};

const readers: Readonly<Record<ReaderKind, string>> = {
  image: "The record's picture, `u8[C, H, W]`; every picture must have the declared size.",
  label: "The index of the class, `i64[]`.",
  covered: "Whether boxes cover at least this share of the tile, `bool[]`.",
  holds: "Whether at least this share of some box lies in the tile, `bool[]`.",
  position: "The tile's index in its frame, row by row, `i64[]`.",
};

const transforms: Readonly<Record<TransformOp["kind"], string>> = {
  resize: "Area-true resampling of a `u8` image to the given size.",
  normalize:
    "(x / 255 - mean) / std on `u8`, (x - mean) / std on `f32`; one number for all channels or one for each. The result is `f32`.",
  standardize:
    "(x - mean(x)) / max(std(x), 1e-3) over the record's own pixels; `u8` is divided by 255 first. The result is `f32`.",
  hflip: "Mirrors left and right with the probability `p`.",
  jitter:
    "Of a `u8` image: multiplies by 1 + U(-contrast, contrast) about the mean of all elements, then adds 255 U(-brightness, brightness), rounds and clamps.",
  random_shift:
    "Pads by `pad` edge pixels on each side and cuts a window of the old size at a random place.",
};

export function dataPage(root: string): Page {
  const known = new Map([
    ...signaturesIn(root, "compiler/check/dataset.ts"),
    ...signaturesIn(root, "compiler/check/split-and-loader.ts"),
  ]);
  const steps = signaturesIn(root, "compiler/check/transforms.ts");
  const list = (
    entries: Readonly<Record<string, string>>,
    signatures: ReadonlyMap<string, string>,
  ): readonly string[] =>
    Object.entries(entries).flatMap(([name, about]) => [
      `### ${name}`,
      "",
      `\`${signatureNamed(signatures, name)}\``,
      "",
      prose(about),
      "",
    ]);
  return pageOf("data", "Data", "sources, readers, transforms, splits and loaders.", [
    "A `dataset` has one `source`, at least one `field`, one `split`, any number of `transform` members and one `loader`.",
    "",
    "## Sources",
    "",
    "A relative `root` is relative to the file that declares the dataset.",
    "",
    ...list(sources, known),
    "## Readers",
    "",
    "A field is read from a record: `field image: image() -> u8[3, 32, 32]`.",
    "",
    ...list(readers, known),
    "## Transforms",
    "",
    "A transform is a chain of steps on one field: `image = image |> resize(80, 80) |> normalize(mean: 0.5, std: 0.25)`.",
    "`transform { }` applies to every split, `transform train { }` to one; members apply from top to bottom.",
    "A transform of one split may not change a field's type.",
    "",
    ...list(transforms, steps),
    "## Split",
    "",
    `\`${signatureNamed(known, "split")}\``,
    "",
    "`split random { … }` deals single records, `split by frame { … }` whole groups.",
    "The shares must sum to 100%.",
    "",
    "## Loader",
    "",
    `\`${signatureNamed(known, "loader")}\``,
    "",
    "`last` is about the last batch of a training epoch: `drop` leaves it out when it is incomplete, `pad` fills it up under a mask.",
    "Evaluation always uses every record.",
  ]);
}
