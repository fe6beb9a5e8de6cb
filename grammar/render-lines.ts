/** Source lines with marks under them: columns as a terminal shows them, labels that never overlap. */

import { positionOf, type SourceFile } from "./source.js";

/** A stretch of text to mark, by offsets. */
export interface SourceMark {
  readonly start: number;
  readonly end: number;
  readonly primary: boolean;
  readonly text: string;
}

/** A mark as it stands under one line. */
export interface LineMark {
  /** Terminal columns from 0. */
  readonly column: number;
  readonly width: number;
  readonly primary: boolean;
  readonly text: string;
}

/** A source line as shown, with its marks by column. */
export interface MarkedLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  readonly marks: readonly LineMark[];
}

const TAB = 4;
/** Columns shown at most; a longer line is cut around its marks. */
const MAX_COLUMNS = 160;
const CONTEXT = 40;

/** The lines that carry marks, ascending. A mark over several lines shows on its first and last. */
export function markLines(source: SourceFile, marks: readonly SourceMark[]): readonly MarkedLine[] {
  const pieces = new Map<number, SourceMark[]>();
  const add = (line: number, mark: SourceMark): void => {
    const list = pieces.get(line);
    if (list === undefined) pieces.set(line, [mark]);
    else list.push(mark);
  };
  for (const mark of marks) {
    const first = positionOf(source, mark.start).line;
    // The end is exclusive: a span that ends with a line break does not reach the next line.
    const last = positionOf(source, Math.max(mark.start, mark.end - 1)).line;
    if (first === last) {
      add(first, mark);
      continue;
    }
    add(first, { ...mark, end: lineEnd(source, first), text: "" });
    const start = lineStart(source, last);
    const indent = /^[ \t]*/.exec(source.text.slice(start, mark.end))?.[0].length ?? 0;
    add(last, { ...mark, start: start + indent });
  }
  return [...pieces]
    .sort(([a], [b]) => a - b)
    .map(([number, list]) => markedLine(source, number, list));
}

const lineStart = (source: SourceFile, line: number): number => source.lineStarts[line - 1] ?? 0;

function lineEnd(source: SourceFile, line: number): number {
  const next = source.lineStarts[line];
  const end = next === undefined ? source.text.length : next - 1;
  return source.text[end - 1] === "\r" ? end - 1 : end;
}

function markedLine(source: SourceFile, number: number, list: readonly SourceMark[]): MarkedLine {
  const start = lineStart(source, number);
  const end = Math.max(start, lineEnd(source, number));
  const firstMark = Math.min(...list.map((mark) => mark.start));
  const lastMark = Math.max(...list.map((mark) => Math.min(mark.end, end)));
  let from = start;
  let to = end;
  if (end - start > MAX_COLUMNS) {
    from = Math.max(start, firstMark - CONTEXT);
    to = Math.min(end, Math.max(from + MAX_COLUMNS, lastMark + CONTEXT));
    if (to - from > 2 * MAX_COLUMNS) to = from + 2 * MAX_COLUMNS;
  }
  const head = from > start ? "…" : "";
  const tail = to < end ? "…" : "";
  const columnOf = (offset: number): number =>
    head.length + displayWidth(source.text.slice(from, Math.min(Math.max(offset, from), to)));
  const marks = list.map(({ start: s, end: e, primary, text }): LineMark => {
    const column = columnOf(s);
    return { column, width: Math.max(1, columnOf(e) - column), primary, text: fitText(text) };
  });
  return {
    number,
    text: head + fitText(source.text.slice(from, to)) + tail,
    marks: marks.sort((a, b) => a.column - b.column || Number(b.primary) - Number(a.primary)),
  };
}

/** The rows under a line: marks with the last label beside them, then the other labels, right to left. */
export function sourceLines(
  { marks }: MarkedLine,
  paint: (primary: boolean, text: string) => string,
): readonly string[] {
  const rightmost = marks.at(-1);
  const beside = rightmost !== undefined && !overlapsAny(marks) ? rightmost : undefined;
  const hanging = marks.filter((mark) => mark !== beside && mark.text !== "");
  const rows = [markRow(marks, beside, paint)];
  if (hanging.length > 0) rows.push(barRow(hanging, paint));
  for (let i = hanging.length - 1; i >= 0; i--) {
    const mark = hanging[i];
    if (mark === undefined) continue;
    const bars = barRow(
      hanging.slice(0, i).filter(({ column }) => column < mark.column),
      paint,
    );
    const gap = mark.column - lastColumn(hanging.slice(0, i), mark.column);
    rows.push(bars + " ".repeat(gap) + paint(mark.primary, mark.text));
  }
  return rows;
}

const overlapsAny = (marks: readonly LineMark[]): boolean =>
  marks.some((mark, i) => {
    const next = marks[i + 1];
    return next !== undefined && mark.column + mark.width > next.column && mark.text !== "";
  });

function markRow(
  marks: readonly LineMark[],
  beside: LineMark | undefined,
  paint: (primary: boolean, text: string) => string,
): string {
  let row = "";
  let column = 0;
  const end = Math.max(...marks.map((mark) => mark.column + mark.width));
  while (column < end) {
    const covering = marks.filter((m) => m.column <= column && column < m.column + m.width);
    const mark = covering.find((m) => m.primary) ?? covering[0];
    if (mark === undefined) {
      row += " ";
      column++;
      continue;
    }
    let until = mark.column + mark.width;
    if (!mark.primary)
      for (const other of marks)
        if (other.primary && other.column > column) until = Math.min(until, other.column);
    row += paint(mark.primary, (mark.primary ? "^" : "-").repeat(until - column));
    column = until;
  }
  if (beside !== undefined && beside.text !== "") row += ` ${paint(beside.primary, beside.text)}`;
  return row;
}

function barRow(
  marks: readonly LineMark[],
  paint: (primary: boolean, text: string) => string,
): string {
  let row = "";
  let column = 0;
  for (const mark of marks) {
    if (mark.column < column) continue;
    row += " ".repeat(mark.column - column) + paint(mark.primary, "│");
    column = mark.column + 1;
  }
  return row;
}

/** The column after the last bar before `limit`. */
function lastColumn(marks: readonly LineMark[], limit: number): number {
  let column = 0;
  for (const mark of marks)
    if (mark.column < limit && mark.column >= column) column = mark.column + 1;
  return column;
}

/** Text that a terminal shows as it is: tabs as spaces, invisible characters as pictures. */
export const fitText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === "\t") return " ".repeat(TAB);
    if (code === BYTE_ORDER_MARK) return "";
    if (code === JOINER) return character;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : "␦";
  });

const BYTE_ORDER_MARK = 0xfeff;
const JOINER = 0x200d;

/** Columns of a terminal: wide characters take two, combining ones none. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0x20 && code < 0x7f) width += 1;
    else if (character === "\t") width += TAB;
    else if (code !== BYTE_ORDER_MARK && code !== JOINER && !/\p{M}/u.test(character))
      width += isWide(character) ? 2 : 1;
  }
  return width;
}

function isWide(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x1100) return false;
  return (
    code <= 0x115f ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    /^\p{Emoji_Presentation}$/u.test(character)
  );
}
