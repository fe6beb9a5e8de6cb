/** Signatures of the language's own functions, written in the language itself. */

import type { Formal } from "../../grammar/ast.js";
import { at, invariant } from "../../grammar/invariant.js";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";

/**
 * The formals of `name(a, b: int = 1)`, which are read when they are first looked at: a program
 * meets few of the hundred functions, and a command should not wait for the others.
 */
export function signature(text: string): readonly Formal[] {
  let isRead = false;
  return new Proxy<Formal[]>([], {
    get(formals, key, self) {
      if (!isRead) formals.push(...formalsIn(text));
      isRead = true;
      return Reflect.get(formals, key, self);
    },
  });
}

/** The formals written in `text`, at once. */
export function formalsIn(text: string): readonly Formal[] {
  const { module, diagnostics } = parseModule(createSource("saic:builtin", `fn ${text} = 0`));
  invariant(diagnostics.length === 0, `the signature \`${text}\` does not parse`);
  const declaration = at(module.declarations, 0);
  invariant(declaration.kind === "fn", "a signature is a function's");
  return declaration.formals;
}
