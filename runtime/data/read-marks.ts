/** Boxes on a record's picture: the source's own, or those of a Pascal VOC file. */

import { existsSync } from "node:fs";
import type { DataProgram, FieldReader, PlainSource } from "../../compiler/plan/data.js";
import { frameSize } from "../../grammar/diagnostics/data.js";
import { tooManyBoxes } from "../../grammar/diagnostics/data-content.js";
import { boxesMissing } from "../../grammar/diagnostics/data-files.js";
import { invariant } from "../../grammar/invariant.js";
import { badData } from "./bad-data.js";
import type { Annotated } from "./coco.js";
import { readPictureSize } from "./decode-image.js";
import type { DataRecord, PictureSize } from "./record.js";
import type { Value } from "./value.js";
import { pathOf } from "./value-identity.js";
import { type Annotation, readAnnotation } from "./voc-annotation.js";

type Field = DataProgram["fields"][number];
type MarksReader = Extract<FieldReader, { kind: "boxes" | "box_classes" | "tile_boxes" }>;

/** The boxes of a field, which its transforms move before they become elements. */
export type ReadMarks = (field: Field, reader: MarksReader, record: DataRecord) => Promise<Value>;

/**
 * A reader of boxes. A file that is not there is a fault, unless a field `exists` of the same
 * template tells of it: then there are none. The file's picture must have the size of the record's.
 */
export function createMarksReader(program: DataProgram, leaves: readonly PlainSource[]): ReadMarks {
  const { fields } = program;
  return async (field, reader, record) => {
    if (reader.kind === "box_classes" || reader.file === null) return ownMarks(record);
    const { file: template, root } = reader;
    const file = pathOf(leaves, { file: template, root }, record);
    const place = `${file}, record \`${record.id}\`, field \`${field.name}\``;
    const picture = fields.find(
      ({ reader: each, part }) =>
        part === field.part && (each.kind === "window" || each.kind === "image_file"),
    );
    if (!existsSync(file)) {
      if (!isTold(fields, field, reader))
        throw badData(boxesMissing, { field: field.name, file, template }, place);
      const [height, width] = await sizeOf(leaves, picture, record, [1, 1]);
      return marksOf({ height, width, boxes: [] });
    }
    const annotation = await readAnnotation(file);
    const found: PictureSize = [annotation.height, annotation.width];
    const expected = await sizeOf(leaves, picture, record, found);
    if (expected[0] !== found[0] || expected[1] !== found[1])
      throw badData(frameSize, { file, expected, found }, place);
    const count = annotation.boxes.length;
    if (reader.kind === "boxes" && count > reader.max)
      throw badData(
        tooManyBoxes,
        { field: field.name, record: record.id, count, max: reader.max },
        place,
      );
    return marksOf(annotation);
  };
}

/** Whether a field tells which records have the file. */
const isTold = (
  fields: readonly Field[],
  { part }: Field,
  { file, root }: { readonly file: string | null; readonly root: string | null },
): boolean =>
  fields.some(
    ({ reader, part: own }) =>
      reader.kind === "exists" && reader.file === file && reader.root === root && own === part,
  );

/** Height and width of the record's picture, as declared or else as its file has it. */
async function sizeOf(
  leaves: readonly PlainSource[],
  picture: Field | undefined,
  record: DataRecord,
  otherwise: PictureSize,
): Promise<PictureSize> {
  if (picture === undefined) return otherwise;
  const [height = null, width = null] = picture.shape.slice(-2);
  if (height !== null && width !== null) return [height, width];
  const { reader } = picture;
  invariant(reader.kind === "window" || reader.kind === "image_file", "a picture has a template");
  return readPictureSize(pathOf(leaves, reader, record));
}

const empty = { dtype: "f32", shape: [0], data: new Float32Array(0) } as const;

const marksOf = ({ boxes, height, width }: Annotation): Value => ({
  ...empty,
  marks: {
    boxes: boxes.map(({ xmin, ymin, xmax, ymax }) => [xmin, ymin, xmax, ymax] as const),
    classes: [],
    frame: [height, width],
  },
});

function ownMarks(record: DataRecord): Value {
  const { items, height, width } = annotatedOf(record);
  const own = items.filter(({ isCrowd }) => !isCrowd);
  const marks = {
    boxes: own.map(({ box }) => box),
    classes: own.map((item) => item.class),
    frame: [height, width] as const,
  };
  return { ...empty, marks };
}

/** What a COCO file says of a record's picture. */
export function annotatedOf({ annotated, id }: DataRecord): Annotated {
  invariant(annotated !== undefined, `record ${id} has annotations`);
  return annotated;
}
