/** Decodes pictures with sharp, strictly: no truncated file, no silent conversion of size. */

import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { imageUnreadable } from "../../grammar/diagnostics/data.js";
import { badData } from "./bad-data.js";
import type { PictureSize } from "./record.js";

/** A decoded picture, channels interleaved: element (y * width + x) * channels + c. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** Sets libvips to one thread per picture and no cache of its own, as the loader has both. */
export function configureDecoder(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}

/**
 * Decodes `file` to 8-bit sRGB (3 channels) or gray (1 channel). Transparency is dropped and
 * pixels stay as stored, whatever orientation the metadata asks for, since annotations go by
 * stored pixels. A file that is missing, damaged or truncated, warnings included, is a fault.
 */
export async function decodeImage(file: string, channels: 1 | 3): Promise<Picture> {
  for (let attempt = 1; ; attempt++)
    try {
      return await decode(file, channels);
    } catch (error) {
      if (attempt === attempts || !isWordless(error)) throw unreadable(file, error);
    }
}

/**
 * libvips keeps what it says of a picture process-wide: where another picture fails at the same
 * time, its failure may take the words of both. Then this one is asked again.
 */
const isWordless = (error: unknown): boolean =>
  error instanceof Error && /^\s*Warning treated as error/u.test(error.message);
const attempts = 5;

async function decode(file: string, channels: 1 | 3): Promise<Picture> {
  const source = sharp(await readFile(file), { failOn: "warning" }).removeAlpha();
  const wanted =
    channels === 1 ? source.grayscale().toColourspace("b-w") : source.toColourspace("srgb");
  const { data, info } = await wanted.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  return { height, width, channels: info.channels, data };
}

/** Height and width from the file's head, without decoding. */
export async function readPictureSize(file: string): Promise<PictureSize> {
  try {
    const { height, width } = await sharp(file, { failOn: "warning" }).metadata();
    return [height, width];
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  // libvips collects its warnings process-wide: pictures decoded at the same time repeat them.
  const reasons = new Set(message.split("\n").map((line) => line.trim()));
  reasons.delete("");
  return badData(imageUnreadable, { file, reason: [...reasons].join("; ") }, file);
}
