/** The page of the passes: what each does to a graph, with an example that a test runs. */

import { pipeline } from "../../compiler/passes/pipeline.js";
import { fenced, type Page, pageOf, prose } from "./markdown.js";

export const passesPage = (): Page =>
  pageOf("passes", "Passes", "what is done to a graph between its gradient and its ONNX file.", [
    "Passes run in this order after differentiation, and the graph is verified after each.",
    "Each computes the same outputs as before.",
    "Some run only where coarse ops are written out, and some only where they are calls of functions (`saic compile --functions keep`).",
    "Layout is that of the target: wherever bodies run, on the CPU, on CUDA and in exports, it is NCHW.",
    "",
    ...pipeline.flatMap(({ name, summary, functions, example }, i) => [
      `## ${i + 1}. \`${name}\``,
      "",
      prose(summary),
      ...(functions === undefined ? [] : [`It runs with \`--functions ${functions}\`.`]),
      "",
      "Before:",
      "",
      ...fenced("", example.before),
      "",
      "After:",
      "",
      ...fenced("", example.after),
      "",
    ]),
  ]);
