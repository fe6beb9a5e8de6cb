/** A strict reader of small XML documents: elements and text, without document types. */

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The element's own text, entities resolved. */
  readonly text: string;
}

export type XmlResult =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly line: number; readonly problem: string };

/**
 * Reads a document of one root. Attributes are checked and dropped; comments, CDATA, processing
 * instructions, the five named entities and numeric ones are understood; a document type is
 * refused, and so is anything that is not well-formed.
 */
export function readXml(text: string): XmlResult {
  try {
    return { ok: true, root: readDocument(text) };
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const line = text.slice(0, error.offset).split("\n").length;
    return { ok: false, line, problem: error.message };
  }
}

class XmlError extends Error {
  override readonly name = "XmlError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface OpenElement {
  readonly name: string;
  readonly start: number;
  readonly children: XmlElement[];
  text: string;
}

const nameSource = "[A-Za-z_:][\\w:.-]*";
const attributesSource = `((?:\\s+${nameSource}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)`;
const openTag = new RegExp(`<(${nameSource})${attributesSource}\\s*(/?)>`, "y");
const closeTag = new RegExp(`</(${nameSource})\\s*>`, "y");
const attribute = new RegExp(`(${nameSource})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "g");

function readDocument(text: string): XmlElement {
  const open: OpenElement[] = [];
  let root: XmlElement | null = null;
  let offset = 0;

  const close = (element: OpenElement): void => {
    const { name, children } = element;
    const finished = { name, children, text: element.text };
    const parent = open.at(-1);
    if (parent === undefined) root = finished;
    else parent.children.push(finished);
  };
  const addText = (value: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += value;
    else if (value.trim() !== "") throw new XmlError("text outside of the root element", offset);
  };

  while (offset < text.length) {
    if (text[offset] !== "<") {
      const end = endOf(text, "<", offset);
      addText(resolveEntities(text.slice(offset, end), offset));
      offset = end;
    } else if (text.startsWith("<!--", offset)) offset = after(text, "-->", offset + 4, "comment");
    else if (text.startsWith("<![CDATA[", offset)) {
      const end = after(text, "]]>", offset, "CDATA section");
      if (open.length === 0) throw new XmlError("CDATA outside of the root element", offset);
      addText(text.slice(offset + 9, end - 3));
      offset = end;
    } else if (text.startsWith("<?", offset)) offset = after(text, "?>", offset, "instruction");
    else if (text.startsWith("<!", offset))
      throw new XmlError("a document type is not read", offset);
    else if (text.startsWith("</", offset)) {
      const [tag, name] = match(closeTag, text, offset);
      const element = open.pop();
      if (element?.name !== name)
        throw new XmlError(
          element === undefined
            ? `\`</${name}>\` closes nothing`
            : `\`</${name}>\` where \`</${element.name}>\` is due`,
          offset,
        );
      close(element);
      offset += tag.length;
    } else {
      const [tag, name, attributes, slash] = match(openTag, text, offset);
      if (open.length === 0 && root !== null) throw new XmlError("a second root element", offset);
      checkAttributes(attributes, offset);
      const element: OpenElement = { name, start: offset, children: [], text: "" };
      if (slash === "/") close(element);
      else open.push(element);
      offset += tag.length;
    }
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined)
    throw new XmlError(`\`<${unclosed.name}>\` is never closed`, unclosed.start);
  if (root === null) throw new XmlError("it holds no element", 0);
  return root;
}

function match(
  pattern: RegExp,
  text: string,
  offset: number,
): readonly [string, string, string, string] {
  pattern.lastIndex = offset;
  const found = pattern.exec(text);
  if (found === null) throw new XmlError("a malformed tag", offset);
  const [tag, name = "", attributes = "", slash = ""] = found;
  return [tag, name, attributes, slash];
}

function checkAttributes(attributes: string, offset: number): void {
  const seen = new Set<string>();
  for (const [, name = "", double, single] of attributes.matchAll(attribute)) {
    if (seen.has(name)) throw new XmlError(`attribute \`${name}\` is given twice`, offset);
    seen.add(name);
    resolveEntities(double ?? single ?? "", offset);
  }
}

function endOf(text: string, mark: string, offset: number): number {
  const end = text.indexOf(mark, offset);
  return end < 0 ? text.length : end;
}

function after(text: string, mark: string, offset: number, what: string): number {
  const end = text.indexOf(mark, offset);
  if (end < 0) throw new XmlError(`the ${what} never ends`, offset);
  return end + mark.length;
}

const entities: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

function resolveEntities(text: string, offset: number): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#[0-9]+|\w+)?(;?)/g, (whole, name = "", end = "") => {
    const value = entities.get(name) ?? character(name);
    if (value === null || end === "") throw new XmlError(`unknown entity \`${whole}\``, offset);
    return value;
  });
}

function character(name: string): string | null {
  if (!name.startsWith("#")) return null;
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
  return valid ? String.fromCodePoint(code) : null;
}
