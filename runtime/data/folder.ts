/** Lists folders in one order on every machine. */

import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { folderMissing } from "../../grammar/diagnostics/data.js";
import { badData } from "./bad-data.js";

export interface Entry {
  readonly name: string;
  readonly folder: boolean;
}

/** The visible entries of a folder, links followed, sorted by code unit; a fault at `place` if it is not there. */
export async function readFolder(folder: string, place: string): Promise<readonly Entry[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const visible = entries
      .filter((entry) => !entry.name.startsWith("."))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return await Promise.all(
      visible.map(async (entry) => {
        const linked = entry.isSymbolicLink() && (await isFolder(join(folder, entry.name)));
        return { name: entry.name, folder: linked || entry.isDirectory() };
      }),
    );
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw badData(folderMissing, { folder, resolved: resolve(folder) }, place);
  }
}

/** A link to nothing counts as a file, which then cannot be read. */
const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "ENOENT" || error.code === "ENOTDIR");
