/** Lists folders in one order on every machine. */

import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { folderMissing } from "../../grammar/diagnostics/data.js";
import { badData } from "./bad-data.js";

export interface Entry {
  readonly name: string;
  readonly folder: boolean;
}

/** The visible entries of a folder, sorted by code unit; a fault at `place` if it is not there. */
export async function readFolder(folder: string, place: string): Promise<readonly Entry[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith("."))
      .map((entry) => ({ name: entry.name, folder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw badData(folderMissing, { folder, resolved: resolve(folder) }, place);
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "ENOENT" || error.code === "ENOTDIR");
