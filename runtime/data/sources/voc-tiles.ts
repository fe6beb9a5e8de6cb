/** The source of frames with Pascal VOC boxes: every overlapping tile of every frame is a record. */

import { access } from "node:fs/promises";
import type { PlainSource } from "../../../compiler/plan/data.js";
import {
  annotationMissing,
  boxClassUnknown,
  folderEmpty,
  frameDuplicate,
  frameSize,
  patternInvalid,
  tilesInvalid,
} from "../../../grammar/diagnostics/data.js";
import { suggest } from "../../../grammar/suggest.js";
import { badData } from "../bad-data.js";
import { readPictureSize } from "../decode-image.js";
import { mapInOrder } from "../map-in-order.js";
import { readFolder } from "../folder.js";
import { braceName, fileFor, findFiles, type NamedFile } from "../frame-pattern.js";
import type { SourceRecord } from "../record.js";
import { coveredShare, heldShare, tileGrid } from "../tile-geometry.js";
import { type Annotation, readAnnotation } from "../voc-annotation.js";

type VocTiles = Extract<PlainSource, { kind: "voc_tiles" }>;

const parallelFiles = 16;

/**
 * Records frame by frame in the order of their files, tiles row by row. Reads every annotation and
 * the head of every picture, no pixels; the first frame that is not as declared is a fault. The
 * frame's name is the property `frame`, and also the one that the pattern has in braces.
 */
export async function listVocTiles(source: VocTiles): Promise<readonly SourceRecord[]> {
  const { root, images, boxes, place } = source;
  checkTiles(source);
  const name = braceName(images, place);
  if (braceName(boxes, place) !== name || boxes.includes("*"))
    throw badData(
      patternInvalid,
      { pattern: boxes, problem: `must hold \`{${name}}\`, as \`${images}\` does, and no \`*\`` },
      place,
    );
  await readFolder(root, place);
  const frames = await findFiles(root, images, place);
  if (frames.length === 0) throw badData(folderEmpty, { folder: root, wanted: images }, place);
  checkDistinct(frames);
  const annotations = await mapInOrder(frames, parallelFiles, (frame) => readFrame(source, frame));
  checkClasses(source, annotations);
  return frames.flatMap((frame, i) => tilesOf(source, frame, name, annotations[i]?.boxes ?? []));
}

function checkTiles({ size, overlap, frame: [height, width], place }: VocTiles): void {
  if (overlap >= size || size > Math.min(height, width))
    throw badData(tilesInvalid, { size, overlap, height, width }, place);
}

function checkDistinct(frames: readonly NamedFile[]): void {
  const seen = new Map<string, string>();
  for (const { name, file } of frames) {
    const first = seen.get(name);
    if (first !== undefined)
      throw badData(frameDuplicate, { frame: name, first, second: file }, file);
    seen.set(name, file);
  }
}

function checkClasses(source: VocTiles, annotations: readonly Annotation[]): void {
  const found = new Set(annotations.flatMap(({ boxes }) => boxes.map((box) => box.name)));
  for (const name of source.classes ?? [])
    if (!found.has(name))
      throw badData(
        boxClassUnknown,
        { name, found: [...found].sort(), nearest: suggest(name, found) },
        source.place,
      );
}

async function readFrame(source: VocTiles, { name, file }: NamedFile): Promise<Annotation> {
  const annotationFile = fileFor(source.root, source.boxes, name);
  if (!(await exists(annotationFile)))
    throw badData(annotationMissing, { image: file, annotation: annotationFile }, file);
  const annotation = await readAnnotation(annotationFile);
  const declared = source.frame;
  const check = (where: string, found: readonly [number, number]): void => {
    if (found[0] !== declared[0] || found[1] !== declared[1])
      throw badData(frameSize, { file: where, expected: declared, found }, where);
  };
  check(annotationFile, [annotation.height, annotation.width]);
  check(file, await readPictureSize(file));
  return annotation;
}

function tilesOf(
  source: VocTiles,
  { name, file }: NamedFile,
  property: string,
  boxes: Annotation["boxes"],
): readonly SourceRecord[] {
  const { size, overlap, classes } = source;
  const [height, width] = source.frame;
  const counted = boxes.filter((box) => classes === null || classes.includes(box.name));
  const { rows, columns, stride } = tileGrid(height, width, size, overlap);
  const properties = { frame: name, [property]: name };
  return Array.from({ length: rows * columns }, (_, position) => {
    const top = Math.floor(position / columns) * stride;
    const left = (position % columns) * stride;
    const window = { xmin: left, ymin: top, xmax: left + size, ymax: top + size };
    return {
      id: `${name}#${position}`,
      file,
      properties,
      label: null,
      columns: {},
      line: null,
      tile: {
        position,
        top,
        left,
        size,
        covered: coveredShare(window, counted),
        held: heldShare(window, counted),
      },
    };
  });
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
