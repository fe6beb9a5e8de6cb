/** Starts an elaboration: one graph, its symbols, and what is known of them. */

import type { BlockDecl, Declaration } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { CompilerHost } from "../host.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import { type Dim, namedDim } from "../ir/dim.js";
import type { ModuleScope } from "../modules.js";
import { evaluateExpr } from "./evaluate.js";
import { createScope, type Elaboration, type Frame } from "./frame.js";
import type { Meaning } from "./value.js";

/** What the elaborations of one program share. */
export interface Session {
  /** Makes a path written in a module absolute. */
  readonly resolvePath: CompilerHost["resolvePath"];
  readonly diagnostics: Diagnostic[];
  /** What is sound but cannot be executed by this version. */
  readonly uncarried: Diagnostic[];
  readonly constants: Map<Declaration, Meaning | null>;
  readonly applied: Set<BlockDecl>;
}

export const createSession = (
  host: CompilerHost,
  diagnostics: readonly Diagnostic[] = [],
  uncarried: readonly Diagnostic[] = [],
): Session => ({
  resolvePath: host.resolvePath,
  diagnostics: [...diagnostics],
  uncarried: [...uncarried],
  constants: new Map(),
  applied: new Set(),
});

/** The batch axis is a symbol in every elaboration, so that it never equals a number by chance. */
export const batchName = "B";
export const batchDim: Dim = namedDim(batchName);

export interface ElaborationOptions {
  /** Dims are symbols and undecidable conditions are unknown. */
  readonly generic?: "generic";
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
    builder,
    generic: options.generic !== undefined,
    members: new Map(),
    updates: new Map(),
    draws: [],
    facts: [],
    isFrozen: options.isFrozen ?? (() => false),
    valid:
      options.padding === undefined
        ? null
        : builder.input("valid", { dtype: "bool", shape: [batchDim] }),
    recordAxis: batchDim,
    known: options.batch === undefined ? new Map() : new Map([[batchName, options.batch]]),
    ordinals: new Map(),
    budget: { nodes: 0, applications: 0 },
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
  trail: [],
});
