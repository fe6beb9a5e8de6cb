/** Parts of files, read at once: what a description needs and no more. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** A file that is open for reading. */
export interface OpenFile {
  readonly size: number;
  /** The bytes from `position` on, fewer where the file ends. */
  readonly read: (position: number, length: number) => Buffer;
}

/** A description that cannot be given, in words that follow a colon. */
export class MalformedError extends Error {}

/** `length` bytes of a file from `position` on, fewer where it ends. */
export function readPart(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, length));
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** What `body` makes of a file; `null` where there is none that can be read. */
export function withFile<T>(file: string, body: (open: OpenFile) => T): T | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return null;
    return body({
      size: stat.size,
      read: (position, length) =>
        readPart(descriptor, position, Math.min(length, stat.size - position)),
    });
  } finally {
    closeSync(descriptor);
  }
}
