/** Predictions as lines of JSON or csv, with the names of classes. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { outputUnsuited } from "../../grammar/diagnostics/use.js";
import { printType } from "../data/bad-data.js";
import { exitCodes, Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import { elementCount, type HostTensor } from "../tensor.js";
import { type ClassNames, classNamesOf } from "./class-names.js";
import type { Prediction } from "./predict.js";
import type { RecordOutput } from "./run-model.js";

/** Writes one prediction after another; `head` comes first, where the format has one. */
export interface RowWriter {
  readonly head: string;
  readonly row: (prediction: Prediction) => string;
}

interface Column {
  readonly output: RecordOutput;
  readonly classes: ClassNames | null;
}

const columnsOf = (program: DataProgram, outputs: readonly RecordOutput[]): readonly Column[] =>
  outputs.map((output) => ({
    output,
    classes:
      output.shape.length === 1 && output.dtype !== "i64"
        ? classNamesOf(program, output.shape[0] ?? 0)
        : null,
  }));

/** The name of the largest number of the first output that holds one class's chances each. */
function classOf(columns: readonly Column[], { outputs }: Prediction): string | null {
  const deciding = columns.find(({ classes }) => classes?.isOneOf === true);
  const tensor = deciding === undefined ? undefined : outputs.get(deciding.output.name);
  const classes = deciding?.classes ?? null;
  if (classes === null || tensor === undefined) return null;
  const value = numbersOf(tensor);
  let best = 0;
  for (let i = 1; i < tensor.data.length; i++) if (value(i) > value(best)) best = i;
  return classes.names[best] ?? null;
}

/** A JSON document per line: `file`, `record` where a file holds several, `class`, the outputs. */
export function jsonRows(program: DataProgram, outputs: readonly RecordOutput[]): RowWriter {
  const columns = columnsOf(program, outputs);
  const hasClass = columns.some(({ classes }) => classes?.isOneOf === true);
  return {
    head: "",
    row: (prediction) => {
      const { file, record, outputs: values } = prediction;
      const document: Record<string, unknown> = { file: file.name };
      if (record !== null) document["record"] = record;
      if (hasClass) document["class"] = classOf(columns, prediction);
      for (const { output, classes } of columns) {
        const tensor = values.get(output.name);
        if (tensor === undefined) continue;
        const list = nested(tensor);
        document[output.name] =
          classes === null || !Array.isArray(list)
            ? list
            : Object.fromEntries(classes.names.map((name, i) => [name, list[i]]));
      }
      return `${JSON.stringify(document)}\n`;
    },
  };
}

/** Columns that a line of csv may have at most. */
const mostColumns = 1000;

/** A line per record under one of names: `logits.ring`, or `box.0` where numbers have no names. */
export function csvRows(program: DataProgram, outputs: readonly RecordOutput[]): RowWriter {
  for (const { name, dtype, shape } of outputs)
    if (elementCount(shape) > mostColumns) {
      const wanted = `a line holds up to ${mostColumns} numbers`;
      const params = { output: name, shape: printType(dtype, shape), format: "csv", wanted };
      throw new Fault(diagnose(outputUnsuited, params, null), exitCodes.environment);
    }
  const columns = columnsOf(program, outputs);
  const hasClass = columns.some(({ classes }) => classes?.isOneOf === true);
  const names = columns.flatMap(({ output: { name, shape }, classes }) =>
    shape.length === 0
      ? [name]
      : Array.from(
          { length: elementCount(shape) },
          (_, i) => `${name}.${classes?.names[i] ?? place(shape, i)}`,
        ),
  );
  const head = ["file", "record", ...(hasClass ? ["class"] : []), ...names];
  return {
    head: `${head.map(quoted).join(",")}\n`,
    row: (prediction) => {
      const { file, record, outputs: values } = prediction;
      const numbers = columns.flatMap(({ output }) => {
        const tensor = values.get(output.name);
        const length = tensor?.data.length ?? 0;
        return tensor === undefined ? [] : Array.from({ length }, (_, i) => element(tensor, i));
      });
      const cells = [
        file.name,
        record ?? "",
        ...(hasClass ? [classOf(columns, prediction) ?? ""] : []),
        ...numbers.map((value) => (value === null ? "nan" : String(value))),
      ];
      return `${cells.map(quoted).join(",")}\n`;
    },
  };
}

/** The place of element i by its axes: `0.3`. */
function place(shape: readonly number[], index: number): string {
  const places: number[] = [];
  let left = index;
  for (const extent of shape.toReversed()) {
    places.unshift(left % extent);
    left = Math.floor(left / extent);
  }
  return places.join(".");
}

/** As RFC 4180 has it. */
const quoted = (cell: string): string =>
  /[",\r\n]/u.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

type Nested = number | boolean | null | readonly Nested[];

function nested(tensor: HostTensor): Nested {
  const inner = ([extent, ...rest]: readonly number[], from: number): Nested => {
    if (extent === undefined) return element(tensor, from);
    const size = elementCount(rest);
    return Array.from({ length: extent }, (_, i) => inner(rest, from + i * size));
  };
  return inner(tensor.shape, 0);
}

/** As many digits as tell an f32 from its neighbors; what is no finite number is `null`. */
function element(tensor: HostTensor, index: number): number | boolean | null {
  const value = numbersOf(tensor)(index);
  if (tensor.dtype === "bool") return value !== 0;
  if (!Number.isFinite(value)) return null;
  return tensor.dtype === "f32" ? Number(value.toPrecision(9)) : value;
}
