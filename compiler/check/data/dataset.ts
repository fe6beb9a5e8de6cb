/** Checks a dataset and turns it into the data program that the runtime carries out. */

import type { DatasetDecl, Entry, FieldMember } from "../../../grammar/ast.js";
import {
  alreadyDefined,
  duplicateKey,
  missingKey,
  missingValue,
  unknownKey,
} from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { suggest } from "../../../grammar/suggest.js";
import { isNumeric, printType, type TensorType } from "../../ir/type.js";
import type { DatasetProgram } from "../../plan/dataset.js";
import { type Fact, type Frame, report } from "../frame.js";
import { planShape } from "./field-type.js";
import { type CheckedField, checkField, isPresent } from "./fields.js";
import { checkFit } from "./fits.js";
import { checkSource } from "./joined-sources.js";
import { checkLoader } from "./loader.js";
import { type CheckedFit, prepare, type Preparation } from "./preparation.js";
import type { CheckedSource } from "./sources.js";
import { checkSplit } from "./split.js";
import { gridOf, gridProblem } from "./tile-grid.js";
import { applyTransform, settle } from "./transforms.js";

/** A checked dataset; `fields` are types per record after all transforms. */
export interface CheckedDataset {
  readonly program: DatasetProgram;
  readonly fields: ReadonlyMap<string, TensorType>;
}

/** What is known of a dataset, sound or not: once per session. */
export interface DatasetFindings {
  readonly dataset: CheckedDataset | null;
  readonly fits: ReadonlyMap<string, CheckedFit>;
  readonly classes: readonly string[];
  /** Types after each step of a transform, by the step. */
  readonly facts: readonly Fact[];
}

/** `null` when something is wrong, which has been reported. */
export const checkDataset = (frame: Frame, declaration: DatasetDecl): CheckedDataset | null =>
  datasetFindings(frame, declaration).dataset;

/** Checks a dataset, or gives what an earlier check of the session has found. */
export function datasetFindings(frame: Frame, declaration: DatasetDecl): DatasetFindings {
  const { datasets } = frame.elaboration;
  const known = datasets.get(declaration);
  if (known !== undefined) return known;
  const found = findingsOf(frame, declaration);
  datasets.set(declaration, found);
  return found;
}

function findingsOf(frame: Frame, declaration: DatasetDecl): DatasetFindings {
  const source = checkSourceEntry(frame, declaration);
  const read = checkFields(frame, declaration, source);
  const preparation = prepare(read.fields, read.broken, read.absent);
  let sound = read.broken.size === 0 && source !== null;
  for (const member of declaration.members) {
    if (member.kind === "transform") sound = applyTransform(frame, preparation, member) && sound;
    if (member.kind === "fit") sound = checkFit(frame, preparation, member) && sound;
  }
  const split = checkSplit(frame, declaration, source, preparation);
  const loader = checkLoader(frame, declaration);
  sound = sound && settle(frame, preparation) && tilesAgree(frame, preparation);
  const base = {
    fits: preparation.fits,
    classes: source?.classes ?? [],
    facts: preparation.facts,
  };
  if (!sound || source === null || split === null || loader === null || read.fields.length === 0)
    return { ...base, dataset: null };
  const fields = preparation.types.train;
  const { fits, steps } = preparation;
  const program: DatasetProgram = {
    name: declaration.name.text,
    source: source.source,
    fields: read.fields.map(planField),
    split,
    ...(fits.size === 0 ? {} : { fits: [...fits.values()].map(({ plan }) => plan) }),
    transforms: steps,
    outputs: [...fields].map(([name, type]) => ({
      name,
      dtype: type.dtype,
      shape: isNumeric(type.shape) ? [...type.shape] : [],
    })),
    loader,
  };
  return { ...base, dataset: { program, fields } };
}

const planField = ({ name, reader, type, part, place }: CheckedField) => ({
  name,
  reader,
  dtype: type.dtype,
  shape: planShape(type),
  place,
  ...(part === null ? {} : { part }),
});

/** `source:` is the only key of a dataset; its value is one of the known calls. */
function checkSourceEntry(frame: Frame, declaration: DatasetDecl): CheckedSource | null {
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

interface ReadFields {
  readonly fields: readonly CheckedField[];
  readonly broken: ReadonlySet<string>;
  readonly absent: ReadonlySet<string>;
}

function checkFields(
  frame: Frame,
  declaration: DatasetDecl,
  source: CheckedSource | null,
): ReadFields {
  const members = declaration.members.filter(
    (member): member is FieldMember => member.kind === "field",
  );
  if (members.length === 0) {
    const owner = `\`${declaration.name.text}\``;
    report(frame, missingKey, { key: "field", owner }, declaration.name.span);
  }
  const fields = new Map<string, CheckedField>();
  const seen = new Map<string, FieldMember>();
  const broken = new Set<string>();
  const absent = new Set<string>();
  for (const member of members) {
    const { text: name, span } = member.name;
    const present = isPresent(frame, member);
    if (present === false) {
      absent.add(name);
      continue;
    }
    const earlier = seen.get(name);
    if (earlier !== undefined)
      report(frame, alreadyDefined, { name }, span, [
        { span: earlier.name.span, text: "first defined here" },
      ]);
    seen.set(name, member);
    const field = present === null || source === null ? null : checkField(frame, member, source);
    if (field === null || earlier !== undefined) broken.add(name);
    else fields.set(name, field);
  }
  return { fields: [...fields.values()], broken, absent };
}

/** Tiles are of the picture as its transforms leave it: their number is that of its grid. */
function tilesAgree(frame: Frame, { fields, types }: Preparation): boolean {
  const isPicture = ({ role }: CheckedField): boolean => role === "picture";
  for (const field of fields.values()) {
    if (field.reader.kind !== "tile_boxes") continue;
    const { size, overlap } = field.reader;
    const picture = [...fields.values()].find(
      (each) => isPicture(each) && each.part === field.part,
    );
    const type = picture === undefined ? undefined : types.train.get(picture.name);
    if (picture === undefined || type === undefined) {
      const params = { what: "what `tile_boxes` lies on", expected: "a field with a picture" };
      report(frame, wrongType, { ...params, found: "none" }, field.span);
      return false;
    }
    const problem = gridProblem(type, size, overlap);
    if (problem !== null) {
      const { setting, expected, found } = problem;
      const what = `\`${setting}\` of \`tile_boxes\``;
      report(frame, wrongType, { what, expected, found }, field.span);
      return false;
    }
    const tiles = gridOf(type, size, overlap);
    if (tiles === null || field.type.shape[0] === tiles) continue;
    const what = `\`${field.name}\`, the tiles of \`${picture.name}\` as \`${printType(type)}\`,`;
    const found = `\`${printType(field.type)}\``;
    report(frame, wrongType, { what, expected: `\`bool[${tiles}]\``, found }, field.span);
    return false;
  }
  return true;
}
