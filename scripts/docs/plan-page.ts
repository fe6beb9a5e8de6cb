/** The page of `plan.json`, from the schema that both halves share, and the schema as JSON Schema. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import * as data from "../../compiler/plan/data.js";
import * as scalar from "../../compiler/plan/scalar.js";
import * as schema from "../../compiler/plan/schema.js";
import { planVersion } from "../../compiler/plan/version.js";
import { fenced, type Page, pageOf } from "./markdown.js";

/** The schema for tools that check JSON. */
export const planSchemaFile = (): string =>
  `${JSON.stringify(z.toJSONSchema(schema.plan, { reused: "ref" }), null, 2)}\n`;

const files = [
  { file: "compiler/plan/schema.ts", exported: schema },
  { file: "compiler/plan/data.ts", exported: data },
  { file: "compiler/plan/scalar.ts", exported: scalar },
] as const;

export function planPage(root: string): Page {
  const sections = files.flatMap(({ file, exported }) => sectionsOf(root, file, exported));
  const { major, minor } = planVersion;
  return pageOf("plan", "plan.json", "the document between compiler and runtime.", [
    "An artifact's `plan.json` holds everything that the runtime needs beside the graphs.",
    `Its version is ${major}.${minor}; a runtime refuses a newer major version.`,
    "The same schema as JSON Schema is [plan.schema.json](plan.schema.json).",
    "",
    "The sections below are the schema's own declarations, in [zod](https://zod.dev)'s notation; comments belong to what follows them.",
    "Objects are strict: no other key may be there.",
    "The root is `plan`.",
    "",
    ...sections.flatMap(({ name, about, text }) => [
      `## ${name}`,
      "",
      ...(about === "" ? [] : [about, ""]),
      ...fenced("ts", text),
      "",
    ]),
  ]);
}

interface Section {
  readonly name: string;
  readonly about: string;
  readonly text: string;
}

/** The declarations of the schemas that a file exports, as written, `plan` first. */
function sectionsOf(
  root: string,
  file: string,
  exported: Readonly<Record<string, unknown>>,
): readonly Section[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = [
    ...text.matchAll(
      /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export const (\w+)[^=]*? = ([\s\S]*?);\n(?=\n|export|$)/g,
    ),
  ].flatMap(([, about = "", name = "", body = ""]) =>
    exported[name] instanceof z.ZodType
      ? [{ name, about: about.replaceAll(/\s*\n?\s*\*\s*|\s+/g, " ").trim(), text: body }]
      : [],
  );
  return found.toSorted((a, b) => Number(b.name === "plan") - Number(a.name === "plan"));
}
