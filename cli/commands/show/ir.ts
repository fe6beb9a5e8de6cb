/** `saic show --what ir`: every graph after the passes. */

import { printGraph } from "../../../compiler/ir/print.js";
import { runPasses } from "../../../compiler/passes/pipeline.js";
import type { Shown, Subject } from "./subject.js";

/** Graphs by file, as text. */
export const ir: Subject = {
  name: "ir",
  about: "the optimized graphs",
  text: (shown) =>
    printed(shown)
      .map(([name, text]) => `// ${name}\n${text}`)
      .join("\n\n"),
  json: (shown) => Object.fromEntries(printed(shown)),
};

const printed = ({ lowered }: Shown): readonly (readonly [string, string])[] =>
  [...lowered.graphs].map(([name, graph]) => [name, printGraph(runPasses(graph))] as const);
