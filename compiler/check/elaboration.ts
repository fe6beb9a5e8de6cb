/** Starts an elaboration: one graph, its symbols, and what is known of them. */

import type {
  BlockDecl,
  DatasetDecl,
  Declaration,
  MetricDecl,
  TrainDecl,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { CompilerHost } from "../host.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import { libraryModulesWith, type ModuleScope } from "../modules.js";
import type { Templates, TemplatesAlone } from "./alike.js";
import type { DatasetFindings } from "./data/dataset.js";
import type { GroupsRead } from "./data/groups.js";
import { datasetMember } from "./data/members.js";
import { evaluateExpr } from "./evaluate.js";
import { createScope, type Elaboration, type Frame } from "./frame.js";
import type { TrainFigures } from "./placement/figures.js";
import { batchDim, batchName } from "./record-axis.js";
import type { Meaning } from "./value.js";

export { batchDim, batchName };

/** What the elaborations of one program share. */
export interface Session {
  /**
   * A train as graphs and sizes, also for another batch than its own; `null` when it has errors,
   * which are reported.
   */
  readonly figuresOf: (train: TrainDecl, batch?: number) => TrainFigures | null;
  /** Makes a path written in a module absolute. */
  readonly resolvePath: CompilerHost["resolvePath"];
  readonly describeData?: CompilerHost["describeData"];
  readonly datasets: Map<DatasetDecl, DatasetFindings>;
  readonly groups: GroupsRead;
  /** The modules of the standard library that declare a name. */
  readonly modulesWith: (name: string) => readonly string[];
  readonly diagnostics: Diagnostic[];
  /** What is sound but cannot be executed by this version. */
  readonly uncarried: Diagnostic[];
  readonly constants: Map<Declaration, Meaning | null>;
  readonly applied: Set<BlockDecl | MetricDecl>;
  readonly alone: TemplatesAlone;
}

/** Without `groups` the sizes that data give stay symbols, which is enough for a check. */
export const createSession = (
  host: CompilerHost,
  diagnostics: readonly Diagnostic[] = [],
  {
    figuresOf = () => null,
    groups = "symbols",
  }: {
    readonly figuresOf?: Session["figuresOf"];
    readonly groups?: GroupsRead["as"];
  } = {},
): Session => ({
  figuresOf,
  resolvePath: host.resolvePath,
  modulesWith: (name) => libraryModulesWith(host, name),
  describeData: host.describeData,
  datasets: new Map(),
  groups: { as: groups, counts: new Map(), read: [] },
  diagnostics: [...diagnostics],
  uncarried: [],
  constants: new Map(),
  applied: new Set(),
  alone: { generic: new Map(), counted: new Map() },
});

export interface ElaborationOptions {
  /** Dims are symbols and undecidable conditions are unknown. */
  readonly generic?: "generic" | "every branch";
  /** Applications that may be repeated, of elaborations under the same options. */
  readonly templates?: Templates;
  /** The batch size where it is asked for as a number. */
  readonly batch?: number;
  readonly isFrozen?: (path: string) => boolean;
  /** Adds the input `valid`, bool[B]. */
  readonly padding?: "masked";
}

export function createElaboration(session: Session, options: ElaborationOptions = {}): Elaboration {
  const builder = createGraphBuilder();
  return {
    ...session,
    evaluate: evaluateExpr,
    datasetMember,
    builder,
    generic: options.generic !== undefined,
    everyBranch: options.generic === "every branch",
    members: new Map(),
    updates: new Map(),
    draws: [],
    stacks: new Map(),
    lossSchedules: [],
    facts: [],
    taps: new Map(),
    isFrozen: options.isFrozen ?? (() => false),
    valid:
      options.padding === undefined
        ? null
        : builder.input("valid", { dtype: "bool", shape: [batchDim] }),
    recordAxis: batchDim,
    known: options.batch === undefined ? new Map() : new Map([[batchName, options.batch]]),
    ordinals: new Map(),
    applications: [],
    budget: { nodes: 0, effects: 0, open: 0 },
    lent: null,
    results: new Map(),
    templates: options.templates ?? new Map(),
  };
}

/** A frame at the top of a module, outside of any block. */
export const rootFrame = (elaboration: Elaboration, module: ModuleScope): Frame => ({
  elaboration,
  scope: createScope(null),
  module,
  path: "",
  training: false,
  sampling: false,
  unused: false,
  trail: [],
});
