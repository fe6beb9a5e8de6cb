/** Links between documents, and the project's files that they name, lead somewhere. */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../cli/host.js";
import { readDocument } from "./programs.js";

const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  ...readdirSync(join(packageRoot, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file.replaceAll("\\", "/")}`),
];

/** A file of the project in backticks: `test/docs/links.test.ts`, `runtime/train/`. */
const named =
  /`((?:grammar|compiler|runtime|cli|stdlib|pipelines|scripts|bench|test|docs)\/[\w./-]*)`/g;

test.each(documents)("%s", (path) => {
  const text = readDocument(path);
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, to = ""]) =>
    join(dirname(path), to),
  );
  const files = [...text.matchAll(named)].map(([, file = ""]) => file);
  expect([...links, ...files].filter((file) => !existsSync(join(packageRoot, file)))).toEqual([]);
});

test("there are links to follow", () => {
  expect(documents.length).toBeGreaterThan(15);
});

test("every decision is in the list of decisions", () => {
  const list = readDocument("docs/decisions/README.md");
  const pages = readdirSync(join(packageRoot, "docs/decisions"));
  expect(pages.filter((page) => page !== "README.md" && !list.includes(`(${page})`))).toEqual([]);
});
