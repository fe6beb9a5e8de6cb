/** `saic ops`: the tensor operations that the compiler knows by itself. */

import type { AttrKind, Op } from "../../compiler/ops/define.js";
import { ops as registry } from "../../compiler/ops/index.js";
import { formatOption } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface OpsFlags {
  readonly all?: true;
  readonly format: "text" | "json";
}

export const ops: CommandDefinition = (program) => {
  program
    .command("ops")
    .option("--all", "the ops that gradients and passes make too")
    .addOption(formatOption("how to print"))
    .description("list the ops: inputs, attributes, gradients, and why each is a primitive")
    .action((flags: OpsFlags) => {
      const shown = [...registry.values()].filter(
        ({ surface }) => flags.all === true || surface === "public",
      );
      process.stdout.write(
        flags.format === "json"
          ? `${JSON.stringify(shown.map(described), null, 2)}\n`
          : tableOf(shown),
      );
    });
};

function described(op: Op): unknown {
  return {
    name: op.name,
    surface: op.surface,
    summary: op.summary,
    inputs: Object.entries(op.inputs).map(([name, dtype]) => ({
      name,
      dtype,
      variadic: op.variadic === name,
    })),
    attributes: Object.entries(op.attrs).map(([name, { kind, fallback, length, choices }]) => ({
      name,
      kind,
      required: fallback === undefined,
      default: fallback ?? null,
      length: length ?? null,
      choices: choices ?? null,
    })),
    gradient: op.vjp !== null,
    functions: functionsOf(op),
    reason: op.reason,
  };
}

function tableOf(shown: readonly Op[]): string {
  const rows = [
    ["op", "inputs", "attributes", "gradient", "reason"],
    ...shown.map((op) => [
      op.name,
      inputsOf(op),
      Object.entries(op.attrs)
        .map(([name, kind]) => attribute(name, kind))
        .join(", "),
      op.vjp === null ? "no" : "yes",
      op.reason,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}\n`)
    .join("");
}

/** The functions of domain `saic` that its nodes may call. */
const functionsOf = ({ coarse }: Op): readonly string[] =>
  coarse === undefined ? [] : typeof coarse === "string" ? [coarse] : coarse.names;

const inputsOf = (op: Op): string =>
  Object.entries(op.inputs)
    .map(([name, dtype]) => `${name}${op.variadic === name ? "..." : ""}: ${dtype}`)
    .join(", ");

function attribute(name: string, { kind, fallback, length, choices }: AttrKind<unknown>): string {
  const type = `${choices?.join("|") ?? kind}${length === undefined ? "" : `[${length}]`}`;
  if (fallback === undefined) return `${name}: ${type}`;
  const all = kind === "axes" && Array.isArray(fallback) && fallback.length === 0;
  const value = typeof fallback === "string" ? fallback : JSON.stringify(fallback);
  return `${name}: ${type} = ${all ? "all" : value}`;
}
