/** The language's own names: functions that are neither ops nor written in it, constants, aliases. */

import type { Frame } from "./frame.js";
import { floatOf, type Meaning, none } from "./value.js";

export const builtinFunctions = [
  "average",
  "ratio",
  "unscale",
  "per_batch",
  "like",
  "uniform_like",
  "params",
  "bytes",
  "flops",
  "steps",
  "divides",
  "device_memory",
  "peak_memory",
  "len",
  "reverse",
  "unstack",
  "chunk",
  "whole",
  "size",
  "extent",
  "rank",
  "constant",
  "uniform",
  "normal",
  "truncated_normal",
  "kaiming_uniform",
  "kaiming_normal",
  "xavier_uniform",
  "xavier_normal",
  "orthogonal",
] as const;
export type BuiltinName = (typeof builtinFunctions)[number];

/** Other names of ops. */
export const opAliases: ReadonlyMap<string, string> = new Map([
  ["max", "maximum"],
  ["min", "minimum"],
]);

/** Names that stand for a value everywhere. */
export function constantNamed(frame: Frame, name: string): Meaning | null {
  switch (name) {
    case "none":
      return none;
    case "pi":
      return floatOf(Math.PI);
    case "inf":
      return floatOf(Infinity);
    case "training":
      return { kind: "bool", value: frame.training };
    case "sampling":
      return { kind: "bool", value: frame.sampling };
    default:
      return null;
  }
}
