/** What a pass is: a function from graphs to graphs that says what it does and shows it. */

import type { Graph } from "../ir/graph.js";

/** Whether coarse ops become calls of the model's own functions, or the nodes of their bodies. */
export type Functions = "inline" | "keep";

/** One step between differentiation and the ONNX file. It computes the same outputs. */
export interface Pass {
  readonly name: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** The only form of coarse ops that it is for; without it, both. */
  readonly functions?: Functions;
  /** A graph before and after, in printed IR; a test runs it. */
  readonly example: { readonly before: string; readonly after: string };
  readonly run: (graph: Graph) => Graph;
}
