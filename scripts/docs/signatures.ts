/** Reads the signatures that the checker declares, from its own text. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../../grammar/invariant.js";

/** The text in each `signature("name(…)")` of a file, by name. */
export function signaturesIn(root: string, file: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, file), "utf8");
  const found = new Map<string, string>();
  for (const [, signature = ""] of text.matchAll(
    /(?:signature|init|arrays|share)\(\s*(?:"[a-z]+",\s*)?["`]([a-z_0-9]+\([^"`]*\))["`]/g,
  ))
    if (!found.has(nameOf(signature))) found.set(nameOf(signature), signature);
  return found;
}

const nameOf = (signature: string): string => signature.slice(0, signature.indexOf("("));

/** Every signature in the files of a folder, by name; the first file that has one decides. */
export function allSignatures(root: string, folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(join(root, folder), { encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .toSorted();
  const found = new Map<string, string>();
  for (const file of files)
    for (const [name, signature] of signaturesIn(root, `${folder}/${file}`))
      // A part in `${ }` is a number that the code computes.
      if (!found.has(name)) found.set(name, signature.replaceAll(/\$\{[^}]*\}/gu, "…"));
  return found;
}

/** The signature of that name in whichever file of a folder declares it. */
export function checkerSignature(root: string, name: string, folder = "compiler/check"): string {
  const found = allSignatures(root, folder).get(name);
  invariant(found !== undefined, `no signature of ${name} was found in ${folder}`);
  return found;
}
