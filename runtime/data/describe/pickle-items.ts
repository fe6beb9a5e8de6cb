/** What pickles are made of: plain values, containers, and what NumPy's constructors make. */

import { MalformedError } from "./file-head.js";
import { columnStrides } from "./npy.js";

export interface Bytes {
  readonly kind: "bytes";
  readonly length: number;
  readonly read: (start: number, length: number) => Buffer;
}

export interface ArrayItem {
  readonly kind: "array";
  state: {
    shape: readonly number[];
    type: TypeItem;
    strides: readonly number[] | null;
    data: Bytes;
  } | null;
}

interface TypeItem {
  readonly kind: "type";
  readonly code: string;
  order: string;
}

export type Item =
  | { readonly kind: "none" | "other" }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "text"; readonly text: () => string }
  | Bytes
  | { readonly kind: "tuple" | "list"; readonly items: Item[] }
  | { readonly kind: "dict"; readonly entries: (readonly [Item, Item])[] }
  | { readonly kind: "global"; readonly name: Constructor }
  | ArrayItem
  | TypeItem;

/** What NumPy pickles its own by, under the names of its old and its new modules. */
const constructors = {
  "numpy.core.multiarray._reconstruct": "reconstruct",
  "numpy._core.multiarray._reconstruct": "reconstruct",
  "numpy.core.multiarray.scalar": "scalar",
  "numpy._core.multiarray.scalar": "scalar",
  "numpy.core.numeric._frombuffer": "frombuffer",
  "numpy._core.numeric._frombuffer": "frombuffer",
  "numpy.ndarray": "ndarray",
  "numpy.dtype": "dtype",
  // Bytes of the protocol 2.
  "_codecs.encode": "encode",
} as const;
type Constructor = (typeof constructors)[keyof typeof constructors];

/** What is wrong with most files that are no pickles. */
export const cut = "it ends within a value, or is no pickle";

export function textOf(item: Item): string {
  if (item.kind === "text") return item.text();
  // Text of Python 2, which wrote names of types so.
  if (item.kind === "bytes") return item.read(0, item.length).toString("latin1");
  throw new MalformedError(cut);
}

export function itemsOf(item: Item | undefined): readonly Item[] {
  if (item?.kind === "tuple" || item?.kind === "list") return item.items;
  throw new MalformedError("it restores an object that is no array");
}

/** The constructor of a name; any other name is refused. */
export function globalOf(module: string, name: string): Item {
  const path = `${module}.${name}`;
  for (const [known, constructor] of Object.entries(constructors))
    if (known === path) return { kind: "global", name: constructor };
  throw new MalformedError(
    `it wants to run \`${path}\`; only plain values and NumPy's arrays are read, and nothing is run`,
  );
}

/** What a constructor makes of its arguments. */
export function reduce(callee: Item, args: readonly Item[]): Item {
  if (callee.kind !== "global")
    throw new MalformedError("it calls a value that is no constructor of an array");
  const [first, second, third, fourth, fifth] = args;
  switch (callee.name) {
    case "reconstruct":
      return { kind: "array", state: null };
    case "dtype":
      if (first === undefined) throw new MalformedError(cut);
      return { kind: "type", code: textOf(first), order: "|" };
    case "scalar":
      return { kind: "other" };
    case "frombuffer": {
      if (first?.kind !== "bytes" || second?.kind !== "type") throw new MalformedError(cut);
      const order = fourth === undefined ? "C" : textOf(fourth);
      const laid = laidOut(extentsOf(third), order, fifth);
      return { kind: "array", state: { ...laid, type: second, data: first } };
    }
    case "encode":
      if (first === undefined || second === undefined || textOf(second) !== "latin1")
        throw new MalformedError("its bytes are not written as `latin1`");
      return encoded(() => textOf(first));
    case "ndarray":
      throw new MalformedError("it calls `numpy.ndarray`, by which no array is pickled");
  }
}

/** Bytes that the protocol 2 writes as a text of as many letters. */
function encoded(text: () => string): Bytes {
  let held: Buffer | null = null;
  const all = (): Buffer => (held ??= Buffer.from(text(), "latin1"));
  return {
    kind: "bytes",
    get length() {
      return all().length;
    },
    read: (start, length) => all().subarray(start, start + length),
  };
}

/** (version, shape, type, is in Fortran's order, elements) of an array; (version, order, …) of a type. */
export function build(target: Item, state: readonly Item[]): void {
  if (target.kind === "type") {
    const order = state[1];
    if (order === undefined) throw new MalformedError(cut);
    target.order = textOf(order);
    return;
  }
  const [, shape, type, isFortran, data] = state;
  if (target.kind !== "array" || type?.kind !== "type")
    throw new MalformedError("it restores an object that is no array");
  const order = isFortran?.kind === "bool" && isFortran.value ? "F" : "C";
  target.state = {
    ...laidOut(extentsOf(shape), order, undefined),
    type,
    // Python objects stand in a list.
    data: data?.kind === "bytes" ? data : { kind: "bytes", length: 0, read: () => Buffer.alloc(0) },
  };
}

/** Where elements lie: by rows, by columns, or by rows with the axes in another order afterwards. */
function laidOut(shape: readonly number[], order: string, axes: Item | undefined) {
  if (order === "C") return { shape, strides: null };
  if (order === "F") return { shape, strides: columnStrides(shape) };
  const moved = order === "K" && axes !== undefined ? extentsOf(axes) : [];
  if (shape.some((_, axis) => !moved.includes(axis)) || moved.length !== shape.length)
    throw new MalformedError(`it has an array in the order \`${order}\``);
  const strides = columnStrides(shape.toReversed()).toReversed();
  return {
    shape: moved.map((axis) => shape[axis] ?? 1),
    strides: moved.map((axis) => strides[axis] ?? 1),
  };
}

const extentsOf = (item: Item | undefined): readonly number[] =>
  itemsOf(item).map((extent) => {
    if (extent.kind === "number" && Number.isInteger(extent.value) && extent.value >= 0)
      return extent.value;
    throw new MalformedError(cut);
  });
