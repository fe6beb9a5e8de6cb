/** CSV as RFC 4180 says, with any one-character delimiter, and `\n` as well as `\r\n`. */

import { MalformedError } from "./file-head.js";

export interface CsvRecord {
  readonly fields: readonly string[];
  /** Of its first character, from 1 on. */
  readonly line: number;
}

/**
 * The records of a text, empty lines left out. A quoted field may hold delimiters, line breaks and
 * doubled quotes. Throws `MalformedError` for text after a closing quote and for a quote that never
 * closes; with `isCut` the text ends anywhere, and its last record is dropped.
 */
export function* csvRecords(
  text: string,
  delimiter: string,
  { isCut }: { readonly isCut: boolean } = { isCut: false },
): Iterable<CsvRecord> {
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const first = line;
    const fields: string[] = [];
    let ended = false;
    while (!ended) {
      const field = fieldAt(text, at, delimiter, line);
      if (field === null) {
        if (isCut) return;
        throw new MalformedError(`the quote of line ${first} never closes`);
      }
      fields.push(field.text);
      line += field.breaks;
      at = field.end;
      if (text.startsWith(delimiter, at)) at += delimiter.length;
      else {
        ended = true;
        if (at >= text.length && isCut) return;
        at += text.startsWith("\r\n", at) ? 2 : 1;
        line++;
      }
    }
    if (fields.length > 1 || fields[0] !== "") yield { fields, line: first };
  }
}

/** One field and where it ends; `null` when its quote never closes. */
function fieldAt(text: string, start: number, delimiter: string, line: number) {
  if (text[start] !== '"') {
    let end = start;
    while (end < text.length && text[end] !== "\n" && !text.startsWith(delimiter, end)) end++;
    if (text[end - 1] === "\r" && end > start && (text[end] === "\n" || end === text.length)) end--;
    return { text: text.slice(start, end), end, breaks: 0 };
  }
  let value = "";
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return null;
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      const end = quote + 1;
      const isEnd =
        end >= text.length ||
        text.startsWith(delimiter, end) ||
        /^\r?\n/.test(text.slice(end, end + 2));
      if (!isEnd) throw new MalformedError(`line ${line} goes on after a closing quote`);
      return { text: value, end, breaks: value.split("\n").length - 1 };
    }
    value += '"';
    from = quote + 2;
  }
}
