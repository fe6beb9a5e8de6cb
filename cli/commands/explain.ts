/** `saic explain`: what a diagnostic's code means. */

import { type CatalogueKind, diagnosticKinds, messageShape } from "../../grammar/catalogue.js";
import { suggest } from "../../grammar/suggest.js";
import { usage } from "../fail.js";
import { formatOption } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface ExplainFlags {
  readonly format: "text" | "json";
}

export const explain: CommandDefinition = (program) => {
  program
    .command("explain")
    .argument("[code]", "a diagnostic's code, such as shape/rank; without one, all are listed")
    .addOption(formatOption("how to print"))
    .description("explain a diagnostic's code, or list all codes")
    .action((code: string | undefined, { format }: ExplainFlags) => {
      process.stdout.write(code === undefined ? listing(format) : entry(kindOf(code), format));
    });
};

function kindOf(code: string): CatalogueKind {
  const found = diagnosticKinds.find((kind) => kind.code === code);
  if (found !== undefined) return found;
  const codes = diagnosticKinds.map((kind) => kind.code);
  // The part after the phase is what one remembers.
  const nearest = codes.find((known) => known.endsWith(`/${code}`)) ?? suggest(code, codes);
  throw usage(
    `there is no diagnostic \`${code}\``,
    nearest === null ? "`saic explain` lists all codes" : `did you mean \`${nearest}\`?`,
  );
}

const described = (kind: CatalogueKind): Readonly<Record<string, string>> => ({
  code: kind.code,
  severity: kind.severity,
  message: messageShape(kind),
  explanation: kind.explain,
});

function entry(kind: CatalogueKind, format: "text" | "json"): string {
  if (format === "json") return `${JSON.stringify(described(kind), null, 2)}\n`;
  return `${kind.severity}[${kind.code}]: ${messageShape(kind)}\n\n${kind.explain}\n`;
}

function listing(format: "text" | "json"): string {
  if (format === "json") return `${JSON.stringify(diagnosticKinds.map(described), null, 2)}\n`;
  const width = Math.max(...diagnosticKinds.map(({ code }) => code.length));
  return diagnosticKinds
    .map(
      (kind) => `${kind.code.padEnd(width)}  ${kind.severity.padEnd(7)}  ${messageShape(kind)}\n`,
    )
    .join("");
}
