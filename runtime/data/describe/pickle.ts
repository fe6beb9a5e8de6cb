/**
 * Arrays in pickles, of the protocols 2 to 5. The machine below knows plain values, containers and
 * the constructors that NumPy's arrays, scalars and types are pickled by. It runs nothing: whatever
 * else a pickle asks for by name is refused.
 * Opcodes as in Python's `pickletools`, states as in NumPy's `array_reduce`.
 */

import { MalformedError, type OpenFile } from "./file-head.js";
import { dtypeOf } from "./npy.js";
import {
  type ArrayItem,
  build,
  type Bytes,
  cut,
  globalOf,
  type Item,
  itemsOf,
  reduce,
  textOf,
} from "./pickle-items.js";

/** One array of a pickle; its elements stay in the file until they are asked for. */
export interface PickledArray {
  /** Keys and places on the way to it, parted by points: `train.x`, `0`. */
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements from one index of an axis to the next; `null` where the last axis runs first. */
  readonly strides: readonly number[] | null;
  /** Length of its elements in bytes. */
  readonly size: number;
  readonly bytes: (start: number, length: number) => Buffer;
}

/** The arrays of a pickle in its order; a pickle that is one array has it under `own`. Throws `MalformedError`. */
export function pickledArrays(file: OpenFile, own: string): readonly PickledArray[] {
  const found: PickledArray[] = [];
  const collect = (item: Item, path: readonly string[], above: ReadonlySet<Item>): void => {
    if (above.has(item)) return;
    const deeper = new Set([...above, item]);
    if (item.kind === "array") found.push(arrayOf(item, path.length === 0 ? own : path.join(".")));
    if (item.kind === "tuple" || item.kind === "list")
      item.items.forEach((each, i) => collect(each, [...path, String(i)], deeper));
    if (item.kind === "dict")
      for (const [key, value] of item.entries) {
        const name =
          key.kind === "text" ? key.text() : key.kind === "number" ? String(key.value) : null;
        if (name !== null) collect(value, [...path, name], deeper);
      }
  };
  collect(load(file), [], new Set());
  return found;
}

function arrayOf({ state }: ArrayItem, name: string): PickledArray {
  if (state === null) throw new MalformedError(`its array \`${name}\` has no elements`);
  const { shape, type, strides, data } = state;
  const order = type.order === "=" ? "<" : type.order;
  const dtype = type.code.startsWith("O") ? "object" : dtypeOf(`${order}${type.code}`);
  return { name, dtype, shape, strides, size: data.length, bytes: data.read };
}

const windowBytes = 1 << 16;

/** Bytes of the file from its beginning on, read a window at a time. */
function createCursor(file: OpenFile) {
  let position = 0;
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  const take = (length: number): Buffer => {
    if (position + length > file.size) throw new MalformedError(cut);
    if (position < start || position + length > start + window.length) {
      start = position;
      window = file.read(start, Math.max(length, windowBytes));
      if (window.length < length) throw new MalformedError(cut);
    }
    const bytes = window.subarray(position - start, position - start + length);
    position += length;
    return bytes;
  };
  return {
    take,
    byte: (): number => take(1)[0] ?? 0,
    /** Passes over so many bytes, which are read when they are asked for. */
    pass: (length: number): Bytes => {
      if (!(length <= file.size - position)) throw new MalformedError(cut);
      const from = position;
      position += length;
      const read = (offset: number, count: number): Buffer => file.read(from + offset, count);
      return { kind: "bytes", length, read };
    },
    line: (): string => {
      const bytes: number[] = [];
      for (let byte = take(1)[0]; byte !== 0x0a; byte = take(1)[0]) bytes.push(byte ?? 0);
      return Buffer.from(bytes).toString("utf8");
    },
  };
}

type Cursor = ReturnType<typeof createCursor>;

/** The value that a pickle ends with. */
function load(file: OpenFile): Item {
  const cursor = createCursor(file);
  const head = file.size < 2 ? 0 : cursor.byte();
  const protocol = head === 0x80 ? cursor.byte() : 0;
  if (protocol < 2 || protocol > 5)
    throw new MalformedError("it does not begin as a pickle of the protocols 2 to 5 does");
  const stack: Item[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Item>();
  const pop = (): Item => {
    const item = stack.length > (marks.at(-1) ?? 0) ? stack.pop() : undefined;
    if (item === undefined) throw new MalformedError(cut);
    return item;
  };
  const top = (): Item => {
    const item = pop();
    stack.push(item);
    return item;
  };
  const popMark = (): Item[] => {
    const mark = marks.pop();
    if (mark === undefined) throw new MalformedError(cut);
    return stack.splice(mark);
  };
  const recall = (index: number): void => {
    const item = memo.get(index);
    if (item === undefined) throw new MalformedError(cut);
    stack.push(item);
  };
  for (;;) {
    const opcode = cursor.byte();
    const plain = plainValue(opcode, cursor);
    if (plain !== null) {
      stack.push(plain);
      continue;
    }
    switch (String.fromCharCode(opcode)) {
      case ".":
        return pop();
      case "(":
        marks.push(stack.length);
        break;
      case "0":
        pop();
        break;
      case "1":
        popMark();
        break;
      case "2":
        stack.push(top());
        break;
      case "]":
        stack.push({ kind: "list", items: [] });
        break;
      case "}":
        stack.push({ kind: "dict", entries: [] });
        break;
      case ")":
        stack.push({ kind: "tuple", items: [] });
        break;
      case "t":
        stack.push({ kind: "tuple", items: popMark() });
        break;
      case "\x85":
      case "\x86":
      case "\x87": {
        const items = Array.from({ length: opcode - 0x84 }, pop).toReversed();
        stack.push({ kind: "tuple", items });
        break;
      }
      case "a":
        extend([pop()], top());
        break;
      case "e":
        extend(popMark(), top());
        break;
      case "s": {
        const value = pop();
        setItems([pop(), value], top());
        break;
      }
      case "u":
        setItems(popMark(), top());
        break;
      case "c": {
        const module = cursor.line();
        stack.push(globalOf(module, cursor.line()));
        break;
      }
      case "\x93": {
        const name = pop();
        stack.push(globalOf(textOf(pop()), textOf(name)));
        break;
      }
      case "R": {
        const given = pop();
        stack.push(reduce(pop(), itemsOf(given)));
        break;
      }
      case "b": {
        const state = pop();
        build(top(), itemsOf(state));
        break;
      }
      case "q":
        memo.set(cursor.byte(), top());
        break;
      case "r":
        memo.set(cursor.take(4).readUInt32LE(), top());
        break;
      case "\x94":
        memo.set(memo.size, top());
        break;
      case "h":
        recall(cursor.byte());
        break;
      case "j":
        recall(cursor.take(4).readUInt32LE());
        break;
      case "\x95":
        cursor.take(8);
        break;
      case "\x97":
      case "\x98":
        throw new MalformedError("its arrays lie in buffers outside of the file");
      default:
        throw new MalformedError(
          `it has the opcode 0x${opcode.toString(16).padStart(2, "0")}, which arrays have no use for`,
        );
    }
  }
}

/** A value that an opcode carries itself; `null` for any other opcode. */
function plainValue(opcode: number, cursor: Cursor): Item | null {
  const number = (value: number): Item => ({ kind: "number", value });
  const wide = (): number => Number(cursor.take(8).readBigUInt64LE());
  switch (String.fromCharCode(opcode)) {
    case "N":
      return { kind: "none" };
    case "\x88":
      return { kind: "bool", value: true };
    case "\x89":
      return { kind: "bool", value: false };
    case "J":
      return number(cursor.take(4).readInt32LE());
    case "K":
      return number(cursor.byte());
    case "M":
      return number(cursor.take(2).readUInt16LE());
    case "G":
      return number(cursor.take(8).readDoubleBE());
    case "\x8a":
      return number(longOf(cursor.take(cursor.byte())));
    case "\x8b":
      return number(longOf(cursor.take(cursor.take(4).readUInt32LE())));
    case "X":
      return lazyText(cursor.pass(cursor.take(4).readUInt32LE()));
    case "\x8c":
      return lazyText(cursor.pass(cursor.byte()));
    case "\x8d":
      return lazyText(cursor.pass(wide()));
    case "B":
    case "T":
      return cursor.pass(cursor.take(4).readUInt32LE());
    case "C":
    case "U":
      return cursor.pass(cursor.byte());
    case "\x8e":
    case "\x96":
      return cursor.pass(wide());
    default:
      return null;
  }
}

/** A signed integer of any length, its least byte first. */
function longOf(bytes: Buffer): number {
  if (bytes.length === 0) return 0;
  const value = BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`);
  return Number(BigInt.asIntN(8 * bytes.length, value));
}

const lazyText = ({ length, read }: Bytes): Item => ({
  kind: "text",
  text: () => read(0, length).toString("utf8"),
});

function extend(more: readonly Item[], target: Item): void {
  if (target.kind !== "list") throw new MalformedError(cut);
  target.items.push(...more);
}

function setItems(items: readonly Item[], target: Item): void {
  if (target.kind !== "dict" || items.length % 2 !== 0) throw new MalformedError(cut);
  for (let i = 0; i < items.length; i += 2) {
    const [key, value] = items.slice(i, i + 2);
    if (key !== undefined && value !== undefined) target.entries.push([key, value]);
  }
}
