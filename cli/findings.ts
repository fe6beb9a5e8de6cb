/** The formats in which `saic check` prints findings for tools. */

import type { Diagnostic } from "../grammar/diagnostic.js";
import { diagnosticJson } from "../grammar/render.js";
import { githubCommands } from "./github.js";
import { sarifLog } from "./sarif.js";

/** Formats in which a failure is printed as a finding too. */
export const toolFormats = ["json", "sarif", "github"] as const;
export type ToolFormat = (typeof toolFormats)[number];

/** The whole of standard output: a JSON array, a SARIF log, or one workflow command a line. */
export function findingsText(format: ToolFormat, diagnostics: readonly Diagnostic[]): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(diagnostics.map(diagnosticJson), null, 2)}\n`;
    case "sarif":
      return `${JSON.stringify(sarifLog(diagnostics), null, 2)}\n`;
    case "github":
      return githubCommands(diagnostics);
  }
}
