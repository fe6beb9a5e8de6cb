/** Calls and pipe steps: ops, functions, blocks, schedules, and the language's own functions. */

import type { ApplyStep, Argument, CallExpr, Expr, RepeatStep, Step } from "../../grammar/ast.js";
import {
  divisionByZero,
  duplicateArgument,
  missingArgument,
  notCallable,
  tooManyArguments,
  unknownArgument,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import { tooDeep } from "../../grammar/diagnostics/program.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { ceilDivide, floorDivide } from "../ir/dim.js";
import type { Attrs, AttrValue } from "../ir/graph.js";
import type { Op } from "../ops/define.js";
import { bindArguments, type CallSite, scopeOf } from "./bind.js";
import { applyRecipe } from "./block.js";
import { callBuiltin } from "./builtins.js";
import { moduleFrame } from "./definitions.js";
import { evaluateBody } from "./destructure.js";
import { applyEinops } from "./einops.js";
import {
  bind,
  child,
  createScope,
  entered,
  evaluate,
  type Frame,
  mayEnter,
  report,
} from "./frame.js";
import { segmentOf } from "./members.js";
import { applyOp, attrValue, type Operand } from "./ops.js";
import { isKnown } from "./read.js";
import { recipeOf } from "./recipe.js";
import { scheduleCall } from "./schedules.js";
import {
  asDim,
  asNumber,
  describe,
  dimMeaning,
  intOf,
  type Meaning,
  type TupleItem,
  unknown,
} from "./value.js";

interface PipeInput {
  readonly name: string | null;
  readonly value: Meaning;
  readonly expr: Expr;
}

export function callExpression(frame: Frame, expr: CallExpr): Meaning {
  const rounded = roundedQuotient(frame, expr);
  if (rounded !== null) return rounded;
  const callee = evaluate(frame, expr.callee);
  const call: CallSite = {
    callee: nameOfCallee(expr.callee),
    inputs: [],
    args: expr.args,
    span: expr.span,
  };
  if (callee.kind === "definition" && callee.definition.declaration.kind === "block")
    return recipeOf(frame, callee.definition, call);
  return apply(frame, callee, call, expr.callee.span);
}

export function applyStep(frame: Frame, step: Step, inputs: readonly PipeInput[]): Meaning {
  if (step.kind === "repeat") return repeat(frame, step, inputs);
  if (step.kind === "rearrange" || step.kind === "einsum")
    return applyEinops(
      frame,
      step,
      inputs.map(({ value, expr }) => ({ meaning: value, span: expr.span })),
    );
  if (step.kind !== "apply") return unknown; // refused when the module was read
  const callee = evaluate(frame, step.callee);
  const call: CallSite = {
    callee: nameOfCallee(step.callee),
    inputs: inputs.map(({ name, value, expr }) => ({ name, meaning: value, span: expr.span })),
    args: step.args ?? [],
    span: step.span,
  };
  return (
    applyBlock(frame, step, callee, call, frame.path) ??
    apply(frame, callee, call, step.callee.span)
  );
}

/** Applies a block under `path`; `null` when the callee is no block. */
function applyBlock(
  frame: Frame,
  step: ApplyStep,
  callee: Meaning,
  call: CallSite,
  path: string,
): Meaning | null {
  if (callee.kind === "definition" && callee.definition.declaration.kind === "block") {
    const made = recipeOf(frame, callee.definition, { ...call, inputs: [] });
    if (made.kind !== "recipe") return unknown;
    if (!mayEnter(frame, made.recipe.declaration, call)) return unknown;
    const segment = segmentOf(frame, step.as) ?? snakeCase(made.recipe.declaration.name.text);
    return applyRecipe(frame, made.recipe, call, child(path, segment));
  }
  if (callee.kind !== "recipe") return null;
  const { recipe } = callee;
  const own = segmentOf(frame, step.as) ?? snakeCase(recipe.declaration.name.text);
  return applyRecipe(frame, recipe, call, recipe.shared ?? child(path, own));
}

/** The first input and output chain; further outputs become lists, one item per copy. */
function repeat(frame: Frame, step: RepeatStep, inputs: readonly PipeInput[]): Meaning {
  const indices = repeatIndices(frame, step);
  if (indices === null) return unknown;
  let current = inputs;
  const base = segmentOf(frame, step.as) ?? snakeCase(nameOfCallee(step.body.callee));
  let chained: Meaning = inputs[0]?.value ?? unknown;
  const copies: (readonly TupleItem[])[] = [];
  for (const [copy, index] of indices.entries()) {
    const scope = createScope(frame.scope);
    if (step.binder !== null)
      bind(scope, step.binder.name.text, intOf(index), step.binder.name.span);
    const inner: Frame = { ...frame, scope };
    const callee = evaluate(inner, step.body.callee);
    const call: CallSite = {
      callee: nameOfCallee(step.body.callee),
      inputs: current.map(({ name, value, expr }, i) => ({
        name,
        meaning: value,
        span: i === 0 && copy > 0 ? step.body.span : expr.span,
      })),
      args: step.body.args ?? [],
      span: step.body.span,
    };
    const path = child(child(frame.path, base), String(copy));
    const named = callee.kind === "definition" ? callee.definition : null;
    const isBlock = named?.declaration.kind === "block";
    if (isBlock && !mayEnter(frame, named.declaration, call)) return unknown;
    const made = isBlock ? recipeOf(inner, named, { ...call, inputs: [] }) : callee;
    const result =
      made.kind === "recipe"
        ? applyRecipe(inner, made.recipe, call, made.recipe.shared ?? path)
        : apply(inner, callee, call, step.body.callee.span);
    if (result.kind === "unknown") return unknown;
    const outputs = result.kind === "tuple" ? result.items : [{ name: null, value: result }];
    const first = at(outputs, 0).value;
    if (first.kind === "unknown") return unknown;
    chained = first;
    current = current.map((input, i) => (i === 0 ? { ...input, value: first } : input));
    copies.push(outputs);
  }
  const [head, ...further] = copies[0] ?? [];
  if (head === undefined || further.length === 0) return chained;
  const lists = further.map(({ name }, i): TupleItem => {
    const items = copies.map((outputs) => at(outputs, i + 1).value);
    return { name, value: { kind: "list", items } };
  });
  return { kind: "tuple", items: [{ name: head.name, value: chained }, ...lists] };
}

function repeatIndices(frame: Frame, step: RepeatStep): readonly number[] | null {
  const bound = (expr: Expr): number | null => {
    const meaning = evaluate(frame, expr);
    if (meaning.kind === "int" && meaning.value >= 0) return meaning.value;
    if (meaning.kind !== "unknown" && meaning.kind !== "dim")
      report(
        frame,
        wrongType,
        {
          what: "the count of `repeat`",
          expected: "a compile-time integer from 0 on",
          found: describe(meaning),
        },
        expr.span,
      );
    return null;
  };
  const from = step.binder === null ? 0 : bound(step.binder.range.from);
  const end = step.binder === null ? step.count : step.binder.range.to;
  const to = end === null ? null : bound(end);
  if (from === null || to === null) return null;
  if (to - from > 10_000) {
    report(frame, tooDeep, { limit: "10000 copies of a block" }, step.span);
    return null;
  }
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

function apply(frame: Frame, callee: Meaning, call: CallSite, span: Span): Meaning {
  switch (callee.kind) {
    case "unknown":
      // Arguments may hold mistakes of their own.
      for (const argument of call.args) evaluate(frame, argument.value);
      return unknown;
    case "op":
      return callOp(frame, callee.op, call);
    case "builtin":
      return callBuiltin(frame, callee.name, call);
    case "fn": {
      const home = moduleFrame(frame, callee.module);
      const bound = bindArguments(frame, home, callee.declaration.formals, call);
      if (!mayEnter(frame, callee.declaration, call)) return unknown;
      if (bound === null || [...bound.values()].some(({ meaning }) => meaning.kind === "unknown"))
        return unknown;
      return evaluateBody(
        {
          ...home,
          scope: scopeOf(home, bound),
          trail: entered(frame, callee.declaration, call.span),
        },
        callee.declaration.body,
      );
    }
    case "timeline":
      return scheduleCall(frame, callee.declaration, moduleFrame(frame, callee.module), call);
    default:
      report(frame, notCallable, { found: describe(callee) }, span);
      return unknown;
  }
}

/** Tensors fill the op's inputs, what follows its attributes; a shape takes all that is left. */
function callOp(frame: Frame, op: Op, call: CallSite): Meaning {
  const inputNames = Object.keys(op.inputs);
  const attrNames = Object.keys(op.attrs);
  const operands = new Map<string, Operand>();
  const variadic: Operand[] = [];
  const attrs: Record<string, AttrValue> = {};
  const spans = new Map<string, Span>();
  const dims: AttrValue[] = [];
  const limit = op.variadic === undefined ? inputNames.length : Infinity;
  let filled = 0;
  let fits = true;

  const giveInput = (name: string | null, operand: Operand): void => {
    filled++;
    if (op.variadic !== undefined) {
      const { meaning } = operand;
      if (meaning.kind === "list")
        variadic.push(...meaning.items.map((item) => ({ ...operand, meaning: item })));
      else variadic.push(operand);
      return;
    }
    const key = name ?? inputNames.find((candidate) => !operands.has(candidate));
    if (key === undefined || (name !== null && !inputNames.includes(name))) return refuse(operand);
    if (operands.has(key)) {
      fits = false;
      report(frame, duplicateArgument, { callee: call.callee, name: key }, operand.span);
    }
    operands.set(key, operand);
  };
  const refuse = ({ span }: Operand): void => {
    fits = false;
    const found = call.inputs.length + call.args.length;
    const expected = inputNames.length;
    report(frame, tooManyArguments, { callee: call.callee, expected, found }, span);
  };
  for (const input of call.inputs) giveInput(input.name, input);
  if (!fits) return unknown;
  for (const argument of call.args) {
    const { value } = argument;
    const name = argument.name?.text ?? null;
    if (
      name === null ? filled < limit && attrsBegin(op, call, filled) : inputNames.includes(name)
    ) {
      giveInput(name, { meaning: evaluate(frame, value), span: value.span });
      continue;
    }
    const key = name ?? attrNames.find((candidate) => !(candidate in attrs)) ?? null;
    const kind = key === null ? undefined : op.attrs[key];
    if (key === null || kind === undefined) {
      const known = [...inputNames, ...attrNames];
      report(
        frame,
        unknownArgument,
        {
          callee: call.callee,
          name: name ?? `argument ${filled + 1}`,
          suggestion: name === null ? null : suggest(name, known),
        },
        argument.span,
      );
      return unknown;
    }
    const meaning = attrMeaning(frame, kind.kind, value);
    if (!isKnown(meaning)) return unknown;
    const read = attrValue(meaning);
    if (read === null) {
      report(
        frame,
        wrongType,
        {
          what: `\`${key}\` of \`${call.callee}\``,
          expected: `a compile-time ${kind.kind}`,
          found: describe(meaning),
        },
        value.span,
      );
      return unknown;
    }
    spans.set(key, value.span);
    // `reshape(B, C * H * W)`: what follows is the shape.
    if (name === null && kind.kind === "shape" && meaning.kind !== "list") dims.push(read);
    else attrs[key] = read;
  }
  if (!fits) return unknown;
  if (dims.length > 0) {
    const key = attrNames.find((candidate) => op.attrs[candidate]?.kind === "shape") ?? "";
    attrs[key] = dims.map((dim) => (typeof dim === "object" && "terms" in dim ? dim : Number(dim)));
  }
  const listed =
    op.variadic === undefined ? inputNames.flatMap((name) => operands.get(name) ?? []) : variadic;
  const missing =
    op.variadic === undefined ? inputNames.find((name) => !operands.has(name)) : undefined;
  if (missing !== undefined) {
    report(frame, missingArgument, { callee: call.callee, name: missing }, call.span);
    return unknown;
  }
  return applyOp(frame, op.name, listed, attrs satisfies Attrs, call.span, spans);
}

/** A variadic op takes its positional arguments as inputs only when nothing is piped in. */
const attrsBegin = (op: Op, call: CallSite, filled: number): boolean =>
  op.variadic === undefined || call.inputs.length === 0 || filled < call.inputs.length;

function attrMeaning(frame: Frame, kind: string, value: Expr): Meaning {
  if ((kind === "choice" || kind === "dtype") && value.kind === "name")
    return { kind: "word", text: value.name };
  return evaluate(frame, value);
}

/** `floor(a / b)` and `ceil(a / b)` divide without asking for exactness. */
function roundedQuotient(frame: Frame, expr: CallExpr): Meaning | null {
  const { callee, args } = expr;
  const [argument] = args as readonly [Argument?];
  if (callee.kind !== "name" || (callee.name !== "floor" && callee.name !== "ceil")) return null;
  const quotient = argument?.value;
  if (args.length !== 1 || quotient?.kind !== "binary" || quotient.operator !== "/") return null;
  const left = evaluate(frame, quotient.left);
  const right = evaluate(frame, quotient.right);
  if (left.kind === "unknown" || right.kind === "unknown") return unknown;
  const [a, b] = [asDim(left), asDim(right)];
  if (a !== null && b !== null) {
    if (b !== 0) return dimMeaning(callee.name === "floor" ? floorDivide(a, b) : ceilDivide(a, b));
    report(frame, divisionByZero, {}, quotient.span);
    return unknown;
  }
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x === null || y === null) return null;
  return intOf(callee.name === "floor" ? Math.floor(x / y) : Math.ceil(x / y));
}

const nameOfCallee = (callee: Expr): string =>
  callee.kind === "name" ? callee.name : callee.kind === "member" ? callee.member.text : "this";

/** `BatchNorm2d` to `batch_norm2d`: the segment of a step that owns weights and has no name. */
const snakeCase = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
