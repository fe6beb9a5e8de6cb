/** Diagnostics as workflow commands of GitHub Actions, which become annotations of a change. */

import type { Diagnostic } from "../grammar/diagnostic.js";
import { diagnosticJson } from "../grammar/render.js";
import { isFile } from "./sarif.js";

/** One `::error …::message` or `::warning …::message` a line; the hint is part of the message. */
export const githubCommands = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map((each) => `${command(each)}\n`).join("");

function command(diagnostic: Diagnostic): string {
  const { code, severity, message, hint, file, line, column, endLine, endColumn, place } =
    diagnosticJson(diagnostic);
  const inFile = file !== null && isFile(file);
  const properties: readonly (readonly [string, string | number | null])[] = inFile
    ? [
        ["file", file],
        ["line", line],
        ["endLine", endLine],
        // GitHub refuses columns of a stretch over several lines.
        ["col", line === endLine ? column : null],
        ["endColumn", line === endLine ? endColumn : null],
        ["title", code],
      ]
    : [["title", code]];
  const given = properties.flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${escapedProperty(String(value))}`],
  );
  const where = inFile ? null : (file ?? place);
  const text = [
    where === null ? message : `${where}: ${message}`,
    ...(hint === null ? [] : [`hint: ${hint}`]),
  ].join("\n");
  return `::${severity} ${given.join(",")}::${escapedData(text)}`;
}

const escapedData = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

const escapedProperty = (text: string): string =>
  escapedData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
