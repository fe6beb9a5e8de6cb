/** Reads a Pascal VOC annotation: the picture's size and its named boxes. */

import { readFile } from "node:fs/promises";
import { annotationMalformed, boxInvalid } from "../../grammar/diagnostics/data.js";
import { badData } from "./bad-data.js";
import { readXml, type XmlElement } from "./xml.js";

/** In pixels, xmin <= x < xmax and ymin <= y < ymax. */
export interface Box {
  readonly name: string;
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

export interface Annotation {
  readonly height: number;
  readonly width: number;
  readonly boxes: readonly Box[];
}

/**
 * Reads `file` strictly. Boxes must lie in the picture, 0 <= xmin < xmax <= width and likewise in
 * y; coordinates are taken as they are, the upper ones exclusive, although some tools write them
 * inclusive. A malformed file or a bad box is a fault; elements of no concern here are ignored.
 */
export async function readAnnotation(file: string): Promise<Annotation> {
  const fail = (problem: string): never => {
    throw badData(annotationMalformed, { file, problem }, file);
  };
  const result = readXml(decode(await readFile(file)) ?? fail("it is not UTF-8"));
  if (!result.ok) return fail(`line ${result.line}: ${result.problem}`);
  const { root } = result;
  if (root.name !== "annotation") fail(`its root is \`<${root.name}>\``);
  const size = only(root, "size", fail);
  const height = extent(only(size, "height", fail), fail);
  const width = extent(only(size, "width", fail), fail);
  const boxes = root.children
    .filter((child) => child.name === "object")
    .map((object) => readBox(object, fail));
  for (const { xmin, ymin, xmax, ymax } of boxes)
    if (!(xmin >= 0 && xmin < xmax && xmax <= width && ymin >= 0 && ymin < ymax && ymax <= height))
      throw badData(boxInvalid, { file, box: [xmin, ymin, xmax, ymax], height, width }, file);
  return { height, width, boxes };
}

type Fail = (problem: string) => never;

function readBox(object: XmlElement, fail: Fail): Box {
  const name = only(object, "name", fail).text.trim();
  if (name === "") fail("an `<object>` has an empty `<name>`");
  const box = only(object, "bndbox", fail);
  const coordinate = (key: string): number => number(only(box, key, fail), fail);
  return {
    name,
    xmin: coordinate("xmin"),
    ymin: coordinate("ymin"),
    xmax: coordinate("xmax"),
    ymax: coordinate("ymax"),
  };
}

function only(parent: XmlElement, name: string, fail: Fail): XmlElement {
  const [found, ...others] = parent.children.filter((child) => child.name === name);
  if (found === undefined) return fail(`\`<${parent.name}>\` has no \`<${name}>\``);
  if (others.length > 0) return fail(`\`<${parent.name}>\` has ${others.length + 1} \`<${name}>\``);
  return found;
}

function number(element: XmlElement, fail: Fail): number {
  const text = element.text.trim();
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value)
    ? value
    : fail(`\`<${element.name}>\` holds \`${text}\`, no number`);
}

function extent(element: XmlElement, fail: Fail): number {
  const value = number(element, fail);
  return Number.isInteger(value) && value > 0
    ? value
    : fail(`\`<${element.name}>\` holds \`${element.text.trim()}\`, no count of pixels`);
}

function decode(file: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(file);
  } catch {
    return null;
  }
}
