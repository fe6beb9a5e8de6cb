/** The catalogue of diagnostics: every kind of every phase, and how its messages read. */

import type { DiagnosticKind } from "./diagnostic.js";
import * as axes from "./diagnostics/axes.js";
import * as command from "./diagnostics/command.js";
import * as data from "./diagnostics/data.js";
import * as dataContent from "./diagnostics/data-content.js";
import * as dataFiles from "./diagnostics/data-files.js";
import * as dataset from "./diagnostics/dataset.js";
import * as einops from "./diagnostics/einops.js";
import * as lint from "./diagnostics/lint.js";
import * as loader from "./diagnostics/loader.js";
import * as metrics from "./diagnostics/metrics.js";
import * as names from "./diagnostics/names.js";
import * as placement from "./diagnostics/placement.js";
import * as program from "./diagnostics/program.js";
import * as run from "./diagnostics/run.js";
import * as shape from "./diagnostics/shape.js";
import * as syntax from "./diagnostics/syntax.js";
import * as training from "./diagnostics/training.js";
import * as types from "./diagnostics/types.js";
import * as use from "./diagnostics/use.js";
import * as weights from "./diagnostics/weights.js";

/** The kinds by the name of their file; a test compares the names with the folder. */
export const catalogue = {
  axes,
  command,
  data,
  "data-content": dataContent,
  "data-files": dataFiles,
  dataset,
  einops,
  lint,
  loader,
  metrics,
  names,
  placement,
  program,
  run,
  shape,
  syntax,
  training,
  types,
  use,
  weights,
} as const;

/** A kind of which only the description is used. */
export type CatalogueKind = DiagnosticKind<never>;

/** Every kind, by code. */
export const diagnosticKinds: readonly CatalogueKind[] = Object.values(catalogue)
  .flatMap((file) => Object.values<unknown>(file).filter(isKind))
  .toSorted((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0));

function isKind(value: unknown): value is CatalogueKind {
  return typeof value === "object" && value !== null && "code" in value && "explain" in value;
}

/** The message with `<name>` where a parameter stands, in the form for several things. */
export const messageShape = (kind: CatalogueKind): string =>
  `${kind.message(parameters as never)}`.replaceAll("Infinity", "<number>");

const parameters: unknown = new Proxy(
  {},
  { get: (_, name) => (typeof name === "string" ? blank(name) : undefined) },
);

/** Stands for a text, a number or a list: each part of it, and each result, is the blank again. */
function blank(name: string): unknown {
  return new Proxy(() => name, {
    apply: () => blank(name),
    get: (_, key) => {
      switch (key) {
        case Symbol.toPrimitive:
          return (hint: string) => (hint === "number" ? Infinity : `<${name}>`);
        case Symbol.iterator:
          return () => [blank(name)].values();
        case "map":
          return (each: (item: unknown) => unknown) => [each(blank(name))];
        default:
          return blank(name);
      }
    },
  });
}
