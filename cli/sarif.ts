/** Diagnostics as a SARIF 2.1.0 log, which code scanning and editors read. */

import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { compilerVersion } from "../compiler/version.js";
import { diagnosticKinds } from "../grammar/catalogue.js";
import type { Diagnostic } from "../grammar/diagnostic.js";
import { positionOf, type Span } from "../grammar/source.js";

/**
 * A log of one run. Its rules are the codes that occur, with the catalogue's explanations; columns
 * are UTF-16 units from 1 and end after the last character, as SARIF has them.
 */
export function sarifLog(diagnostics: readonly Diagnostic[]): unknown {
  const codes = [...new Set(diagnostics.map(({ code }) => code))];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "saic", version: compilerVersion, rules: codes.map(ruleOf) } },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map((each) => resultOf(each, codes.indexOf(each.code))),
      },
    ],
  };
}

/** Whether a source's name is a file, and not a flag or a module of the library. */
export const isFile = (name: string): boolean =>
  !name.startsWith("--") && !name.startsWith("saic:");

function ruleOf(code: string): unknown {
  const kind = diagnosticKinds.find((each) => each.code === code);
  return {
    id: code,
    ...(kind === undefined
      ? {}
      : {
          fullDescription: { text: kind.explain.replaceAll("`", "") },
          help: { text: kind.explain.replaceAll("`", ""), markdown: kind.explain },
          defaultConfiguration: { level: kind.severity },
        }),
  };
}

function resultOf(diagnostic: Diagnostic, ruleIndex: number): unknown {
  const { code, severity, message, hint, span, place, labels, fix } = diagnostic;
  const location =
    span === null ? (place === null ? null : { logicalLocations: [named(place)] }) : at(span);
  return {
    ruleId: code,
    ruleIndex,
    level: severity,
    message: { text: hint === null ? message : `${message}\nhint: ${hint}` },
    locations: location === null ? [] : [location],
    ...(labels.length === 0
      ? {}
      : {
          relatedLocations: labels.map((label, id) => ({
            id,
            ...at(label.span),
            message: { text: label.text },
          })),
        }),
    ...(fix === null || !isFile(fix.span.source.name)
      ? {}
      : {
          fixes: [
            {
              artifactChanges: [
                {
                  artifactLocation: artifact(fix.span.source.name),
                  replacements: [
                    { deletedRegion: region(fix.span), insertedContent: { text: fix.text } },
                  ],
                },
              ],
            },
          ],
        }),
  };
}

/** A place in a file, or what stands for one: a flag, or a module of the library. */
function at(span: Span): Record<string, unknown> {
  const { name } = span.source;
  return isFile(name)
    ? { physicalLocation: { artifactLocation: artifact(name), region: region(span) } }
    : { logicalLocations: [named(name)] };
}

const named = (place: string): unknown => ({ fullyQualifiedName: place });

/** A relative URI below the working directory, an absolute one elsewhere. */
const artifact = (name: string): unknown => ({
  uri: isAbsolute(name)
    ? pathToFileURL(name).href
    : name.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/"),
});

function region({ source, start, end }: Span): unknown {
  const from = positionOf(source, start);
  const to = positionOf(source, end);
  return {
    startLine: from.line,
    startColumn: from.column,
    endLine: to.line,
    endColumn: to.column,
  };
}
