/** Documents that know where lines may break, and their printing within a width (after Wadler, 2003). */

/** A piece of text to be laid out. */
export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: "line"; readonly flat: string; readonly blank: boolean }
  | { readonly kind: "hard"; readonly blank: boolean }
  | { readonly kind: "indent"; readonly doc: Doc }
  | { readonly kind: "group"; readonly doc: Doc; readonly broken: boolean }
  | { readonly kind: "comment"; readonly text: string; readonly blank: boolean }
  | { readonly kind: "trailing"; readonly text: string };

/** `flat` while the group around it fits on its line, otherwise a new line. */
export const line = (flat: string): Doc => ({ kind: "line", flat, blank: false });
/** Like `line`, with an empty line before it where the group is broken. */
export const spacedLine = (flat: string): Doc => ({ kind: "line", flat, blank: true });
/** Always a new line. */
export const hard: Doc = { kind: "hard", blank: false };
/** An empty line. */
export const blankLine: Doc = { kind: "hard", blank: true };
/** New lines inside begin two columns further right. */
export const indent = (doc: Doc): Doc => ({ kind: "indent", doc });
/** On one line if that fits, otherwise broken at each of its own lines. */
export const group = (doc: Doc): Doc => ({ kind: "group", doc, broken: isBroken(doc) });
/** A group that is broken whatever its width. */
export const brokenGroup = (doc: Doc): Doc => ({ kind: "group", doc, broken: true });

function isBroken(doc: Doc): boolean {
  if (typeof doc === "string") return false;
  if (isList(doc)) return doc.some(isBroken);
  switch (doc.kind) {
    case "hard":
      return true;
    case "indent":
      return isBroken(doc.doc);
    case "group":
      return doc.broken;
    case "line":
    case "comment":
    case "trailing":
      return false;
  }
}

const isList = (doc: Doc): doc is readonly Doc[] => Array.isArray(doc);

type Mode = "flat" | "broken";

interface Item {
  readonly indent: number;
  readonly mode: Mode;
  readonly doc: Doc;
}

/** What has been printed, and where the pen stands. */
interface Pen {
  readonly lines: string[];
  /** The line being written, without its indentation. */
  current: string;
  indent: number;
  /** A comment ends the line: what follows stands on the next one. */
  ended: boolean;
}

/** The text of a document, each line within `width` columns where its breaks allow it. */
export function printDoc(doc: Doc, width: number): string {
  const pen: Pen = { lines: [], current: "", indent: 0, ended: false };
  const stack: Item[] = [{ indent: 0, mode: "broken", doc }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { indent, mode, doc } = item;
    if (typeof doc === "string") write(pen, doc, indent);
    else if (isList(doc))
      for (const each of doc.toReversed()) stack.push({ indent, mode, doc: each });
    else
      switch (doc.kind) {
        case "line":
          if (mode === "flat") write(pen, doc.flat, indent);
          else newLine(pen, indent, doc.blank);
          break;
        case "hard":
          newLine(pen, indent, doc.blank);
          break;
        case "indent":
          stack.push({ indent: indent + 2, mode, doc: doc.doc });
          break;
        case "group": {
          const left = width - pen.indent - pen.current.length;
          const flat: Item = { indent, mode: "flat", doc: doc.doc };
          const fitting = !doc.broken && !pen.ended && fits(flat, stack, left);
          stack.push(fitting ? flat : { indent, mode: "broken", doc: doc.doc });
          break;
        }
        case "comment":
          newLine(pen, indent, doc.blank);
          write(pen, doc.text, indent);
          pen.ended = true;
          break;
        case "trailing":
          pen.current = `${pen.current.trimEnd()}  ${doc.text}`;
          pen.ended = true;
          break;
      }
  }
  newLine(pen, 0, false);
  return pen.lines.length === 0 ? "" : `${pen.lines.join("\n")}\n`;
}

function write(pen: Pen, text: string, indent: number): void {
  if (pen.ended) newLine(pen, indent, false);
  // A separator at the start of a line would only shift what follows.
  if (pen.current === "") pen.current = text.trimStart();
  else pen.current += text;
}

/** A line that is still empty is used as it is. */
function newLine(pen: Pen, indent: number, blank: boolean): void {
  const text = pen.current.trimEnd();
  if (text !== "") pen.lines.push(" ".repeat(pen.indent) + text);
  if (blank && pen.lines.length > 0 && pen.lines.at(-1) !== "") pen.lines.push("");
  pen.current = "";
  pen.indent = indent;
  pen.ended = false;
}

/** Whether `first`, printed flat, and what follows it up to the next line fit into `left` columns. */
function fits(first: Item, rest: readonly Item[], left: number): boolean {
  const stack: Item[] = [first];
  let next = rest.length - 1;
  let room = left;
  while (room >= 0) {
    const item = stack.pop() ?? rest[next--];
    if (item === undefined) return true;
    const { mode, doc } = item;
    if (typeof doc === "string") room -= doc.length;
    else if (isList(doc)) for (const each of doc.toReversed()) stack.push({ ...item, doc: each });
    else
      switch (doc.kind) {
        case "line":
          if (mode === "broken") return true;
          room -= doc.flat.length;
          break;
        case "hard":
        case "comment":
        case "trailing":
          return true;
        case "indent":
          stack.push({ ...item, doc: doc.doc });
          break;
        case "group":
          stack.push({ ...item, mode: doc.broken ? "broken" : mode, doc: doc.doc });
          break;
      }
  }
  return false;
}
