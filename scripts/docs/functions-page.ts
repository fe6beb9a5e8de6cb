/** The page of the language's own functions, names, metrics, and the keys of a train. */

import { type BuiltinName, builtinFunctions } from "../../compiler/check/builtin-names.js";
import type { Metric } from "../../compiler/plan/schema.js";
import { scalarFunctions, scalarVariables } from "../../compiler/plan/scalar.js";
import { type Page, pageOf, prose, table } from "./markdown.js";
import { signatureNamed, signaturesIn } from "./signatures.js";

const functions: Readonly<Record<BuiltinName, string>> = {
  average:
    "A loss: the mean of `v` over its records and axes, kept as a sum and a weight; padding, and elements where `mask` is false, do not count.",
  like: "`target` in the dtype of `logit`; an error unless both have exactly the same shape.",
  uniform_like:
    "Uniform random numbers in [0, 1) of the shape and dtype of `x`: a graph input that the runtime fills.",
  params: "How many learned numbers a block has.",
  len: "The length of a list.",
  size: "The number of elements of a tensor.",
  extent: "The length of one axis of a tensor.",
  constant: "Initial value: every element is `value`.",
  uniform: "Initial value: uniform in [-bound, bound).",
  normal: "Initial value: normal with mean 0 and the standard deviation `std`.",
  truncated_normal:
    "Initial value: normal with mean 0, drawn anew outside of two standard deviations.",
  kaiming_uniform:
    "Initial value: uniform with the bound sqrt(6 / ((1 + a²) fan)); `fan` is the fan-in unless given (He et al., 2015).",
  kaiming_normal: "Initial value: normal with the standard deviation sqrt(2 / fan).",
  xavier_uniform:
    "Initial value: uniform with the bound sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).",
};

const names: Readonly<Record<string, string>> = {
  none: "The absent value.",
  pi: "π.",
  inf: "Infinity.",
  training:
    "True where batch statistics and `<-` apply: in a training step, outside of frozen instances.",
  sampling: "True where random draws happen: in a training step, outside of frozen instances.",
};

const measures: Readonly<Record<Metric["measure"]["kind"], string>> = {
  accuracy:
    "The share of records whose largest logit is the label; for logits of the label's own shape, whose sign is.",
  f1: "The harmonic mean of precision and recall; `threshold` is on the probability.",
  auroc:
    "The area under the ROC curve, ties counted half; `within` names a field, and the mean over its groups that hold both classes is taken.",
};

export function functionsPage(root: string): Page {
  const builtins = signaturesIn(root, "compiler/check/builtins.ts");
  const metrics = signaturesIn(root, "compiler/check/model.ts");
  const train = signaturesIn(root, "compiler/check/train.ts");
  const policies = signaturesIn(root, "compiler/check/policies.ts");
  const code = (text: string): string => `\`${text}\``;
  return pageOf(
    "functions",
    "Functions, names and keys",
    "what the language itself offers beside the library and the ops.",
    [
      "## Functions",
      "",
      ...table(
        ["function", "meaning"],
        builtinFunctions.map((name) => [code(signatureNamed(builtins, name)), functions[name]]),
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
      ...table(
        ["metric", "meaning"],
        Object.entries(measures).map(([name, meaning]) => [
          code(signatureNamed(metrics, name)),
          meaning,
        ]),
      ),
      "",
      "All three are better when larger.",
      "Losses can be named as metrics too (`val.loss`, `val.<name>`), and are better when smaller.",
      "",
      "## Keys of a train",
      "",
      ...trainKeys(signatureNamed(train, "train")).map((key) => `- ${code(key)}`),
      "",
      "A train also holds a `loss { }` and at least one `stage`, and may hold `metrics { }`, `metrics val { }`, `metrics test { }` and `objective` lines.",
      "",
      "`precision` other than `f32` is refused in this version.",
      "",
      "## Policies",
      "",
      ...["every", "last", "best"].map(
        (name) => `- ${code(signatureNamed(policies, name))}${policyUse[name] ?? ""}`,
      ),
    ],
  );
}

const policyUse: Readonly<Record<string, string>> = {
  every: ", the value of `validate`; without it, once per epoch",
  last: ", in `checkpoint`; without it, once per epoch",
  best: ", in `checkpoint`; `metric` is one of `val`, such as `val.accuracy`",
};

/** The formals between the parentheses: commas inside brackets do not occur. */
const trainKeys = (signature: string): readonly string[] =>
  signature.slice(signature.indexOf("(") + 1, -1).split(", ");
