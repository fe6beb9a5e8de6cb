/** Converts files of arrays into each other, and compares what was written with what was read. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { diagnose } from "../../grammar/diagnostic.js";
import { conversionUnsuited } from "../../grammar/diagnostics/use.js";
import { elementBytes } from "../../compiler/plan/elements.js";
import { createFiles, makeFolders } from "../atomic-file.js";
import { encodeSafetensors } from "../checkpoint/safetensors.js";
import { arrayNamesIn, openArray } from "../data/array-file.js";
import { exitCodes, Fault } from "../fault.js";
import { allocate, elementCount, type HostTensor } from "../tensor.js";
import { isNumpy, npyBytes, npzPieces } from "./write-arrays.js";

export interface Converted {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

type Form = "npy" | "npz" | "safetensors" | "folder";

const refuse = (file: string, reason: string): Fault =>
  new Fault(diagnose(conversionUnsuited, { file, reason }, null), exitCodes.environment);

/**
 * Reads all arrays of `from` and writes them to `to`, aside and renamed, after they have been read
 * back and compared byte by byte. The forms go by the names. Faults with exit code 2 where a form
 * cannot hold the arrays, and with 6 where `from` is damaged.
 */
export function convertArrays(from: string, to: string): readonly Converted[] {
  if (!existsSync(from)) throw refuse(from, "it does not exist");
  const target = formOf(to, "written");
  const arrays = readArrays(from, formOf(from, "read"));
  const foreign = [...arrays].find(([, { dtype }]) => !isNumpy(dtype));
  if (target !== "safetensors" && foreign !== undefined)
    throw refuse(from, `\`${foreign[0]}\` is \`${foreign[1].dtype}\`, which NumPy has no type for`);
  const files = createFiles();
  const aside = join(dirname(to), `.${basename(to)}.${process.pid}.new${extname(to)}`);
  makeFolders(dirname(to));
  try {
    write(aside, target, arrays, to);
    const again = readArrays(aside, target);
    for (const [name, tensor] of arrays) {
      const other = again.get(target === "npy" ? ([...again.keys()][0] ?? "") : name);
      if (other === undefined || !isSame(tensor, other))
        throw refuse(to, `\`${name}\` is not read back as it was written`);
    }
    files.remove(to);
    files.move(aside, to);
  } finally {
    files.remove(aside);
  }
  return [...arrays].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
}

function formOf(path: string, what: string): Form {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  switch (extname(path).toLowerCase()) {
    case ".npy":
      return "npy";
    case ".npz":
      return "npz";
    case ".safetensors":
      return "safetensors";
    case "":
      return "folder";
    default:
      if (isFolder) return "folder";
      throw refuse(path, `files called \`*${extname(path)}\` are not ${what}`);
  }
}

function readArrays(path: string, form: Form): ReadonlyMap<string, HostTensor> {
  if (form !== "folder") return readFile(path, form);
  const names = readdirSync(path)
    .filter((name) => name.endsWith(".npy"))
    .toSorted();
  if (names.length === 0) throw refuse(path, "it holds no `.npy` file");
  return new Map(names.flatMap((name) => [...readFile(join(path, name), "npy")]));
}

function readFile(file: string, format: Exclude<Form, "folder">): ReadonlyMap<string, HostTensor> {
  const source = { kind: "arrays", format, file, place: file } as const;
  return new Map(
    arrayNamesIn(source).map((name) => {
      const array = openArray(source, name);
      if (array === null) throw refuse(file, `it has no \`${name}\``);
      const { dtype, shape } = array;
      if (!Object.hasOwn(elementBytes, dtype))
        throw refuse(file, `\`${name}\` is \`${dtype}\`, a type that is not read`);
      return [name, wholeOf(array, dtype as HostTensor["dtype"], shape)] as const;
    }),
  );
}

/** All records of an array; one without axes is its only record. */
function wholeOf(
  array: { readonly read: (record: number) => HostTensor },
  dtype: HostTensor["dtype"],
  shape: readonly number[],
): HostTensor {
  const [records = 1, ...rest] = shape;
  const each = elementCount(rest);
  const data = allocate(dtype, records * each);
  const bytes = new Uint8Array(data.buffer);
  for (let record = 0; record < records; record++) {
    const { data: own } = array.read(record);
    bytes.set(
      new Uint8Array(own.buffer, own.byteOffset, own.byteLength),
      record * each * elementBytes[dtype],
    );
  }
  return { dtype, shape, data };
}

/** Into `path`, which will be called `name`. */
function write(
  path: string,
  form: Form,
  arrays: ReadonlyMap<string, HostTensor>,
  name: string,
): void {
  const files = createFiles();
  switch (form) {
    case "safetensors":
      files.writeSynced(path, encodeSafetensors(arrays));
      return;
    case "npz": {
      const pieces = npzPieces(arrays);
      if (pieces === null) throw refuse(name, "it would exceed 4 GiB; a folder holds more");
      files.writeSynced(path, pieces);
      return;
    }
    case "npy": {
      const [first, second] = arrays.values();
      if (first === undefined || second !== undefined)
        throw refuse(name, `a \`.npy\` file holds one array, not ${arrays.size}`);
      files.writeSynced(path, [npyBytes(first)]);
      return;
    }
    case "folder":
      makeFolders(path);
      for (const [array, tensor] of arrays) {
        if (/[\\/]/u.test(array)) throw refuse(name, `\`${array}\` cannot be a file's name`);
        files.writeSynced(join(path, `${array}.npy`), [npyBytes(tensor)]);
      }
  }
}

function isSame(a: HostTensor, b: HostTensor): boolean {
  const bytes = ({ data }: HostTensor): Buffer =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return a.dtype === b.dtype && a.shape.join() === b.shape.join() && bytes(a).equals(bytes(b));
}
