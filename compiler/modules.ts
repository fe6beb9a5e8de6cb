/** Reads a program: the root module and all it imports, in an order without cycles. */

import type { Declaration, ImportDecl, Module, Name } from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import * as catalogue from "../grammar/diagnostics/names.js";
import { parseModule } from "../grammar/parse.js";
import type { SourceFile } from "../grammar/source.js";
import { suggest } from "../grammar/suggest.js";
import type { CompilerHost } from "./host.js";

/** A declaration that has a name, and the module it stands in. */
export interface Definition {
  readonly declaration: Exclude<Declaration, { kind: "import" | "expect" }>;
  readonly module: ModuleScope;
}

/** One module and what its names mean. */
export interface ModuleScope {
  readonly name: string;
  readonly module: Module;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** `import "m" as alias`. */
  readonly aliases: ReadonlyMap<string, ModuleScope>;
  /** Names whose import has been refused: nothing more is said of them. */
  readonly refused: ReadonlySet<string>;
}

export interface Program {
  readonly root: ModuleScope;
  /** Every module once, those that are imported first. */
  readonly modules: readonly ModuleScope[];
  readonly diagnostics: readonly Diagnostic[];
}

export function loadProgram(source: SourceFile, host: CompilerHost): Program {
  const loaded = new Map<string, ModuleScope>();
  const diagnostics: Diagnostic[] = [];
  const root = load(source, []);
  return { root, modules: [...loaded.values()], diagnostics };

  function load(file: SourceFile, path: readonly string[]): ModuleScope {
    const known = loaded.get(file.name);
    if (known !== undefined) return known;
    const { module, diagnostics: found } = parseModule(file);
    diagnostics.push(...found);
    const definitions = new Map<string, Definition>();
    const aliases = new Map<string, ModuleScope>();
    const refused = new Set<string>();
    const scope: ModuleScope = { name: file.name, module, definitions, aliases, refused };
    const places = new Map<string, Name>();
    const define = (name: Name, put: () => void): void => {
      const earlier = places.get(name.text);
      if (earlier === undefined) {
        places.set(name.text, name);
        put();
      } else
        diagnostics.push(
          diagnose(catalogue.alreadyDefined, { name: name.text }, name.span, {
            labels: [{ span: earlier.span, text: "first defined here" }],
          }),
        );
    };
    for (const declaration of module.declarations) {
      // A shard or an export goes by the name of the train that it is about.
      if (declaration.kind === "expect" || declaration.kind === "shard") continue;
      if (declaration.kind === "export") continue;
      if (declaration.kind === "import") bring(declaration, define);
      else
        define(declaration.name, () =>
          definitions.set(declaration.name.text, { declaration, module: scope }),
        );
    }
    loaded.set(file.name, scope);
    return scope;

    function refuse(names: readonly Name[]): void {
      for (const { text } of names) refused.add(text);
    }

    function bring(node: ImportDecl, put: (name: Name, action: () => void) => void): void {
      const target = host.readModule(node.from.value, file.name);
      const names = [...(node.names ?? []), ...(node.alias === null ? [] : [node.alias])];
      if (target === null) {
        refuse(names);
        diagnostics.push(
          diagnose(
            catalogue.moduleNotFound,
            {
              module: node.from.value,
              suggestion: suggest(node.from.value, host.libraryModules),
            },
            node.from.span,
          ),
        );
        return;
      }
      const trail = [...path, file.name];
      if (trail.includes(target.name)) {
        refuse(names);
        const cycle = [...trail.slice(trail.indexOf(target.name)), target.name];
        diagnostics.push(diagnose(catalogue.importCycle, { cycle }, node.from.span));
        return;
      }
      const imported = load(target, trail);
      if (node.alias !== null) {
        const { alias } = node;
        put(alias, () => aliases.set(alias.text, imported));
      }
      for (const name of node.names ?? []) {
        const definition = imported.definitions.get(name.text);
        if (definition?.module !== imported) {
          const suggestion = suggest(name.text, declaredIn(imported));
          // A misspelt import is one mistake: uses of the right name are no others.
          refuse([name]);
          if (suggestion !== null) refused.add(suggestion);
          diagnostics.push(
            diagnose(
              catalogue.notExported,
              {
                name: name.text,
                module: node.from.value,
                suggestion,
              },
              name.span,
            ),
          );
        } else put(name, () => definitions.set(name.text, definition));
      }
    }
  }
}

/** The modules of the standard library that declare `name`. */
export const libraryModulesWith = (host: CompilerHost, name: string): readonly string[] =>
  host.libraryModules.filter((module) => {
    const source = host.readModule(module, module);
    return (
      source !== null &&
      parseModule(source).module.declarations.some(
        (declaration) => "name" in declaration && declaration.name.text === name,
      )
    );
  });

/** The names a module declares itself: what it imports is not passed on. */
export const declaredIn = (module: ModuleScope): readonly string[] =>
  [...module.definitions]
    .filter(([, definition]) => definition.module === module)
    .map(([name]) => name);
