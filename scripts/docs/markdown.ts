/** Pieces of Markdown that the pages of the reference share. */

/** One page; `name` is its file's without the ending. */
export interface Page {
  readonly name: string;
  readonly title: string;
  /** What it holds, for the index. */
  readonly about: string;
  readonly text: string;
}

/** A page with its title and the note that it is generated. */
export const pageOf = (
  name: string,
  title: string,
  about: string,
  body: readonly string[],
): Page => ({
  name,
  title,
  about,
  text: lines(
    "<!-- Made by `npm run generate`; do not edit. -->",
    "",
    `# ${title}`,
    "",
    ...collapsed(body),
  ),
});

/** Lines with the line break that ends a file. */
export const lines = (...texts: readonly string[]): string => `${texts.join("\n").trimEnd()}\n`;

/** One sentence per line. */
export const prose = (text: string): string =>
  text.trim().replaceAll(/(?<=[a-z0-9)`\]]\.) (?=[A-Z`])/g, "\n");

/** A table; `|` and line breaks inside cells are made harmless. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [row(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(row)];
}

const cell = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();

/** A fenced block. */
export const fenced = (language: string, text: string): readonly string[] => [
  `\`\`\`${language}`,
  text.trim(),
  "```",
];

/** Never two empty lines in a row. */
const collapsed = (texts: readonly string[]): readonly string[] =>
  texts.filter((text, i) => text !== "" || texts[i - 1] !== "");
