/** `saic show`: what the compiler knows of a program. */

import { Option } from "commander";
import { positionOf } from "../../grammar/source.js";
import { printType } from "../../compiler/ir/type.js";
import { printGraph } from "../../compiler/ir/print.js";
import type { Analysis } from "../../compiler/compile.js";
import type { StateEntry } from "../../compiler/plan/schema.js";
import { runPasses } from "../../compiler/passes/pipeline.js";
import { noTrainIn } from "../../compiler/compile.js";
import { exitCodes } from "../../runtime/fault.js";
import { printDiagnostics } from "../fail.js";
import { addProgramFlags, formatOption, openProgram, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

const subjects = ["params", "shapes", "ir", "program", "plan"] as const;

interface ShowFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly what: (typeof subjects)[number];
}

export const show: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("show"), argv, [
    new Option("--what <subject>", "what to show").choices(subjects).default("params"),
    formatOption("how to print"),
  ])
    .description("show parameters, shapes, graphs, the resolved program or the plan")
    .action((file: string, flags: ShowFlags) => {
      const { source, analysis, exitCode } = openProgram(file, flags);
      const { diagnostics, lowered } = analysis;
      const missing = lowered === null && exitCode === exitCodes.success;
      printDiagnostics(missing ? [...diagnostics, noTrainIn(source)] : diagnostics);
      if (lowered === null) {
        process.exitCode = missing ? exitCodes.findings : exitCode;
        return;
      }
      process.stdout.write(`${print(flags, analysis, lowered)}\n`);
    });
};

function print(
  flags: ShowFlags,
  analysis: Analysis,
  lowered: NonNullable<Analysis["lowered"]>,
): string {
  const json = (value: unknown): string => JSON.stringify(value, null, 2);
  switch (flags.what) {
    case "params": {
      const summary = parameterSummary(lowered.plan.train, lowered.plan);
      return flags.format === "json" ? json(summary) : parameterTable(summary);
    }
    case "shapes": {
      const facts = shapeFacts(analysis);
      return flags.format === "json"
        ? json(facts)
        : facts.map((fact) => `${fact.place.padEnd(40)} ${fact.type}`).join("\n");
    }
    case "ir": {
      const graphs = [...lowered.graphs].map(
        ([name, graph]) => [name, printGraph(runPasses(graph))] as const,
      );
      return flags.format === "json"
        ? json(Object.fromEntries(graphs))
        : graphs.map(([name, text]) => `// ${name}\n${text}`).join("\n\n");
    }
    case "program":
      return flags.format === "json"
        ? json({ program: lowered.programText })
        : lowered.programText.trimEnd();
    case "plan":
      return json(lowered.plan);
  }
}

interface ParameterSummary {
  readonly model: string;
  readonly total: number;
  readonly trainable: number;
  readonly parameters: readonly ParameterRow[];
  /** Parameters that losses own. */
  readonly loss: readonly ParameterRow[];
}

interface ParameterRow {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly count: number;
}

/** Parameters in the program's order; `trainable` counts those that learn in some stage. */
function parameterSummary(
  model: string,
  plan: NonNullable<Analysis["lowered"]>["plan"],
): ParameterSummary {
  const learning = new Set(plan.stages.flatMap((stage) => stage.trainable));
  const row = ({ path, shape, dtype }: StateEntry): ParameterRow => ({
    path,
    shape,
    dtype,
    count: shape.reduce((product, extent) => product * extent, 1),
  });
  const parameters = plan.state.filter((entry) => entry.role === "parameter");
  const rows = parameters.filter(({ path }) => path.startsWith("model.")).map(row);
  const count = (list: readonly ParameterRow[]): number =>
    list.reduce((sum, each) => sum + each.count, 0);
  return {
    model,
    total: count(rows),
    trainable: count(rows.filter(({ path }) => learning.has(path))),
    parameters: rows,
    loss: parameters.filter(({ path }) => path.startsWith("loss.")).map(row),
  };
}

function parameterTable(summary: ParameterSummary): string {
  const width = Math.max(...summary.parameters.map(({ path }) => path.length), 4);
  const rows = summary.parameters.map(
    ({ path, shape, dtype, count }) =>
      `${path.padEnd(width)}  ${printType({ dtype: dtype as StateEntry["dtype"], shape }).padEnd(22)} ${count.toLocaleString("en-US").padStart(12)}`,
  );
  const total = `${summary.total.toLocaleString("en-US")} parameters, ${summary.trainable.toLocaleString("en-US")} trainable`;
  return [...rows, total].join("\n");
}

function shapeFacts(
  analysis: Analysis,
): readonly { readonly place: string; readonly text: string; readonly type: string }[] {
  const seen = new Set<string>();
  return analysis.facts
    .filter(({ span }) => !span.source.name.startsWith("saic:"))
    .map(({ span, type }) => {
      const { line, column } = positionOf(span.source, span.end);
      const text = span.source.text.slice(span.start, span.end).split("\n").at(-1)?.trim() ?? "";
      return { place: `${span.source.name}:${line}:${column}`, text, type: printType(type) };
    })
    .filter((fact) => {
      const key = `${fact.place} ${fact.type}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}
