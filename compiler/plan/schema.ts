/** `plan.json`: everything the runtime needs beside the graphs. Both halves share this one schema. */

import { z } from "zod";
import { dataProgram, dtypeName } from "./data.js";
import { scalarExpr } from "./scalar.js";

/** A runtime refuses a newer major version. */
export const planVersion = { major: 1, minor: 0 } as const;

const split = z.enum(["val", "test"]);
const shape = z.array(z.number().int().min(0));

/** A length of time; a percentage is of the stage it stands in. */
export const duration = z.strictObject({
  amount: z.number().min(0),
  unit: z.enum(["step", "epoch", "percent"]),
});
export type Duration = z.infer<typeof duration>;

/** How a state tensor begins; random ones draw by (seed, path). */
export const initializer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), value: z.number() }),
  z.strictObject({ kind: z.literal("uniform"), low: z.number(), high: z.number() }),
  z.strictObject({ kind: z.literal("normal"), mean: z.number(), std: z.number() }),
  /** Normal, redrawn outside of two standard deviations. */
  z.strictObject({ kind: z.literal("truncated_normal"), mean: z.number(), std: z.number() }),
]);
export type Initializer = z.infer<typeof initializer>;

/**
 * One tensor that outlives a step. `parameter`: learned; `buffer`: updated without a gradient;
 * `slot`: an optimizer's, of the parameter `of`.
 */
export const stateEntry = z.strictObject({
  path: z.string(),
  role: z.enum(["parameter", "buffer", "slot"]),
  /** The key in checkpoint files: the path without `model.`. */
  key: z.string(),
  of: z.string().nullable(),
  dtype: dtypeName,
  shape,
  init: initializer,
  /** Parameters no loss reaches, kept for files of others. */
  unused: z.boolean(),
  place: z.string(),
});
export type StateEntry = z.infer<typeof stateEntry>;

/** What to feed for a graph input. */
export const graphInput = z.strictObject({
  name: z.string(),
  dtype: dtypeName,
  /** A string is a symbolic dim. */
  shape: z.array(z.union([z.number().int().min(0), z.string()])),
  feed: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("field"), field: z.string() }),
    /** bool[B]: which records are real and not padding. */
    z.strictObject({ kind: z.literal("valid") }),
    z.strictObject({ kind: z.literal("state"), path: z.string() }),
    /** The gradient of a parameter (graph `apply`). */
    z.strictObject({ kind: z.literal("gradient"), path: z.string() }),
    /** A schedule's value at this update. */
    z.strictObject({ kind: z.literal("schedule"), schedule: z.string() }),
    /** Updates since the slots born in stage `since` were made, counted from 1. */
    z.strictObject({ kind: z.literal("count"), since: z.number().int().min(0) }),
    /** Uniform numbers in [0, 1): by record when the first axis is the batch. */
    z.strictObject({ kind: z.literal("random"), draw: z.string(), perRecord: z.boolean() }),
  ]),
});
export type GraphInput = z.infer<typeof graphInput>;

/** What a graph output means. */
export const graphOutput = z.strictObject({
  name: z.string(),
  dtype: dtypeName,
  shape: z.array(z.union([z.number().int().min(0), z.string()])),
  meaning: z.discriminatedUnion("kind", [
    /** The sum and the weight of a loss's record terms; the loss is sum / weight. */
    z.strictObject({ kind: z.literal("sum"), atom: z.string() }),
    z.strictObject({ kind: z.literal("weight"), atom: z.string() }),
    z.strictObject({ kind: z.literal("state"), path: z.string() }),
    z.strictObject({ kind: z.literal("gradient"), path: z.string() }),
    /** A tensor some metric reads. */
    z.strictObject({ kind: z.literal("metric_input") }),
    /** An output of the model. */
    z.strictObject({ kind: z.literal("output") }),
  ]),
});
export type GraphOutput = z.infer<typeof graphOutput>;

export const graphSpec = z.strictObject({
  /** Relative to the artifact's folder. */
  file: z.string(),
  inputs: z.array(graphInput),
  outputs: z.array(graphOutput),
  /** Predicted peak memory of one run, inputs and outputs included. */
  peakBytes: z.number(),
  flops: z.number(),
});
export type GraphSpec = z.infer<typeof graphSpec>;

/** A named loss as a combination of atoms: constant + sum of coefficient * (sum / weight). */
export const lossTerm = z.strictObject({
  name: z.string(),
  constant: z.number(),
  terms: z.array(z.strictObject({ coefficient: z.number(), atom: z.string() })),
});
export type LossTerm = z.infer<typeof lossTerm>;

export const stage = z.strictObject({
  name: z.string(),
  duration,
  /** Parameters that learn in this stage. */
  trainable: z.array(z.string()),
  /** Slots made anew when this stage begins. */
  bornSlots: z.array(z.string()),
  /** Named losses; the one that is minimized is the last. */
  losses: z.array(lossTerm).min(1),
  graphs: z.strictObject({ step: graphSpec, grad: graphSpec, apply: graphSpec, eval: graphSpec }),
  /** Which schedule tree each scheduled input follows here. */
  schedules: z.array(z.string()),
});
export type Stage = z.infer<typeof stage>;

/** Segments in order; the last may take the `rest`. Before the first, the value is `base`. */
export const schedule = z.strictObject({
  name: z.string(),
  base: z.number(),
  /** Inclusive range of stages it spans. */
  stages: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
  segments: z.array(
    z.strictObject({ over: z.union([duration, z.literal("rest")]), value: scalarExpr }),
  ),
});
export type Schedule = z.infer<typeof schedule>;

export const metric = z.strictObject({
  split,
  name: z.string(),
  measure: z.discriminatedUnion("kind", [
    /** Share of records whose largest logit (or sign, for one logit) is the label. */
    z.strictObject({ kind: z.literal("accuracy"), logits: z.string(), labels: z.string() }),
    z.strictObject({
      kind: z.literal("f1"),
      logits: z.string(),
      labels: z.string(),
      /** On the probability. */
      threshold: z.number(),
    }),
    /** Area under the ROC curve, ties counted half; `within`: averaged over groups with both classes. */
    z.strictObject({
      kind: z.literal("auroc"),
      logits: z.string(),
      labels: z.string(),
      within: z.string().nullable(),
    }),
  ]),
  better: z.enum(["max", "min"]),
  place: z.string(),
});
export type Metric = z.infer<typeof metric>;

export const objective = z.strictObject({
  /** `test.auroc`, `val.loss`. */
  name: z.string(),
  comparison: z.enum([">=", "<=", ">", "<"]),
  target: z.number(),
  place: z.string(),
});
export type Objective = z.infer<typeof objective>;

export const checkpointPolicy = z.strictObject({
  last: z.strictObject({ every: duration }),
  /** Best by a metric (`val.auroc`) or loss (`val.loss`); chooses the weights that are tested. */
  best: z
    .strictObject({
      metric: z.string(),
      better: z.enum(["max", "min"]),
      keep: z.number().int().min(1),
    })
    .nullable(),
});

export const plan = z.strictObject({
  version: z.strictObject({ major: z.literal(1), minor: z.number().int() }),
  /** The train's name. */
  train: z.string(),
  /** SHA-256 of the resolved program, the standard library it uses and the compiler's version. */
  hash: z.string(),
  compiler: z.string(),
  seed: z.number().int(),
  opset: z.number().int(),
  batch: z.number().int().positive(),
  data: dataProgram,
  state: z.array(stateEntry),
  stages: z.array(stage).min(1),
  schedules: z.array(schedule),
  metrics: z.array(metric),
  objectives: z.array(objective),
  validateEvery: duration,
  checkpoint: checkpointPolicy,
  precision: z.strictObject({ asked: z.string() }),
  /** The inference graph: weights as inputs, symbolic batch. */
  infer: graphSpec,
  /** Bytes of all state. */
  stateBytes: z.number(),
});
export type Plan = z.infer<typeof plan>;

/** Reads a plan; the message names the first field that does not fit. */
export function parsePlan(
  json: unknown,
): { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly message: string } {
  const major = z.object({ version: z.object({ major: z.number() }) }).safeParse(json);
  if (major.success && major.data.version.major > planVersion.major)
    return {
      ok: false,
      message: `plan version ${major.data.version.major} is newer than this runtime's ${planVersion.major}`,
    };
  const parsed = plan.safeParse(json);
  if (parsed.success) return { ok: true, plan: parsed.data };
  const [issue] = parsed.error.issues;
  return {
    ok: false,
    message: `${issue?.path.join(".") ?? "plan"}: ${issue?.message ?? "invalid"}`,
  };
}
