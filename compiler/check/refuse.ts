/**
 * Forms of the language that this version cannot compile, each reported at its place, once: those
 * that no phase reads (an error everywhere), and those that are checked but not carried out (an
 * error where something is to be compiled or run).
 */

import type { LossMember, Module } from "../../grammar/ast.js";
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

/** A refusal of some nodes of one kind. */
const some =
  <T extends Node>(find: (node: T) => Refusal | null): Rule =>
  (node) =>
    find(node as T);

/** What is not even checked, by the kind of node. What a rule does not refuse is looked through. */
const unread: Readonly<Record<string, Rule>> = {
  loss: some<LossMember>(({ members }) => {
    const line = members.find((each) => each.kind === "owned" && each.role !== "weight");
    return line?.kind === "owned" ? { what: `\`${line.role}\` in a loss`, span: line.span } : null;
  }),
};

/** What is checked and then refused by everything that executes. */
const uncarried: Readonly<Record<string, Rule>> = {};

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
