/** COCO annotations: pictures, boxes, polygons and run lengths, held against the classes that count. */

import { z } from "zod";
import { MalformedError } from "./describe/file-head.js";
import type { Box } from "./marks.js";
import type { Value } from "./value.js";

const id = z.union([z.number(), z.string()]);
const runs = z.object({
  size: z.tuple([z.number().int().positive(), z.number().int().positive()]),
  counts: z.union([z.string(), z.array(z.number().int().min(0))]),
});

const annotationFile = z.object({
  images: z.array(
    z.object({
      id,
      file_name: z.string(),
      height: z.number().int().positive(),
      width: z.number().int().positive(),
    }),
  ),
  annotations: z.array(
    z.object({
      id: id.optional(),
      image_id: id,
      category_id: id,
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
      segmentation: z.union([z.array(z.array(z.number())), runs]).optional(),
      iscrowd: z.union([z.number(), z.boolean()]).optional(),
    }),
  ),
  categories: z.array(z.object({ id, name: z.string() })),
});
export type AnnotationFile = z.infer<typeof annotationFile>;

/** What lies on a picture: a box, and the pixels under it by polygons or by run lengths. */
export interface Item {
  readonly class: number;
  readonly box: Box;
  readonly shape:
    | { readonly kind: "box" }
    | { readonly kind: "polygons"; readonly polygons: readonly (readonly number[])[] }
    /** Lengths of runs of 0 and 1 in turn, column by column. */
    | { readonly kind: "runs"; readonly counts: readonly number[] };
  /** A crowd counts as pixels and has no box of its own. */
  readonly isCrowd: boolean;
}

/** A picture of the file with what counts on it. */
export interface Annotated {
  readonly height: number;
  readonly width: number;
  /** How many classes there are. */
  readonly classes: number;
  readonly items: readonly Item[];
}

/** Throws `MalformedError` with the first place that does not fit. */
export function parseAnnotations(text: string): AnnotationFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new MalformedError("it is not JSON");
  }
  const parsed = annotationFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MalformedError(`\`${issue?.path.join(".") ?? ""}\`: ${issue?.message ?? "is wrong"}`);
}

/** An annotation as an item; throws `MalformedError` for one that cannot lie on its picture. */
export function itemOf(
  annotation: AnnotationFile["annotations"][number],
  { height, width }: { readonly height: number; readonly width: number },
  index: number,
): Item {
  const shape = shapeOf(annotation.segmentation, height, width);
  const given = annotation.bbox;
  const [xmin, ymin, xmax, ymax] =
    given === undefined
      ? around(shape, height, width)
      : [given[0], given[1], given[0] + given[2], given[1] + given[3]];
  const box: Box = [
    Math.max(0, xmin),
    Math.max(0, ymin),
    Math.min(width, xmax),
    Math.min(height, ymax),
  ];
  if (!(box[0] < box[2] && box[1] < box[3]))
    throw new MalformedError(
      `its box ${[xmin, ymin, xmax, ymax].join(", ")} is empty or beyond the picture of ${height} x ${width}`,
    );
  return { class: index, box, shape, isCrowd: Number(annotation.iscrowd ?? 0) !== 0 };
}

function shapeOf(
  segmentation: AnnotationFile["annotations"][number]["segmentation"],
  height: number,
  width: number,
): Item["shape"] {
  if (segmentation === undefined) return { kind: "box" };
  if (Array.isArray(segmentation)) {
    if (segmentation.length === 0) return { kind: "box" };
    const odd = segmentation.find((polygon) => polygon.length < 6 || polygon.length % 2 !== 0);
    if (odd !== undefined) throw new MalformedError(`a polygon has ${odd.length} numbers`);
    return { kind: "polygons", polygons: segmentation };
  }
  const [rows, columns] = segmentation.size;
  if (rows !== height || columns !== width)
    throw new MalformedError(
      `its run lengths are of ${rows} x ${columns} pixels, the picture of ${height} x ${width}`,
    );
  const { counts } = segmentation;
  const lengths = typeof counts === "string" ? unpackRuns(counts) : counts;
  const sum = lengths.reduce((total, length) => total + length, 0);
  if (sum !== height * width || lengths.some((length) => length < 0))
    throw new MalformedError(`its run lengths are of ${sum} pixels, not of ${height * width}`);
  return { kind: "runs", counts: lengths };
}

/** COCO's text of run lengths: five bits a character, each third run on as its change. */
export function unpackRuns(text: string): readonly number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const code = text.charCodeAt(at++) - 48;
      if (!(code >= 0 && code < 64)) throw new MalformedError("its run lengths are cut or no text");
      value += (code & 0x1f) * 2 ** shift;
      shift += 5;
      more = (code & 0x20) !== 0;
      if (!more && (code & 0x10) !== 0) value -= 2 ** shift;
    }
    counts.push(counts.length > 2 ? value + (counts.at(-2) ?? 0) : value);
  }
  return counts;
}

function around(shape: Item["shape"], height: number, width: number): Box {
  if (shape.kind === "box") throw new MalformedError("it has neither a box nor a shape");
  if (shape.kind === "polygons") {
    const xs = shape.polygons.flatMap((polygon) => polygon.filter((_, i) => i % 2 === 0));
    const ys = shape.polygons.flatMap((polygon) => polygon.filter((_, i) => i % 2 === 1));
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }
  const plane = new Uint8Array(height * width);
  fillRuns(plane, height, width, shape.counts);
  const box: [number, number, number, number] = [width, height, 0, 0];
  plane.forEach((value, i) => {
    if (value === 0) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x + 1);
    box[3] = Math.max(box[3], y + 1);
  });
  return box;
}

/** By class, the pixels whose middle lies in some shape: bool[K, H, W]. */
export function masksOf({ height, width, classes, items }: Annotated): Value {
  const data = new Uint8Array(classes * height * width);
  for (const item of items) {
    const start = item.class * height * width;
    const plane = data.subarray(start, start + height * width);
    if (item.shape.kind === "runs") fillRuns(plane, height, width, item.shape.counts);
    else if (item.shape.kind === "polygons")
      for (const polygon of item.shape.polygons) fillPolygon(plane, height, width, polygon);
    else {
      const [xmin, ymin, xmax, ymax] = item.box;
      const corners = [xmin, ymin, xmax, ymin, xmax, ymax, xmin, ymax];
      fillPolygon(plane, height, width, corners);
    }
  }
  return { dtype: "bool", shape: [classes, height, width], data };
}

/** By class, the share of the picture under its shapes, each pixel counted once. */
export function areasOf(annotated: Annotated): readonly number[] {
  const { height, width, classes } = annotated;
  const { data } = masksOf(annotated);
  return Array.from({ length: classes }, (_, k) => {
    let sum = 0;
    for (let i = k * height * width; i < (k + 1) * height * width; i++) sum += Number(data[i] ?? 0);
    return sum / (height * width);
  });
}

function fillRuns(
  plane: Uint8Array,
  height: number,
  width: number,
  counts: readonly number[],
): void {
  let at = 0;
  counts.forEach((length, run) => {
    if (run % 2 === 1)
      for (let i = at; i < at + length; i++)
        plane[(i % height) * width + Math.floor(i / height)] = 1;
    at += length;
  });
}

/** Sets pixels whose middle is inside, by the rule of even and odd. */
function fillPolygon(
  plane: Uint8Array,
  height: number,
  width: number,
  polygon: readonly number[],
): void {
  const points = polygon.length / 2;
  for (let row = 0; row < height; row++) {
    const y = row + 0.5;
    const crossings: number[] = [];
    for (let i = 0; i < points; i++) {
      const j = (i + 1) % points;
      const [x0 = 0, y0 = 0] = [polygon[2 * i], polygon[2 * i + 1]];
      const [x1 = 0, y1 = 0] = [polygon[2 * j], polygon[2 * j + 1]];
      if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(0, Math.ceil((crossings[k] ?? 0) - 0.5));
      const to = Math.min(width, Math.ceil((crossings[k + 1] ?? 0) - 0.5));
      plane.fill(1, row * width + from, row * width + Math.max(from, to));
    }
  }
}
