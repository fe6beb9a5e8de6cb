/** `lint/unused-name`: names, settings and fields that nothing reads. */

import type { DatasetDecl, FieldMember, TrainDecl } from "../../grammar/ast.js";
import { diagnose, type Diagnostic, type Fix } from "../../grammar/diagnostic.js";
import { unusedName } from "../../grammar/diagnostics/lint.js";
import { parseModule } from "../../grammar/parse.js";
import { printSpan } from "../../grammar/source.js";
import type { LintContext, LintedTrain } from "./context.js";
import { type UnreadName, unreadNames } from "./names-in-scope.js";
import type { LintRule } from "./rule.js";
import { isNode } from "./syntax.js";

export const unusedRule: LintRule = {
  code: "lint/unused-name",
  example: {
    wrong: "const SIDE = 8\nfn squared(x, scale: float = 1) = x * x",
    right: "fn squared(x, scale: float = 1) = scale * x * x",
  },
  check,
};

function check({ program, modules, train }: LintContext): readonly Diagnostic[] {
  const names = modules.flatMap((scope) => {
    // As written: what a variant or a flag replaces is read in the text.
    const { module } = parseModule(scope.module.source);
    const runs = scope === program.root && module.declarations.some(({ kind }) => kind === "train");
    return unreadNames(module, { exports: runs ? "nothing" : "declarations" });
  });
  const found = names.map((each) => {
    const fix = each.from === null ? null : withoutImport(each, names);
    return report(each.what, each, fix);
  });
  return [...found, ...(train === null ? [] : unreadFields(modules, train))];
}

const report = (
  what: string,
  { name, span }: Pick<UnreadName, "name" | "span">,
  fix: Fix | null,
): Diagnostic => diagnose(unusedName, { what, name }, span, fix === null ? {} : { fix });

/** Takes out the name with its comma, or the whole line where no name of it is left. */
function withoutImport({ span, from }: UnreadName, unread: readonly UnreadName[]): Fix | null {
  if (from === null) return null;
  const { source } = span;
  const names = from.names ?? [];
  if (from.alias !== null || names.every((name) => unread.some((each) => each.span === name.span)))
    return {
      span: {
        source,
        start: from.span.start,
        end: source.text.indexOf("\n", from.span.end) + 1 || source.text.length,
      },
      text: "",
    };
  const i = names.findIndex((name) => name.span === span);
  const [previous, next] = [names[i - 1], names[i + 1]];
  const start = previous === undefined ? span.start : previous.span.end;
  const end = previous === undefined && next !== undefined ? next.span.start : span.end;
  return { span: { source, start, end }, text: "" };
}

/**
 * Fields of the train's dataset that become no input of the evaluation graph, which holds the
 * model, the losses and the metrics, and that neither the dataset nor any train names.
 */
function unreadFields(
  modules: LintContext["modules"],
  { checked, evaluation }: LintedTrain,
): readonly Diagnostic[] {
  if (evaluation === null) return [];
  const declarations = modules.flatMap(({ module }) => module.declarations);
  // Datasets of several modules may have one name, never one place.
  const places = new Set(checked.data.program.fields.map(({ place }) => place));
  const dataset = declarations.find(
    (each): each is DatasetDecl =>
      each.kind === "dataset" &&
      each.members.some(({ kind, span }) => kind === "field" && places.has(printSpan(span))),
  );
  if (dataset === undefined) return [];
  const trains = declarations.filter((each): each is TrainDecl => each.kind === "train");
  const others = trains.filter(({ name }) => name.span !== checked.declaration.name.span);
  const named = new Set([
    ...trains.flatMap(({ members }) => namesIn(members)),
    ...namesInDataset(dataset),
    // Another train may use the dataset with a model of its own.
    ...(others.length === 0 ? [] : portsOf(declarations)),
  ]);
  return dataset.members
    .filter((member): member is FieldMember => member.kind === "field")
    .filter(({ name }) => !evaluation.fields.has(name.text) && !named.has(name.text))
    .map(({ name }) => report("field", { name: name.text, span: name.span }, null));
}

/** `x = x |> step()` reads `x` for itself alone. */
const namesInDataset = ({ members }: DatasetDecl): readonly string[] =>
  members.flatMap((member) =>
    member.kind === "transform"
      ? member.assigns.flatMap(({ names, value }) =>
          namesIn(value).filter((name) => names.length !== 1 || names[0]?.text !== name),
        )
      : namesIn(member),
  );

const portsOf = (declarations: readonly { readonly kind: string }[]): readonly string[] =>
  declarations.flatMap((each) =>
    each.kind === "block" && "members" in each && Array.isArray(each.members)
      ? (each.members as readonly { kind: string; name?: { text: string } }[]).flatMap((member) =>
          member.kind === "port" && member.name !== undefined ? [member.name.text] : [],
        )
      : [],
  );

/** Every name that is read, and every member: `field.x`. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isNode(value)) return [];
  const kind = "kind" in value ? value.kind : null;
  const own =
    kind === "name" && "name" in value && typeof value.name === "string"
      ? [value.name]
      : kind === "member" && "member" in value && isNode(value.member) && "text" in value.member
        ? [String(value.member.text)]
        : [];
  return [...own, ...Object.values(value).flatMap(namesIn)];
}
