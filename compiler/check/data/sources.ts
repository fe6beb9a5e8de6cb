/** The sources of records: their settings, what they bind, and what the files say where they are there. */

import type { Formal } from "../../../grammar/ast.js";
import { tileOverlap } from "../../../grammar/diagnostics/program.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { printSpan, type Span } from "../../../grammar/source.js";
import type { DataDescription, DataRequest } from "../../plan/description.js";
import type { DataSource } from "../../plan/data.js";
import { type Frame, report } from "../frame.js";
import { signature } from "../signature.js";
import { describe } from "../value.js";
import {
  atLeast,
  type BoundCall,
  bindCall,
  type DataCall,
  keepsLimits,
  type Limit,
} from "./data-call.js";
import { describeContent } from "./content.js";
import { takeArgument } from "./choice.js";
import { withNames } from "./category-names.js";
import { namesBoundBy } from "./template.js";

/** A source as checked: the plan's form, and what fields, splits and templates may ask of it. */
export interface CheckedSource {
  readonly callee: string;
  readonly span: Span;
  readonly source: DataSource;
  /** Names that templates may use; `null` where any may be a column that no one has seen. */
  readonly names: readonly string[] | null;
  /** What `split by` may name. */
  readonly groups: readonly string[];
  readonly classes: readonly string[];
  /** Height and width of its pictures, where they follow from its settings. */
  readonly extent: readonly [number, number] | null;
  /** What its file says of itself; `null` where it is not there. */
  readonly content: DataDescription | null;
  /** Its file as the program names it. */
  readonly shown: string;
  /** The parts of a `zip` or a `concat`. */
  readonly parts: readonly SourcePart[];
}

export interface SourcePart {
  readonly name: string | null;
  readonly source: CheckedSource;
}

/** One kind of source: a row of the table. */
interface SourceForm {
  readonly formals: readonly Formal[];
  readonly limits?: Readonly<Record<string, Limit>>;
  readonly groups?: readonly string[];
  /** Names that templates may use; `columns` are the table's. */
  readonly names?: readonly string[] | "columns";
  /** The setting that is a pattern and binds names, to group by and for templates. */
  readonly pattern?: string;
  /** What the settings must be beside their types and limits. */
  readonly check?: (frame: Frame, call: BoundCall) => boolean;
  readonly extent?: (call: BoundCall) => readonly [number, number];
  readonly make: (call: BoundCall, files: Files) => DataSource;
  /** The setting that names its file, and the format to read its head by. */
  readonly file?: { readonly setting: string; readonly format: DataRequest["kind"] | null };
}

/** Paths made absolute. */
interface Files {
  readonly place: string;
  /** A path setting, relative to the file that declares the dataset. */
  readonly at: (setting: string) => string;
  /** A file relative to the root where there is one, and its folder where there is none. */
  readonly rooted: (setting: string) => { readonly file: string; readonly root: string };
}

/** The classes that are given, or those that the file names. */
function classesOf({ settings, bound }: BoundCall, content: DataDescription | null) {
  const given = bound.has("classes") ? settings.words("classes") : [];
  return given.length === 0 && content?.kind === "annotations" ? content.classes : given;
}

/** A file whose arrays' first axis is the record. */
const arrays = (format: "npy" | "npz" | "safetensors" | "pickle"): SourceForm => ({
  formals: signature(`${format}(file: path, root: path | none = none)`),
  names: ["index"],
  file: { setting: "file", format },
  make: (_call, { rooted, place }) => ({
    kind: "arrays",
    format,
    file: rooted("file").file,
    place,
  }),
});

export const sourceForms: Readonly<Record<string, SourceForm>> = {
  synthetic: {
    formals: signature(
      "synthetic(generator: shapes, count: int, size: int[2], classes: word[], noise: float = 0.1, seed: int = 0)",
    ),
    limits: { count: atLeast(1), size: atLeast(1) },
    names: [],
    extent: ({ settings }) => pairOf(settings.numbers("size")),
    make: ({ settings: s }, { place }) => ({
      kind: "synthetic",
      generator: "shapes",
      count: s.number("count"),
      height: pairOf(s.numbers("size"))[0],
      width: pairOf(s.numbers("size"))[1],
      classes: s.words("classes"),
      noise: s.number("noise"),
      seed: s.number("seed"),
      place,
    }),
  },
  image_folder: {
    formals: signature("image_folder(root: path, classes: word[])"),
    groups: ["class"],
    names: [],
    make: ({ settings: s }, { at, place }) => ({
      kind: "image_folder",
      root: at("root"),
      classes: s.words("classes"),
      place,
    }),
  },
  voc_tiles: {
    formals: signature(
      "voc_tiles(root: path, images: string, boxes: string, frame: int[2], size: int, overlap: int = 0, classes: word[] = [])",
    ),
    limits: { size: atLeast(1), frame: atLeast(1) },
    groups: ["frame"],
    names: [],
    check: tilesFit,
    extent: ({ settings: s }) => [s.number("size"), s.number("size")],
    make: ({ settings: s }, { at, place }) => ({
      kind: "voc_tiles",
      root: at("root"),
      images: s.text("images"),
      boxes: s.text("boxes"),
      size: s.number("size"),
      overlap: s.number("overlap"),
      frame: pairOf(s.numbers("frame")),
      classes: s.words("classes").length === 0 ? null : s.words("classes"),
      place,
    }),
  },
  frames: {
    formals: signature("frames(root: path, group: string)"),
    pattern: "group",
    names: ["t", "index"],
    make: ({ settings: s }, { at, place }) => ({
      kind: "frames",
      root: at("root"),
      group: s.text("group"),
      place,
    }),
  },
  csv: {
    formals: signature(
      "csv(file: path, root: path | none = none, delimiter: string | none = none)",
    ),
    check: delimits,
    names: "columns",
    file: { setting: "file", format: "csv" },
    make: ({ settings: s }, { rooted, place }) => ({
      kind: "csv",
      ...rooted("file"),
      delimiter: s.meaning("delimiter").kind === "none" ? "," : s.text("delimiter"),
      place,
    }),
  },
  parquet: {
    formals: signature("parquet(file: path, root: path | none = none)"),
    names: "columns",
    file: { setting: "file", format: null },
    make: (_call, { rooted, place }) => ({ kind: "parquet", ...rooted("file"), place }),
  },
  npy: arrays("npy"),
  npz: arrays("npz"),
  safetensors: arrays("safetensors"),
  pickle: arrays("pickle"),
  images: {
    formals: signature("images(pattern: path)"),
    pattern: "pattern",
    names: ["index"],
    make: (_call, { at, place }) => ({ kind: "images", pattern: at("pattern"), place }),
  },
  geotiff: {
    formals: signature("geotiff(pattern: path)"),
    pattern: "pattern",
    names: ["index"],
    make: (_call, { at, place }) => ({ kind: "geotiff", pattern: at("pattern"), place }),
  },
  coco: {
    formals: signature(
      "coco(annotations: path, root: path | none = none, images: path | none = none, classes: word[] = [])",
    ),
    names: ["index"],
    file: { setting: "annotations", format: "coco" },
    make(call, { rooted, place }) {
      const { file, root: own } = rooted("annotations");
      // The pictures' folder is told from the root, as the annotations are.
      const root = call.path("images") === null ? own : rooted("images").file;
      const classes = call.settings.words("classes");
      return {
        kind: "coco",
        annotations: file,
        root,
        classes: classes.length === 0 ? null : [...classes],
        names: {},
        place,
      };
    },
  },
};

/** A csv file's fields are parted by one character. */
function delimits(frame: Frame, call: BoundCall): boolean {
  const { settings, bound } = call;
  const given = settings.meaning("delimiter");
  if (given.kind !== "string" || given.value.length === 1) return true;
  const what = "`delimiter` of `csv`";
  const params = { what, expected: "one character", found: describe(given) };
  report(frame, wrongType, params, bound.get("delimiter")?.span ?? call.span);
  return false;
}

function tilesFit(frame: Frame, { settings: s, span }: BoundCall): boolean {
  const [size, overlap, frameSize] = [s.number("size"), s.number("overlap"), s.numbers("frame")];
  const problem =
    overlap >= size
      ? `tiles of ${size} pixels cannot overlap by ${overlap}`
      : size > Math.min(...frameSize)
        ? `a tile of ${size} pixels does not fit a frame of ${frameSize.join(" x ")}`
        : null;
  if (problem === null) return true;
  report(frame, tileOverlap, { problem }, span);
  return false;
}

const pairOf = ([height = 0, width = 0]: readonly number[]): [number, number] => [height, width];

/** A call of a source of the table; `null` after a report. */
export function checkPlainSource(frame: Frame, call: DataCall): CheckedSource | null {
  const form = sourceForms[call.callee];
  const { rest, taken } =
    call.callee === "coco" ? takeArgument(call, "names") : { rest: call, taken: null };
  const bound = form === undefined ? null : bindCall(frame, form.formals, rest);
  if (form === undefined || bound === null || !keepsLimits(frame, bound, form.limits ?? {}))
    return null;
  if (form.check?.(frame, bound) === false) return null;
  const text = form.pattern === undefined ? null : bound.path(form.pattern);
  // A pattern whose param has no value yet binds names that no one knows.
  const isOpen = form.pattern !== undefined && (text === null || text === "");
  const patternSpan = bound.bound.get(form.pattern ?? "")?.span ?? call.span;
  const boundNames = text === null || isOpen ? [] : namesBoundBy(frame, text, patternSpan);
  if (boundNames === null) return null;
  const shown = form.file === undefined ? "" : (bound.path(form.file.setting) ?? "");
  const files = filesOf(frame, bound, printSpan(call.span));
  const made = form.make(bound, files);
  const source = taken === null ? made : withNames(frame, made, taken);
  if (source === null) return null;
  const content = bound.lacksPath
    ? null
    : describeContent(frame, source, { shown, span: fileSpan(form, bound) });
  if (content === "wrong") return null;
  const columns = content?.kind === "table" ? content.columns.map(({ name }) => name) : null;
  const names =
    form.names === "columns"
      ? columns === null
        ? null
        : [...columns, "index"]
      : isOpen
        ? null
        : [...boundNames, ...(form.names ?? [])];
  return {
    callee: call.callee,
    span: call.span,
    source,
    names,
    groups: [...boundNames, ...(form.groups ?? [])],
    classes: classesOf(bound, content),
    extent: form.extent?.(bound) ?? null,
    content,
    shown,
    parts: [],
  };
}

const fileSpan = (form: SourceForm, { bound, span }: BoundCall): Span =>
  bound.get(form.file?.setting ?? "")?.span ?? span;

function filesOf(frame: Frame, call: BoundCall, place: string): Files {
  const resolve = (path: string): string => frame.elaboration.resolvePath(path, frame.module.name);
  return {
    place,
    at: (setting) => resolve(call.path(setting) ?? ""),
    rooted(setting) {
      const file = call.path(setting) ?? "";
      const root = call.path("root");
      const path = root === null || isAbsolute(file) ? file : `${root}/${file}`;
      return { file: resolve(path), root: resolve(root ?? folderOf(file)) };
    },
  };
}

const isAbsolute = (path: string): boolean => /^(?:[A-Za-z]:)?[\\/]/.test(path);

const folderOf = (file: string): string => file.replace(/[^\\/]*$/, "") || ".";
