/** The programs in the documentation: blocks that begin with `pipe`, and what the checker says of them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHost, packageRoot } from "../../cli/host.js";
import { type Analysis, analyze } from "../../compiler/compile.js";
import type { CompilerHost } from "../../compiler/host.js";
import { lintProgram } from "../../compiler/lint/lint.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { createSource } from "../../grammar/source.js";
import { type FencedBlock, fencedBlocks } from "./markdown-blocks.js";

export const readDocument = (path: string): string => readFileSync(join(packageRoot, path), "utf8");

/** The tour's programs with a file name can be imported by the others. */
const importable = new Map(
  fencedBlocks(readDocument("docs/tour.md")).flatMap((block) => {
    const name = fileOf(block);
    return name === null ? [] : [[name, createSource(name, block.text)] as const];
  }),
);

/** What the checker says of a program. */
export function diagnosticsOf(block: FencedBlock): readonly Diagnostic[] {
  const { diagnostics, uncarried } = analysisOf(block, withTour());
  return [...diagnostics, ...uncarried];
}

/** What the linter says of a program. */
export function lintFindingsOf(block: FencedBlock): readonly Diagnostic[] {
  const host = withTour();
  return lintProgram(analysisOf(block, host), host);
}

/** The host of the command line, which also knows the tour's files. */
function withTour(): CompilerHost {
  const host = createHost();
  return {
    ...host,
    readModule: (specifier, from) =>
      importable.get(specifier.replace(/^\.\//, "")) ?? host.readModule(specifier, from),
  };
}

function analysisOf(block: FencedBlock, host: CompilerHost): Analysis {
  const source = createSource(fileOf(block) ?? "example.pipe", block.text);
  return analyze(source, host, { overrides: [], train: null, variants: "all" });
}

/** `net.pipe` of a block that begins with `pipe file=net.pipe`. */
function fileOf({ words }: FencedBlock): string | null {
  return words.find((word) => word.startsWith("file="))?.slice("file=".length) ?? null;
}
