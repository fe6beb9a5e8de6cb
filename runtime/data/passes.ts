/** A pass over a split: which transform steps apply, and where their random part begins. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { SplitName } from "./dataset.js";
import { type FieldType, isRandom, outcomeOf } from "./transforms/transform.js";

/** `train` trains; `val` and `test` evaluate; `train_as_is` evaluates the training split. */
export type Pass = "train" | "val" | "test" | "train_as_is";

export type Step = DataProgram["transforms"][number];

/** The pass that evaluates a split: steps of training alone do not apply to it. */
export const evaluationOf = (split: SplitName): Pass => (split === "train" ? "train_as_is" : split);

/**
 * The steps of `field` in a pass, top to bottom: those of every split and those of its own, and for
 * labels on a picture also what moves the picture of every record alike. Of the program's transforms
 * the first `count` are seen, all by default.
 */
export function stepsFor(
  program: DataProgram,
  pass: Pass,
  field: string,
  count = program.transforms.length,
): readonly Step[] {
  const own = program.fields.find(({ name }) => name === field);
  const follows = own !== undefined && onPixels.includes(own.reader.kind);
  const pictures = program.fields
    .filter(({ reader, part }) => picturesOf.includes(reader.kind) && part === own?.part)
    .map(({ name }) => name);
  return program.transforms.slice(0, count).filter(({ split, field: one, fields, op }) => {
    if (split !== null && split !== pass) return false;
    const named = fields ?? (one === undefined ? [] : [one]);
    return (
      named.includes(field) ||
      (follows && movesAlike.includes(op.kind) && named.some((name) => pictures.includes(name)))
    );
  });
}

type ReaderKind = DataProgram["fields"][number]["reader"]["kind"];
const picturesOf: readonly ReaderKind[] = ["image", "image_file", "picture", "raster", "window"];
const onPixels: readonly ReaderKind[] = ["masks", "boxes", "box_classes", "tile_boxes"];
const movesAlike: readonly Step["op"]["kind"][] = ["resize", "crop", "center_crop", "pad"];

/** The first step that draws ends the part of the result that is the same in every epoch. */
export function cutAtRandom(steps: readonly Step[]): {
  readonly fixed: readonly Step[];
  readonly rest: readonly Step[];
} {
  const first = steps.findIndex((step) => isRandom(step.op));
  const cut = first < 0 ? steps.length : first;
  return { fixed: steps.slice(0, cut), rest: steps.slice(cut) };
}

/**
 * Where the part ends that a cache keeps: before the first step that draws, and for a cache of bytes
 * already before the one that makes other numbers of them.
 */
export function cutAsKept(
  { loader: { cache } }: DataProgram,
  field: FieldType,
  steps: readonly Step[],
): ReturnType<typeof cutAtRandom> {
  const { fixed, rest } = cutAtRandom(steps);
  if (cache?.dtype !== "u8" || field.dtype !== "u8") return { fixed, rest };
  let type = field;
  const count = fixed.findIndex(({ op }) => {
    const outcome = outcomeOf(op, type);
    type = outcome.ok ? outcome.type : type;
    return type.dtype !== "u8";
  });
  if (count < 0) return { fixed, rest };
  return { fixed: fixed.slice(0, count), rest: [...fixed.slice(count), ...rest] };
}
