/** Where a run stands, in plain JSON: with the state, all that a process needs to continue it exactly. */

import { z } from "zod";
import { table } from "../metrics/table.js";

const count = z.number().int().min(0);
const values = z.record(z.string(), z.number());
/** Values of metrics; `null` where one is undefined. */
const metricValues = z.record(z.string(), z.number().nullable());

/** Metrics of several numbers. */
const tableValues = z.record(z.string(), table).default({});

/** One of the best checkpoints, best first. */
export const bestEntry = z.strictObject({
  value: z.number(),
  update: count,
  /** The stage whose `eval` graph measured it. */
  stage: count,
  /** The checkpoint's folder among its siblings. */
  folder: z.string(),
  metrics: metricValues,
  tables: tableValues,
});
export type BestEntry = z.infer<typeof bestEntry>;

/** Why a run ended early. */
export const stopped = z.strictObject({
  rule: z.literal("early_stop"),
  stage: z.string(),
  update: count,
  metric: z.string(),
  /** The best value, and the update that reached it; `null` where it was never defined. */
  best: z.number().nullable(),
  since: count,
});
export type Stopped = z.infer<typeof stopped>;

export const progress = z.strictObject({
  /** Updates made. */
  update: count,
  /** The stage of the next update; the number of stages when none is left. */
  stage: count,
  /** Where the next update's batch stands: pass over the training split, batch within it. */
  epoch: count,
  batch: count,
  /** Sum and weight of every loss atom over the current epoch. */
  sums: z.record(z.string(), z.tuple([z.number(), z.number()])),
  /** Means over the stage's last whole epoch; empty before its end. */
  epochLosses: values,
  /** Updates that were skipped, by stage. */
  skipped: z.array(count).default([]),
  /** Trainable parameters that have not changed since the stage began. */
  idle: z.array(z.string()),
  /** The update of the last validation; `null` before the first. */
  validatedAt: count.nullable(),
  /** The last validation's values. */
  validation: metricValues,
  tables: tableValues,
  best: z.array(bestEntry),
  /** The best so far by each metric that a stage starts from. */
  starts: z.record(z.string(), bestEntry).default({}),
  /** Folders of the checkpoints that stay, oldest first. */
  kept: z.array(z.string()).default([]),
  /** What `early_stop` of the current stage waits for: its best value, and the update of that. */
  patience: z.strictObject({ best: z.number().nullable(), since: count }).nullable().default(null),
  /** The rule that has ended the run before its last update. */
  stopped: stopped.nullable().default(null),
});
export type Progress = z.infer<typeof progress>;

/** Folders of checkpoints that something of the run refers to. */
export const foldersOf = ({ best, starts, kept }: Progress): readonly string[] => [
  ...best.map(({ folder }) => folder),
  ...Object.values(starts).map(({ folder }) => folder),
  ...kept,
];

/** A run that has not begun. */
export const noProgress: Progress = {
  update: 0,
  stage: 0,
  epoch: 0,
  batch: 0,
  sums: {},
  epochLosses: {},
  skipped: [],
  idle: [],
  validatedAt: null,
  validation: {},
  tables: {},
  best: [],
  starts: {},
  kept: [],
  patience: null,
  stopped: null,
};
