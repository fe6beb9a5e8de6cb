/** Faults that the tests must notice: one line each, with the tests that have to fail for it. */

export interface Mutant {
  /** What is wrong with it. */
  readonly fault: string;
  readonly file: string;
  /** A piece of text that stands in the file exactly once, and what replaces it. */
  readonly before: string;
  readonly after: string;
  /** The test file that must fail, and which of its tests are run: the start of their full names. */
  readonly test: string;
  readonly named: string;
}

export const mutants: readonly Mutant[] = [
  {
    fault: "the gradient of `sub` has the wrong sign",
    file: "compiler/ops/elementwise/sub.ts",
    before: "b: build.neg(dy)",
    after: "b: dy",
    test: "test/ops/registry.test.ts",
    named: "sub ",
  },
  {
    fault: "the gradient of `mean` is that of `sum`",
    file: "compiler/ops/reduce/mean.ts",
    before: "b.scale(dy, 1 / count)",
    after: "b.scale(dy, 1 / 1)",
    test: "test/ops/registry.test.ts",
    named: "mean ",
  },
  {
    fault: "a loss is the sum over the records, not their mean",
    file: "compiler/lower/stage.ts",
    before: "builder.scale(builder.div(source.sum, weight), coefficient)",
    after: "builder.scale(source.sum, coefficient)",
    test: "test/stdlib/training.test.ts",
    named: "a loss ",
  },
  {
    fault: "a gradient is not summed over the axes that were broadcast",
    file: "compiler/ops/kit/binary.ts",
    before: "b: b && build.sumTo(b, scope.b.type.shape)",
    after: "b",
    test: "test/ops/registry.test.ts",
    named: "add ",
  },
  {
    fault: "the cotangents of a value used twice are not added up",
    file: "compiler/autodiff/differentiate.ts",
    before: "sum === undefined ? part : b.add(sum, part)",
    after: "part",
    test: "test/autodiff/differentiate.test.ts",
    named: "gradients of programs adds up",
  },
  {
    fault: "the gradient of `relu` passes where its output is negative or zero",
    file: "compiler/ops/elementwise/relu.ts",
    before: "vjp: (b, { y, dy }) => b.reluGrad(dy, y)",
    after: "vjp: (_, { dy }) => dy",
    test: "test/ops/registry.test.ts",
    named: "relu ",
  },
  {
    fault: "the weight gradient of `conv` pads the left side by the top's amount",
    file: "compiler/ops/linear/conv-weight-grad-forms.ts",
    before: "o.ints([0, 0, top ?? 0, left ?? 0, 0, 0, bottom ?? 0, right ?? 0])",
    after: "o.ints([0, 0, left ?? 0, top ?? 0, 0, 0, bottom ?? 0, right ?? 0])",
    test: "test/ops/registry.test.ts",
    named: "conv_weight_grad ",
  },
  {
    fault: "the input gradient of `conv` forgets the stride",
    file: "compiler/ops/linear/conv.ts",
    before: 'x: b.emit("conv_input_grad", [dy, w], { ...attrs, height, width })',
    after: 'x: b.emit("conv_input_grad", [dy, w], { ...attrs, stride: [1, 1], height, width })',
    test: "test/ops/registry.test.ts",
    named: "conv ",
  },
  {
    fault: "AdamW averages gradients with the second beta",
    file: "stdlib/optimizers.pipe",
    before: "let m1 = betas[0] * m + (1 - betas[0]) * g",
    after: "let m1 = betas[1] * m + (1 - betas[1]) * g",
    test: "test/stdlib/training.test.ts",
    named: "adamw ",
  },
  {
    fault: "the running variance is the biased one",
    file: "stdlib/layers.pipe",
    before: "momentum * (1.0 * COUNT / (COUNT - 1)) * v",
    after: "momentum * v",
    test: "test/stdlib/training.test.ts",
    named: "batch normalization ",
  },
  {
    fault: "bias correction begins at step 0",
    file: "runtime/train/feeds.ts",
    before: "filled(input, sources.update - since.start - idle)",
    after: "filled(input, sources.update - since.start - idle - 1)",
    test: "test/runtime/feeds.test.ts",
    named: "a count ",
  },
  {
    fault: "a schedule is one update late",
    file: "runtime/schedule.ts",
    before: "const value = valueIn(schedule, update - 1);",
    after: "const value = valueIn(schedule, Math.max(0, update - 2));",
    test: "test/runtime/schedule.test.ts",
    named: "warmup ",
  },
  {
    fault: "every epoch has the order of the first",
    file: "runtime/data/open-dataset.ts",
    before: "permutation(orders[split], epoch, own.length)",
    after: "permutation(orders[split], 0, own.length)",
    test: "test/data/loader.test.ts",
    named: "training batches hold each record once",
  },
  {
    fault: "a resumed run has forgotten its best checkpoints",
    file: "runtime/train/run-training.ts",
    before: "return { state, progress, eventsBytes, resumedFrom: progress.update, report: null };",
    after:
      "return { state, progress: { ...progress, best: [] }, eventsBytes, resumedFrom: progress.update, report: null };",
    test: "test/runtime/best.test.ts",
    named: "the earliest ",
  },
  {
    fault: "a checkpoint forgets how many events were written before it",
    file: "runtime/train/run-training.ts",
    before: "eventsBytes: log.bytes()",
    after: "eventsBytes: 0",
    test: "test/runtime/resume.test.ts",
    named: "a crash after update 6",
  },
  {
    fault: "ties count for nothing in the area under the curve",
    file: "runtime/metrics/curves.ts",
    before: "tie.positives * (2 * below + tie.negatives)",
    after: "tie.positives * (2 * below)",
    test: "test/runtime/metrics.test.ts",
    named: "auroc by hand",
  },
];
