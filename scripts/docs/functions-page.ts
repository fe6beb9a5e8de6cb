/** The page of the language's own functions, names and metrics. */

import { type BuiltinName, builtinFunctions } from "../../compiler/check/builtin-names.js";
import { scalarFunctions, scalarVariables } from "../../compiler/plan/scalar-words.js";
import { type Page, pageOf, prose, table } from "./markdown.js";
import { checkerSignature } from "./signatures.js";

const functions: Readonly<Record<BuiltinName, string>> = {
  average:
    "A loss: the mean of `v` over its records and axes, kept as a sum and a weight; padding, and elements where `mask` is false, do not count.",
  ratio:
    "A loss: sum(s) / max(sum(w), at_least) over all records and axes; `w` is of the shape of `s`, or one number for each element. Padding does not count.",
  unscale: "Undoes what `rescale` by that fit has done to a tensor: `unscale(x, Sim.range)`.",
  per_batch:
    "A loss from a value of the whole batch, `f32[]`: its mean over the batches of an update, where accumulating and sharding change what it means.",
  like: "`target` in the dtype of `logit`; an error unless both have exactly the same shape.",
  uniform_like:
    "Uniform random numbers in [0, 1) of the shape and dtype of `x`: a graph input that the runtime fills.",
  params:
    "How many learned numbers a block has, or a part of it (`Net.encoder`), the model of a train (`main.model`), or what learns in a stage (`main.tune.trainable`).",
  bytes: "Memory of the same weights; of a train, of all its state: weights, buffers and slots.",
  flops:
    "Floating-point operations: of a train, of one update of its largest stage; of a block, of one record.",
  steps: "The updates of all stages of a train together, where their lengths are in `steps`.",
  divides: "Whether `a` divides `b` without a remainder.",
  device_memory: 'The memory of one device by its name, such as `"H200"`.',
  peak_memory:
    "The most memory that one device needs at once: weights, buffers and slots, gradients, and what its share of a batch keeps alive, divided over the mesh `on` as the `shard` says; without `on`, on one device. With `device`, it is an error if that has less.",
  len: "The length of a list.",
  reverse: "A list from its end to its start.",
  unstack: "The slices of a tensor along an axis, as a list.",
  chunk: "A tensor cut along an axis into `n` equal parts, as a list.",
  whole: "Among the inputs of a `scan`: given to every step whole and not sliced.",
  size: "The number of elements of a tensor.",
  extent: "The length of one axis of a tensor.",
  rank: "The number of axes of a tensor.",
  constant: "Initial value: every element is `value`.",
  uniform: "Initial value: uniform in [-bound, bound).",
  normal: "Initial value: normal with mean 0 and the standard deviation `std`.",
  truncated_normal:
    "Initial value: normal with mean 0, drawn anew outside of two standard deviations.",
  kaiming_uniform:
    "Initial value: uniform with the bound sqrt(6 / ((1 + a²) fan)); `fan` is the fan-in unless given (He et al., 2015).",
  kaiming_normal:
    "Initial value: normal with the standard deviation sqrt(2 / ((1 + a²) fan)) (He et al., 2015).",
  xavier_uniform:
    "Initial value: uniform with the bound gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).",
  xavier_normal:
    "Initial value: normal with the standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).",
  orthogonal:
    "Initial value: the first axis against all others is a matrix of orthonormal rows, or columns where those are fewer, times `gain` (Saxe et al., 2013).",
};

const names: Readonly<Record<string, string>> = {
  none: "The absent value.",
  pi: "π.",
  inf: "Infinity.",
  training:
    "True where batch statistics and `<-` apply: in a training step, outside of frozen instances.",
  sampling: "True where random draws happen: in a training step, outside of frozen instances.",
};

export function functionsPage(root: string): Page {
  const code = (text: string): string => `\`${text}\``;
  return pageOf(
    "functions",
    "Functions and names",
    "what the language itself offers beside the library and the ops.",
    [
      "## Functions",
      "",
      ...table(
        ["function", "meaning"],
        builtinFunctions.map((name) => [code(checkerSignature(root, name)), functions[name]]),
      ),
      "",
      prose(
        "Besides, `floor(a / b)` and `ceil(a / b)` of integers and dims round a quotient that need not be exact.",
      ),
      "",
      "## Names",
      "",
      ...table(
        ["name", "meaning"],
        Object.entries(names).map(([name, meaning]) => [code(name), meaning]),
      ),
      "",
      "## Schedules",
      "",
      `The value of a \`schedule\` may use ${scalarVariables.map(code).join(", ")}, its settings and ${scalarFunctions.map(code).join(", ")}.`,
      "`base` is the value before the segment, `t` counts the updates since its start, `n` is its length, `u = t / n`.",
      "",
      "## Metrics",
      "",
      prose(
        "Metrics are written in the language (`saic:metrics`), but for two: `auroc` and `auprc` need all records of a split at once.",
      ),
      "",
      `- ${code(checkerSignature(root, "auroc"))}: the area under the ROC curve, ties counted half; \`within\` names a field, and the mean over its groups that hold both classes is taken.`,
      `- ${code(checkerSignature(root, "auprc"))}: the area under precision over recall in steps (average precision); \`within\` as above.`,
      "",
      "Losses can be named as metrics too (`val.loss`, `val.<name>`), and are better when smaller.",
    ],
  );
}
