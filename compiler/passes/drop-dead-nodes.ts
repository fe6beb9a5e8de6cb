/** Removes what nobody reads. */

import type { Pass } from "./pass.js";
import { withoutDeadNodes } from "./rebuild.js";

/** Graph inputs stay even when unused: they are the graph's contract with its caller. */
export const dropDeadNodes: Pass = {
  name: "drop-dead-nodes",
  summary: "Removes nodes none of whose outputs reach an output of the graph.",
  example: {
    before: `
graph @drop(%x: f32[4]) {
  %1 = exp(%x) : f32[4]
  %2 = neg(%1) : f32[4]
  %3 = neg(%x) : f32[4]
  return y = %3
}`,
    after: `
graph @drop(%x: f32[4]) {
  %1 = neg(%x) : f32[4]
  return y = %1
}`,
  },
  run: withoutDeadNodes,
};
