/** The readers of fields: which sources they go with, their settings, and the types they give. */

import type { Formal } from "../../../grammar/ast.js";
import type { DType } from "../../ir/type.js";
import type { FieldReader } from "../../plan/data.js";
import { signature } from "../signature.js";
import type { Choices } from "./choice.js";
import { atLeast, type BoundCall, isShare, type Limit } from "./data-call.js";
import type { TypePattern } from "./field-type.js";
import type { CheckedSource } from "./sources.js";

/** What a field is to transforms: pixels, labels that lie on pixels, or neither. */
export type FieldRole = "picture" | "masks" | "marks" | "value";

/** One reader for some sources: a row of the table. */
export interface ReaderForm {
  readonly name: string;
  /** Calls of sources by name. */
  readonly sources: readonly string[];
  readonly formals: readonly Formal[];
  readonly limits?: Readonly<Record<string, Limit>>;
  readonly role: FieldRole;
  /** The types it gives for records of this source. */
  readonly types: (source: CheckedSource, call: BoundCall) => readonly TypePattern[];
  readonly make: (call: BoundCall, context: ReaderContext) => FieldReader;
  /** Whether `on_error:` may follow. */
  readonly mayFail?: true;
}

export interface ReaderContext {
  readonly onError: { readonly kind: "error" } | { readonly kind: "skip"; readonly max: number };
  /** The root of templates, made absolute; `null` for the source's own. */
  readonly root: string | null;
}

const of = (dtype: DType, ...shape: readonly (number | string)[]): readonly TypePattern[] => [
  { dtypes: [dtype], shape },
];

const tables = ["csv", "parquet"];
const arrays = ["npy", "npz", "safetensors", "pickle"];
const numbers: readonly DType[] = ["f32", "f64", "i64", "i32"];

const pixels = ({ extent }: CheckedSource): readonly TypePattern[] =>
  of("u8", "C", ...(extent ?? ["H", "W"]));

const ownPicture = { name: "image", role: "picture", types: pixels } as const;

const share = (kind: "covered" | "holds", formals: readonly Formal[]): ReaderForm => ({
  name: kind,
  sources: ["voc_tiles"],
  formals,
  limits: { at_least: isShare },
  role: "value",
  types: () => of("bool"),
  make: ({ settings }) => ({ kind, atLeast: settings.number("at_least") }),
});

export const readerForms: readonly ReaderForm[] = [
  {
    ...ownPicture,
    sources: ["synthetic", "image_folder", "voc_tiles"],
    formals: signature("image()"),
    make: () => ({ kind: "image" }),
  },
  {
    ...ownPicture,
    sources: ["images", "coco"],
    formals: signature("image()"),
    mayFail: true,
    make: (_call, { onError }) => ({ kind: "picture", onError }),
  },
  {
    ...ownPicture,
    sources: ["geotiff"],
    formals: signature("image(nodata: float | error | keep = error)"),
    mayFail: true,
    types: () => [{ dtypes: ["u8", "f32", "i32", "f64"], shape: ["C", "H", "W"] }],
    make({ settings }, { onError }) {
      const nodata = settings.meaning("nodata");
      const word = nodata.kind === "word" && nodata.text === "keep" ? "keep" : "error";
      return {
        kind: "raster",
        nodata: nodata.kind === "word" ? word : settings.number("nodata"),
        onError,
      };
    },
  },
  {
    ...ownPicture,
    sources: ["frames", ...tables, ...arrays],
    formals: signature("image(file: string, root: path | none = none)"),
    mayFail: true,
    make: ({ settings }, { onError, root }) => ({
      kind: "image_file",
      file: settings.text("file"),
      root,
      onError,
    }),
  },
  {
    name: "label",
    sources: ["synthetic", "image_folder"],
    formals: signature("label()"),
    role: "value",
    types: () => of("i64"),
    make: () => ({ kind: "label" }),
  },
  share("covered", signature("covered(at_least: float)")),
  share("holds", signature("holds(at_least: float)")),
  {
    name: "position",
    sources: ["voc_tiles"],
    formals: signature("position()"),
    role: "value",
    types: () => of("i64"),
    make: () => ({ kind: "position" }),
  },
  {
    name: "column",
    sources: tables,
    formals: signature("column(name: string, classes: word[] = [])"),
    role: "value",
    types: ({ callee }, { settings }) =>
      settings.words("classes").length > 0
        ? of("i64")
        : // Cells of a parquet file may hold lists.
          [{ dtypes: [...numbers, "bool"], shape: callee === "parquet" ? null : [] }],
    make({ settings }) {
      const classes = settings.words("classes");
      const name = settings.text("name");
      return { kind: "column", name, classes: classes.length === 0 ? null : classes };
    },
  },
  {
    name: "columns",
    sources: tables,
    formals: signature("columns(names: string[])"),
    role: "value",
    types: (_source, { settings }) => [
      { dtypes: numbers, shape: [textsOf(settings.meaning("names")).length] },
    ],
    make: ({ settings }) => ({ kind: "columns", names: textsOf(settings.meaning("names")) }),
  },
  {
    name: "array",
    sources: arrays,
    formals: signature("array(name: string | none = none)"),
    role: "value",
    types: () => [
      { dtypes: ["f32", "f64", "f16", "bf16", "i64", "i32", "u8", "bool"], shape: null },
    ],
    make: ({ settings }) => ({
      kind: "array",
      name: settings.meaning("name").kind === "none" ? null : settings.text("name"),
    }),
  },
  {
    name: "window",
    sources: ["frames"],
    formals: signature(
      "window(file: string, length: int, stride: int = 1, root: path | none = none)",
    ),
    limits: { length: atLeast(1), stride: atLeast(1) },
    role: "picture",
    mayFail: true,
    types: (_source, { settings }) => of("u8", settings.number("length"), "C", "H", "W"),
    make: ({ settings }, { onError, root }) => ({
      kind: "window",
      file: settings.text("file"),
      root,
      length: settings.number("length"),
      stride: settings.number("stride"),
      onError,
    }),
  },
  {
    name: "offset_at_least",
    sources: ["frames"],
    formals: signature("offset_at_least(seconds: float)"),
    role: "value",
    types: () => [...of("bool"), ...of("bool", 1)],
    make: ({ settings }) => ({ kind: "offset_at_least", seconds: settings.number("seconds") }),
  },
  {
    name: "group_offset",
    sources: ["frames"],
    formals: signature("group_offset()"),
    role: "value",
    types: () => of("f32"),
    make: () => ({ kind: "group_offset" }),
  },
  {
    name: "group_index",
    sources: ["frames"],
    formals: signature("group_index()"),
    role: "value",
    types: () => of("i64"),
    make: () => ({ kind: "group_index" }),
  },
  {
    name: "tile_boxes",
    sources: ["frames", ...tables],
    formals: signature(
      "tile_boxes(file: string, size: int, overlap: int = 0, at_least: float = 0.005, root: path | none = none)",
    ),
    limits: { size: atLeast(1), overlap: atLeast(0), at_least: isShare },
    role: "marks",
    types: () => of("bool", "N"),
    make: ({ settings }, { root }) => ({
      kind: "tile_boxes",
      file: settings.text("file"),
      root,
      size: settings.number("size"),
      overlap: settings.number("overlap"),
      atLeast: settings.number("at_least"),
    }),
  },
  {
    name: "exists",
    sources: ["frames", ...tables, ...arrays],
    formals: signature("exists(file: string, root: path | none = none)"),
    role: "value",
    types: () => of("bool"),
    make: ({ settings }, { root }) => ({ kind: "exists", file: settings.text("file"), root }),
  },
  {
    name: "boxes",
    sources: ["coco"],
    formals: signature("boxes(max: int)"),
    limits: { max: atLeast(1) },
    role: "marks",
    types: (_source, { settings }) => of("f32", settings.number("max"), 4),
    make: ({ settings }) => ({
      kind: "boxes",
      file: null,
      root: null,
      max: settings.number("max"),
    }),
  },
  {
    name: "boxes",
    sources: ["frames", ...tables],
    formals: signature("boxes(file: string, max: int, root: path | none = none)"),
    limits: { max: atLeast(1) },
    role: "marks",
    types: (_source, { settings }) => of("f32", settings.number("max"), 4),
    make: ({ settings }, { root }) => ({
      kind: "boxes",
      file: settings.text("file"),
      root,
      max: settings.number("max"),
    }),
  },
  {
    name: "box_classes",
    sources: ["coco"],
    formals: signature("box_classes(max: int)"),
    limits: { max: atLeast(1) },
    role: "marks",
    types: (_source, { settings }) => of("i64", settings.number("max")),
    make: ({ settings }) => ({ kind: "box_classes", max: settings.number("max") }),
  },
  {
    name: "masks",
    sources: ["coco"],
    formals: signature("masks()"),
    role: "masks",
    types: (source) => of("bool", classCount(source), "H", "W"),
    make: () => ({ kind: "masks" }),
  },
  {
    name: "area",
    sources: ["coco"],
    formals: signature("area()"),
    role: "value",
    types: (source) => of("f32", classCount(source)),
    make: () => ({ kind: "area" }),
  },
  {
    name: "present",
    sources: ["coco"],
    formals: signature("present()"),
    role: "value",
    types: (source) => of("bool", classCount(source)),
    make: () => ({ kind: "present" }),
  },
];

export const readerNames: readonly string[] = [...new Set(readerForms.map(({ name }) => name))];

/** `on_error: skip(max: 1%)` or `error`. */
export const errorPolicies: Choices = {
  error: signature("error()"),
  skip: signature("skip(max: percent = 100%)"),
};

/** A number, or any where neither the program nor the file tells the classes. */
const classCount = ({ classes }: CheckedSource): number | string =>
  classes.length === 0 ? "K" : classes.length;

export const textsOf = (meaning: ReturnType<BoundCall["settings"]["meaning"]>): string[] =>
  meaning.kind === "list"
    ? meaning.items.flatMap((item) => (item.kind === "string" ? [item.value] : []))
    : [];
