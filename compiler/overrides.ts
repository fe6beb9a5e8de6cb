/** Values from the command line: they replace a `param`'s default or a member's value in the AST. */

import type { Declaration, Entry, Expr, Module, StageMember } from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import { overrideMatchesNothing } from "../grammar/diagnostics/names.js";
import { parseExpression } from "../grammar/parse.js";
import { createSource, type Span } from "../grammar/source.js";
import { suggest } from "../grammar/suggest.js";
import type { Definition, ModuleScope, Program } from "./modules.js";

/** `--lr 1e-3` is `{ path: "lr", flag: "--lr" }`; `--set smoke.seed=3` has a dotted path. */
export interface Override {
  readonly path: string;
  /** The value's text in the language. */
  readonly value: string;
  /** How the user wrote it: the name of the source its spans point into. */
  readonly flag: string;
}

/** A place in the root module whose value can be replaced. */
export interface Slot {
  readonly path: string;
  readonly span: Span | null;
  /** Where a value would be inserted when there is none. */
  readonly after: number;
}

/**
 * Replaces values in the root module. The text of the result has the overrides written in, and the
 * `earlier` edits that led to the program.
 */
export function applyOverrides(
  program: Program,
  overrides: readonly Override[],
  earlier: readonly Edit[] = [],
): {
  readonly program: Program;
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
} {
  const { root } = program;
  const diagnostics: Diagnostic[] = [];
  const values = new Map<string, Expr>();
  const edits: Edit[] = [];
  const slots = slotsOf(root.module);
  for (const override of overrides) {
    const slot = slots.find((candidate) => candidate.path === override.path);
    if (slot === undefined) {
      const suggestion = suggest(
        override.path,
        slots.map(({ path }) => path),
      );
      diagnostics.push(
        diagnose(overrideMatchesNothing, { path: override.path, suggestion }, null, {
          place: override.flag,
        }),
      );
      continue;
    }
    const parsed = parseExpression(createSource(override.flag, override.value));
    diagnostics.push(...parsed.diagnostics);
    values.set(override.path, parsed.expr);
    edits.push(
      slot.span === null
        ? { start: slot.after, end: slot.after, by: ` = ${override.value}` }
        : { start: slot.span.start, end: slot.span.end, by: override.value },
    );
  }
  const text = edited(root.module.source.text, [...earlier, ...edits]);
  if (values.size === 0) return { program, text, diagnostics };
  const module = {
    ...root.module,
    declarations: root.module.declarations.map((each) => replaced(each, values)),
  };
  return {
    program: withRoot(program, module),
    text,
    diagnostics,
  };
}

/** Every path an override may name: params, entries of trains, datasets, splits, loaders and stages. */
export function slotsOf(module: Module): readonly Slot[] {
  return module.declarations.flatMap((declaration): readonly Slot[] => {
    switch (declaration.kind) {
      case "param":
        return [
          {
            path: declaration.name.text,
            span: declaration.value?.span ?? null,
            after: declaration.type.span.end,
          },
        ];
      case "const":
        return [];
      case "train":
        return declaration.members.flatMap((member) =>
          member.kind === "entry"
            ? entrySlots(declaration.name.text, [member])
            : member.kind === "stage"
              ? stageSlots(declaration.name.text, member)
              : [],
        );
      case "dataset":
        return declaration.members.flatMap((member) =>
          member.kind === "entry"
            ? entrySlots(declaration.name.text, [member])
            : member.kind === "split" || member.kind === "loader"
              ? entrySlots(`${declaration.name.text}.${member.kind}`, member.entries)
              : [],
        );
      default:
        return [];
    }
  });
}

const entrySlots = (owner: string, entries: readonly Entry[]): readonly Slot[] =>
  entries.map((entry) => ({
    path: `${owner}.${entry.key.map(({ text }) => text).join(".")}`,
    span: entry.value?.span ?? null,
    after: entry.span.end,
  }));

const stageSlots = (owner: string, stage: StageMember): readonly Slot[] => [
  {
    path: `${owner}.${stage.name.text}.duration`,
    span: stage.duration.span,
    after: stage.duration.span.end,
  },
];

/** The declaration with values by the paths of slots. */
export function replaced(declaration: Declaration, values: ReadonlyMap<string, Expr>): Declaration {
  const entry =
    (owner: string) =>
    (node: Entry): Entry => {
      const value = values.get(`${owner}.${node.key.map(({ text }) => text).join(".")}`);
      return value === undefined ? node : { ...node, value };
    };
  switch (declaration.kind) {
    case "param": {
      const value = values.get(declaration.name.text);
      return value === undefined ? declaration : { ...declaration, value };
    }
    case "train": {
      const owner = declaration.name.text;
      return {
        ...declaration,
        members: declaration.members.map((member) => {
          if (member.kind === "entry") return entry(owner)(member);
          if (member.kind !== "stage") return member;
          const duration = values.get(`${owner}.${member.name.text}.duration`);
          return duration === undefined ? member : { ...member, duration };
        }),
      };
    }
    case "dataset": {
      const owner = declaration.name.text;
      return {
        ...declaration,
        members: declaration.members.map((member) => {
          if (member.kind === "entry") return entry(owner)(member);
          return member.kind === "split" || member.kind === "loader"
            ? { ...member, entries: member.entries.map(entry(`${owner}.${member.kind}`)) }
            : member;
        }),
      };
    }
    default:
      return declaration;
  }
}

/** The program with another root module, whose declarations stand in the same order. */
export function withRoot(program: Program, module: Module): Program {
  const own = new Map<Declaration, Declaration>();
  program.root.module.declarations.forEach((declaration, i) => {
    const next = module.declarations[i];
    if (next !== undefined) own.set(declaration, next);
  });
  const definitions = new Map<string, Definition>();
  const root: ModuleScope = { ...program.root, module, definitions };
  for (const [name, definition] of program.root.definitions) {
    const next = own.get(definition.declaration);
    definitions.set(
      name,
      next !== undefined && next.kind !== "import" && next.kind !== "expect"
        ? { declaration: next, module: root }
        : definition,
    );
  }
  return {
    ...program,
    root,
    modules: program.modules.map((each) => (each === program.root ? root : each)),
  };
}

/** A piece of the root module's text, and what stands in its place. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  /** Text from outside, or another piece of the same text, with the edits inside it. */
  readonly by: string | { readonly before: string; readonly copyOf: Span };
}

/** The piece of `text` with all edits in it: the last of one place counts, others do not overlap. */
export function edited(
  text: string,
  edits: readonly Edit[],
  from = 0,
  to: number = text.length,
): string {
  const inside = edits
    .filter(({ start, end }) => start >= from && end <= to)
    .filter(
      ({ start, end }, i, all) =>
        all.findLastIndex((other) => other.start === start && other.end === end) === i,
    )
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
  let result = "";
  let place = from;
  for (const { start, end, by } of inside) {
    const replacement =
      typeof by === "string" ? by : by.before + edited(text, edits, by.copyOf.start, by.copyOf.end);
    result += text.slice(place, start) + replacement;
    place = end;
  }
  return result + text.slice(place, to);
}
