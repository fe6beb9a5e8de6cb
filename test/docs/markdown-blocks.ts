/** The fenced blocks of a Markdown file, in order. */

export interface FencedBlock {
  readonly language: string;
  /** What stands after the language: `error`, `file=net.pipe`. */
  readonly words: readonly string[];
  readonly text: string;
  /** The line of its first fence, from 1. */
  readonly line: number;
}

export function fencedBlocks(markdown: string): readonly FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { readonly line: number; readonly info: string; readonly body: string[] } | null = null;
  for (const [i, line] of markdown.split("\n").entries()) {
    if (open === null) {
      if (line.startsWith("```")) open = { line: i + 1, info: line.slice(3).trim(), body: [] };
    } else if (line.startsWith("```")) {
      const [language = "", ...words] = open.info.split(" ");
      blocks.push({ language, words, text: `${open.body.join("\n")}\n`, line: open.line });
      open = null;
    } else open.body.push(line);
  }
  return blocks;
}
