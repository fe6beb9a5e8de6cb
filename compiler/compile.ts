/** The order up to graphs: text to AST, checks, graphs, gradients. `artifact.ts` goes on to ONNX. */

import type { TrainDecl, VariantDecl } from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import { noTrain, severalTrains } from "../grammar/diagnostics/program.js";
import { unknownName, variantOfAnother } from "../grammar/diagnostics/names.js";
import type { SourceFile } from "../grammar/source.js";
import { suggest } from "../grammar/suggest.js";
import { withoutAftermath } from "./check/aftermath.js";
import { checkSettled, checkUnusedBlocks } from "./check/alone.js";
import { checkBodies } from "./check/bodies.js";
import { createElaboration, createSession, rootFrame, type Session } from "./check/elaboration.js";
import { checkExpectations } from "./check/expectations.js";
import { readExports } from "./check/exports.js";
import type { Fact } from "./check/frame.js";
import { checkUnusedMetrics } from "./check/metric-alone.js";
import { checkPlacements } from "./check/placement/check.js";
import type { Placement } from "./check/placement/shard.js";
import { checkSweeps } from "./check/sweep.js";
import { type CheckedTrain, checkTrain, type Limits } from "./check/train.js";
import type { CompilerHost } from "./host.js";
import { checkGraphs } from "./lower/check-graphs.js";
import { withLayouts } from "./lower/layouts.js";
import { lowerTrain, type LoweredTrain } from "./lower/train.js";
import { loadProgram, type Program } from "./modules.js";
import { applyOverrides, type Override } from "./overrides.js";
import { applyVariant, findingsOf, findVariant, variantsIn } from "./variants.js";

export type { Limits };

export interface CompileOptions {
  /** Values for `param`s and members, from the command line. */
  readonly overrides: readonly Override[];
  /** Which train, where there are several. */
  readonly train: string | null;
  readonly limits?: Limits;
  /** A `variant` of the program, applied before the overrides. */
  readonly variant?: string | null;
  /** `all`: without a variant chosen, the others are checked too, and their findings added. */
  readonly variants?: "all" | "chosen";
  /** In how many micro-batches each batch of the loader is to be learned, one by default. */
  readonly parts?: number;
  /** `check`: no graphs are made, and `lowered` is `null`; the findings are the same. */
  readonly purpose?: "check" | "compile";
}

/** A program that has been checked as far as it goes. */
export interface Analysis {
  readonly program: Program;
  readonly diagnostics: readonly Diagnostic[];
  /** What is sound but cannot be executed by this version: errors of all that compiles or runs. */
  readonly uncarried: readonly Diagnostic[];
  /** Types of pieces of the text. */
  readonly facts: readonly Fact[];
  /** The chosen train as far as it is settled before graphs; `null` when wrong or missing. */
  readonly train: CheckedTrain | null;
  /** The train lowered to graphs; `null` when there are errors, no train, or only a check is asked. */
  readonly lowered: LoweredTrain | null;
  /** How the chosen train lies on the meshes that a `shard` puts it on. */
  readonly placements: readonly Placement[];
  /** The root module's text with overrides written in. */
  readonly resolvedText: string;
}

const hasErrors = (session: Session): boolean =>
  session.diagnostics.some(({ severity }) => severity === "error");

/** Checks a program completely: everything but writing files. */
export function analyze(source: SourceFile, host: CompilerHost, options: CompileOptions): Analysis {
  const loaded = loadProgram(source, host);
  const name = options.variant ?? null;
  if (name !== null) {
    const { variant, diagnostics } = findVariant(loaded, name);
    return analyzeLoaded({ loaded, variant, diagnostics }, host, options);
  }
  const base = analyzeLoaded({ loaded, variant: null, diagnostics: [] }, host, options);
  if (options.variants !== "all") return base;
  const found = variantsIn(loaded).flatMap((variant) => {
    const chosen = { ...options, train: null };
    const { diagnostics } = analyzeLoaded({ loaded, variant, diagnostics: [] }, host, chosen);
    return findingsOf(variant, diagnostics, base.diagnostics);
  });
  const wrong = found.some(({ severity }) => severity === "error");
  return {
    ...base,
    diagnostics: [...base.diagnostics, ...found],
    lowered: wrong ? null : base.lowered,
  };
}

/** A program as read, the variant of it that is meant, and what has been said of the choice. */
interface Chosen {
  readonly loaded: Program;
  readonly variant: VariantDecl | null;
  readonly diagnostics: readonly Diagnostic[];
}

function analyzeLoaded(chosen: Chosen, host: CompilerHost, options: CompileOptions): Analysis {
  const { loaded, variant } = chosen;
  const varied = variant === null ? null : applyVariant(loaded, variant);
  const { program, text, diagnostics } = applyOverrides(
    varied?.program ?? loaded,
    options.overrides,
    varied?.edits,
  );
  const session = createSession(
    host,
    [...loaded.diagnostics, ...chosen.diagnostics, ...(varied?.diagnostics ?? []), ...diagnostics],
    {
      figuresOf: (other, batch) => figuresOf(other, batch),
      groups: options.purpose === "check" ? "symbols" : "numbers",
    },
  );
  const elaboration = createElaboration(session);
  const frame = rootFrame(elaboration, program.root);
  const declaration = chooseTrain(program, session, options.train, variant);
  const checked = declaration === null ? null : checkTrain(frame, declaration, options.limits);
  const train = checked === null ? null : inParts(checked, options.parts ?? 1);
  const facts: Fact[] = [];
  const isCheck = options.purpose === "check";
  if (train !== null && isCheck) checkGraphs(session, program, train, facts);
  const lowered =
    train === null || isCheck ? null : lowerTrain(session, program, train, host, facts, text);
  const figures = new Map<TrainDecl, Map<number | undefined, LoweredTrain | null>>();
  if (declaration !== null && !isCheck) figures.set(declaration, new Map([[undefined, lowered]]));
  checkSettled(session, program, facts);
  readExports(frame, program);
  checkUnusedBlocks(session, program, facts);
  checkBodies(session, program);
  checkUnusedMetrics(session, program, facts);
  const placements = checkPlacements(session, program, declaration);
  checkSweeps(session, program);
  checkExpectations(session, program);
  return {
    program,
    diagnostics: withoutAftermath(session.diagnostics),
    uncarried: session.uncarried,
    facts,
    train,
    lowered:
      lowered === null || hasErrors(session)
        ? null
        : { ...lowered, plan: withLayouts(lowered.plan, placements) },
    placements,
    resolvedText: text,
  };

  /** Lowers a train that was not chosen, or with another batch, once. */
  function figuresOf(other: TrainDecl, batch?: number): LoweredTrain | null {
    const known = figures.get(other) ?? new Map<number | undefined, LoweredTrain | null>();
    figures.set(other, known);
    const earlier = known.get(batch);
    if (earlier !== undefined) return earlier;
    const apart: Session = { ...session, uncarried: [] };
    const checked = checkTrain(rootFrame(createElaboration(apart), program.root), other);
    const meant = checked === null || batch === undefined ? checked : withBatch(checked, batch);
    const found = meant === null ? null : lowerTrain(apart, program, meant, host, [], text);
    known.set(batch, found);
    return found;
  }
}

/** The same updates of micro-batches: as many times as small, and as many times as often. */
function inParts(train: CheckedTrain, parts: number): CheckedTrain {
  if (parts === 1) return train;
  const { program } = train.data;
  const loader = { ...program.loader, batch: program.loader.batch / parts, parts };
  const stages = train.stages.map((stage) => {
    const { updates } = stage.named;
    const accumulate = updates.accumulate * parts;
    return { ...stage, named: { ...stage.named, updates: { ...updates, accumulate } } };
  });
  return { ...train, stages, data: { ...train.data, program: { ...program, loader } } };
}

function withBatch(train: CheckedTrain, batch: number): CheckedTrain {
  const { program } = train.data;
  const loader = { ...program.loader, batch };
  return { ...train, data: { ...train.data, program: { ...program, loader } } };
}

function chooseTrain(
  program: Program,
  session: Session,
  asked: string | null,
  variant: VariantDecl | null,
): TrainDecl | null {
  if (variant !== null && asked !== null && asked !== variant.of.text) {
    const params = { name: variant.name.text, of: variant.of.text, train: asked };
    session.diagnostics.push(diagnose(variantOfAnother, params, null, { place: "--train" }));
    return null;
  }
  const name = asked ?? variant?.of.text ?? null;
  const trains = program.root.module.declarations.filter(
    (declaration): declaration is TrainDecl => declaration.kind === "train",
  );
  if (name === null) {
    const [first, second] = trains;
    if (second === undefined) return first ?? null;
    session.diagnostics.push(
      diagnose(severalTrains, { names: trains.map((train) => train.name.text) }, second.name.span),
    );
    return null;
  }
  const found = trains.find((train) => train.name.text === name);
  if (found !== undefined) return found;
  // A variant of nothing has been reported at its place.
  if (asked === null) return null;
  const suggestion = suggest(
    name,
    trains.map((train) => train.name.text),
  );
  session.diagnostics.push(diagnose(unknownName, { name, suggestion }, null, { place: "--train" }));
  return null;
}

/** The diagnostic of a program that was to be run but declares no train. */
export const noTrainIn = (source: SourceFile): Diagnostic =>
  diagnose(noTrain, { file: source.name }, null, { place: source.name });
