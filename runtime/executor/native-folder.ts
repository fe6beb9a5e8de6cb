/** Where onnxruntime-node keeps its libraries for this machine. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Holds ONNX Runtime itself, and the providers that come with it or were fetched. Throws where the package is not installed. */
export function nativeFolder(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(dirname(entry)), "bin", "napi-v6", process.platform, process.arch);
}
