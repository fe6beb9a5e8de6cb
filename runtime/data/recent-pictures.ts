/** Decoded pictures that are held on to, as tiles and windows share them with their neighbors. */

import { decodeImage, type Picture } from "./decode-image.js";

export type Decode = (file: string, channels: 1 | 3) => Promise<Picture>;

/** Decodes through a store of the most recently used pictures; one that is under way is waited for. */
export function keepRecent(limit: number): Decode {
  const recent = new Map<string, { readonly picture: Promise<Picture>; bytes: number }>();
  let held = 0;
  return async (file, channels) => {
    const key = `${channels}:${file}`;
    const known = recent.get(key);
    const entry = known ?? { picture: decodeImage(file, channels), bytes: 0 };
    recent.delete(key);
    recent.set(key, entry);
    try {
      const picture = await entry.picture;
      if (entry.bytes === 0 && recent.get(key) === entry)
        held += entry.bytes = picture.data.byteLength;
      for (const [oldest, { bytes }] of recent) {
        if (held <= limit) break;
        // What is still under way has no bytes yet.
        if (bytes === 0) continue;
        recent.delete(oldest);
        held -= bytes;
      }
      return picture;
    } catch (error) {
      if (recent.get(key) === entry) recent.delete(key);
      throw error;
    }
  };
}
