/** Values from the command line: they replace a `param`'s default or a member's value in the AST. */

import type {
  Argument,
  Declaration,
  Entry,
  Expr,
  Formal,
  Module,
  StageMember,
} from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import { overrideMatchesNothing, overrideOverlaps } from "../grammar/diagnostics/names.js";
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
  /** Where a value would be inserted when there is none, and what stands around it then. */
  readonly after: number;
  readonly before: string;
  readonly tail: string;
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
  const slots = slotsOf(root);
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
    const whole = wholeOf(override.path, overrides);
    if (whole !== undefined) {
      const params = { path: override.path, whole: whole.path };
      diagnostics.push(diagnose(overrideOverlaps, params, null, { place: override.flag }));
      continue;
    }
    values.set(override.path, parsed.expr);
    edits.push(editOf(slot, override.value));
  }
  const text = edited(root.module.source.text, [...earlier, ...edits]);
  if (values.size === 0) return { program, text, diagnostics };
  const module = {
    ...root.module,
    declarations: root.module.declarations.map((each) => replaced(each, values, root)),
  };
  return {
    program: withRoot(program, module),
    text,
    diagnostics,
  };
}

/** What replaces a value of which `path` is a part. */
export const wholeOf = <T extends { readonly path: string }>(
  path: string,
  others: readonly T[],
): T | undefined => others.find((other) => path.startsWith(`${other.path}.`));

/**
 * Every path an override may name: params; entries of trains, datasets, splits, loaders and stages;
 * and the arguments of the calls that are their values, given or by default: `t.model.depth`.
 */
export function slotsOf(scope: ModuleScope): readonly Slot[] {
  const entrySlots = (owner: string, entries: readonly Entry[]): readonly Slot[] =>
    entries.flatMap((entry) => {
      const path = `${owner}.${entry.key.map(({ text }) => text).join(".")}`;
      const own = {
        path,
        span: entry.value?.span ?? null,
        after: entry.span.end,
        before: " = ",
        tail: "",
      };
      return [own, ...argumentSlots(scope, path, entry.value)];
    });
  return scope.module.declarations.flatMap((declaration): readonly Slot[] => {
    switch (declaration.kind) {
      case "param":
        return [
          {
            path: declaration.name.text,
            span: declaration.value?.span ?? null,
            after: declaration.type.span.end,
            before: " = ",
            tail: "",
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

/** The settings of a call by name, and those of calls inside it. */
function argumentSlots(scope: ModuleScope, path: string, value: Expr | null): readonly Slot[] {
  if (value?.kind !== "call") return [];
  const formals = formalsOf(scope, value.callee);
  const given = namedArguments(value.args, formals);
  const inner = [...given].flatMap(([name, argument]) => {
    const { span } = argument.value;
    const own = { path: `${path}.${name}`, span, after: span.end, before: "", tail: "" };
    return [own, ...argumentSlots(scope, own.path, argument.value)];
  });
  const place = value.span.end - 1;
  const leading = value.span.source.text.slice(value.span.start, place).trimEnd();
  const isFollowing = !/[(,]$/.test(leading);
  const absent = formals
    .filter(({ name, value: otherwise }) => otherwise !== null && !given.has(name.text))
    .map(({ name: { text } }) => ({
      path: `${path}.${text}`,
      span: null,
      after: place,
      before: isFollowing ? `, ${text}: ` : `${text}: `,
      tail: isFollowing ? "" : ", ",
    }));
  return [...inner, ...absent];
}

/** What a call by name of a block, a function or an optimizer takes; nothing where it is no such. */
function formalsOf(scope: ModuleScope, callee: Expr): readonly Formal[] {
  const declaration =
    callee.kind === "name"
      ? scope.definitions.get(callee.name)?.declaration
      : callee.kind === "member" && callee.object.kind === "name"
        ? scope.aliases.get(callee.object.name)?.definitions.get(callee.member.text)?.declaration
        : undefined;
  return declaration !== undefined && "formals" in declaration ? declaration.formals : [];
}

/** Arguments by the names of what they give: their own, or those of the settings in order. */
function namedArguments(
  args: readonly Argument[],
  formals: readonly Formal[],
): ReadonlyMap<string, Argument> {
  const taken = new Set(args.flatMap(({ name }) => (name === null ? [] : [name.text])));
  const open = formals.filter(({ name }) => !taken.has(name.text));
  return new Map(
    args.flatMap((argument): readonly [string, Argument][] => {
      const name = argument.name?.text ?? open.shift()?.name.text;
      return name === undefined ? [] : [[name, argument]];
    }),
  );
}

/** An expression with the values of the paths that lie in it. */
function withArguments(
  expr: Expr,
  path: string,
  values: ReadonlyMap<string, Expr>,
  scope: ModuleScope,
): Expr {
  if (expr.kind !== "call" || ![...values.keys()].some((key) => key.startsWith(`${path}.`)))
    return expr;
  const formals = formalsOf(scope, expr.callee);
  const given = new Map(
    [...namedArguments(expr.args, formals)].map(([name, argument]) => [argument, name]),
  );
  const args = expr.args.map((argument): Argument => {
    const name = given.get(argument);
    if (name === undefined) return argument;
    const own = `${path}.${name}`;
    const value = values.get(own) ?? withArguments(argument.value, own, values, scope);
    return { ...argument, value };
  });
  const known = new Set(given.values());
  const added = formals.flatMap(({ name }): readonly Argument[] => {
    const value = known.has(name.text) ? undefined : values.get(`${path}.${name.text}`);
    return value === undefined ? [] : [{ name, value, span: value.span }];
  });
  return { ...expr, args: [...args, ...added] };
}

const stageSlots = (owner: string, stage: StageMember): readonly Slot[] => [
  {
    path: `${owner}.${stage.name.text}.duration`,
    span: stage.duration.span,
    after: stage.duration.span.end,
    before: "",
    tail: "",
  },
];

/** The declaration with values by the paths of slots. */
export function replaced(
  declaration: Declaration,
  values: ReadonlyMap<string, Expr>,
  scope: ModuleScope,
): Declaration {
  const entry =
    (owner: string) =>
    (node: Entry): Entry => {
      const path = `${owner}.${node.key.map(({ text }) => text).join(".")}`;
      const value = values.get(path) ?? node.value;
      return { ...node, value: value && withArguments(value, path, values, scope) };
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
  readonly before: string;
  /** Text from outside, or another piece of the same text, with the edits inside it. */
  readonly by: string | Span;
  readonly tail: string;
}

/** What writes a value into a slot. */
export const editOf = ({ span, after, before, tail }: Slot, by: Edit["by"]): Edit =>
  span === null
    ? { start: after, end: after, before, by, tail }
    : { start: span.start, end: span.end, before: "", by, tail: "" };

const isWithin = (edit: Edit, other: Edit): boolean =>
  edit.start === edit.end
    ? edit.start > other.start && edit.end < other.end
    : edit.start >= other.start &&
      edit.end <= other.end &&
      other.end - other.start > edit.end - edit.start;

/** The piece of `text` with all edits in it: the last of one place counts, others do not overlap. */
export function edited(
  text: string,
  edits: readonly Edit[],
  from = 0,
  to: number = text.length,
): string {
  const inside = edits
    .filter(({ start, end }) => start >= from && end <= to)
    // What a later edit replaces as a whole takes earlier edits inside it along.
    .filter((edit, _, all) => !all.some((other) => isWithin(edit, other)))
    .filter(
      ({ start, end, before }, i, all) =>
        all.findLastIndex(
          (other) => other.start === start && other.end === end && other.before === before,
        ) === i,
    )
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
  let result = "";
  let place = from;
  for (const { start, end, before, by, tail } of inside) {
    const value = typeof by === "string" ? by : edited(text, edits, by.start, by.end);
    result += text.slice(place, start) + before + value + tail;
    place = end;
  }
  return result + text.slice(place, to);
}
