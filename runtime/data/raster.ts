/** Rasters of bands, GeoTIFF and TIFF: read whole or in windows, as exact numbers. */

import { open } from "node:fs/promises";
import type { GeoTIFFImage } from "geotiff";
import type { DataProgram, DType, FieldReader } from "../../compiler/plan/data.js";
import { fieldMismatch, imageUnreadable } from "../../grammar/diagnostics/data.js";
import { rasterNodata } from "../../grammar/diagnostics/data-files.js";
import { Fault } from "../fault.js";
import { allocate } from "../tensor.js";
import { badData, printType } from "./bad-data.js";
import type { Step } from "./passes.js";
import type { DrawPoint } from "./transforms/draw.js";
import { UnsuitedError, type Window, windowOf } from "./transforms/moves.js";
import type { Value } from "./value.js";

type Field = DataProgram["fields"][number];
export type RasterReader = Extract<FieldReader, { kind: "raster" }>;

/** The samples that each type of a field holds exactly. */
const exact: Partial<Record<DType, readonly string[]>> = {
  u8: ["u8"],
  i32: ["u8", "i8", "u16", "i16", "i32"],
  f32: ["u8", "i8", "u16", "i16", "f16", "f32"],
  f64: ["u8", "i8", "u16", "i16", "u32", "i32", "f16", "f32", "f64"],
};

/** A raster as a field of a record. */
export interface RasterRequest {
  readonly file: string;
  readonly field: Field;
  readonly reader: RasterReader;
  /** The record's name. */
  readonly record: string;
}

/**
 * The bands of a file as planes, [bands, height, width]. A file that is damaged or cut, one of
 * several pictures, samples that the field's type does not hold exactly, another size than
 * declared, and nodata that the reader says nothing of are faults.
 */
export const readRaster = async (request: RasterRequest): Promise<Value> =>
  (await readPart(request, () => null)).value;

/**
 * The same after the first of `steps`, as far as these cut windows: of the file only what is left
 * is read and held. `steps` of the result are those that remain. A file with pixels that stand for
 * nothing is read whole where one of them is a fault, wherever it lies.
 */
export async function readCutRaster(
  request: RasterRequest,
  steps: readonly Step[],
  pointOf: (step: Step) => DrawPoint,
): Promise<{ readonly value: Value; readonly steps: readonly Step[] }> {
  const windows: Window[] = [];
  const { value, isCut } = await readPart(request, (size) => {
    try {
      for (const step of steps) {
        const outer = windows.at(-1);
        const next = windowOf(step.op, outer ?? size, pointOf(step));
        if (next === null) break;
        const [top, left] = [next.top + (outer?.top ?? 0), next.left + (outer?.left ?? 0)];
        windows.push({ ...next, top, left });
      }
    } catch (error) {
      // The step itself says so of the whole picture.
      if (error instanceof UnsuitedError) return null;
      throw error;
    }
    return windows.at(-1) ?? null;
  });
  return { value, steps: isCut ? steps.slice(windows.length) : steps };
}

/** The window to read of a picture of a size; `null` for all of it. */
type Choose = (size: Pick<Window, "height" | "width">) => Window | null;

async function readPart(
  { file, field, reader, record }: RasterRequest,
  choose: Choose,
): Promise<{ readonly value: Value; readonly isCut: boolean }> {
  const place = `${file}, record \`${record}\`, field \`${field.name}\``;
  const { bands, whole, window, samples, nodata } = await bandsOf(file, (size, missing) =>
    missing !== null && reader.nodata === "error" ? null : choose(size),
  );
  const { dtype } = field;
  const fits =
    exact[dtype]?.includes(samples) === true &&
    whole.every((extent, axis) => (field.shape[axis] ?? extent) === extent);
  if (!fits)
    throw badData(
      fieldMismatch,
      {
        field: field.name,
        expected: printType(dtype, field.shape),
        found: printType(samples, whole),
      },
      place,
    );
  const [count = 1, height = 1, width = 1] =
    window === null ? whole : [whole[0], window.height, window.width];
  const isCut = window !== null;
  const shape = [count, height, width];
  const data = allocate(dtype, count * height * width);
  if (data instanceof BigInt64Array) return { value: { dtype, shape, data }, isCut };
  bands.forEach((band, k) => data.set(band, k * height * width));
  if (nodata !== null && reader.nodata !== "keep") {
    // The file says the value in decimals; its samples have it as they can.
    const value = dtype === "f32" ? Math.fround(nodata) : nodata;
    const isNodata = (x: number): boolean => (Number.isNaN(value) ? Number.isNaN(x) : x === value);
    let found = 0;
    for (let i = 0; i < data.length; i++) {
      if (!isNodata(data[i] ?? 0)) continue;
      found++;
      if (reader.nodata !== "error") data[i] = reader.nodata;
    }
    if (reader.nodata === "error" && found > 0) {
      const params = { file, field: field.name, value: String(nodata), count: found };
      throw badData(rasterNodata, params, place);
    }
  }
  return { value: { dtype, shape, data }, isCut };
}

interface Bands {
  readonly bands: readonly ArrayLike<number>[];
  /** Of the file. */
  readonly whole: readonly number[];
  /** What the bands are of it; `null` for all. */
  readonly window: Window | null;
  /** `u16`, `f32`. */
  readonly samples: string;
  readonly nodata: number | null;
}

async function bandsOf(
  file: string,
  choose: (size: Pick<Window, "height" | "width">, nodata: number | null) => Window | null,
): Promise<Bands> {
  // The library is large, and few programs read rasters.
  const { GeoTIFF } = await import("geotiff");
  const unreadable = (reason: string): Fault => badData(imageUnreadable, { file, reason }, file);
  let source: RasterSource | null = null;
  try {
    source = await openSource(file);
    const tiff = await GeoTIFF.fromSource(source);
    // Read apart from the head, long lists of a file of big numbers first would come out reversed.
    tiff.parser.eager = true;
    const pages = await tiff.getImageCount();
    const image = await tiff.getImage(0);
    for (let page = 1; page < pages; page++) {
      const kind = (await tiff.getImage(page)).fileDirectory.getValue("NewSubfileType");
      // Smaller copies and masks of the first picture.
      if (!(Number(kind ?? 0) & 5)) throw unreadable(`it holds ${pages} pictures`);
    }
    source.requireWhole();
    const count = image.getSamplesPerPixel();
    const letters: readonly (string | undefined)[] = [undefined, "u", "i", "f"];
    const types = Array.from({ length: count }, (_, sample) => {
      const format = image.getSampleFormat(sample);
      return `${letters[format] ?? "x"}${image.getBitsPerSample(sample)}`;
    });
    const [samples = "x"] = types;
    if (types.some((type) => type !== samples))
      throw unreadable(`its bands are of different types: ${types.join(", ")}`);
    const nodata = image.getGDALNoData();
    const [height, width] = [image.getHeight(), image.getWidth()];
    const window = choose({ height, width }, nodata);
    // What lies outside of a window is not read, and must be there all the same.
    if (window !== null && (await endOf(image)) > (await source.size()))
      throw new Error("it is cut");
    const rasters = await image.readRasters({ interleave: false, ...placed(window) });
    const bands = Array.from({ length: count }, (_, k) => {
      const band = rasters[k];
      if (band === undefined || typeof band === "number") throw unreadable("a band is missing");
      return band;
    });
    return {
      bands,
      whole: [count, height, width],
      window,
      samples,
      nodata,
    };
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error));
  } finally {
    await source?.close();
  }
}

/** Left, top, right and bottom, as the library has it. */
const placed = (window: Window | null): { readonly window?: [number, number, number, number] } =>
  window === null
    ? {}
    : {
        window: [window.left, window.top, window.left + window.width, window.top + window.height],
      };

/** Where the last strip or tile of a picture ends. */
async function endOf({ fileDirectory, isTiled }: GeoTIFFImage): Promise<number> {
  const starts = await fileDirectory.loadValue(isTiled ? "TileOffsets" : "StripOffsets");
  const lengths = await fileDirectory.loadValue(isTiled ? "TileByteCounts" : "StripByteCounts");
  const ends = Array.from(starts ?? [], (start, i) => Number(start) + Number(lengths?.[i] ?? 0));
  return ends.reduce((last, end) => Math.max(last, end), 0);
}

type RasterSource = Awaited<ReturnType<typeof openSource>>;

/**
 * A file as the library reads it. Heads are asked for in parts that may reach beyond the end; once
 * they are known, a part that is cut is an error, where the library would go on with zeros.
 */
async function openSource(file: string) {
  const handle = await open(file, "r");
  let isWhole = false;
  const fetchSlice = async ({ offset, length }: { offset: number; length: number }) => {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    if (isWhole && done < length) throw new Error("it is cut");
    return { data: bytes.buffer, offset, length };
  };
  return {
    fileSize: null,
    fetchSlice,
    fetch: (slices: readonly { offset: number; length: number }[]) =>
      Promise.all(slices.map(async (slice) => (await fetchSlice(slice)).data)),
    requireWhole: (): void => {
      isWhole = true;
    },
    size: async (): Promise<number> => (await handle.stat()).size,
    close: (): Promise<void> => handle.close(),
  };
}
