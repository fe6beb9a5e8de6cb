/** Predictions as pictures: a PNG per output of rows and columns, beside names of the inputs. */

import { join } from "node:path";
import sharp from "sharp";
import type { DataProgram } from "../../compiler/plan/data.js";
import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { outputUnsuited, picturesClipped } from "../../grammar/diagnostics/use.js";
import { createFiles, makeFolders } from "../atomic-file.js";
import { printType } from "../data/bad-data.js";
import { exitCodes, Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";
import { classNamesOf } from "./class-names.js";
import type { Prediction } from "./predict.js";
import type { RecordOutput } from "./run-model.js";

export interface PictureWriter {
  /** Writes the pictures of one record; gives their paths. */
  readonly write: (prediction: Prediction) => Promise<readonly string[]>;
  /** One for each output whose numbers left 0..1. */
  readonly warnings: () => readonly Diagnostic[];
}

/** How an output becomes pictures: planes of gray, or one picture in colors. */
interface Layout {
  readonly output: RecordOutput;
  readonly height: number;
  readonly width: number;
  /** What follows the output's name in the file's, plane by plane. */
  readonly planes: readonly string[];
  readonly channels: 1 | 3;
}

/**
 * Writes into `folder`: [H, W] and [1, H, W] in gray, [3, H, W] in colors, more channels as a
 * picture each, by the names of classes where there are as many. Floats are 0..1, truths black and
 * white, whole numbers as they are; other outputs are left out. Faults with exit code 2 where no output is a picture.
 */
export function pictureWriter(
  program: DataProgram,
  outputs: readonly RecordOutput[],
  folder: string,
): PictureWriter {
  const layouts = outputs.flatMap((output) => layoutOf(program, output) ?? []);
  const [first] = outputs;
  if (layouts.length === 0 && first !== undefined) {
    const shape = printType(first.dtype, first.shape);
    const wanted = `a picture has ${leastSide} rows and columns or more, and at most one axis before them`;
    const params = { output: first.name, shape, format: "images", wanted };
    throw new Fault(diagnose(outputUnsuited, params, null), exitCodes.environment);
  }
  const files = createFiles();
  const clipped = new Map<string, number>();
  return {
    write: async ({ file, record, outputs: values }) => {
      const written: string[] = [];
      for (const layout of layouts) {
        const tensor = values.get(layout.output.name);
        if (tensor === undefined) continue;
        const { bytes, isClipped } = bytesOf(tensor);
        if (isClipped) clipped.set(layout.output.name, (clipped.get(layout.output.name) ?? 0) + 1);
        for (const [i, plane] of layout.planes.entries()) {
          const stem = record === null ? file.name : `${file.name}.${safe(record)}`;
          const target = join(folder, `${below(stem)}.${layout.output.name}${plane}.png`);
          makeFolders(join(target, ".."));
          files.publish(target, await png(bytes, layout, i));
          written.push(target);
        }
      }
      return written;
    },
    warnings: () =>
      [...clipped].map(([output, count]) =>
        diagnose(picturesClipped, { output, files: count }, null),
      ),
  };
}

/** A table of samples and classes is no picture. */
const leastSide = 8;

function layoutOf(program: DataProgram, output: RecordOutput): Layout | null {
  const { shape } = output;
  const [height = 0, width = 0] = shape.slice(-2);
  if (shape.length < 2 || shape.length > 3 || height < leastSide || width < leastSide) return null;
  const channels = shape.length === 3 ? (shape[0] ?? 1) : 1;
  const base = { output, height, width };
  if (channels === 1) return { ...base, planes: [""], channels: 1 };
  const classes = classNamesOf(program, channels);
  if (channels === 3 && classes === null) return { ...base, planes: [""], channels: 3 };
  const planes = Array.from(
    { length: channels },
    (_, i) => `.${safe(classes?.names[i] ?? String(i))}`,
  );
  return { ...base, planes, channels: 1 };
}

/** A path that stays below the folder it is joined to. */
const below = (name: string): string =>
  name
    .split(/[\\/]/u)
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/");

const safe = (name: string): string => name.replaceAll(/[^\w.#-]/gu, "_");

function bytesOf(tensor: HostTensor): {
  readonly bytes: Uint8Array;
  readonly isClipped: boolean;
} {
  const value = numbersOf(tensor);
  const scale = { u8: 1, i32: 1, i64: 1, bool: 255, f16: 255, bf16: 255, f32: 255, f64: 255 };
  const factor = scale[tensor.dtype];
  const bytes = new Uint8Array(tensor.data.length);
  let isClipped = false;
  for (let i = 0; i < bytes.length; i++) {
    const scaled = value(i) * factor;
    // A number that is none is black.
    if (!(scaled >= -1e-4 * factor && scaled <= 255 * (1 + 1e-4))) isClipped = true;
    bytes[i] = Number.isNaN(scaled) ? 0 : Math.min(255, Math.max(0, Math.floor(scaled + 0.5)));
  }
  return { bytes, isClipped };
}

/** One plane, or three of them interleaved. */
function png(
  bytes: Uint8Array,
  { height, width, channels }: Layout,
  plane: number,
): Promise<Buffer> {
  const size = height * width;
  const raw =
    channels === 1
      ? bytes.subarray(plane * size, (plane + 1) * size)
      : Uint8Array.from(
          { length: 3 * size },
          (_, i) => bytes[(i % 3) * size + Math.floor(i / 3)] ?? 0,
        );
  const picture = sharp(raw, { raw: { width, height, channels } });
  return (channels === 1 ? picture.toColourspace("b-w") : picture).png().toBuffer();
}
