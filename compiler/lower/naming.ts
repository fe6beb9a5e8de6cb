/** Names of graph inputs and outputs, in one place. */

/** A checkpoint's key is the weight's path without the root instance. */
export const keyOf = (path: string): string => path.replace(/^model\./, "");

export const slotPath = (parameter: string, slot: string): string => `${parameter}/${slot}`;

export const averagePath = (path: string): string => `ema:${path}`;

export const nextName = (path: string): string => `next:${path}`;
export const gradientName = (path: string): string => `gradient:${path}`;
export const scheduleName = (name: string): string => `schedule:${name}`;
export const countName = (stage: number): string => `count:${stage}`;
export const sumName = (atom: string): string => `sum:${atom}`;
export const weightName = (atom: string): string => `weight:${atom}`;
export const totalName = (accumulator: string): string => `total:${accumulator}`;
export const resultName = (result: string): string => `result:${result}`;
/** Any value, in a graph that shows all. */
export const valueName = (index: number): string => `value:${index}`;
/** The weight of an atom over all micro-batches of an update. */
export const divisorName = (atom: string): string => `divisor:${atom}`;
/** What an output came to over the earlier micro-batches of an update. */
export const soFarName = (output: string): string => `so_far:${output}`;
/** The norm of all gradients of an update, before they are clipped. */
export const normName = "update:norm";
