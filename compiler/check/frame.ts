/** Where an expression is evaluated: the graph under construction, the names in sight, the place. */

import {
  diagnose,
  type Diagnostic,
  type DiagnosticKind,
  type Label,
} from "../../grammar/diagnostic.js";
import { cyclicDefinition } from "../../grammar/diagnostics/names.js";
import { notCarriedOut } from "../../grammar/diagnostics/program.js";
import type {
  BlockDecl,
  DatasetDecl,
  Declaration,
  Expr,
  MetricDecl,
  Name,
  TrainDecl,
  TypeNode,
} from "../../grammar/ast.js";
import type { Span } from "../../grammar/source.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Dim } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import type { TensorType } from "../ir/type.js";
import type { DescribeData } from "../plan/description.js";
import type { Definition, ModuleScope } from "../modules.js";
import type { DatasetFindings } from "./data/dataset.js";
import type { GroupsRead } from "./data/groups.js";
import type { Initializer, WeightSource } from "../plan/initial.js";
import type { LossSchedule } from "./over-time.js";
import type { TrainFigures } from "./placement/figures.js";
import type { Results } from "./again.js";
import type { Templates, TemplatesAlone } from "./alike.js";
import { type Meaning, unknown } from "./value.js";

/** A learned tensor or a state that one elaboration has created. */
export interface Member {
  readonly path: string;
  readonly role: "weight" | "state";
  readonly value: Value;
  readonly init: Initializer | null;
  /** Where `init` takes the value from in place of the initializer. */
  readonly source?: WeightSource;
  readonly unused: boolean;
  readonly span: Span;
  /** Where the user's text asked for it. */
  readonly place: UserPlace;
  /** The instance that owns it; a shared instance may ask for it again. */
  readonly owner: string;
}

/** A use of random numbers: a graph input. */
export interface Draw {
  readonly id: string;
  readonly value: Value;
  readonly perRecord: boolean;
}

/** `count` copies with weights of their own, along an axis of this name. */
export interface Stack {
  readonly axis: string;
  readonly count: number;
}

/** The type of a piece of the program's text, for the editor and for tests. */
export interface Fact {
  readonly span: Span;
  readonly type: TensorType;
}

/** One graph being built from one program. */
export interface Elaboration {
  /** The evaluator; held here so that its parts need not import each other in a circle. */
  readonly evaluate: (frame: Frame, expr: Expr, expected: TypeNode | null) => Meaning;
  /**
   * A train as graphs and sizes, also for another batch than its own; `null` when it has errors,
   * which are reported.
   */
  readonly figuresOf: (train: TrainDecl, batch?: number) => TrainFigures | null;
  /** The modules of the standard library that declare a name. */
  readonly modulesWith: (name: string) => readonly string[];
  /** Makes a path written in a module absolute. */
  readonly resolvePath: (path: string, from: string) => string;
  /** What the host says of data files; absent where they are out of reach. */
  readonly describeData?: DescribeData | undefined;
  /** Datasets that have been checked. */
  readonly datasets: Map<DatasetDecl, DatasetFindings>;
  /** What is asked of the groups of their splits. */
  readonly groups: GroupsRead;
  /** A member of a dataset, seen from `home`, its module; held here as `evaluate` is. */
  readonly datasetMember: (
    frame: Frame,
    home: Frame,
    definition: Definition,
    member: Name,
  ) => Meaning | null;
  /** Values of `param`s and `const`s by declaration; `null` while one is being evaluated. */
  readonly constants: Map<Declaration, Meaning | null>;
  readonly builder: GraphBuilder;
  /** Whether dims are symbols to be decided at each application: undecidable things are unknown. */
  readonly generic: boolean;
  /** Whether both branches of an undecided condition are looked through, for a body on its own. */
  readonly everyBranch: boolean;
  readonly diagnostics: Diagnostic[];
  readonly uncarried: Diagnostic[];
  readonly members: Map<string, Member>;
  readonly updates: Map<string, Value>;
  readonly draws: Draw[];
  /** Instances that `each` has made, by the path under which their copies lie. */
  readonly stacks: Map<string, Stack>;
  /** Schedules that losses read; each is a graph input `schedule:<name>`. */
  readonly lossSchedules: LossSchedule[];
  readonly facts: Fact[];
  /** Values of taps by path, one for each application; of a scanned instance one per step. */
  readonly taps: Map<string, readonly Meaning[]>;
  /** Whether every weight under this instance is frozen. */
  readonly isFrozen: (path: string) => boolean;
  /** bool[B] of the records that are not padding; `null` where none is. */
  readonly valid: Value | null;
  /** The symbol of the batch axis, which types keep; `null` where there is no batch. */
  readonly recordAxis: Dim | null;
  /** What symbols are worth where a number is asked for: the batch size of a training graph. */
  readonly known: ReadonlyMap<string, Dim>;
  /** Counts draws and unnamed applications per instance path. */
  readonly ordinals: Map<string, number>;
  /** Every application of a block, in the order in which they began. */
  readonly applications: Application[];
  /**
   * Nodes made; taps made and messages asked for, those said before included; questions whether
   * something may stay open.
   */
  readonly budget: { nodes: number; effects: number; open: number };
  /** Applications of blocks that later ones may repeat. */
  readonly templates: Templates;
  readonly alone: TemplatesAlone;
  /** What instances that are applied again have given. */
  readonly results: Results;
  /** Those of an elaboration that leaves things open, to be repeated where it has left nothing so. */
  readonly lent: Templates | null;
  /** Blocks applied so far: the others are checked on their own. */
  readonly applied: Set<BlockDecl | MetricDecl>;
}

/** Recipes handed from block to block may still recur; a mistyped count may be large. */
export const maxDepth = 60;
export const maxApplications = 100_000;

export interface Application {
  readonly declaration: BlockDecl;
  readonly path: string;
  /** How many blocks and functions are around it. */
  readonly depth: number;
}

export interface Frame {
  readonly elaboration: Elaboration;
  readonly scope: Scope;
  readonly module: ModuleScope;
  /** The block instance: `model.layer1.0`. */
  readonly path: string;
  readonly training: boolean;
  readonly sampling: boolean;
  /** Within an `unused` step: no loss reaches its weights. */
  readonly unused: boolean;
  /** Whether this application repeats an earlier one of the same instance: its weights are made. */
  readonly again?: boolean;
  /** The step of the innermost `scan` around this place. */
  readonly scan?: ScanStep;
  /** Names that the `in` ports of the block at hand leave to its inputs. */
  readonly portNames?: ReadonlySet<string>;
  /** Call sites from the outermost in, for messages and against recursion. */
  readonly trail: readonly Entered[];
}

/** One step of a `scan`. */
export interface ScanStep {
  /** Tells the draws of the steps apart: `@2`, inside another scan `@0@2`. */
  readonly mark: string;
  /** What the step before has set, by the path of the `carry`. */
  readonly entry: ReadonlyMap<string, Meaning>;
  /** What this step sets. */
  readonly exit: Map<string, Meaning>;
  /** How often an instance has been applied in this step: each application carries its own. */
  readonly counts: Map<string, number>;
}

/** A block or function that is being applied. */
interface Entered {
  readonly name: string;
  readonly span: Span;
  /** `null` for what cannot apply itself: schedules and optimizers. */
  readonly declaration: Declaration | null;
}

export const entered = (
  frame: Frame,
  declaration: Extract<Declaration, { kind: "block" | "fn" }>,
  span: Span,
): readonly Entered[] => [...frame.trail, { name: declaration.name.text, span, declaration }];

/** Whether a call by name is no recursion; the call graph of blocks and functions is acyclic. */
export function mayEnter(
  frame: Frame,
  declaration: Declaration,
  call: { readonly callee: string; readonly span: Span },
): boolean {
  if (frame.trail.every((entry) => entry.declaration !== declaration)) return true;
  report(frame, cyclicDefinition, { name: call.callee }, call.span);
  return false;
}

/** Names of one region of text; what is not found is looked for in the region around it. */
export interface Scope {
  readonly names: Map<string, Binding>;
  readonly parent: Scope | null;
}

interface Binding {
  meaning: Meaning | null;
  evaluate: (() => Meaning) | null;
  readonly span: Span | null;
}

/** `expected` is the setting type the value is meant for: it decides what a bare word is. */
export const evaluate = (frame: Frame, expr: Expr, expected: TypeNode | null = null): Meaning =>
  frame.elaboration.evaluate(frame, expr, expected);

/**
 * Whether a thing that symbols leave undecided stays so, without a report, until the block is
 * applied. To be asked last: what asks may come out otherwise in another elaboration.
 */
export function leavesOpen({ elaboration }: Frame): boolean {
  elaboration.budget.open++;
  return elaboration.generic;
}

export const createScope = (parent: Scope | null): Scope => ({ names: new Map(), parent });

export function bind(scope: Scope, name: string, meaning: Meaning, span: Span | null = null): void {
  scope.names.set(name, { meaning, evaluate: null, span });
}

/** Evaluated when first used, so that definitions may stand in any acyclic order. */
export function bindLazily(scope: Scope, name: string, evaluate: () => Meaning, span: Span): void {
  scope.names.set(name, { meaning: null, evaluate, span });
}

export function lookup(frame: Frame, name: string, span: Span): Meaning | null {
  for (let scope: Scope | null = frame.scope; scope !== null; scope = scope.parent) {
    const binding = scope.names.get(name);
    if (binding === undefined) continue;
    if (binding.meaning !== null) return binding.meaning;
    if (binding.evaluate === null) {
      report(frame, cyclicDefinition, { name }, span);
      return unknown;
    }
    const { evaluate } = binding;
    binding.evaluate = null;
    binding.meaning = evaluate();
    return binding.meaning;
  }
  return null;
}

/** Every name in sight, for suggestions. */
export function namesInSight(frame: Frame): readonly string[] {
  const names: string[] = [];
  for (let scope: Scope | null = frame.scope; scope !== null; scope = scope.parent)
    names.push(...scope.names.keys());
  return [...names, ...frame.module.definitions.keys(), ...frame.module.aliases.keys()];
}

/**
 * Reports at `span`. A mistake that shows inside the standard library is the caller's: it is
 * reported where the user's text calls the library, with a label at the line that noticed it.
 */
export function report<P>(
  frame: Frame,
  kind: DiagnosticKind<P>,
  params: P,
  span: Span,
  labels: readonly Label[] = [],
): void {
  pushAt(frame, span, labels, (place, extra) => diagnose(kind, params, place, extra));
}

/** Says once that something sound cannot be executed by this version: an error of `compile` and `run`. */
export function cannotCarryOut(frame: Frame, what: string, span: Span): void {
  const { budget, uncarried } = frame.elaboration;
  budget.effects++;
  const place = userPlace(frame, span);
  const diagnostic = diagnose(notCarriedOut, { what }, place.span, { labels: place.labels });
  if (!uncarried.some((other) => isSame(other, diagnostic))) uncarried.push(diagnostic);
}

/** The same for a diagnostic that a rule has prepared. */
export function pushAt(
  frame: Frame,
  span: Span,
  labels: readonly Label[],
  make: (span: Span, extra: { labels: readonly Label[] }) => Diagnostic,
): void {
  const place = userPlace(frame, span);
  const diagnostic = make(place.span, { labels: [...labels, ...place.labels] });
  const { budget, diagnostics } = frame.elaboration;
  budget.effects++;
  if (!diagnostics.some((other) => isSame(other, diagnostic))) diagnostics.push(diagnostic);
}

/** One place has one mistake of a kind, in whatever application it shows first. */
const isSame = (one: Diagnostic, other: Diagnostic): boolean =>
  one.code === other.code &&
  one.span?.start === other.span?.start &&
  one.span?.end === other.span?.end &&
  (one.span !== null || one.message === other.message) &&
  one.span?.source === other.span?.source;

/** A place in the user's own text, and labels that lead on into the library. */
export interface UserPlace {
  readonly span: Span;
  readonly labels: readonly Label[];
}

/** The span itself, or the call from the user's text through which the library came to it. */
export function userPlace(frame: Frame, span: Span): UserPlace {
  const call = isLibrary(span)
    ? frame.trail.findLast((entry) => !isLibrary(entry.span))
    : undefined;
  return call === undefined
    ? { span, labels: [] }
    : { span: call.span, labels: [{ span, text: `noticed in \`${call.name}\`` }] };
}

export const isLibrary = (span: Span): boolean => span.source.name.startsWith("saic:");

export const child = (path: string, segment: string): string =>
  segment === "" ? path : path === "" ? segment : `${path}.${segment}`;
