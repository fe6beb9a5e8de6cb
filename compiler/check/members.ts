/** Weights and states of a block instance: their types, paths and initial values. */

import type { Owned, TPath } from "../../grammar/ast.js";
import { pathTaken } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, productOf } from "../ir/dim.js";
import { isNumeric, printType, sameType, type TensorType } from "../ir/type.js";
import type { Initializer } from "../plan/schema.js";
import { givenAxes } from "./axes.js";
import {
  child,
  evaluate,
  type Frame,
  leavesOpen,
  type Member,
  report,
  userPlace,
} from "./frame.js";
import { typeOf } from "./ports.js";
import {
  asNumber,
  type AxisNames,
  describe,
  type InitRecipe,
  type Meaning,
  tensorOf,
  unknown,
} from "./value.js";

/** The segment an `as` path adds; `null` when there is none, empty for `as _`. */
export function segmentOf(frame: Frame, as: TPath | null): string | null {
  if (as === null) return null;
  const segments = as.segments.map(({ text, computed }) => {
    if (computed === null) return text === "_" ? "" : text;
    const meaning = evaluate(frame, computed);
    // Not known before the block is applied: apart from other segments by its text.
    if (meaning.kind === "unknown" || (meaning.kind === "dim" && leavesOpen(frame))) {
      const { source, start, end } = computed.span;
      return `${text}{${source.text.slice(start, end)}}`;
    }
    return text + (segmentText(frame, meaning, computed.span) ?? "");
  });
  return segments.filter((segment) => segment !== "").join(".");
}

/** What a computed part of a path reads as; `null` after a report where it is no such part. */
export function segmentText(frame: Frame, meaning: Meaning, span: Span): string | null {
  if (meaning.kind === "int") return String(meaning.value);
  if (meaning.kind === "string") return meaning.value;
  if (meaning.kind !== "unknown")
    report(
      frame,
      wrongType,
      { what: "a path segment", expected: "an integer or a string", found: describe(meaning) },
      span,
    );
  return null;
}

/** Creates a learned tensor or a state, or gives the one a shared instance already has. */
export function createMember(frame: Frame, node: Owned, run: readonly Dim[] | null): Meaning {
  const type = typeOf(frame, node.type, run);
  if (type === null) return unknown;
  const axes = givenAxes(node.type, type.shape.length);
  const path = child(frame.path, segmentOf(frame, node.as) ?? node.name.text);
  const { builder, members } = frame.elaboration;
  const known = members.get(path);
  if (known !== undefined) {
    if (known.owner === frame.path && known.span.start === node.span.start && frame.again === true)
      return madeBefore(frame, node, known, type, axes);
    // Within one instance the member is to blame, between two their steps are, once for all members.
    const within = known.owner === frame.path && known.span.start !== node.span.start;
    const { ordinals } = frame.elaboration;
    if (within || !ordinals.has(`taken:${frame.path}`))
      report(frame, pathTaken, { path }, (within ? null : callSpan(frame)) ?? node.span, [
        { span: known.span, text: "the first is declared here" },
      ]);
    ordinals.set(`taken:${frame.path}`, 1);
    return unknown;
  }
  // Where the batch has a size the others must have theirs; elsewhere symbols are as good.
  if (!isNumeric(type.shape) && frame.elaboration.known.size > 0) {
    const what = `the type of \`${node.name.text}\``;
    const expected = "of extents that are numbers";
    report(frame, wrongType, { what, expected, found: printType(type) }, node.type.span);
    return unknown;
  }
  const init = initializerOf(frame, node, type);
  const value = builder.input(path, type);
  members.set(path, {
    path,
    role: node.role === "weight" ? "weight" : "state",
    value,
    init,
    unused: node.role === "weight" && (node.unused || frame.unused),
    span: node.span,
    place: userPlace(frame, node.span),
    owner: frame.path,
  });
  return tensorOf(value, axes);
}

/**
 * What an earlier application of the same instance has created. In a scan a state has the value
 * that the step before has set, without its gradient: the meaning of a scan is unrolling.
 */
function madeBefore(
  frame: Frame,
  node: Owned,
  known: Member,
  type: TensorType,
  axes: AxisNames | undefined,
): Meaning {
  if (!sameType(known.value.type, type)) {
    const what = `the type of \`${node.name.text}\`, which several applications share,`;
    const expected = printType(known.value.type);
    report(frame, wrongType, { what, expected, found: printType(type) }, node.type.span);
    return unknown;
  }
  const { builder, updates } = frame.elaboration;
  const set = frame.scan === undefined ? undefined : updates.get(known.path);
  return tensorOf(set === undefined ? known.value : builder.emit("stop_gradient", [set]), axes);
}

const callSpan = (frame: Frame): Span | undefined => frame.trail.at(-1)?.span;

function initializerOf(frame: Frame, node: Owned, type: TensorType): Initializer | null {
  const meaning = evaluate(frame, node.value);
  const number = meaning.kind === "bool" ? Number(meaning.value) : asNumber(meaning);
  if (number !== null) return { kind: "constant", value: number };
  if (meaning.kind === "init") {
    const init = resolveInit(meaning.recipe, type.shape);
    if (init === null && isNumeric(type.shape)) {
      const what = `the initial value of \`${node.name.text}\``;
      const expected = `one that \`${printType(type)}\` has`;
      report(frame, wrongType, { what, expected, found: describe(meaning) }, node.value.span);
    }
    return init;
  }
  if (meaning.kind !== "unknown")
    report(
      frame,
      wrongType,
      {
        what: `the initial value of \`${node.name.text}\``,
        expected: "a number or an initializer",
        found: describe(meaning),
      },
      node.value.span,
    );
  return null;
}

/**
 * Fans as PyTorch counts them: fan_in = shape[1] * receptive field, fan_out = shape[0] * the same.
 * Kaiming: He et al. 2015; Xavier: Glorot and Bengio 2010; orthogonal: Saxe et al. 2013, of two axes
 * or more. `null` while a dim is a symbol.
 */
export function resolveInit(recipe: InitRecipe, shape: readonly Dim[]): Initializer | null {
  const [out, into, ...field] = shape;
  const receptive = productOf(field);
  const fan = (dim: Dim | undefined): number =>
    typeof dim === "number" && typeof receptive === "number" ? Math.max(1, dim * receptive) : NaN;
  const bounded = (bound: number): Initializer | null =>
    Number.isFinite(bound) ? { kind: "uniform", low: -bound, high: bound } : null;
  const spread = (std: number): Initializer | null =>
    Number.isFinite(std) ? { kind: "normal", mean: 0, std } : null;
  switch (recipe.kind) {
    case "constant":
      return { kind: "constant", value: recipe.value };
    case "uniform":
      return bounded(recipe.bound);
    case "normal":
    case "truncated_normal":
      return { kind: recipe.kind, mean: 0, std: recipe.std };
    case "kaiming_uniform":
    case "kaiming_normal": {
      const own = fan(recipe.mode === "fan_in" ? (into ?? out) : out);
      const shared = (1 + recipe.a ** 2) * (recipe.fan ?? own);
      return recipe.kind === "kaiming_uniform"
        ? bounded(Math.sqrt(6 / shared))
        : spread(Math.sqrt(2 / shared));
    }
    case "xavier_uniform":
    case "xavier_normal": {
      if (!isNumeric(shape)) return null;
      const both = fan(into) + fan(out);
      return recipe.kind === "xavier_uniform"
        ? bounded(recipe.gain * Math.sqrt(6 / both))
        : spread(recipe.gain * Math.sqrt(2 / both));
    }
    case "orthogonal":
      return isNumeric(shape) && shape.length >= 2
        ? { kind: "orthogonal", gain: recipe.gain }
        : null;
  }
}
