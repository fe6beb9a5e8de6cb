/** Names of graph inputs and outputs, in one place. */

/** A checkpoint's key is the weight's path without the root instance. */
export const keyOf = (path: string): string => path.replace(/^model\./, "");

export const slotPath = (parameter: string, slot: string): string => `${parameter}/${slot}`;

export const nextName = (path: string): string => `next:${path}`;
export const gradientName = (path: string): string => `gradient:${path}`;
export const scheduleName = (name: string): string => `schedule:${name}`;
export const countName = (stage: number): string => `count:${stage}`;
export const sumName = (atom: string): string => `sum:${atom}`;
export const weightName = (atom: string): string => `weight:${atom}`;
export const totalName = (accumulator: string): string => `total:${accumulator}`;
export const resultName = (result: string): string => `result:${result}`;
