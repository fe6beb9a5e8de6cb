/**
 * Forms of the language that this version cannot compile, each reported at its place, once: those
 * that no phase reads (an error everywhere), and those that are checked but not carried out (an
 * error where something is to be compiled or run).
 */

import type {
  ApplyStep,
  FieldMember,
  FreezeMember,
  GroupMember,
  LossMember,
  MemberExpr,
  Module,
  Owned,
  SplitMember,
  StageMember,
  VariantDecl,
} from "../../grammar/ast.js";
import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { notCarriedOut, notYetSupported } from "../../grammar/diagnostics/program.js";
import type { Span } from "../../grammar/source.js";

interface Refusal {
  readonly what: string;
  readonly span: Span;
}

type Rule = (node: Node) => Refusal | null;

/** Any node of the tree; the rules below say what else theirs hold. */
interface Node {
  readonly kind: string;
  readonly span: Span;
}

const always =
  (what: string): Rule =>
  ({ span }) => ({ what, span });

/** A refusal of some nodes of one kind. */
const some =
  <T extends Node>(find: (node: T) => Refusal | null): Rule =>
  (node) =>
    find(node as T);

/** What is not even checked, by the kind of node. What a rule does not refuse is looked through. */
const unread: Readonly<Record<string, Rule>> = {
  metric: always("`metric`"),
  mesh: always("`mesh`"),
  shard: always("`shard`"),
  variant: some<VariantDecl>(({ members }) => {
    const whole = ["entry", "loss", "metrics", "stage"];
    const member = members.find(({ kind }) => !whole.includes(kind));
    return member === undefined
      ? null
      : { what: `\`${member.kind}\` in a variant`, span: member.span };
  }),
  sweep: always("`sweep`"),
  export: always("`export`"),
  tap: always("`tap`"),
  fit: always("`fit`"),
  group: some<GroupMember>(({ binder, globs }) =>
    binder === null
      ? refusedGlob({ globs })
      : { what: "a group over a range", span: binder.name.span },
  ),
  init: always("`init`"),
  predict: always("`predict`"),
  each: always("`each`"),
  scan: always("`scan`"),
  "computed-member": always("a computed path"),
  "list-type": always("a list type"),
  owned: some<Owned>(({ role, span }) => (role === "carry" ? { what: "`carry`", span } : null)),
  apply: some<ApplyStep>(({ unused, span }) =>
    unused ? { what: "an `unused` step", span } : null,
  ),
  member: some<MemberExpr>(({ member }) =>
    member.text.includes("*") ? { what: "a path with `*` as a value", span: member.span } : null,
  ),
  split: some<SplitMember>(({ args, span }) =>
    args === null ? null : { what: "`split by` a column", span },
  ),
  field: some<FieldMember>(({ guard }) =>
    guard === null ? null : { what: "a field with a condition", span: guard.span },
  ),
  loss: some<LossMember>(({ name, members, span }) => {
    if (name !== null) return { what: "a named loss", span };
    const line = members.find(({ kind }) => kind !== "assign");
    if (line === undefined) return null;
    const what = line.kind === "owned" ? line.role : line.kind;
    return { what: `\`${what}\` in a loss`, span: line.span };
  }),
  stage: some<StageMember>(({ members }) => {
    const line = members.find(({ kind }) => kind === "loss" || kind === "metrics");
    return line === undefined ? null : { what: `\`${line.kind}\` of a stage`, span: line.span };
  }),
  freeze: some<FreezeMember>(refusedGlob),
  unfreeze: some<FreezeMember>(refusedGlob),
};

function refusedGlob({ globs }: Pick<FreezeMember, "globs">): Refusal | null {
  const segment = globs
    .flatMap(({ segments }) => segments)
    .find(({ computed, binder }) => computed !== null || binder !== null);
  if (segment === undefined) return null;
  const { computed, span } = segment;
  return { what: computed === null ? "a name for an index" : "a computed path", span };
}

/** What is checked and then refused by everything that executes. */
const uncarried: Readonly<Record<string, Rule>> = {
  restart: always("`restart schedule`"),
};

export interface RefusedForms {
  /** What no later phase can handle; these meet such nodes without a report. */
  readonly diagnostics: readonly Diagnostic[];
  /** What every later phase but execution handles. */
  readonly uncarried: readonly Diagnostic[];
}

export function refusedForms(module: Module): RefusedForms {
  const diagnostics: Diagnostic[] = [];
  const unexecuted: Diagnostic[] = [];
  visit(module.declarations);
  return { diagnostics, uncarried: unexecuted };

  function visit(value: unknown): void {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === "object" && value !== null && !("lineStarts" in value)) {
      const refused = isNode(value) ? (unread[value.kind]?.(value) ?? null) : null;
      const later = isNode(value) ? (uncarried[value.kind]?.(value) ?? null) : null;
      if (refused === null) Object.values(value).forEach(visit);
      else diagnostics.push(diagnose(notYetSupported, { what: refused.what }, refused.span));
      if (later !== null)
        unexecuted.push(diagnose(notCarriedOut, { what: later.what }, later.span));
    }
  }
}

const isNode = (value: object): value is Node =>
  "kind" in value &&
  typeof value.kind === "string" &&
  "span" in value &&
  (value.kind in unread || value.kind in uncarried);
