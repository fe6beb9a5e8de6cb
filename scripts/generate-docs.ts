/** Writes `docs/reference/`: one page per subject, made from the code it describes. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageRoot } from "../cli/host.js";
import { referencePages } from "./docs/reference-pages.js";

for (const [path, text] of referencePages(packageRoot)) {
  const file = join(packageRoot, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(path);
}
