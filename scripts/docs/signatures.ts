/** Reads the signatures that the checker declares, from its own text. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../../grammar/invariant.js";

/** The text in each `signature("name(…)")` of a file, by name. */
export function signaturesIn(root: string, file: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, file), "utf8");
  const found = new Map<string, string>();
  for (const [, signature = ""] of text.matchAll(/(?:signature|init)\(\s*"([a-z_0-9]+\([^"]*\))"/g))
    found.set(signature.slice(0, signature.indexOf("(")), signature);
  return found;
}

/** The signature of that name, which must be there. */
export function signatureNamed(signatures: ReadonlyMap<string, string>, name: string): string {
  const found = signatures.get(name);
  invariant(found !== undefined, `no signature of ${name} was found`);
  return found;
}
