/** `saic show --what schema`: what records and batches of the train's dataset are. */

import type { DatasetProgram } from "../../../compiler/plan/dataset.js";
import { type DType, printType } from "../../../compiler/ir/type.js";
import { columns } from "./columns.js";
import type { Shown, Subject } from "./subject.js";

interface FieldFacts {
  readonly name: string;
  readonly reader: Facts;
  /** As read from a record. */
  readonly read: string;
  /** After all transforms. */
  readonly record: string;
  /** With the record axis in front. */
  readonly batch: string;
}

/** Settings as the program has them, without places. */
type Facts = Readonly<Record<string, unknown>>;

interface Schema {
  readonly dataset: string;
  readonly source: Facts;
  readonly fields: readonly FieldFacts[];
  readonly split: Facts;
  /** Constants from the training split. */
  readonly fits: readonly Facts[];
  readonly transforms: readonly {
    readonly split: string;
    readonly field: string;
    readonly step: Facts;
  }[];
  readonly loader: Facts;
}

/** Types of fields as read, transformed and batched; the source, the split and the loader. */
export const schema: Subject = {
  name: "schema",
  about: "fields and their types, split and loader of the dataset",
  text: (shown) => print(schemaOf(shown)),
  json: schemaOf,
};

function schemaOf({ lowered: { plan } }: Shown): Schema {
  const data: DatasetProgram = plan.data;
  const read = new Map(data.fields.map((field) => [field.name, field]));
  return {
    dataset: data.name,
    source: factsOf(data.source),
    fields: data.outputs.map(({ name, dtype, shape }) => {
      const field = read.get(name);
      return {
        name,
        reader: field === undefined ? {} : factsOf(field.reader),
        read: field === undefined ? "" : typeOf(field),
        record: typeOf({ dtype, shape }),
        batch: typeOf({ dtype, shape: [data.loader.batch, ...shape] }),
      };
    }),
    split: factsOf(data.split),
    fits: (data.fits ?? []).map(factsOf),
    transforms: data.transforms.map((step) => ({
      split: step.split ?? "every",
      field: fieldsOf(step),
      step: factsOf(step.op),
    })),
    loader: factsOf(data.loader),
  };
}

/** An extent that only the files tell is `_`. */
function typeOf({
  dtype,
  shape,
}: {
  readonly dtype: DType;
  readonly shape: readonly (number | null)[];
}): string {
  const known = shape.filter((extent) => extent !== null);
  return known.length === shape.length
    ? printType({ dtype, shape: known })
    : `${dtype}[${shape.map((extent) => extent ?? "_").join(", ")}]`;
}

/** A step is of one field, or of several that move together. */
const fieldsOf = (step: object): string => {
  if ("fields" in step && Array.isArray(step.fields)) return step.fields.join(", ");
  return "field" in step ? String(step.field) : "";
};

const factsOf = (value: object): Facts =>
  Object.fromEntries(
    Object.entries(value).filter(([key, each]) => key !== "place" && each !== undefined),
  );

function print({ dataset, source, fields, split, fits, transforms, loader }: Schema): string {
  return [
    `dataset ${dataset}`,
    "",
    `source: ${printFacts(source)}`,
    "",
    "fields",
    ...columns(
      ["name", "reader", "as read", "after transforms", "batch"],
      fields.map((field) => [
        field.name,
        printFacts(field.reader),
        field.read,
        field.record,
        field.batch,
      ]),
    ),
    "",
    "transforms",
    ...(transforms.length === 0
      ? ["  none"]
      : columns(
          ["", "", ""],
          transforms.map((each) => [each.split, each.field, printFacts(each.step)]),
        )),
    "",
    ...fits.flatMap((fit) => [`fit: ${printFacts(fit)}`, ""]),
    `split: ${printFacts(split)}`,
    `loader: ${printFacts(loader)}`,
  ].join("\n");
}

/** `kind(key: value, …)`, or the keys alone. */
function printFacts(facts: Facts): string {
  const settings = Object.entries(facts)
    .filter(([key]) => key !== "kind")
    .map(([key, value]) => `${key}: ${printValue(value)}`)
    .join(", ");
  const { kind } = facts as { readonly kind?: unknown };
  return typeof kind === "string" ? `${kind}${settings === "" ? "" : `(${settings})`}` : settings;
}

function printValue(value: unknown): string {
  if (value === null) return "none";
  if (Array.isArray(value)) return `[${value.map(printValue).join(", ")}]`;
  if (typeof value === "object") return printFacts(factsOf(value));
  return String(value);
}
