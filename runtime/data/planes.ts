/** Channels that lie side by side taken apart into planes, four pixels at a time. */

/**
 * Three channels of a whole picture as planes, or `false` where words do not fit: three words rgbr
 * gbrg brgb become rrrr gggg bbbb, lowest byte first.
 */
export function partWords(data: Uint8Array, planes: Uint8Array<ArrayBuffer>): boolean {
  const plane = planes.length / 3;
  if (plane % 4 !== 0 || data.byteOffset % 4 !== 0) return false;
  const pixels = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
  const red = new Uint32Array(planes.buffer, 0, plane / 4);
  const green = new Uint32Array(planes.buffer, plane, plane / 4);
  const blue = new Uint32Array(planes.buffer, 2 * plane, plane / 4);
  for (let i = 0, from = 0; i < red.length; i++, from += 3) {
    const a = pixels[from] ?? 0;
    const b = pixels[from + 1] ?? 0;
    const c = pixels[from + 2] ?? 0;
    red[i] = (a & 0xff) | ((a >>> 16) & 0xff00) | (b & 0xff0000) | ((c << 16) & 0xff000000);
    green[i] =
      ((a >>> 8) & 0xff) | ((b & 0xff) << 8) | ((b >>> 8) & 0xff0000) | ((c << 8) & 0xff000000);
    blue[i] = ((a >>> 16) & 0xff) | (b & 0xff00) | ((c & 0xff) << 16) | (c & 0xff000000);
  }
  return true;
}
