/** What the page of the data says of each source, reader, fit and transform. */

import type { FieldReader } from "../../compiler/plan/data.js";
import type { DatasetOp } from "../../compiler/plan/dataset.js";

/** By the name of the call. */
export const sources: Readonly<Record<string, string>> = {
  synthetic:
    "Small drawn images with noise, made by the runtime. Record i depends on the seed and i only. The figures are `ring`, `cross`, `square` and `triangle`. `noise` is the standard deviation of the pixels' noise, of the range 0 to 1. Readers: `image`, `label`.",
  image_folder:
    "Pictures in one folder per class: `root/<class>/*.jpg`, `.jpeg`, `.png` or `.webp`. The list of classes is explicit and its order gives the labels. Readers: `image`, `label`. `split by class` keeps a class whole.",
  voc_tiles:
    "Frames with Pascal VOC boxes, cut into overlapping square tiles; a record is a tile. The part of `images` in braces names the frame, and `boxes` is found by the same name. `frame` is the height and width of every picture. `classes` limits which boxes count; without it all do. Readers: `image`, `covered`, `holds`, `position`. `split by frame` keeps the tiles of a frame together.",
  frames:
    "Sequences of frames: a folder per group; `group` says how it is called below `root`, and its names may be split by. Without a width a name is as short as can be. The frames of a group are the files that the template of the first picture finds in its folder: `{t}.jpg` finds a `t` in each `.jpg`. They are in the order of their offsets, the signed numbers of seconds at the ends of all their names, or else of their names, numbers in which count as numbers. Templates start in the group's folder. A record is a frame; the first frames of a group, which have no whole window, are none, and a window never goes on into another group. Readers: `window`, `image`, `offset_at_least`, `group_offset`, `group_index`, `tile_boxes`, `exists`, `boxes`.",
  csv: "A record per line after the first, which names the columns. `file` is relative to `root` where there is one; templates start at `root`, or else at the file's folder. `delimiter` is one character, a comma unless given. Readers: `column`, `columns`, `image`, `exists`, `tile_boxes`, `boxes`.",
  parquet:
    'The same for a parquet file, or for all that a `*` in its name finds, which must agree in the types of the columns that are read. Cells may hold lists: `column("vector") -> f32[8]`. An integer column is read into floats too, no other type into one that it is not. A cell without a value is a fault. Rows count from 0.',
  npy: "An array whose first axis is the record; it is called as the file is. Readers: `array`, `image`, `exists`.",
  npz: "Several such arrays, each with its name. Readers: `array`, `image`, `exists`.",
  safetensors: "The same for a safetensors file.",
  pickle:
    "The same for arrays of NumPy in a pickle of the protocols 2 to 5. Keys of dictionaries and places in lists and tuples name them, parted by points: `train.x`, `pairs.0`. Nothing in the file is run: a pickle that asks for anything but plain values and arrays is refused.",
  images:
    "A record per picture that fits the pattern, whose names in braces are bound and may be split by, and in which `*` stands for anything within a name. Numbers in names count as numbers: `2.png` comes before `10.png`. Reader: `image`.",
  geotiff:
    "A record per raster, GeoTIFF or TIFF, that fits the pattern. Reader: `image`, whose channels are the bands. Where the first transforms are crops and memory keeps no record (`residency: stream`, or no room for another), only their window is read.",
  coco: "A record per picture of a COCO file. `classes` limits the categories and orders them; without it all count, in the file's order. `names: (dent: [dunt], dirt: [])` says what the file calls a class, with an empty list for one that it does not have; `images` is the pictures' folder where it is not `root`. Readers: `image`, `boxes`, `box_classes`, `masks`, `area`, `present`.",
  zip: '`zip(npy("y.npy"), images("img/{i}.png"), by: index)` joins the records of several sources, by index or by a key that all have: `by: "id"`. Keys are compared as text, and records are in the order of the first part. A key that a part lacks is a fault, or with `missing: drop` left out with a warning. A template may use the names of all parts. Parts may have names, `zip(left: …, right: …)`, and are then read as `left.image()`.',
  concat: "`concat(a, b)`: the records of sources of one kind, one after the other.",
};

type ReaderName = Exclude<FieldReader["kind"], "picture" | "image_file" | "raster">;

/** By the name of the call. */
export const readers: Readonly<Record<ReaderName, string>> = {
  image:
    "The record's picture, or the one that a template names, `u8[C, H, W]` with 1 or 3 channels; every picture must have the declared size. Of a raster the bands: `u8`, `i32`, `f32` or `f64`, whichever holds the file's numbers exactly. Where it says which value stands for no data and a pixel has it, that is a fault, unless `nodata: keep` leaves it or `nodata: 0` puts a number in its place.",
  label: "The index of the class, `i64[]`.",
  covered: "Whether boxes cover at least this share of the tile, `bool[]`.",
  holds: "Whether at least this share of some box lies in the tile, `bool[]`.",
  position: "The tile's index in its frame, row by row, `i64[]`.",
  column:
    "A column's number or truth value, or with `classes` the index of its word, `i64[]`; of a parquet file also lists of numbers. `D.field.classes` is their count.",
  columns: "The numbers of several columns as one vector.",
  array: "The record's part of an array; without a name of a file's only one.",
  window: "Frames of one group that end with the record's, `stride` apart: `u8[length, C, H, W]`.",
  offset_at_least: "Whether the frame's offset in seconds is at least this, `bool[]` or `bool[1]`.",
  group_offset: "The frame's offset in seconds, `f32[]`.",
  group_index:
    "The index of the frame's group among those of its split, `i64[]`; of a dataset `D`, `D.val.groups` is how many `val` has.",
  tile_boxes:
    "By tile of the picture after its transforms, row by row, whether boxes cover at least this share of it: `bool[N]`. The tiles cover the picture exactly. A file that is not there is a fault, unless a field `exists` of the same template tells of it: then there are no boxes.",
  exists: "Whether the file is there, `bool[]`.",
  boxes:
    "xmin, ymin, xmax, ymax in pixels of the picture after its transforms, `f32[max, 4]`; zeros where there are fewer boxes.",
  box_classes: "The classes of the same boxes, `i64[max]`; -1 where there are fewer.",
  masks: "By class, which pixels it covers, `bool[classes, H, W]`.",
  area: "By class, the share of the picture that it covers, `f32[classes]`.",
  present: "By class, whether the picture has one, `bool[classes]`.",
};

/** By the name of the call. */
export const fits: Readonly<Record<string, string>> = {
  minmax: "The least and the greatest value, `lo` and `hi`.",
  standard: "The mean and the standard deviation, `mean` and `std`.",
};

/** By the name of the step. */
export const transforms: Readonly<Record<DatasetOp["kind"], string>> = {
  resize: "Area-true resampling of a `u8` image to the given size.",
  crop: "The part from `top` and `left` on; without a size, to the edge.",
  center_crop: "The middle part of that size.",
  random_crop: "A part of that size at a random place.",
  pad: "Pixels of `value` around the image, or its edge pixels.",
  hflip: "Mirrors left and right with the probability `p`.",
  vflip: "Mirrors up and down with the probability `p`.",
  random_shift:
    "Pads by `pad` edge pixels on each side and cuts a window of the old size at a random place.",
  rotate: "Turns about the middle by up to `degrees` either way.",
  affine:
    "Turns by up to `degrees`, shifts by up to a share of the size, scales between two factors, and shears by up to `shear` degrees.",
  jitter:
    "Of a `u8` image: multiplies by 1 + U(-contrast, contrast) about the mean of all elements, then adds 255 U(-brightness, brightness), rounds and clamps.",
  color_jitter:
    "Of a colored `u8` image: factors 1 + U(-a, a) of brightness, contrast and saturation, and a shift of the hue by U(-a, a) of the circle.",
  blur: "A Gaussian blur with a standard deviation of up to `sigma` pixels.",
  noise: "Adds normal noise of this standard deviation; on `u8` of the range 0 to 1.",
  cutout: "Sets `count` squares of `size` pixels to `value`.",
  scale: "Multiplies the whole record by a factor between two numbers.",
  normalize:
    "(x / 255 - mean) / std on `u8`, (x - mean) / std on `f32`; one number for all channels or one for each. The result is `f32`.",
  standardize:
    "(x - mean(x)) / max(std(x), 1e-3) over the record's own pixels; `u8` is divided by 255 first. The result is `f32`.",
  rescale:
    "`rescale(range, to: [-1, 1])` maps what the fit `range` found to these limits, 0 and 1 unless given; by a `standard` fit it takes no limits and gives mean 0 and deviation 1.",
  rearrange:
    "`rearrange(T M -> M T)` gives axes another order, takes them apart and merges them, as in a block.",
  tile: "Overlapping square tiles, row by row, as a new axis before the channels; they cover the image exactly.",
  to: "Converts elements to another type.",
};
