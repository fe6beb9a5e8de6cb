/** Every page of the reference, in the order in which its index lists them. */

import { commandLinePage } from "./command-line-page.js";
import { dataPage } from "./data-page.js";
import { declarationsPage } from "./declarations-page.js";
import { diagnosticsPage } from "./diagnostics-page.js";
import { eventsPage } from "./events-page.js";
import { functionsPage } from "./functions-page.js";
import { grammarPage } from "./grammar-page.js";
import { libraryPage } from "./library-page.js";
import { lintPage } from "./lint-page.js";
import { lines, type Page } from "./markdown.js";
import { opsPage } from "./ops-page.js";
import { passesPage } from "./passes-page.js";
import { planPage, planSchemaFile } from "./plan-page.js";
import { productionsFile } from "./productions.js";
import { typesPage } from "./types-page.js";

/** The texts, and a table of the grammar, by path from the project's root; `root` is where the sources are read. */
export function referencePages(root: string): ReadonlyMap<string, string> {
  const pages: readonly Page[] = [
    commandLinePage(),
    declarationsPage(root),
    typesPage(),
    grammarPage(root),
    libraryPage(root),
    functionsPage(root),
    dataPage(root),
    opsPage(),
    passesPage(),
    diagnosticsPage(),
    lintPage(),
    planPage(root),
    eventsPage(root),
  ];
  return new Map([
    ["docs/reference/README.md", indexOf(pages)],
    ...pages.map(({ name, text }) => [`docs/reference/${name}.md`, text] as const),
    ["docs/reference/plan.schema.json", planSchemaFile()],
    ["grammar/productions.ts", productionsFile()],
  ]);
}

const indexOf = (pages: readonly Page[]): string =>
  lines(
    "# Reference",
    "",
    "These pages are made from the code by `npm run generate`; a test fails when one is stale.",
    "",
    ...pages.map(({ name, title, about }) => `- [${title}](${name}.md): ${about}`),
  );
