/** Which names of a module are never read: scopes are resolved as the checker does. */

import type {
  BlockMember,
  Declaration,
  Formal,
  ImportDecl,
  LossMember,
  Module,
  Name,
} from "../../grammar/ast.js";
import type { Span } from "../../grammar/source.js";
import { isNode } from "./syntax.js";

/** A name that something defines and nothing reads. */
export interface UnreadName {
  /** `setting`, `value`, `import`, or the kind of the declaration. */
  readonly what: string;
  readonly name: string;
  readonly span: Span;
  /** The import that brings it. */
  readonly from: ImportDecl | null;
}

interface Defined extends UnreadName {
  /** `null` for what may well be unread: it only hides the names around it. */
  readonly reported: boolean;
  read: boolean;
}

interface Scope {
  readonly names: Map<string, Defined>;
  readonly parent: Scope | null;
}

export interface Exported {
  /** Whether declarations of the module itself are for other programs to use. */
  readonly exports: "declarations" | "nothing";
}

/** Declarations that something has to name; the others do something by standing there. */
const namedKinds = new Set<Declaration["kind"]>([
  "param",
  "const",
  "fn",
  "block",
  "optimizer",
  "schedule",
  "metric",
  "dataset",
  "mesh",
]);

/** In order of place. Names that begin with `_` are meant to be unread. */
export function unreadNames(module: Module, { exports }: Exported): readonly UnreadName[] {
  const all: Defined[] = [];
  const top = createScope(null);
  for (const declaration of module.declarations)
    if (declaration.kind === "import")
      for (const name of [...(declaration.names ?? []), ...listOf(declaration.alias)])
        define(top, "import", name, { from: declaration });
    else if (declaration.kind !== "expect" && "name" in declaration)
      define(top, declaration.kind, declaration.name, {
        reported: exports === "nothing" && namedKinds.has(declaration.kind),
      });
  for (const declaration of module.declarations) visitDeclaration(declaration);
  return all
    .filter(({ reported, read, name }) => reported && !read && !name.startsWith("_"))
    .toSorted((a, b) => a.span.start - b.span.start);

  function define(
    scope: Scope,
    what: string,
    { text, span }: Name,
    { reported = true, from = null }: { reported?: boolean; from?: ImportDecl | null } = {},
  ): void {
    const defined: Defined = { what, name: text, span, from, reported, read: false };
    all.push(defined);
    // A name written twice in one place is one: reading it reads both.
    if (!scope.names.has(text)) scope.names.set(text, defined);
  }

  function hide(scope: Scope, name: Name): void {
    define(scope, "", name, { reported: false });
  }

  function read(scope: Scope, text: string): void {
    for (let at: Scope | null = scope; at !== null; at = at.parent) {
      const found = at.names.get(text);
      if (found === undefined) continue;
      found.read = true;
      return;
    }
  }

  function defineFormals(scope: Scope, formals: readonly Formal[]): void {
    for (const { name, type } of formals) {
      // The length of a schedule's segment is read by what runs it.
      const isLength =
        type?.kind === "setting-type" &&
        type.alternatives.some((alternative) => alternative.name.text === "duration");
      define(scope, type === null ? "argument" : "setting", name, { reported: !isLength });
    }
  }

  function visitDeclaration(declaration: Declaration): void {
    const scope = createScope(top);
    switch (declaration.kind) {
      case "block":
        defineFormals(scope, declaration.formals);
        for (const member of declaration.members) defineMember(scope, member);
        break;
      case "fn":
      case "schedule":
        defineFormals(scope, declaration.formals);
        break;
      case "optimizer":
        defineFormals(scope, declaration.formals);
        for (const name of [declaration.parameter, declaration.gradient]) hide(scope, name);
        for (const member of declaration.members)
          if (member.kind === "slot") hide(scope, member.name);
          else if (member.kind === "let")
            for (const name of member.names) define(scope, "value", name);
        break;
      case "metric":
        defineFormals(scope, declaration.formals);
        for (const member of declaration.members)
          if (member.kind === "let") for (const name of member.names) define(scope, "value", name);
          else if (member.kind === "assign") for (const name of member.names) hide(scope, name);
          else define(scope, member.kind === "port" ? "input" : "value", member.name);
        break;
      case "dataset":
        for (const member of declaration.members)
          if (member.kind === "field" || member.kind === "fit") hide(scope, member.name);
        break;
      case "shard":
        for (const name of [declaration.name, declaration.on]) read(top, name.text);
        break;
      case "variant":
        for (const member of declaration.members)
          if (member.kind === "entry") for (const { text } of member.key) read(top, text);
        break;
      case "sweep":
        for (const { key } of declaration.entries) for (const { text } of key) read(top, text);
        break;
      default:
        break;
    }
    if ("formals" in declaration) {
      const { formals, ...rest } = declaration;
      visitFormals(scope, formals);
      visit(rest, scope);
    } else visit(declaration, scope);
  }

  /** A default sees the formals before its own: `large: bool = large` reads what is around. */
  function visitFormals(scope: Scope, formals: readonly Formal[]): void {
    const earlier = createScope(scope.parent);
    for (const { name, type, value } of formals) {
      visit(type, earlier);
      visit(value, earlier);
      const defined = scope.names.get(name.text);
      if (defined !== undefined) earlier.names.set(name.text, defined);
    }
  }

  function defineMember(scope: Scope, member: BlockMember): void {
    switch (member.kind) {
      case "port":
        hide(scope, member.name);
        break;
      case "owned":
        hide(scope, member.name);
        break;
      case "const":
        define(scope, "const", member.name);
        break;
      case "let":
        for (const name of member.names) define(scope, "value", name);
        break;
      default:
        break;
    }
  }

  /** Terms of a loss are logged by their names, which therefore need no reader. */
  function lossScope(around: Scope, { members }: LossMember): Scope {
    const scope = createScope(around);
    for (const member of members)
      if (member.kind === "let") for (const name of member.names) define(scope, "value", name);
      else if (member.kind === "assign") for (const name of member.names) hide(scope, name);
      else if (member.kind === "const") define(scope, "const", member.name);
      else hide(scope, member.name);
    return scope;
  }

  function visit(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, scope);
      return;
    }
    if (!isNode(value)) return;
    const kind = "kind" in value ? value.kind : null;
    if (kind === "name" && "name" in value && typeof value.name === "string") {
      read(scope, value.name);
      return;
    }
    // Axes of patterns may name sizes.
    if (kind === "axis" && "name" in value && isName(value.name)) read(scope, value.name.text);
    let inner = scope;
    if (kind === "loss") inner = lossScope(scope, value as LossMember);
    else if ("lets" in value && Array.isArray(value.lets)) {
      inner = createScope(scope);
      for (const item of value.lets as readonly unknown[]) defineLet(inner, item);
    } else if (kind === "comprehension" && "name" in value && isName(value.name)) {
      inner = createScope(scope);
      hide(inner, value.name);
    } else if ("binder" in value && isNode(value.binder) && "name" in value.binder) {
      inner = createScope(scope);
      if (isName(value.binder.name)) hide(inner, value.binder.name);
    }
    for (const child of Object.values(value)) visit(child, inner);
  }

  function defineLet(scope: Scope, item: unknown): void {
    if (!isNode(item)) return;
    const names =
      "names" in item && Array.isArray(item.names)
        ? (item.names as readonly unknown[])
        : "name" in item
          ? [item.name]
          : [];
    for (const name of names) if (isName(name)) define(scope, "value", name);
  }
}

const createScope = (parent: Scope | null): Scope => ({ names: new Map(), parent });

const listOf = <T>(value: T | null): readonly T[] => (value === null ? [] : [value]);

const isName = (value: unknown): value is Name =>
  isNode(value) && "text" in value && typeof value.text === "string" && "span" in value;
