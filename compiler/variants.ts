/** Variants: what a `variant` declaration replaces in the AST of its train, and what it cannot. */

import type { DatasetDecl, Declaration, Expr, TrainDecl, VariantDecl } from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import {
  duplicateKey,
  missingValue,
  noVariants,
  unknownName,
  overrideOverlaps,
  variantMatchesNothing,
} from "../grammar/diagnostics/names.js";
import { wrongType } from "../grammar/diagnostics/types.js";
import type { Span } from "../grammar/source.js";
import { suggest } from "../grammar/suggest.js";
import type { Program } from "./modules.js";
import { type Edit, editOf, replaced, type Slot, slotsOf, wholeOf, withRoot } from "./overrides.js";

/** The variants that the root module declares. */
export const variantsIn = (program: Program): readonly VariantDecl[] =>
  program.root.module.declarations.filter((declaration) => declaration.kind === "variant");

/** The variant that `--variant` names, or why there is none. */
export function findVariant(
  program: Program,
  name: string,
): { readonly variant: VariantDecl | null; readonly diagnostics: readonly Diagnostic[] } {
  const variants = variantsIn(program);
  const variant = variants.find((each) => each.name.text === name) ?? null;
  if (variant !== null) return { variant, diagnostics: [] };
  const names = variants.map((each) => each.name.text);
  const suggestion = suggest(name, names);
  const missing = diagnose(noVariants, { name, suggestion }, null, { place: "--variant" });
  return { variant, diagnostics: [missing] };
}

/** A program with a variant in it, and the edits that write it into the root module's text. */
export interface Varied {
  readonly program: Program;
  readonly edits: readonly Edit[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Replaces what the variant names: entries of its train by their keys, its other members whole, those
 * of the dataset that it reads too, `param`s, entries of datasets by their dotted paths. A name of the train's comes
 * before one of the program's. Whatever the program does not already say is reported.
 */
export function applyVariant(program: Program, variant: VariantDecl): Varied {
  const diagnostics: Diagnostic[] = [];
  const train = trainOf(program, variant, diagnostics);
  if (train === null) return { program, edits: [], diagnostics };
  const given = withoutDoubles(variant, diagnostics);
  const edits: Edit[] = [];
  const used = new Set<string>();
  const members = replacedMembers(train.members, given, { edits, used });
  const varied = { ...train, members };
  const dataset = datasetOf(program, varied, given);
  const parts = dataset === null ? [] : replacedMembers(dataset.members, given, { edits, used });
  const whole = withReplaced(program, [
    [train, varied],
    ...(dataset === null ? [] : [[dataset, { ...dataset, members: parts }] as const]),
  ]);
  for (const [key, member] of given)
    if (member.kind !== "entry" && !used.has(key))
      diagnostics.push(unmatched(member, train, [], dataset));

  const places = placesIn(whole, train);
  const values = new Map<string, Expr>();
  const paths = [...given.values()].flatMap((each) =>
    each.kind === "entry" ? [{ path: keyOf(each) }] : [],
  );
  for (const entry of given.values()) {
    if (entry.kind !== "entry") continue;
    const slot = places.find(({ path }) => path === keyOf(entry))?.slot ?? null;
    if (slot === null) diagnostics.push(unmatched(entry, train, places));
    else if (wholeOf(keyOf(entry), paths) !== undefined) {
      const params = { path: keyOf(entry), whole: wholeOf(keyOf(entry), paths)?.path ?? "" };
      diagnostics.push(diagnose(overrideOverlaps, params, entry.key[0]?.span ?? entry.span));
    } else if (entry.value === null)
      diagnostics.push(diagnose(missingValue, { key: keyOf(entry) }, entry.span));
    else {
      values.set(slot.path, entry.value);
      edits.push(editOf(slot, entry.value.span));
    }
  }
  const module = {
    ...whole.root.module,
    declarations: whole.root.module.declarations.map((each) => replaced(each, values, whole.root)),
  };
  return { program: withRoot(whole, module), edits, diagnostics };
}

function trainOf(
  program: Program,
  { of }: VariantDecl,
  diagnostics: Diagnostic[],
): TrainDecl | null {
  const { declarations } = program.root.module;
  const trains = declarations.filter((declaration) => declaration.kind === "train");
  const train = trains.find(({ name }) => name.text === of.text);
  if (train !== undefined) return train;
  const other = program.root.definitions.get(of.text);
  const suggestion = suggest(
    of.text,
    trains.map(({ name }) => name.text),
  );
  diagnostics.push(
    other === undefined
      ? diagnose(unknownName, { name: of.text, suggestion }, of.span)
      : diagnose(
          wrongType,
          {
            what: "what a variant is of",
            expected: "a train of this file",
            found: `the ${other.declaration.kind} \`${of.text}\``,
          },
          of.span,
        ),
  );
  return null;
}

/**
 * What is said of a program with a variant and not of the program without it. What does not lie in
 * the variant's own text is reported at its name, with a label where it lies.
 */
export function findingsOf(
  variant: VariantDecl,
  found: readonly Diagnostic[],
  base: readonly Diagnostic[],
): readonly Diagnostic[] {
  const { span: own, name } = variant;
  return found
    .filter((each) => !base.some((other) => sameFinding(each, other)))
    .map((each) => {
      const { span } = each;
      if (span !== null && isWithin(span, own)) return each;
      const label = span === null ? [] : [{ span, text: `with \`${name.text}\`, here` }];
      return { ...each, span: name.span, place: null, labels: [...label, ...each.labels] };
    });
}

const isWithin = (inner: Span, outer: Span): boolean =>
  inner.source === outer.source && inner.start >= outer.start && inner.end <= outer.end;

/** A mistake of the program shows in a variant at the same place, perhaps in other numbers. */
const sameFinding = (a: Diagnostic, b: Diagnostic): boolean =>
  a.code === b.code &&
  (a.span !== null || a.message === b.message) &&
  a.place === b.place &&
  a.span?.source.name === b.span?.source.name &&
  a.span?.start === b.span?.start;

type VariantMember = VariantDecl["members"][number];

/** How a variant names what it replaces: `optimizer`, `Shapes.loader.batch`, `metrics val`. */
function keyOf(member: VariantMember): string {
  switch (member.kind) {
    case "entry":
      return member.key.map(({ text }) => text).join(".");
    case "stage":
    case "field":
    case "fit":
      return `${member.kind} ${member.name.text}`;
    case "metrics":
    case "transform":
      return member.split === null ? member.kind : `${member.kind} ${member.split.text}`;
    case "loss":
    case "predict":
      return member.name === null ? member.kind : `${member.kind} ${member.name.text}`;
    case "group":
      return `group ${member.globs.map((glob) => textOf(glob.span)).join(", ")}`;
    case "objective": {
      const { condition } = member;
      const measured = condition.kind === "binary" ? condition.left : condition;
      return `objective ${textOf(measured.span)}`;
    }
    default:
      return member.kind;
  }
}

const textOf = ({ source, start, end }: Span): string => source.text.slice(start, end);

function withoutDoubles(
  variant: VariantDecl,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, VariantMember> {
  const given = new Map<string, VariantMember>();
  for (const member of variant.members) {
    const key = keyOf(member);
    const earlier = given.get(key);
    if (earlier === undefined) given.set(key, member);
    else
      diagnostics.push(
        diagnose(
          duplicateKey,
          { key, owner: `the variant \`${variant.name.text}\`` },
          member.span,
          {
            labels: [{ span: earlier.span, text: "first given here" }],
          },
        ),
      );
  }
  return given;
}

/** The members of a train or a dataset, whole ones replaced by those of the variant. */
function replacedMembers<T extends VariantMember>(
  members: readonly T[],
  given: ReadonlyMap<string, VariantMember>,
  { edits, used }: { readonly edits: Edit[]; readonly used: Set<string> },
): readonly T[] {
  return members.flatMap((member): readonly T[] => {
    const key = keyOf(member);
    const next = given.get(key);
    if (next === undefined || !isLike(next, member)) return [member];
    // One member stands for all of its kind and name.
    const first = !used.has(key);
    used.add(key);
    edits.push({ ...rangeOf(member.span), before: "", by: first ? next.span : "", tail: "" });
    return first ? [next] : [];
  });
}

/** Whether the variant's member may stand in the place of the other: entries are replaced by paths. */
const isLike = <T extends VariantMember>(next: VariantMember, member: T): next is T =>
  next.kind !== "entry" && next.kind === member.kind;

/** The dataset of this file that the train reads, as the variant may have it. */
function datasetOf(
  { root }: Program,
  { members }: TrainDecl,
  given: ReadonlyMap<string, VariantMember>,
): DatasetDecl | null {
  const own = members.find((member) => member.kind === "entry" && keyOf(member) === "data");
  const entry = given.get("data") ?? own;
  const value = entry?.kind === "entry" ? entry.value : null;
  const name = value?.kind === "member" ? value.object : value;
  const found = root.module.declarations.find(
    (each) => each.kind === "dataset" && name?.kind === "name" && each.name.text === name.name,
  );
  return found?.kind === "dataset" ? found : null;
}

function withReplaced(
  program: Program,
  changes: readonly (readonly [Declaration, Declaration])[],
): Program {
  const { module } = program.root;
  const declarations = module.declarations.map(
    (each) => changes.find(([old]) => old === each)?.[1] ?? each,
  );
  return withRoot(program, { ...module, declarations });
}

/** What an entry of a variant may name. */
interface Place {
  readonly path: string;
  readonly slot: Slot;
}

/** The train's own members first, then the program's; those of other trains are out of reach. */
function placesIn({ root }: Program, train: TrainDecl): readonly Place[] {
  const slots = slotsOf(root);
  const within = (slot: Slot, owner: string): boolean => slot.path.startsWith(`${owner}.`);
  const own = train.name.text;
  const names = root.module.declarations.flatMap((each) =>
    each.kind === "train" ? [each.name.text] : [],
  );
  return [
    ...slots
      .filter((slot) => within(slot, own))
      .map((slot) => ({ path: slot.path.slice(own.length + 1), slot })),
    ...slots
      .filter((slot) => !names.some((name) => within(slot, name)))
      .map((slot) => ({ path: slot.path, slot })),
  ];
}

function unmatched(
  member: VariantMember,
  train: TrainDecl,
  places: readonly Place[],
  dataset: DatasetDecl | null = null,
): Diagnostic {
  const path = keyOf(member);
  const span = member.kind === "entry" ? (member.key[0]?.span ?? member.span) : member.span;
  const known = [
    ...places.map((place) => place.path),
    ...[...train.members, ...(dataset?.members ?? [])]
      .filter(({ kind }) => kind !== "entry")
      .map((own) => keyOf(own)),
  ];
  const params = { path, train: train.name.text, suggestion: suggest(path, known) };
  return diagnose(variantMatchesNothing, params, span);
}

const rangeOf = ({ start, end }: Span): { readonly start: number; readonly end: number } => ({
  start,
  end,
});
