/** `plan.json`: everything the runtime needs beside the graphs. Both halves share this one schema. */

import { z } from "zod";
import { dataProgram } from "./data.js";
import { dtypeName } from "./transform-op.js";
import type { DatasetProgram } from "./dataset.js";
import { initializer, weightSource } from "./initial.js";
import { layout } from "./layout.js";
import { scalarExpr } from "./scalar.js";
import { planVersion } from "./version.js";

export type { Initializer } from "./initial.js";

const split = z.enum(["val", "test"]);
const shape = z.array(z.number().int().min(0));

/** A length of time; a percentage is of the stage it stands in. */
export const duration = z.strictObject({
  amount: z.number().min(0),
  unit: z.enum(["step", "epoch", "percent"]),
});
export type Duration = z.infer<typeof duration>;

/**
 * One tensor that outlives a step. `parameter`: learned; `buffer`: updated without a gradient;
 * `slot`: an optimizer's, of the parameter `of`; `average`: the moving average of the parameter or
 * buffer `of`.
 */
export const stateEntry = z.strictObject({
  path: z.string(),
  role: z.enum(["parameter", "buffer", "slot", "average"]),
  /** The key in checkpoint files: the path without `model.`. */
  key: z.string(),
  of: z.string().nullable(),
  dtype: dtypeName,
  shape,
  init: initializer,
  /** Where a rule of `init` takes the value from in place of `init`. */
  source: weightSource.optional(),
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
    /** What an accumulator came to over all batches (graph `closing`). */
    z.strictObject({ kind: z.literal("total"), accumulator: z.string() }),
    /** An atom's weight over all micro-batches of the update. */
    z.strictObject({ kind: z.literal("divisor"), atom: z.string() }),
    /** What this output of `grad` came to over the update's earlier micro-batches; 0 before. */
    z.strictObject({ kind: z.literal("so_far"), output: z.string() }),
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
    /** One batch's share of an accumulator. */
    z.strictObject({ kind: z.literal("total"), accumulator: z.string() }),
    /** What a metric comes to at the end (graph `closing`). */
    z.strictObject({ kind: z.literal("result"), result: z.string() }),
    /** The norm of all gradients of the update before they are clipped. */
    z.strictObject({ kind: z.literal("norm") }),
    /** A number that kernels take. */
    z.strictObject({ kind: z.literal("scalar") }),
    /** Any value of an update, in the order of computation (graph `debug`). */
    z.strictObject({
      kind: z.literal("value"),
      op: z.string(),
      scope: z.string(),
      place: z.string(),
    }),
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

/**
 * A named loss as a combination of atoms: constant + sum of coefficient * (sum / weight), where a
 * weight is no less than `atLeast`.
 */
export const lossTerm = z.strictObject({
  name: z.string(),
  constant: z.number(),
  terms: z.array(
    z.strictObject({
      coefficient: z.number(),
      atom: z.string(),
      atLeast: z.number().positive().optional(),
    }),
  ),
});
export type LossTerm = z.infer<typeof lossTerm>;

/** What a kernel reads or updates: a state tensor, or a parameter's gradient. */
const kernelTensor = z.strictObject({ kind: z.enum(["state", "gradient"]), path: z.string() });
export type KernelTensor = z.infer<typeof kernelTensor>;

/**
 * The elementwise updates of a stage as WebAssembly over a shared memory of 32-bit addresses. After
 * `grad` and `rest`, the calls bring all their state tensors up to date, in place and in any order.
 */
export const updateKernels = z.strictObject({
  /** The module, relative to the artifact's folder. */
  file: z.string(),
  /** The numbers that calls take, and the updates that have no elementwise form. */
  rest: graphSpec.nullable(),
  calls: z.array(
    z.strictObject({
      /** A function of the module: `(address of each tensor, length, scalars…) -> i32`. */
      kernel: z.string(),
      tensors: z.array(kernelTensor),
      /** Elements of each tensor; all are of f32. */
      length: z.number().int().min(0),
      /** Outputs of `rest`. */
      scalars: z.array(z.string()),
      /** The parameter of which the function tells, by 0 or 1, whether it changed. */
      watched: z.string(),
    }),
  ),
});
export type UpdateKernels = z.infer<typeof updateKernels>;

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
  /** Checkpoints that stay: all of them, or the latest so many. */
  every: z
    .strictObject({
      interval: duration,
      keep: z.union([z.number().int().min(1), z.literal("all")]),
    })
    .optional(),
});

/** What a metric keeps over the batches of a split: shares are added, or the least or largest kept. */
export const accumulator = z.strictObject({
  name: z.string(),
  reduction: z.enum(["sum", "min", "max"]),
  dtype: dtypeName,
  shape,
});
export type Accumulator = z.infer<typeof accumulator>;

export const metric = z.strictObject({
  split,
  /** `f1`; `ttd.detected` for a further result of `ttd`. */
  name: z.string(),
  measure: z.discriminatedUnion("kind", [
    /** An output of the graph `closing`; of a shape other than [] it is a table. */
    z.strictObject({ kind: z.literal("result"), result: z.string(), shape }),
    /**
     * Area under the ROC curve, ties counted half, or under the curve of precision over recall in
     * steps (average precision); `within`: averaged over groups with both classes.
     */
    z.strictObject({
      kind: z.enum(["auroc", "auprc"]),
      logits: z.string(),
      labels: z.string(),
      within: z.string().nullable(),
    }),
  ]),
  /** `null` when neither more nor less is better. */
  better: z.enum(["max", "min"]).nullable(),
  place: z.string(),
});
export type Metric = z.infer<typeof metric>;

/** What a split is measured by, beside its losses. */
export const measures = z.strictObject({
  metrics: z.array(metric),
  accumulators: z.array(accumulator),
  /** Metrics from what was accumulated, once per pass over a split; `null` where none needs it. */
  closing: graphSpec.nullable(),
});
export type Measures = z.infer<typeof measures>;

export const stage = z.strictObject({
  name: z.string(),
  duration,
  /** The split that it learns from, `train` where none is said. */
  split: z.enum(["train", "val"]).optional(),
  /** Parameters that learn in this stage. */
  trainable: z.array(z.string()),
  /** Slots made anew when this stage begins. */
  bornSlots: z.array(z.string()),
  /** Named losses; the one that is minimized is the last. */
  losses: z.array(lossTerm).min(1),
  graphs: z.strictObject({ step: graphSpec, grad: graphSpec, apply: graphSpec, eval: graphSpec }),
  /** `apply` in another form, for what can run it; absent where no update is elementwise. */
  kernels: updateKernels.optional(),
  /**
   * An update of several micro-batches. `weights` gives each one's weights of atoms. Then `grad`
   * runs on all of them, each adding to what the ones before came to, and `apply`; or `grad` on all
   * but the last and `step` on that one.
   */
  accumulate: z.strictObject({ batches: z.number().int().min(2), weights: graphSpec }).optional(),
  /** `step` and `eval` with every float value as an output, to find where numbers go wrong. */
  debug: z.strictObject({ step: graphSpec, eval: graphSpec }).optional(),
  /** Updates of a larger norm of the gradients leave all that learns as it was, and count for nothing. */
  skipAbove: z.number().positive().optional(),
  /** Averages that begin in this stage, with what they are averages of as it is then. */
  bornAverages: z.array(z.string()).optional(),
  /** Which weights are validated and tested, and written where this stage's are chosen. */
  weights: z.enum(["trained", "ema"]).optional(),
  /** Stops the run in this stage when a metric has not gained for so long. */
  earlyStop: z
    .strictObject({
      over: duration,
      metric: z.string(),
      better: z.enum(["max", "min"]),
      minDelta: z.number().min(0),
    })
    .optional(),
  /** In place of the plan's: its metrics and the stage's own. */
  measures: measures.optional(),
  validateEvery: duration.optional(),
  checkpoint: checkpointPolicy.optional(),
  /** Begins with the best weights that earlier stages measured, in place of the last. */
  start: z.strictObject({ metric: z.string(), better: z.enum(["max", "min"]) }).optional(),
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
  /** Stages in the range that it leaves out: meanwhile its time stands still. */
  without: z.array(z.number().int().min(0)).optional(),
  segments: z.array(
    z.strictObject({ over: z.union([duration, z.literal("rest")]), value: scalarExpr }),
  ),
});
export type Schedule = z.infer<typeof schedule>;

export const objective = z.strictObject({
  /** `test.auroc`, `val.loss`. */
  name: z.string(),
  comparison: z.enum([">=", "<=", ">", "<"]),
  target: z.number(),
  place: z.string(),
});
export type Objective = z.infer<typeof objective>;

/** A model that a finished run writes beside `model.onnx`. */
export const exported = z.strictObject({
  /** In the run's directory. */
  file: z.string(),
  /** `chosen`: the best where the train keeps one, else the last; `ema`: their moving averages. */
  weights: z.enum(["chosen", "last", "ema"]),
  /** How parameters are stored; what is computed with them is computed in f32. */
  precision: z.enum(["f32", "bf16", "f16"]),
  opset: z.number().int(),
  /** Raw records go in: what validation does to them is in the graph. */
  preprocess: z.boolean(),
  /** Weights as inputs; its draws are made inside the written model. */
  graph: graphSpec,
  place: z.string(),
});
export type Exported = z.infer<typeof exported>;

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
  ...measures.shape,
  objectives: z.array(objective),
  validateEvery: duration,
  checkpoint: checkpointPolicy,
  /** The least records that a micro-batch may come to when memory does not suffice. */
  onOutOfMemory: z.strictObject({ smallest: z.number().int().positive() }).optional(),
  precision: z.strictObject({ asked: z.string() }),
  /** Scalars for TensorBoard, in this folder; where it is empty, in the run's directory. */
  tensorboard: z.strictObject({ folder: z.string() }).optional(),
  /** The inference graph: weights as inputs, symbolic batch. */
  infer: graphSpec,
  /**
   * What `predict` gives, of batches of the plan's size; a symbol in an output's shape marks the
   * axis of records. Absent without `predict`.
   */
  predict: graphSpec.optional(),
  exports: z.array(exported),
  /** Bytes of all state. */
  stateBytes: z.number(),
  /** How the train lies on meshes, where a `shard` says. A runtime for one device refuses several. */
  layouts: z.array(layout).optional(),
});
/** A plan that the runtime carries out. */
export type ExecutablePlan = z.infer<typeof plan>;

/** A plan as compiled: its data may be of a form that the runtime refuses. */
export type Plan = Omit<ExecutablePlan, "data"> & { readonly data: DatasetProgram };

/** What a stage measures. */
export const measuresOf = (
  { metrics, accumulators, closing }: Measures,
  { measures: own }: Pick<Stage, "measures">,
): Measures => own ?? { metrics, accumulators, closing };

/** Reads a plan; the message names the first field that does not fit. */
export function parsePlan(
  json: unknown,
):
  | { readonly ok: true; readonly plan: ExecutablePlan }
  | { readonly ok: false; readonly message: string } {
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
