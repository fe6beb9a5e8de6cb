/** The committed reference is what the code says today. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../cli/host.js";
import { catalogue } from "../../grammar/catalogue.js";
import { referencePages } from "../../scripts/docs/reference-pages.js";

const pages = referencePages(packageRoot);

test.each([...pages])("%s is what `npm run generate` writes", (path, text) => {
  expect(readFileSync(join(packageRoot, path), "utf8")).toBe(text);
});

test("the reference holds no other files", () => {
  const there = readdirSync(join(packageRoot, "docs/reference")).map(
    (file) => `docs/reference/${file}`,
  );
  expect(there.toSorted()).toEqual(
    [...pages.keys()].filter((path) => path.startsWith("docs/")).toSorted(),
  );
});

test("the catalogue lists every file of diagnostics", () => {
  const files = readdirSync(join(packageRoot, "grammar/diagnostics"));
  expect(files.map((file) => file.replace(/\.ts$/, "")).toSorted()).toEqual(
    Object.keys(catalogue).toSorted(),
  );
});
