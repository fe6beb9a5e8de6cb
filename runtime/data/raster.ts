/** Rasters of bands, GeoTIFF and TIFF: read strip by strip, as exact numbers. */

import { open } from "node:fs/promises";
import type { DataProgram, DType, FieldReader } from "../../compiler/plan/data.js";
import { fieldMismatch, imageUnreadable } from "../../grammar/diagnostics/data.js";
import { rasterNodata } from "../../grammar/diagnostics/data-files.js";
import { Fault } from "../fault.js";
import { allocate } from "../tensor.js";
import { badData, printType } from "./bad-data.js";
import type { Value } from "./value.js";

type Field = DataProgram["fields"][number];
type RasterReader = Extract<FieldReader, { kind: "raster" }>;

/** The samples that each type of a field holds exactly. */
const exact: Partial<Record<DType, readonly string[]>> = {
  u8: ["u8"],
  i32: ["u8", "i8", "u16", "i16", "i32"],
  f32: ["u8", "i8", "u16", "i16", "f16", "f32"],
  f64: ["u8", "i8", "u16", "i16", "u32", "i32", "f16", "f32", "f64"],
};

/**
 * The bands of a file as planes, [bands, height, width]. A file that is damaged or cut, one of
 * several pictures, samples that the field's type does not hold exactly, another size than
 * declared, and nodata that the reader says nothing of are faults.
 */
export async function readRaster(
  file: string,
  field: Field,
  reader: RasterReader,
  record: string,
): Promise<Value> {
  const place = `${file}, record \`${record}\`, field \`${field.name}\``;
  const { bands, shape, samples, nodata } = await bandsOf(file);
  const { dtype } = field;
  const fits =
    exact[dtype]?.includes(samples) === true &&
    shape.every((extent, axis) => (field.shape[axis] ?? extent) === extent);
  if (!fits)
    throw badData(
      fieldMismatch,
      {
        field: field.name,
        expected: printType(dtype, field.shape),
        found: printType(samples, shape),
      },
      place,
    );
  const [count = 1, height = 1, width = 1] = shape;
  const data = allocate(dtype, count * height * width);
  if (data instanceof BigInt64Array) return { dtype, shape, data };
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
  return { dtype, shape, data };
}

interface Bands {
  readonly bands: readonly ArrayLike<number>[];
  readonly shape: readonly number[];
  /** `u16`, `f32`. */
  readonly samples: string;
  readonly nodata: number | null;
}

async function bandsOf(file: string): Promise<Bands> {
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
    const rasters = await image.readRasters({ interleave: false });
    const bands = Array.from({ length: count }, (_, k) => {
      const band = rasters[k];
      if (band === undefined || typeof band === "number") throw unreadable("a band is missing");
      return band;
    });
    return {
      bands,
      shape: [count, image.getHeight(), image.getWidth()],
      samples,
      nodata: image.getGDALNoData(),
    };
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error));
  } finally {
    await source?.close();
  }
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
    close: (): Promise<void> => handle.close(),
  };
}
