/** The language's own functions: what is neither an op nor written in the language. */

import type { Formal } from "../../grammar/ast.js";
import { wholeOutside } from "../../grammar/diagnostics/axes.js";
import { invariant } from "../../grammar/invariant.js";
import { shapesDiffer, wrongType } from "../../grammar/diagnostics/types.js";
import { type Dim, printDim, productOf, sameDim, sameShape, substitute } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import { isFloat, printType } from "../ir/type.js";
import { type Bound, bindArguments, type CallSite } from "./bind.js";
import type { BuiltinName } from "./builtin-names.js";
import { unscale } from "./data/unscale.js";
import { bytes, divides, flops, memoryOf, params, peakMemoryOf, steps } from "./estimates.js";
import { perBatch, ratio } from "./loss-functions.js";
import { type Frame, report } from "./frame.js";
import { chunked, unstacked } from "./lists.js";
import { signature } from "./signature.js";
import {
  dimMeaning,
  type InitRecipe,
  intOf,
  type Meaning,
  none,
  tensorOf,
  unknown,
  asNumber,
  describe,
} from "./value.js";

/** One function: its formals, and what it gives for them. */
type Builtin = { readonly formals: readonly Formal[] } & (
  | { readonly apply: (frame: Frame, args: ReadonlyMap<string, Bound>, call: CallSite) => Meaning }
  /** Reads its argument as it is written: a path that is no value. */
  | { readonly read: (frame: Frame, call: CallSite) => Meaning }
);

const init = (text: string, recipe: (args: ReadonlyMap<string, Bound>) => InitRecipe): Builtin => ({
  formals: signature(text),
  apply: (_frame, args) =>
    [...args.values()].some(({ meaning }) => meaning.kind === "unknown")
      ? unknown
      : { kind: "init", recipe: recipe(args) },
});

const number = (args: ReadonlyMap<string, Bound>, name: string): number => {
  const value = asNumber(args.get(name)?.meaning ?? none);
  invariant(value !== null, `\`${name}\` is a checked number`);
  return value;
};

const builtins: Readonly<Record<BuiltinName, Builtin>> = {
  average: { formals: signature("average(v, mask = none)"), apply: average },
  unscale: { formals: signature("unscale(x, range)"), apply: unscale },
  ratio: { formals: signature("ratio(s, w, at_least: float = 0)"), apply: ratio },
  per_batch: { formals: signature("per_batch(v)"), apply: perBatch },
  like: { formals: signature("like(target, logit)"), apply: like },
  uniform_like: { formals: signature("uniform_like(x)"), apply: uniformLike },
  params: { formals: signature("params(model)"), read: params },
  bytes: { formals: signature("bytes(model)"), read: bytes },
  flops: { formals: signature("flops(model)"), read: flops },
  steps: { formals: signature("steps(train)"), apply: steps },
  divides: { formals: signature("divides(a: int, b: int)"), apply: divides },
  device_memory: { formals: signature("device_memory(name: string)"), apply: memoryOf },
  peak_memory: {
    formals: signature("peak_memory(train, on = none, device: string | none = none)"),
    apply: peakMemoryOf,
  },
  len: { formals: signature("len(items)"), apply: length },
  reverse: { formals: signature("reverse(items)"), apply: reversed },
  unstack: {
    formals: signature("unstack(x, axis: int = 0)"),
    apply: (frame, args, call) => {
      const x = tensorMeaning(frame, args, "x", "unstack");
      return x === null ? unknown : unstacked(frame, x, number(args, "axis"), call.span);
    },
  },
  chunk: {
    formals: signature("chunk(x, n: int, axis: int = -1)"),
    apply: (frame, args, call) => {
      const x = tensorMeaning(frame, args, "x", "chunk");
      if (x === null || args.get("n")?.meaning.kind !== "int") return unknown;
      return chunked(frame, x, number(args, "n"), number(args, "axis"), call.span);
    },
  },
  whole: { formals: signature("whole(x)"), apply: whole },
  size: { formals: signature("size(x)"), apply: size },
  extent: { formals: signature("extent(x, axis: int)"), apply: extent },
  rank: { formals: signature("rank(x)"), apply: rank },
  constant: init("constant(value: float)", (a) => ({
    kind: "constant",
    value: number(a, "value"),
  })),
  uniform: init("uniform(bound: float)", (a) => ({ kind: "uniform", bound: number(a, "bound") })),
  normal: init("normal(std: float)", (a) => ({ kind: "normal", std: number(a, "std") })),
  truncated_normal: init("truncated_normal(std: float)", (a) => ({
    kind: "truncated_normal",
    std: number(a, "std"),
  })),
  kaiming_uniform: init(
    "kaiming_uniform(a: float = 0, fan: dim | none = none, mode: fan_in | fan_out = fan_in)",
    kaiming("kaiming_uniform"),
  ),
  kaiming_normal: init(
    "kaiming_normal(mode: fan_in | fan_out = fan_in, a: float = 0)",
    kaiming("kaiming_normal"),
  ),
  xavier_uniform: init("xavier_uniform(gain: float = 1)", (a) => ({
    kind: "xavier_uniform",
    gain: number(a, "gain"),
  })),
  xavier_normal: init("xavier_normal(gain: float = 1)", (a) => ({
    kind: "xavier_normal",
    gain: number(a, "gain"),
  })),
  orthogonal: init("orthogonal(gain: float = 1)", (a) => ({
    kind: "orthogonal",
    gain: number(a, "gain"),
  })),
};

function kaiming(kind: "kaiming_uniform" | "kaiming_normal") {
  return (args: ReadonlyMap<string, Bound>): InitRecipe => {
    const mode = args.get("mode")?.meaning;
    return {
      kind,
      a: number(args, "a"),
      mode: mode?.kind === "word" && mode.text === "fan_out" ? "fan_out" : "fan_in",
      fan: asNumber(args.get("fan")?.meaning ?? none),
    };
  };
}

export function callBuiltin(frame: Frame, name: BuiltinName, call: CallSite): Meaning {
  const builtin = builtins[name];
  if ("read" in builtin) return builtin.read(frame, call);
  const args = bindArguments(frame, frame, builtin.formals, call);
  return args === null ? unknown : builtin.apply(frame, args, call);
}

function tensorMeaning(
  frame: Frame,
  args: ReadonlyMap<string, Bound>,
  name: string,
  callee: string,
): Extract<Meaning, { kind: "tensor" }> | null {
  const bound = args.get(name);
  if (bound === undefined || bound.meaning.kind === "unknown") return null;
  if (bound.meaning.kind === "tensor") return bound.meaning;
  report(
    frame,
    wrongType,
    { what: `\`${name}\` of \`${callee}\``, expected: "a tensor", found: describe(bound.meaning) },
    bound.span,
  );
  return null;
}

const tensorArgument = (
  frame: Frame,
  args: ReadonlyMap<string, Bound>,
  name: string,
  callee: string,
): Value | null => tensorMeaning(frame, args, name, callee)?.value ?? null;

/**
 * The mean of `v` over records and whatever axes it has, as a loss: the sum and the count apart.
 * Records that are padding, and elements where `mask` is false, count for nothing.
 */
function average(frame: Frame, args: ReadonlyMap<string, Bound>, call: CallSite): Meaning {
  const value = tensorArgument(frame, args, "v", "average");
  if (value === null) return unknown;
  const { builder, recordAxis, valid } = frame.elaboration;
  if (!isFloat(value.type.dtype)) {
    report(
      frame,
      wrongType,
      { what: "`v` of `average`", expected: "a float tensor", found: printType(value.type) },
      call.span,
    );
    return unknown;
  }
  return builder.within({ span: call.span, scope: frame.path }, () => {
    const [first, ...rest] = value.type.shape;
    const perRecord = first !== undefined && recordAxis !== null && sameDim(first, recordAxis);
    let weights: Value | null = null;
    if (perRecord && valid !== null) {
      const column = builder.reshape(valid, [first, ...rest.map((): Dim => 1)]);
      weights = builder.emit("cast", [column], { dtype: value.type.dtype });
    }
    const maskArgument = args.get("mask");
    if (maskArgument !== undefined && maskArgument.meaning.kind !== "none") {
      const mask = tensorArgument(frame, args, "mask", "average");
      if (mask === null) return unknown;
      if (!sameShape(mask.type.shape, value.type.shape)) {
        report(
          frame,
          shapesDiffer,
          {
            what: "`mask` of `average`",
            expected: printType(value.type),
            found: printType(mask.type),
          },
          maskArgument.span,
        );
        return unknown;
      }
      const numeric =
        mask.type.dtype === value.type.dtype
          ? mask
          : builder.emit("cast", [mask], { dtype: value.type.dtype });
      weights = weights === null ? numeric : builder.mul(numeric, weights);
    }
    const all = { axes: value.type.shape.map((_, i) => i), keep: false };
    if (weights === null) {
      const count = substitute(productOf(value.type.shape), frame.elaboration.known);
      // Where types alone are checked the batch has no size, and the count is of no interest.
      const weight = builder.constant(typeof count === "number" ? count : 1, value.type.dtype);
      return lossOf(builder.sum(value, all), weight, call);
    }
    const weighted = builder.mul(value, weights);
    const spreadWeights = builder.expand(weights, value.type.shape);
    return lossOf(builder.sum(weighted, all), builder.sum(spreadWeights, all), call);
  });
}

const lossOf = (sum: Value, weight: Value, call: CallSite): Meaning => ({
  kind: "loss",
  loss: { constant: 0, terms: [{ coefficient: 1, atom: { sum, weight, span: call.span } }] },
});

/** `target` in the dtype of `logit`, of exactly its shape: labels never broadcast. */
function like(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const target = tensorArgument(frame, args, "target", "like");
  const logit = tensorArgument(frame, args, "logit", "like");
  if (target === null || logit === null) return unknown;
  if (!sameShape(target.type.shape, logit.type.shape)) {
    const span = args.get("target")?.span;
    invariant(span !== undefined, "`target` is bound");
    report(
      frame,
      shapesDiffer,
      {
        what: "the label",
        expected: `[${logit.type.shape.map(printDim).join(", ")}] of the logit`,
        found: printType(target.type),
      },
      span,
      [{ span, text: `this is ${printType(target.type)}` }],
    );
    return unknown;
  }
  const { dtype } = logit.type;
  if (target.type.dtype === dtype) return tensorOf(target);
  return tensorOf(frame.elaboration.builder.emit("cast", [target], { dtype }));
}

/** Uniform numbers in [0, 1) of x's shape and dtype: a graph input that the runtime fills. */
function uniformLike(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const x = tensorArgument(frame, args, "x", "uniform_like");
  if (x === null) return unknown;
  const { builder, draws, ordinals, recordAxis } = frame.elaboration;
  // The same in whatever order a scan runs its steps.
  const place = `${frame.path}${frame.scan?.mark ?? ""}`;
  const ordinal = ordinals.get(`draw:${place}`) ?? 0;
  ordinals.set(`draw:${place}`, ordinal + 1);
  const id = `${place}#${ordinal}`;
  const value = builder.input(`random:${id}`, x.type);
  const [first] = x.type.shape;
  const perRecord = first !== undefined && recordAxis !== null && sameDim(first, recordAxis);
  draws.push({ id, value, perRecord });
  return tensorOf(value);
}

/** Among the inputs of `scan` and `each` it is read by them, and never called. */
function whole(frame: Frame, _args: ReadonlyMap<string, Bound>, call: CallSite): Meaning {
  report(frame, wholeOutside, {}, call.span);
  return unknown;
}

function listArgument(
  frame: Frame,
  args: ReadonlyMap<string, Bound>,
  callee: string,
): readonly Meaning[] | null {
  const bound = args.get("items");
  if (bound === undefined || bound.meaning.kind === "unknown") return null;
  if (bound.meaning.kind === "list") return bound.meaning.items;
  const what = `\`items\` of \`${callee}\``;
  report(
    frame,
    wrongType,
    { what, expected: "a list", found: describe(bound.meaning) },
    bound.span,
  );
  return null;
}

function length(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const items = listArgument(frame, args, "len");
  return items === null ? unknown : intOf(items.length);
}

function reversed(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const items = listArgument(frame, args, "reverse");
  return items === null ? unknown : { kind: "list", items: items.toReversed() };
}

function size(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const x = tensorArgument(frame, args, "x", "size");
  return x === null ? unknown : dimMeaning(productOf(x.type.shape));
}

function rank(frame: Frame, args: ReadonlyMap<string, Bound>): Meaning {
  const x = tensorArgument(frame, args, "x", "rank");
  return x === null ? unknown : intOf(x.type.shape.length);
}

function extent(frame: Frame, args: ReadonlyMap<string, Bound>, call: CallSite): Meaning {
  const x = tensorArgument(frame, args, "x", "extent");
  if (x === null) return unknown;
  const axis = number(args, "axis");
  const dim = x.type.shape.at(axis);
  if (dim !== undefined) return dimMeaning(dim);
  report(
    frame,
    wrongType,
    {
      what: "`axis` of `extent`",
      expected: `an axis of ${printType(x.type)}`,
      found: String(axis),
    },
    call.span,
  );
  return unknown;
}
