/** The source of a COCO file: a record per picture, with what counts on it. */

import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { DataProgram, PlainSource } from "../../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../../grammar/diagnostic.js";
import { fieldMismatch } from "../../../grammar/diagnostics/data.js";
import {
  annotationInvalid,
  categoriesUncounted,
  fileMissing,
  tooManyBoxes,
} from "../../../grammar/diagnostics/data-content.js";
import { categoryUnknown, fileMalformed } from "../../../grammar/diagnostics/dataset.js";
import { suggest } from "../../../grammar/suggest.js";
import { badData, printType } from "../bad-data.js";
import {
  type Annotated,
  type AnnotationFile,
  type Item,
  itemOf,
  parseAnnotations,
} from "../coco.js";
import { MalformedError } from "../describe/file-head.js";
import type { SourceRecord } from "../record.js";

type Coco = Extract<PlainSource, { kind: "coco" }>;
type Field = DataProgram["fields"][number];

/**
 * Records in the order of the file's pictures. A class that the file does not have, an annotation of
 * no picture or category of the file, one that cannot lie on its picture, and more boxes than a
 * field has room for are faults; categories that are annotated and do not count are a warning.
 */
export async function listCoco(
  source: Coco,
  fields: readonly Field[],
  warn: (warning: Diagnostic) => void,
): Promise<readonly SourceRecord[]> {
  const { annotations: file, root } = source;
  const content = await contentOf(source);
  const { classes, indexOf } = countedClasses(source, content);
  checkExtents(file, fields, classes.length);
  const images = new Map(content.images.map((image) => [image.id, image]));
  if (images.size !== content.images.length)
    throw badData(
      fileMalformed,
      { file, format: "coco", problem: "two pictures have one `id`" },
      file,
    );
  const items = new Map<string | number, Item[]>();
  const uncounted = new Map<string, number>();
  const names = new Map(content.categories.map((category) => [category.id, category.name]));
  content.annotations.forEach((annotation, position) => {
    const shown = String(annotation.id ?? `number ${position + 1}`);
    const wrong = (problem: string) =>
      badData(
        annotationInvalid,
        { file, annotation: shown, problem },
        `${file}, annotation ${shown}`,
      );
    const image = images.get(annotation.image_id);
    const name = names.get(annotation.category_id);
    if (image === undefined) throw wrong(`there is no picture \`${annotation.image_id}\``);
    if (name === undefined) throw wrong(`there is no category \`${annotation.category_id}\``);
    const index = indexOf.get(name);
    if (index === undefined) {
      uncounted.set(name, (uncounted.get(name) ?? 0) + 1);
      return;
    }
    try {
      const own = items.get(image.id) ?? [];
      own.push(itemOf(annotation, image, index));
      items.set(image.id, own);
    } catch (error) {
      if (error instanceof MalformedError) throw wrong(error.message);
      throw error;
    }
  });
  if (uncounted.size > 0) {
    const found = [...uncounted].map(([name, count]) => ({
      name,
      count,
      suggestion: suggest(name, classes),
    }));
    warn(diagnose(categoriesUncounted, { file, found }, null, { place: source.place }));
  }
  const records = content.images.map(({ id, file_name: name, height, width }): SourceRecord => {
    const annotated: Annotated = {
      height,
      width,
      classes: classes.length,
      items: items.get(id) ?? [],
    };
    return {
      id: name,
      file: isAbsolute(name) ? name : join(root, name),
      properties: {},
      label: null,
      tile: null,
      columns: {},
      line: null,
      annotated,
    };
  });
  for (const field of fields) checkRoom(file, field, records);
  return records;
}

async function contentOf({ annotations: file, place }: Coco): Promise<AnnotationFile> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badData(fileMissing, { file, reason }, place);
  }
  try {
    return parseAnnotations(text);
  } catch (error) {
    if (error instanceof MalformedError)
      throw badData(fileMalformed, { file, format: "coco", problem: error.message }, file);
    throw error;
  }
}

/** The classes, and which of them each category of the file counts as. */
function countedClasses(
  { annotations: file, classes, names, place }: Coco,
  content: AnnotationFile,
) {
  const known = content.categories.map(({ name }) => name);
  const counted = classes ?? known;
  const indexOf = new Map<string, number>();
  counted.forEach((name, index) => {
    for (const called of names[name] ?? [name]) {
      if (!known.includes(called)) {
        const params = { name: called, file, known, suggestion: suggest(called, known) };
        throw badData(categoryUnknown, params, place);
      }
      indexOf.set(called, index);
    }
  });
  return { classes: counted, indexOf };
}

/** Fields by class have as many rows as there are classes. */
function checkExtents(file: string, fields: readonly Field[], classes: number): void {
  for (const { name, reader, dtype, shape } of fields) {
    if (!["masks", "area", "present"].includes(reader.kind) || shape[0] === classes) continue;
    const found = printType(dtype, [classes, ...shape.slice(1)]);
    const params = { field: name, expected: printType(dtype, shape), found };
    throw badData(fieldMismatch, params, `${file}, field \`${name}\``);
  }
}

function checkRoom(file: string, { name, reader }: Field, records: readonly SourceRecord[]): void {
  if ((reader.kind !== "boxes" || reader.file !== null) && reader.kind !== "box_classes") return;
  const { max } = reader;
  for (const { id, annotated } of records) {
    const count = annotated?.items.filter(({ isCrowd }) => !isCrowd).length ?? 0;
    if (count <= max) continue;
    const place = `${file}, record \`${id}\`, field \`${name}\``;
    throw badData(tooManyBoxes, { field: name, record: id, count, max }, place);
  }
}
