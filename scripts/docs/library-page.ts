/** The page of the standard library: its declarations with their signatures and documentation. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BlockDecl, Declaration } from "../../grammar/ast.js";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";
import { fenced, type Page, pageOf, prose } from "./markdown.js";

export function libraryPage(root: string): Page {
  const folder = join(root, "stdlib");
  const modules = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".pipe"))
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted();
  return pageOf("library", "Standard library", "blocks, losses, optimizers and schedules.", [
    "The library is written in the language, under `stdlib/`.",
    'A program takes from it what it imports: `import { Linear } from "saic:layers"`.',
    "Paths after `as` are the keys of checkpoints.",
    "",
    ...modules.flatMap((file) =>
      moduleSection(file.slice(0, -".pipe".length), readFileSync(join(folder, file), "utf8")),
    ),
  ]);
}

function moduleSection(name: string, text: string): readonly string[] {
  const { module } = parseModule(createSource(`saic:${name}`, text));
  const about = text
    .split("\n")
    .slice(
      0,
      text.split("\n").findIndex((line) => !line.startsWith("///")),
    )
    .map((line) => line.replace(/^\/\/\/ ?/, ""))
    .join(" ");
  return [
    `## saic:${name}`,
    "",
    prose(about),
    "",
    ...module.declarations.flatMap((declaration) => entry(text, declaration)),
  ];
}

function entry(text: string, declaration: Declaration): readonly string[] {
  switch (declaration.kind) {
    case "block":
    case "fn":
    case "optimizer":
    case "schedule":
      return [
        `### ${declaration.name.text}`,
        "",
        prose((declaration.doc ?? "").replaceAll("\n", " ")),
        "",
        ...fenced("", signatureOf(text, declaration)),
        "",
      ];
    default:
      return [];
  }
}

type Documented = Extract<Declaration, { kind: "block" | "fn" | "optimizer" | "schedule" }>;

/** The head up to its closing parenthesis, a block's ports and members, a schedule's formula. */
function signatureOf(text: string, declaration: Documented): string {
  const from = declaration.name.span.start;
  const open = text.indexOf("(", from);
  let end = open;
  for (let depth = 0; end < text.length; end++) {
    if (text[end] === "(") depth++;
    if (text[end] === ")" && --depth === 0) break;
  }
  const head = `${declaration.kind} ${text.slice(from, end + 1).replaceAll(/\s+/g, " ")}`;
  if (declaration.kind === "block") return [head, ...members(text, declaration)].join("\n");
  if (declaration.kind === "schedule")
    return `${head} = ${text.slice(declaration.value.span.start, declaration.value.span.end)}`;
  return head;
}

const members = (text: string, block: BlockDecl): readonly string[] =>
  block.members
    .filter(({ kind }) => kind === "port" || kind === "owned")
    .map(({ span }) => `  ${text.slice(span.start, span.end).replaceAll(/ +/g, " ")}`);
