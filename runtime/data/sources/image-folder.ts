/** The source of one folder per class. */

import { extname, join } from "node:path";
import type { PlainSource } from "../../../compiler/plan/data.js";
import {
  classDuplicate,
  classMissing,
  classUnlisted,
  fileUnexpected,
  folderEmpty,
} from "../../../grammar/diagnostics/data.js";
import { suggest } from "../../../grammar/suggest.js";
import { badData } from "../bad-data.js";
import { type Entry, readFolder } from "../folder.js";
import type { SourceRecord } from "../record.js";

const read = [".jpg", ".jpeg", ".png", ".webp"];
const unread = [".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".svg"];
const wanted = "*.{jpg,jpeg,png,webp}";

/**
 * Records in the order of the class list, then of file names by code unit. Hidden entries and
 * files that are no pictures are passed over; pictures in other formats and folders below a class
 * are faults, as are classes without a folder, folders without a class and empty folders.
 */
export async function listImageFolder(
  source: Extract<PlainSource, { kind: "image_folder" }>,
): Promise<readonly SourceRecord[]> {
  const { root, classes, place } = source;
  const entries = await readFolder(root, place);
  const folders = entries.filter((entry) => entry.folder).map((entry) => entry.name);
  checkClasses(classes, folders, root, place);
  const records: SourceRecord[] = [];
  for (const [label, name] of classes.entries()) {
    const folder = join(root, name);
    const files = (await readFolder(folder, place)).filter((entry) => isPicture(entry, folder));
    if (files.length === 0) throw badData(folderEmpty, { folder, wanted }, place);
    for (const file of files)
      records.push({
        id: `${name}/${file.name}`,
        file: join(folder, file.name),
        properties: { class: name },
        label,
        tile: null,
        columns: {},
        line: null,
      });
  }
  return records;
}

function checkClasses(
  classes: readonly string[],
  folders: readonly string[],
  root: string,
  place: string,
): void {
  classes.forEach((name, i) => {
    if (classes.indexOf(name) !== i) throw badData(classDuplicate, { name }, place);
    if (folders.includes(name)) return;
    const unlisted = folders.filter((folder) => !classes.includes(folder));
    throw badData(
      classMissing,
      { name, root, found: folders, nearest: suggest(name, unlisted) },
      place,
    );
  });
  for (const name of folders)
    if (!classes.includes(name)) throw badData(classUnlisted, { name, root, classes }, place);
}

function isPicture(entry: Entry, folder: string): boolean {
  const file = join(folder, entry.name);
  if (entry.folder)
    throw badData(
      fileUnexpected,
      {
        file,
        problem: "is a folder within a class folder",
        wanted: "a class folder holds pictures only: move them up or the folder away",
      },
      file,
    );
  const extension = extname(entry.name).toLowerCase();
  if (unread.includes(extension))
    throw badData(
      fileUnexpected,
      {
        file,
        problem: "is a picture in a format that is not read",
        wanted: "convert it to JPEG, PNG or WebP",
      },
      file,
    );
  return read.includes(extension);
}
