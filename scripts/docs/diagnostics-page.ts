/** The page of the diagnostics: every code with its severity and explanation. */

import { diagnosticKinds as kinds } from "../../grammar/catalogue.js";
import { type Page, pageOf, prose, table } from "./markdown.js";

export function diagnosticsPage(): Page {
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
