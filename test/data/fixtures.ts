/** Generated files and data programs for the tests of this folder. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import type { DataProgram, PlainSplit } from "../../compiler/plan/data.js";
import type { Batch } from "../../runtime/data/dataset.js";
import { Fault } from "../../runtime/fault.js";

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "saic-data-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** Writes a picture whose format follows the extension; `value` gives each channel of a pixel. */
export async function writePicture(
  file: string,
  height: number,
  width: number,
  value: (y: number, x: number, channel: number) => number,
  channels: 1 | 3 | 4 = 3,
): Promise<void> {
  const data = Buffer.from(
    Array.from({ length: height * width * channels }, (_, i) => {
      const pixel = Math.floor(i / channels);
      return value(Math.floor(pixel / width), pixel % width, i % channels);
    }),
  );
  await mkdir(dirname(file), { recursive: true });
  await sharp(data, { raw: { width, height, channels } }).toFile(file);
}

export type BoxSpec = readonly [number | string, number, number, number, string?];

export function vocXml(height: number, width: number, boxes: readonly BoxSpec[]): string {
  const objects = boxes.map(
    ([xmin, ymin, xmax, ymax, name = "smoke"]) =>
      `<object><name>${name}</name><bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin>` +
      `<xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`,
  );
  return `<annotation><size><width>${width}</width><height>${height}</height></size>${objects.join("\n")}</annotation>`;
}

type Overrides = Partial<Omit<DataProgram, "loader">> & {
  readonly loader?: Partial<DataProgram["loader"]>;
};

const loader: DataProgram["loader"] = { batch: 4, shuffle: true, workers: 0, last: "drop" };
export const split: PlainSplit = { by: null, train: 0.5, val: 0.25, test: 0.25, seed: 1 };

function program(base: Omit<DataProgram, "loader">, overrides: Overrides): DataProgram {
  return { ...base, ...overrides, loader: { ...loader, ...overrides.loader } };
}

export const shapesSource: Extract<DataProgram["source"], { kind: "synthetic" }> = {
  kind: "synthetic",
  generator: "shapes",
  count: 40,
  height: 16,
  width: 20,
  classes: ["ring", "cross", "square", "triangle"],
  noise: 0.05,
  seed: 3,
  place: "shapes.pipe:3:11",
};

export function shapesProgram(overrides: Overrides = {}): DataProgram {
  return program(
    {
      name: "Shapes",
      source: shapesSource,
      fields: [
        { name: "image", reader: { kind: "image" }, dtype: "u8", shape: [3, 16, 20], place: "p" },
        { name: "label", reader: { kind: "label" }, dtype: "i64", shape: [], place: "p" },
      ],
      split,
      transforms: [
        { split: "train", field: "image", op: { kind: "hflip", p: 0.5 }, draw: "a", place: "p" },
        {
          split: null,
          field: "image",
          op: { kind: "normalize", mean: [0.5], std: [0.25] },
          draw: "b",
          place: "p",
        },
      ],
      outputs: [
        { name: "image", dtype: "f32", shape: [3, 16, 20] },
        { name: "label", dtype: "i64", shape: [] },
      ],
    },
    overrides,
  );
}

export function folderProgram(
  root: string,
  classes: readonly string[],
  overrides: Overrides = {},
  size: readonly [number, number, number] = [3, 6, 8],
): DataProgram {
  return program(
    {
      name: "Folder",
      source: { kind: "image_folder", root, classes: [...classes], place: "folder.pipe:2:3" },
      fields: [
        { name: "image", reader: { kind: "image" }, dtype: "u8", shape: [...size], place: "p" },
        { name: "label", reader: { kind: "label" }, dtype: "i64", shape: [], place: "p" },
      ],
      split,
      transforms: [],
      outputs: [
        { name: "image", dtype: "u8", shape: [...size] },
        { name: "label", dtype: "i64", shape: [] },
      ],
    },
    overrides,
  );
}

export interface TileSettings {
  readonly frame: readonly [number, number];
  readonly size: number;
  readonly overlap: number;
  readonly atLeast?: number;
  readonly classes?: readonly string[];
  readonly images?: string;
}

export function tilesProgram(
  root: string,
  settings: TileSettings,
  overrides: Overrides = {},
): DataProgram {
  const { frame, size, overlap, atLeast = 0.01, classes, images = "images/{frame}.png" } = settings;
  return program(
    {
      name: "Tiles",
      source: {
        kind: "voc_tiles",
        root,
        images,
        boxes: "xmls/{frame}.xml",
        size,
        overlap,
        frame: [frame[0], frame[1]],
        classes: classes === undefined ? null : [...classes],
        place: "tiles.pipe:2:3",
      },
      fields: [
        {
          name: "tile",
          reader: { kind: "image" },
          dtype: "u8",
          shape: [3, size, size],
          place: "tiles.pipe:4:3",
        },
        {
          name: "smoke",
          reader: { kind: "covered", atLeast },
          dtype: "bool",
          shape: [],
          place: "tiles.pipe:5:3",
        },
        {
          name: "position",
          reader: { kind: "position" },
          dtype: "i64",
          shape: [],
          place: "tiles.pipe:6:3",
        },
      ],
      split: { ...split, by: "frame" },
      transforms: [],
      outputs: [
        { name: "tile", dtype: "u8", shape: [3, size, size] },
        { name: "smoke", dtype: "bool", shape: [] },
        { name: "position", dtype: "i64", shape: [] },
      ],
    },
    overrides,
  );
}

export async function collect(batches: AsyncIterable<Batch>): Promise<readonly Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** The numbers of a field, over all records that are not padding. */
export function valuesOf(batches: readonly Batch[], field: string): readonly number[] {
  return batches.flatMap((batch) => {
    const tensor = batch.fields.get(field);
    if (tensor === undefined) throw new Error(`no field ${field}`);
    const width = tensor.data.length / batch.valid.length;
    return Array.from(tensor.data.subarray(0, width * batch.count), Number);
  });
}

/** The fault that `work` ends with. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Fault) return error;
  throw new Error(`expected a fault, got ${String(error)}`, { cause: error });
}
