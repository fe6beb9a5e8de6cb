/** The page of the diagnostics: every code with its severity and explanation. */

import * as command from "../../grammar/diagnostics/command.js";
import * as data from "../../grammar/diagnostics/data.js";
import * as names from "../../grammar/diagnostics/names.js";
import * as program from "../../grammar/diagnostics/program.js";
import * as run from "../../grammar/diagnostics/run.js";
import * as shape from "../../grammar/diagnostics/shape.js";
import * as syntax from "../../grammar/diagnostics/syntax.js";
import * as types from "../../grammar/diagnostics/types.js";
import { type Page, pageOf, prose, table } from "./markdown.js";

/** The catalogue by the name of its file; a test compares the names with the folder. */
export const catalogue = { command, data, names, program, run, shape, syntax, types } as const;

interface Kind {
  readonly code: string;
  readonly severity: string;
  readonly explain: string;
}

const isKind = (value: unknown): value is Kind =>
  typeof value === "object" && value !== null && "code" in value && "explain" in value;

export function diagnosticsPage(): Page {
  const kinds = Object.values(catalogue)
    .flatMap((file) => Object.values<unknown>(file).filter(isKind))
    .toSorted((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0));
  const phases = [...new Set(kinds.map(({ code }) => phaseOf(code)))];
  return pageOf("diagnostics", "Diagnostics", "every code that the commands print, explained.", [
    "Every message carries a stable code, `phase/what`.",
    "Errors stop a command; warnings do not.",
    "",
    `There are ${kinds.length} codes.`,
    "",
    ...phases.flatMap((phase) => [
      `- \`${phase}\`: ${kinds.filter(({ code }) => phaseOf(code) === phase).length}`,
    ]),
    "",
    ...phases.flatMap((phase) => {
      const own = kinds.filter(({ code }) => phaseOf(code) === phase);
      return [
        `## ${phase}`,
        "",
        ...table(
          ["code", "severity", "explanation"],
          own.map(({ code, severity, explain }) => [`\`${code}\``, severity, prose(explain)]),
        ),
        "",
      ];
    }),
  ]);
}

const phaseOf = (code: string): string => code.split("/", 1)[0] ?? code;
