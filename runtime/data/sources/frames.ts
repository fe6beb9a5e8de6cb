/** The source of sequences of frames: a folder per group, a record per frame with a whole window. */

import { relative } from "node:path";
import type { DataProgram, PlainSource } from "../../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../../grammar/diagnostic.js";
import { folderEmpty, frameDuplicate } from "../../../grammar/diagnostics/data.js";
import {
  foldersUnmatched,
  offsetMissing,
  sequencesShort,
  windowsMissing,
} from "../../../grammar/diagnostics/data-files.js";
import { badData } from "../bad-data.js";
import { compareNaturally } from "../natural-order.js";
import { type Match, matchPaths, namesIn } from "../path-pattern.js";
import type { SourceRecord } from "../record.js";

export type Frames = Extract<PlainSource, { kind: "frames" }>;
type Field = DataProgram["fields"][number];

/** A frame as the template finds it. */
interface Found {
  readonly t: string;
  readonly path: string;
  readonly offset: number | null;
}

/**
 * Groups in natural order of their folders, and the frames of each in the order of their offsets,
 * or of their names where not all have one. The first frames of a group, before which no whole
 * window lies, are no records. A group without frames is a fault, as is a frame without an offset
 * where a field reads it; folders that fit no group, and groups shorter than the window, are warnings.
 */
export async function listFrames(
  source: Frames,
  fields: readonly Field[],
  warn: (warning: Diagnostic) => void,
): Promise<readonly SourceRecord[]> {
  const { root, group, place } = source;
  const { found, others } = await matchPaths({ root, pattern: group, kind: "folder" }, place);
  if (found.length === 0) throw badData(folderEmpty, { folder: root, wanted: group }, place);
  if (others.length > 0) {
    const params = { root, pattern: group, folders: others.slice(0, 5), count: others.length };
    warn(diagnose(foldersUnmatched, params, null, { place }));
  }
  return listGroups(source, found, fields, warn);
}

/** The same of groups that have been found; of a group alone nothing is said of those beside it. */
export async function listGroups(
  { root, place }: Frames,
  folders: readonly Match[],
  fields: readonly Field[],
  warn: (warning: Diagnostic) => void,
): Promise<readonly SourceRecord[]> {
  const template = leadTemplate(fields);
  const reach = Math.max(0, ...fields.map(({ reader }) => spanOf(reader)));
  const records: SourceRecord[] = [];
  const short: string[] = [];
  for (const folder of folders) {
    const frames = await framesOf(folder, template, place);
    if (frames.length <= reach) short.push(folder.relative);
    checkOffsets(frames, fields);
    for (const [i, { t, path, offset }] of frames.entries())
      if (i >= reach)
        records.push({
          id: `${folder.relative}/${t}`,
          file: path,
          properties: folder.names,
          label: null,
          tile: null,
          columns: { t },
          line: null,
          frame: {
            folder: folder.path,
            offset,
            earlier: frames.slice(i - reach, i).map((earlier) => earlier.t),
          },
        });
  }
  const length = reach + 1;
  if (records.length === 0) throw badData(windowsMissing, { root, length }, place);
  if (short.length > 0) {
    const params = { root, length, groups: short.slice(0, 5), count: short.length };
    warn(diagnose(sequencesShort, params, null, { place }));
  }
  return records;
}

/** How many frames before its own a reader needs in the sequence. */
const spanOf = (reader: Field["reader"]): number =>
  reader.kind === "window" ? (reader.length - 1) * reader.stride : 0;

/** The template whose files are the frames: of the first picture that lies in the groups' folders. */
function leadTemplate(fields: readonly Field[]): string {
  const own = fields.flatMap(({ reader }) =>
    "file" in reader && reader.file !== null && reader.root === null && isLead(reader.file)
      ? [{ kind: reader.kind, file: reader.file }]
      : [],
  );
  const picture = own.find(({ kind }) => kind === "window" || kind === "image_file");
  return (picture ?? own[0])?.file ?? "{t}.*";
}

const isLead = (file: string): boolean =>
  namesIn(file).includes("t") && !namesIn(file).includes("index");

async function framesOf(folder: Match, template: string, place: string): Promise<readonly Found[]> {
  const { path: root, names } = folder;
  const { found } = await matchPaths({ root, pattern: template, kind: "file" }, place, names);
  if (found.length === 0) throw badData(folderEmpty, { folder: root, wanted: template }, place);
  const frames = new Map<string, Found>();
  for (const match of found) {
    const { path } = match;
    const t = match.names["t"] ?? "";
    const first = frames.get(t);
    // Without a template of its own a frame is whatever goes by one name.
    if (first !== undefined && template !== "{t}.*")
      throw badData(
        frameDuplicate,
        { frame: t, first: relative(root, first.path), second: relative(root, path) },
        root,
      );
    const signed = /[+-]\d+(?:\.\d+)?$/u.exec(t)?.[0];
    frames.set(t, first ?? { t, path, offset: signed === undefined ? null : Number(signed) });
  }
  const all = [...frames.values()];
  const timed = all.every(({ offset }) => offset !== null);
  return all.toSorted(
    (a, b) => (timed ? (a.offset ?? 0) - (b.offset ?? 0) : 0) || compareNaturally(a.t, b.t),
  );
}

function checkOffsets(frames: readonly Found[], fields: readonly Field[]): void {
  const field = fields.find(({ reader }) =>
    ["offset_at_least", "group_offset"].includes(reader.kind),
  );
  const missing = frames.find(({ offset }) => offset === null);
  if (field === undefined || missing === undefined) return;
  const { path: file, t } = missing;
  throw badData(offsetMissing, { field: field.name, frame: t }, `${file}, field \`${field.name}\``);
}
