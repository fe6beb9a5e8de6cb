/** The compiler's whole order: text to AST, checks, graphs, gradients, passes, ONNX and plan. */

import type { TrainDecl } from "../grammar/ast.js";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import { noTrain, severalTrains } from "../grammar/diagnostics/program.js";
import { unknownName } from "../grammar/diagnostics/names.js";
import type { SourceFile } from "../grammar/source.js";
import { suggest } from "../grammar/suggest.js";
import { checkSettled, checkExpectations, checkUnusedBlocks } from "./check/alone.js";
import { createElaboration, createSession, rootFrame, type Session } from "./check/elaboration.js";
import type { Fact } from "./check/frame.js";
import { checkTrain, type Limits } from "./check/train.js";
import type { CompilerHost } from "./host.js";
import type { Graph } from "./ir/graph.js";
import { lowerTrain, type LoweredTrain } from "./lower/train.js";
import { loadProgram, type Program } from "./modules.js";
import { emitOnnx } from "./onnx/emit.js";
import type { Target } from "./ops/define.js";
import { applyOverrides, type Override } from "./overrides.js";
import { runPasses } from "./passes/pipeline.js";
import type { Plan } from "./plan/schema.js";
import { compilerVersion } from "./version.js";

export type { Limits };

export interface CompileOptions {
  /** Values for `param`s and members, from the command line. */
  readonly overrides: readonly Override[];
  /** Which train, where there are several. */
  readonly train: string | null;
  readonly limits?: Limits;
}

/** A program that has been checked as far as it goes. */
export interface Analysis {
  readonly program: Program;
  readonly diagnostics: readonly Diagnostic[];
  /** Types of pieces of the text. */
  readonly facts: readonly Fact[];
  /** The train lowered to graphs; `null` when there are errors or no train. */
  readonly lowered: LoweredTrain | null;
  /** The root module's text with overrides written in. */
  readonly resolvedText: string;
}

export interface Artifact {
  readonly plan: Plan;
  /** Bytes by path inside the artifact's folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly graphs: ReadonlyMap<string, Graph>;
}

const hasErrors = (session: Session): boolean =>
  session.diagnostics.some(({ severity }) => severity === "error");

/** Checks a program completely: everything but writing files. */
export function analyze(source: SourceFile, host: CompilerHost, options: CompileOptions): Analysis {
  const loaded = loadProgram(source, host);
  const { program, text, diagnostics } = applyOverrides(loaded, options.overrides);
  const session = createSession(host, [...loaded.diagnostics, ...diagnostics]);
  const elaboration = createElaboration(session);
  const frame = rootFrame(elaboration, program.root);
  const declaration = chooseTrain(program, session, options.train);
  const train = declaration === null ? null : checkTrain(frame, declaration, options.limits);
  const facts: Fact[] = [];
  const lowered = train === null ? null : lowerTrain(session, program, train, host, facts, text);
  checkSettled(session, program);
  checkUnusedBlocks(session, program, facts);
  checkExpectations(session, program);
  return {
    program,
    diagnostics: session.diagnostics,
    facts,
    lowered: hasErrors(session) ? null : lowered,
    resolvedText: text,
  };
}

function chooseTrain(program: Program, session: Session, name: string | null): TrainDecl | null {
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
  const suggestion = suggest(
    name,
    trains.map((train) => train.name.text),
  );
  session.diagnostics.push(diagnose(unknownName, { name, suggestion }, null, { place: "--train" }));
  return null;
}

/** Optimizes and writes the graphs of an analysis without errors. */
export function emitArtifact(lowered: LoweredTrain, device: Target["device"]): Artifact {
  const files = new Map<string, Uint8Array>();
  const graphs = new Map<string, Graph>();
  // Stages share their evaluation graph.
  const optimizedGraphs = new Map<Graph, Graph>();
  for (const [file, graph] of lowered.graphs) {
    const optimized = optimizedGraphs.get(graph) ?? runPasses(graph);
    optimizedGraphs.set(graph, optimized);
    const purpose = file === lowered.plan.infer.file ? "infer" : "train";
    const target: Target = { device, opset: lowered.plan.opset, purpose };
    graphs.set(file, optimized);
    files.set(file, emitOnnx(optimized, { target, producerVersion: compilerVersion }));
  }
  const encoder = new TextEncoder();
  files.set("plan.json", encoder.encode(`${JSON.stringify(lowered.plan, null, 1)}\n`));
  files.set("program.pipe", encoder.encode(lowered.programText));
  return { plan: lowered.plan, files, graphs };
}

/** The diagnostic of a program that was to be run but declares no train. */
export const noTrainIn = (source: SourceFile): Diagnostic =>
  diagnose(noTrain, { file: source.name }, null, { place: source.name });
