/** The page of the data: sources, readers, fits, transforms, splits and loaders. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Page, pageOf, prose } from "./markdown.js";
import { fits, readers, sources, transforms } from "./data-texts.js";

const folder = "compiler/check/data";

/** All signatures in the checker's own text, by name: a reader may have several. */
function signaturesOf(root: string, files: readonly string[]): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(join(root, folder, file), "utf8");
    for (const [, signature = ""] of text.matchAll(/signature\(\s*"([a-z_0-9]+\([^"]*\))"/g)) {
      const name = signature.slice(0, signature.indexOf("("));
      const known = found.get(name) ?? [];
      if (!known.includes(signature)) found.set(name, [...known, signature]);
    }
  }
  return found;
}

const code = (signatures: readonly string[] | undefined): readonly string[] =>
  (signatures ?? []).flatMap((signature) => [`\`${signature}\``, ""]);

export function dataPage(root: string): Page {
  const list = (
    entries: Readonly<Record<string, string>>,
    files: readonly string[],
  ): readonly string[] => {
    const signatures = signaturesOf(root, files);
    return Object.entries(entries).flatMap(([name, about]) => [
      `### ${name}`,
      "",
      ...code(signatures.get(name)),
      prose(about),
      "",
    ]);
  };
  const split = signaturesOf(root, ["split.ts"]);
  const loader = signaturesOf(root, ["loader.ts"]);
  return pageOf("data", "Data", "sources, readers, fits, transforms, splits and loaders.", [
    "A `dataset` has one `source`, at least one `field`, one `split`, any number of `fit` and `transform` members and one `loader`.",
    "Members apply from top to bottom.",
    "Forms that are checked and not yet carried out are refused by `compile` and `run`; `saic check` warns.",
    "",
    "## Sources",
    "",
    "A relative path is relative to the file that declares the dataset.",
    "Where a data file is there, `saic check` reads its head: columns and first values of a csv, types and shapes of arrays, categories of annotations.",
    "",
    ...list(sources, ["sources.ts"]),
    "## Readers",
    "",
    "A field is read from a record: `field image: image() -> u8[3, 32, 32]`.",
    "`_` is an extent that only the files tell; a transform must settle it.",
    "A template such as `{t}.jpg` may name columns, parts of the source's pattern, `t` of a frame, or `index`, with an optional width: `{index:04}`.",
    "A field with `if condition` exists only where the condition holds.",
    "Where a picture comes from a file, `on_error: error` or `on_error: skip(max: 1%)` says what a broken one does.",
    "",
    ...list(readers, ["reader-table.ts"]),
    "## Fits",
    "",
    "`fit range = minmax(x, axes: [0]) -> (lo: f32[M], hi: f32[M])` is computed once over the training split.",
    "Its first argument names a field, as it is by then; without `axes` all are reduced.",
    "`Sim.range` is known everywhere, and `unscale(y, Sim.range)` undoes what `rescale` by it has done.",
    "",
    ...list(fits, ["fits.ts"]),
    "## Transforms",
    "",
    "A transform is a chain of steps on one field: `image = image |> resize(80, 80) |> normalize(mean: 0.5, std: 0.25)`.",
    "`transform { }` applies to every split, `transform train { }` to one.",
    "All splits must end in the same types.",
    "What moves every picture alike moves its masks, boxes and tiles by itself; what moves it at random must name them: `clip, tiles = (clip, tiles) |> hflip(p: 0.5)`.",
    "",
    ...list(transforms, ["moving-transforms.ts", "value-transforms.ts"]),
    "## Split",
    "",
    ...code(split.get("split")),
    '`split random { … }` deals single records, `split by frame { … }` whole groups that the source names, `split by column("fire") { … }` whole groups of equal values.',
    "The shares must sum to 100%. `stratify` names a field of one class or `bool`, whose values every split gets in proportion.",
    '`split by column("split") { train: "train"  val: ["valid", "dev"] }` goes by a column\'s own words.',
    '`split by time("date") { train: 70%  val: 15%  test: 15% }` goes by the order of a column and has no seed.',
    "",
    "## Loader",
    "",
    ...code(loader.get("loader")),
    "`last` is about the last batch of a training epoch: `drop` leaves it out when it is incomplete, `pad` fills it up under a mask.",
    "Evaluation always uses every record.",
    "Order, augmentation and every number of a batch depend on the seed, the epoch and the record alone, never on how records are loaded.",
    "",
    "- `workers` is the number of threads that decode and transform, `auto` as many as there are cores; `0` does it in the thread that trains. `--threads` is an upper bound.",
    "- `prefetch` is the number of batches that are made while one is used, twice the threads less one by default.",
    "- `cache` keeps fields that come from files as they are before the first random transform, so that later epochs, and with `disk` later runs, neither decode nor transform them again.",
    "- `residency: preload` reads a split into memory before its first batch, and stops the run where it has no room; `stream` keeps nothing in memory. Without either, up to 512 MiB are kept.",
    "",
    ...code([...(loader.get("disk") ?? []), ...(loader.get("memory") ?? [])]),
    "`max` bounds the bytes that are kept; on disk, what was used longest ago makes room. Without it memory keeps half of what is free when the run begins.",
    "`dtype: f16`, `bf16` or `f32` rounds wider floats, in every epoch alike; `u8` keeps pictures as bytes, before the transform that makes floats of them, with nothing lost.",
    "`compress` is a level of gzip, `0` for none.",
    "",
    "A cache on disk lies in `.saic/cache/<dataset>` beside the folder of runs, or below `--cache-dir`, and may be removed at any time.",
    "Its entries go by the files they come from (path, size and times), by the transforms, and by what was fitted; each has a checksum, and a damaged one is made anew, which is counted in a warning.",
    "Where it cannot be written, a warning says so once and the run goes on without it.",
    "",
    "Each step's event has `step_ms` and `data_ms`, the time that it waited for its batch; when that is a quarter of the whole over 50 updates, a warning says what to change.",
  ]);
}
