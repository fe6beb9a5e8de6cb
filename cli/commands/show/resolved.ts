/** `saic show --what resolved`: the program as it runs, with origins of imports and defaults. */

import type {
  CallExpr,
  Declaration,
  Expr,
  Formal,
  Module,
  TrainDecl,
} from "../../../grammar/ast.js";
import { formatModule } from "../../../grammar/format.js";
import { parseModule } from "../../../grammar/parse.js";
import { createSource, positionOf, type Span } from "../../../grammar/source.js";
import type { Duration, Plan } from "../../../compiler/plan/schema.js";
import type { ModuleScope } from "../../../compiler/modules.js";
import { printQuantity } from "../../../compiler/check/value.js";
import type { Shown, Subject } from "./subject.js";

interface Resolved {
  readonly program: string;
  readonly imports: readonly {
    readonly name: string;
    readonly module: string;
    readonly line: number;
  }[];
}

/** The text with variants, overrides, origins and defaults; it checks to the same plan. */
export const resolved: Subject = {
  name: "resolved",
  about: "the program as it runs, with origins of imports and defaults",
  text: (shown) => resolve(shown).program.trimEnd(),
  json: resolve,
};

/** Text to put in at a place. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

function resolve({ analysis, lowered }: Shown): Resolved {
  const scope = analysis.program.root;
  const source = createSource(scope.name, lowered.programText);
  const { module } = parseModule(source);
  const train = module.declarations.find(
    (each): each is TrainDecl => each.kind === "train" && each.name.text === lowered.plan.train,
  );
  const insertions = [
    ...origins(module, scope),
    ...(train === undefined ? [] : trainDefaults(train, lowered.plan)),
    ...(train === undefined ? [] : callDefaults(train, scope)),
    ...dataDefaults(module, lowered.plan),
  ].toSorted((a, b) => b.at - a.at);
  const text = insertions.reduce(
    (before, { at, text: put }) => before.slice(0, at) + put + before.slice(at),
    source.text,
  );
  return {
    program: formatModule(createSource(scope.name, text)).text,
    imports: importsOf(module, scope),
  };
}

interface Origin {
  readonly name: string;
  readonly module: string;
  readonly line: number;
}

function importsOf(module: Module, scope: ModuleScope): readonly Origin[] {
  return module.declarations.flatMap((declaration) =>
    declaration.kind === "import"
      ? [
          ...(declaration.names ?? []).flatMap(({ text }) => originOf(text, scope)),
          ...(declaration.alias === null ? [] : aliasOrigin(declaration.alias.text, scope)),
        ]
      : [],
  );
}

function originOf(name: string, scope: ModuleScope): readonly Origin[] {
  const definition = scope.definitions.get(name);
  if (definition === undefined) return [];
  const { span } = definition.declaration.name;
  const { line } = positionOf(span.source, span.start);
  return [{ name, module: definition.module.name, line }];
}

const aliasOrigin = (name: string, scope: ModuleScope): readonly Origin[] => {
  const target = scope.aliases.get(name);
  return target === undefined ? [] : [{ name, module: target.name, line: 1 }];
};

/** A line above each import: which module its names come from, and where they stand there. */
function origins(module: Module, scope: ModuleScope): readonly Insertion[] {
  return module.declarations.flatMap((declaration) => {
    if (declaration.kind !== "import") return [];
    const found = (declaration.names ?? []).flatMap(({ text }) => originOf(text, scope));
    const alias = declaration.alias === null ? [] : aliasOrigin(declaration.alias.text, scope);
    const [first] = [...found, ...alias];
    if (first === undefined) return [];
    const places = found.map(({ name, line }) => `${name} at ${line}`).join(", ");
    const text = `// ${first.module}${places === "" ? "" : `: ${places}`}\n`;
    return [{ at: declaration.span.start, text }];
  });
}

/** Keys that the train does not write, with what they are then. */
function trainDefaults(train: TrainDecl, plan: Plan): readonly Insertion[] {
  const written = new Set(
    train.members.flatMap((member) =>
      member.kind === "entry" ? [member.key.map(({ text }) => text).join(".")] : [],
    ),
  );
  const defaults: readonly (readonly [string, string])[] = [
    ["seed", String(plan.seed)],
    ["validate", `every(${quantityOf(plan.validateEvery)})`],
    ["checkpoint", `[last(every: ${quantityOf(plan.checkpoint.last.every)})]`],
  ];
  return inside(
    train.span,
    defaults.filter(([key]) => !written.has(key)),
  );
}

const quantityOf = ({ amount, unit }: Duration): string =>
  printQuantity(amount, unit === "percent" ? "%" : unit);

/** Keys of the split and the loader of the train's dataset, where it stands in this text. */
function dataDefaults(module: Module, { data }: Plan): readonly Insertion[] {
  const dataset = module.declarations.find(
    (each) => each.kind === "dataset" && each.name.text === data.name,
  );
  if (dataset?.kind !== "dataset") return [];
  return dataset.members.flatMap((member) => {
    if (member.kind !== "loader" && member.kind !== "split") return [];
    const written = new Set(member.entries.map(({ key }) => key[0]?.text));
    const settings = member.kind === "loader" ? data.loader : data.split;
    const missing = Object.entries(settings).flatMap(([key, value]: [string, unknown]) =>
      written.has(key) || !isPlain(value) || ["by", "kind", "column"].includes(key)
        ? []
        : [
            [
              key,
              member.kind === "split" && key !== "seed" ? share(value) : String(value),
            ] as const,
          ],
    );
    return inside(member.span, missing);
  });
}

const isPlain = (value: unknown): boolean =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "string";

const share = (value: unknown): string =>
  typeof value === "number" ? `${Number((value * 100).toFixed(6))}%` : String(value);

/** Entries before the brace that closes a member; the formatter puts them in place. */
function inside(
  { source, start, end }: Span,
  entries: readonly (readonly [string, string])[],
): readonly Insertion[] {
  if (entries.length === 0) return [];
  const text = source.text.slice(start, end);
  const close = text.lastIndexOf("}");
  const oneLine = !text.includes("\n");
  const gap = oneLine ? "  " : "\n";
  const put = entries.map(([key, value]) => `${key}: ${value}`).join(gap);
  return [{ at: start + close, text: oneLine ? ` ${put} ` : `${put}\n` }];
}

/** Settings with plain defaults that calls of optimizers, schedules, blocks and functions leave out. */
function callDefaults(train: TrainDecl, scope: ModuleScope): readonly Insertion[] {
  return callsIn(train).flatMap((call) => {
    const formals = formalsOf(call.callee, scope);
    if (formals === null) return [];
    const named = new Set(call.args.map(({ name }) => name?.text));
    const positional = call.args.filter(({ name }) => name === null).length;
    const missing = formals
      .slice(positional)
      .filter(({ name, type, value }) => type !== null && value !== null && !named.has(name.text))
      .flatMap(({ name, value }) =>
        value !== null && readsWell(value) ? [`${name.text}: ${textOf(value.span)}`] : [],
      );
    const end = call.span.end - 1;
    const before = call.args.length === 0 ? "" : ", ";
    return missing.length === 0 ? [] : [{ at: end, text: `${before}${missing.join(", ")}` }];
  });
}

function formalsOf(callee: Expr, scope: ModuleScope): readonly Formal[] | null {
  const declaration: Declaration | undefined =
    callee.kind === "name"
      ? scope.definitions.get(callee.name)?.declaration
      : callee.kind === "member" && callee.object.kind === "name"
        ? scope.aliases.get(callee.object.name)?.definitions.get(callee.member.text)?.declaration
        : undefined;
  return declaration !== undefined && "formals" in declaration ? declaration.formals : null;
}

/** Numbers, strings, booleans and lists of them: what means the same in every place. */
const readsWell = (value: Expr): boolean =>
  value.kind === "number" ||
  value.kind === "string" ||
  value.kind === "bool" ||
  value.kind === "quantity" ||
  (value.kind === "unary" && readsWell(value.operand)) ||
  (value.kind === "list" && value.items.length > 0 && value.items.every(readsWell));

const textOf = ({ source, start, end }: Span): string => source.text.slice(start, end);

/** Every call of a train's members, the inner ones too. */
function callsIn(value: unknown): readonly CallExpr[] {
  if (Array.isArray(value)) return value.flatMap(callsIn);
  if (typeof value !== "object" || value === null || "lineStarts" in value) return [];
  const inner = Object.values(value).flatMap(callsIn);
  return "kind" in value && value.kind === "call" ? [value as CallExpr, ...inner] : inner;
}
