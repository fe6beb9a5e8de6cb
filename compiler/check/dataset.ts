/** Checks a dataset and turns it into the data program that the runtime carries out. */

import type { DatasetDecl, Entry, Expr, FieldMember, Formal } from "../../grammar/ast.js";
import {
  alreadyDefined,
  duplicateKey,
  missingKey,
  missingValue,
  unknownKey,
  unknownName,
} from "../../grammar/diagnostics/names.js";
import { tileOverlap } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { sameShape } from "../ir/dim.js";
import { isNumeric, printType, type TensorType } from "../ir/type.js";
import type { DataProgram, DataSource } from "../plan/data.js";
import { type Bound, bindArguments } from "./bind.js";
import { signature } from "./signature.js";
import { type Frame, report } from "./frame.js";
import { typeOf } from "./ports.js";
import { settingsOf } from "./read.js";
import { checkLoader, checkSplit } from "./split-and-loader.js";
import { checkTransforms } from "./transforms.js";
import { describe } from "./value.js";

/** A checked dataset; `fields` are types per record after all transforms. */
export interface CheckedDataset {
  readonly program: DataProgram;
  readonly fields: ReadonlyMap<string, TensorType>;
}

interface SourceKind {
  readonly formals: readonly Formal[];
  /** Readers that records of this source can answer. */
  readonly readers: readonly string[];
  /** What `split by` may name. */
  readonly groups: readonly string[];
  /** The extents of its images, where they follow from its settings. */
  readonly extent: (source: DataSource) => readonly [number, number] | null;
  readonly make: (settings: ReturnType<typeof settingsOf>, place: string) => DataSource;
}

const sources: Readonly<Record<string, SourceKind>> = {
  synthetic: {
    formals: signature(
      "synthetic(generator: shapes, count: int, size: int[2], classes: word[], noise: float = 0.1, seed: int = 0)",
    ),
    readers: ["image", "label"],
    groups: [],
    extent: (source) => (source.kind === "synthetic" ? [source.height, source.width] : null),
    make: (s, place) => ({
      kind: "synthetic",
      generator: "shapes",
      count: s.number("count"),
      height: s.numbers("size")[0] ?? 0,
      width: s.numbers("size")[1] ?? 0,
      classes: s.words("classes"),
      noise: s.number("noise"),
      seed: s.number("seed"),
      place,
    }),
  },
  image_folder: {
    formals: signature("image_folder(root: path, classes: word[])"),
    readers: ["image", "label"],
    groups: ["class"],
    extent: () => null,
    make: (s, place) => ({
      kind: "image_folder",
      root: s.text("root"),
      classes: s.words("classes"),
      place,
    }),
  },
  voc_tiles: {
    formals: signature(
      "voc_tiles(root: path, images: string, boxes: string, frame: int[2], size: int, overlap: int = 0, classes: word[] = [])",
    ),
    readers: ["image", "covered", "holds", "position"],
    groups: ["frame"],
    extent: (source) => (source.kind === "voc_tiles" ? [source.size, source.size] : null),
    make: (s, place) => ({
      kind: "voc_tiles",
      root: s.text("root"),
      images: s.text("images"),
      boxes: s.text("boxes"),
      size: s.number("size"),
      overlap: s.number("overlap"),
      frame: [s.numbers("frame")[0] ?? 0, s.numbers("frame")[1] ?? 0],
      classes: s.words("classes").length === 0 ? null : s.words("classes"),
      place,
    }),
  },
};

const readers: Readonly<Record<string, readonly Formal[]>> = {
  image: signature("image()"),
  label: signature("label()"),
  covered: signature("covered(at_least: float)"),
  holds: signature("holds(at_least: float)"),
  position: signature("position()"),
};

export function checkDataset(frame: Frame, declaration: DatasetDecl): CheckedDataset | null {
  const owner = `\`${declaration.name.text}\``;
  const source = checkSourceEntry(frame, declaration);
  const split = checkSplit(frame, declaration, source?.kind.groups ?? null);
  const loader = checkLoader(frame, declaration);
  const fields = declaration.members.filter(
    (member): member is FieldMember => member.kind === "field",
  );
  const read = source === null ? [] : fields.map((field) => checkField(frame, field, source));
  const seen = new Map<string, FieldMember>();
  for (const field of fields) {
    const earlier = seen.get(field.name.text);
    if (earlier === undefined) seen.set(field.name.text, field);
    else
      report(frame, alreadyDefined, { name: field.name.text }, field.name.span, [
        { span: earlier.name.span, text: "first defined here" },
      ]);
  }
  if (fields.length === 0)
    report(frame, missingKey, { key: "field", owner }, declaration.name.span);
  const types = new Map(
    read.flatMap((field) => (field === null ? [] : [[field.name, field.type]])),
  );
  const broken = fields.map((field) => field.name.text).filter((name) => !types.has(name));
  const transformed = checkTransforms(frame, declaration, types, new Set(broken));
  if (source === null || split === null || loader === null || transformed === null) return null;
  const known = read.flatMap((field) => (field === null ? [] : [field]));
  if (known.length !== fields.length || known.length === 0) return null;
  return {
    fields: transformed.fields,
    program: {
      name: declaration.name.text,
      source: source.source,
      fields: known.map(({ name, reader, type, place }) => ({
        name,
        reader,
        dtype: type.dtype,
        shape: numbersOf(type),
        place,
      })),
      split,
      transforms: [...transformed.steps],
      outputs: [...transformed.fields].map(([name, type]) => ({
        name,
        dtype: type.dtype,
        shape: numbersOf(type),
      })),
      loader,
    },
  };
}

/** `source:` is the only key of a dataset; its value is one of the known calls. */
function checkSourceEntry(
  frame: Frame,
  declaration: DatasetDecl,
): { readonly kind: SourceKind; readonly source: DataSource } | null {
  const owner = `\`${declaration.name.text}\``;
  let found: Entry | null = null;
  for (const entry of declaration.members) {
    if (entry.kind !== "entry") continue;
    const key = entry.key.map(({ text }) => text).join(".");
    const span = entry.key[0]?.span ?? entry.span;
    if (key !== "source")
      report(frame, unknownKey, { key, owner, suggestion: suggest(key, ["source"]) }, span);
    else if (found !== null) report(frame, duplicateKey, { key, owner }, span);
    else found = entry;
  }
  if (found === null) {
    report(frame, missingKey, { key: "source", owner }, declaration.name.span);
    return null;
  }
  if (found.value !== null) return checkSource(frame, found.value);
  report(frame, missingValue, { key: "source" }, found.span);
  return null;
}

const numbersOf = (type: TensorType): number[] => (isNumeric(type.shape) ? [...type.shape] : []);

/** The name and arguments of a call written where only known names may stand. */
function knownCall(
  frame: Frame,
  expr: Expr,
  known: readonly string[],
  what: string,
): { readonly name: string; readonly args: Extract<Expr, { kind: "call" }>["args"] } | null {
  if (expr.kind === "call" && expr.callee.kind === "name") {
    const { name } = expr.callee;
    if (known.includes(name)) return { name, args: expr.args };
    if (Object.hasOwn(readers, name)) {
      const expected = known.map((one) => `\`${one}(…)\``).join(", ");
      report(frame, wrongType, { what, expected, found: `\`${name}(…)\`` }, expr.callee.span);
      return null;
    }
    report(frame, unknownName, { name, suggestion: suggest(name, known) }, expr.callee.span);
    return null;
  }
  if (expr.kind !== "broken")
    report(
      frame,
      wrongType,
      {
        what,
        expected: `one of ${known.map((name) => `\`${name}(…)\``).join(", ")}`,
        found: "another expression",
      },
      expr.span,
    );
  return null;
}

function checkSource(
  frame: Frame,
  expr: Expr,
): { readonly kind: SourceKind; readonly source: DataSource } | null {
  const call = knownCall(frame, expr, Object.keys(sources), "`source`");
  const kind = call === null ? undefined : sources[call.name];
  if (call === null || kind === undefined) return null;
  const bound = bindArguments(frame, frame, kind.formals, {
    callee: call.name,
    inputs: [],
    args: call.args,
    span: expr.span,
  });
  if (bound === null) return null;
  const settings = settingsOf(bound);
  if (!settings.isKnown || !arePositive(frame, call.name, bound)) return null;
  const source = rooted(frame, kind.make(settings, printSpan(expr.span)));
  if (source.kind === "voc_tiles") {
    const { size, overlap, frame: extent } = source;
    const problem =
      overlap >= size
        ? `tiles of ${size} pixels cannot overlap by ${overlap}`
        : size > Math.min(...extent)
          ? `a tile of ${size} pixels does not fit a frame of ${extent.join(" x ")}`
          : null;
    if (problem !== null) {
      report(frame, tileOverlap, { problem }, expr.span);
      return null;
    }
  }
  return { kind, source };
}

/** Counts and sizes of a source are at least one. */
function arePositive(frame: Frame, callee: string, bound: ReadonlyMap<string, Bound>): boolean {
  for (const name of ["count", "size", "frame"]) {
    const argument = bound.get(name);
    if (argument === undefined) continue;
    const { meaning, span } = argument;
    const values = meaning.kind === "list" ? meaning.items : [meaning];
    if (values.every((value) => value.kind === "int" && value.value >= 1)) continue;
    const what = `\`${name}\` of \`${callee}\``;
    report(frame, wrongType, { what, expected: "at least 1", found: describe(meaning) }, span);
    return false;
  }
  return true;
}

/** A relative root is relative to the file that declares the dataset. */
const rooted = (frame: Frame, source: DataSource): DataSource =>
  "root" in source
    ? { ...source, root: frame.elaboration.resolvePath(source.root, frame.module.name) }
    : source;

function checkField(
  frame: Frame,
  field: FieldMember,
  { kind, source }: { readonly kind: SourceKind; readonly source: DataSource },
) {
  const call = knownCall(frame, field.reader, kind.readers, "a field's reader");
  const type = typeOf(frame, field.type, null);
  const formals = call === null ? undefined : readers[call.name];
  if (call === null || type === null || formals === undefined) return null;
  const bound = bindArguments(frame, frame, formals, {
    callee: call.name,
    inputs: [],
    args: call.args,
    span: field.reader.span,
  });
  if (bound === null) return null;
  const settings = settingsOf(bound);
  if (!settings.isKnown) return null;
  const atLeast = bound.get("at_least");
  const share = atLeast === undefined ? 1 : settings.number("at_least");
  if (share <= 0 || share > 1) {
    const what = `\`at_least\` of \`${call.name}\``;
    const span = atLeast?.span ?? field.reader.span;
    report(frame, wrongType, { what, expected: "above 0 and up to 1", found: String(share) }, span);
    return null;
  }
  const extent = kind.extent(source);
  const expected = {
    image: extent === null ? "u8[C, H, W]" : `u8[C, ${extent.join(", ")}]`,
    label: "i64[]",
    covered: "bool[]",
    holds: "bool[]",
    position: "i64[]",
  }[call.name];
  const fits =
    call.name === "image"
      ? type.dtype === "u8" &&
        type.shape.length === 3 &&
        (extent === null || sameShape(type.shape.slice(1), extent))
      : printType(type) === expected;
  if (!fits || !isNumeric(type.shape)) {
    report(
      frame,
      wrongType,
      {
        what: `\`${field.name.text}\``,
        expected: `\`${expected ?? ""}\``,
        found: `\`${printType(type)}\``,
      },
      field.type.span,
    );
    return null;
  }
  const reader =
    call.name === "covered" || call.name === "holds"
      ? { kind: call.name as "covered" | "holds", atLeast: share }
      : { kind: call.name as "image" | "label" | "position" };
  return { name: field.name.text, reader, type, place: printSpan(field.span) };
}
