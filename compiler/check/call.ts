/** Calls and pipe steps: ops, functions, blocks, schedules, and the language's own functions. */

import type { ApplyStep, Argument, CallExpr, Expr, Step } from "../../grammar/ast.js";
import {
  divisionByZero,
  duplicateArgument,
  missingArgument,
  notCallable,
  tooManyArguments,
  unknownArgument,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import { settledAlready, unusedNoWeights } from "../../grammar/diagnostics/program.js";
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
import { each } from "./each.js";
import { applyEinops } from "./einops.js";
import { child, entered, evaluate, type Frame, mayEnter, report } from "./frame.js";
import { foldList, rangeBounds } from "./lists.js";
import { segmentOf } from "./members.js";
import { applyOp, attrValue, type Operand } from "./ops.js";
import { isKnown } from "./read.js";
import { recipeOf } from "./recipe.js";
import { repeat, type StepInput } from "./repeat.js";
import { scan } from "./scan.js";
import { scheduleCall } from "./schedules.js";
import { asDim, asNumber, describe, dimMeaning, intOf, type Meaning, unknown } from "./value.js";

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

export function applyStep(frame: Frame, step: Step, inputs: readonly StepInput[]): Meaning {
  if (step.kind === "repeat") {
    const base = snakeCase(nameOfCallee(step.body.callee));
    return repeat(frame, step, inputs, base, applyCopy);
  }
  if (step.kind === "each" || step.kind === "scan") {
    const base = segmentOf(frame, step.as) ?? snakeCase(nameOfCallee(step.body.callee));
    return step.kind === "each"
      ? each(frame, step, inputs, base, applyCopy)
      : scan(frame, step, inputs, base, applyCopy);
  }
  if (step.kind !== "apply")
    return applyEinops(
      frame,
      step,
      inputs.map(({ value, span }) => ({ meaning: value, span })),
    );
  const callee = evaluate(frame, step.callee);
  const call: CallSite = {
    callee: nameOfCallee(step.callee),
    inputs: inputs.map(({ name, value, span }) => ({ name, meaning: value, span })),
    args: step.args ?? [],
    span: step.span,
  };
  return (
    applyBlock(unusedWithin(frame, step, callee), step, callee, call) ??
    apply(frame, callee, call, step.callee.span)
  );
}

/** `unused Linear(4)`: the frame of the step; what owns no weights cannot be unused. */
function unusedWithin(frame: Frame, { unused, span, callee }: ApplyStep, found: Meaning): Frame {
  if (!unused) return frame;
  const isBlock =
    found.kind === "recipe" ||
    (found.kind === "definition" && found.definition.declaration.kind === "block");
  if (!isBlock && found.kind !== "unknown")
    report(frame, unusedNoWeights, { step: nameOfCallee(callee) }, span);
  return { ...frame, unused: true };
}

/** Applies a block; `null` when the callee is none. */
function applyBlock(
  frame: Frame,
  step: ApplyStep,
  callee: Meaning,
  call: CallSite,
): Meaning | null {
  const made = blockOf(frame, callee, call);
  if (made?.kind !== "recipe") return made;
  const { recipe } = made;
  const own = segmentOf(frame, step.as) ?? snakeCase(recipe.declaration.name.text);
  return applyRecipe(frame, recipe, call, recipe.shared ?? child(frame.path, own));
}

/** The block to be applied, with its settings; `unknown` after a report, `null` for no block. */
function blockOf(frame: Frame, callee: Meaning, call: CallSite): Meaning | null {
  if (callee.kind === "definition" && callee.definition.declaration.kind === "block") {
    const made = recipeOf(frame, callee.definition, { ...call, inputs: [] });
    if (made.kind !== "recipe") return unknown;
    return mayEnter(frame, made.recipe.declaration, call) ? made : unknown;
  }
  if (callee.kind !== "recipe") return null;
  const [argument] = call.args;
  if (argument === undefined) return callee;
  report(frame, settledAlready, { block: callee.recipe.declaration.name.text }, argument.span);
  return unknown;
}

/** One application of the body of `repeat`, `each` or `scan`, whose weights lie under `path`. */
function applyCopy(
  frame: Frame,
  body: ApplyStep,
  inputs: readonly StepInput[],
  path: string,
): Meaning {
  const callee = evaluate(frame, body.callee);
  const call: CallSite = {
    callee: nameOfCallee(body.callee),
    inputs: inputs.map(({ name, value, span }) => ({ name, meaning: value, span })),
    args: body.args ?? [],
    span: body.span,
  };
  const inner = unusedWithin(frame, body, callee);
  const made = blockOf(inner, callee, call);
  return made === null
    ? apply(frame, callee, call, body.callee.span)
    : made.kind === "recipe"
      ? applyRecipe(inner, made.recipe, call, made.recipe.shared ?? path)
      : unknown;
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
  const given = new Set<string>();
  let filled = 0;
  let fits = true;
  let decided = true;

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
    // `slice(1 .., axis: 1)`: a range fills both ends.
    if (name === null && value.kind === "range" && "from" in op.attrs && "to" in op.attrs) {
      const range = evaluate(frame, value);
      const bounds = range.kind === "range" ? rangeBounds(frame, range, value.span) : null;
      given.add("from").add("to");
      decided &&= bounds !== null;
      if (bounds === null) continue;
      attrs["from"] = bounds.from;
      if (bounds.to !== null) attrs["to"] = bounds.to;
      spans.set("from", value.span).set("to", value.span);
      continue;
    }
    if (
      name === null ? filled < limit && attrsBegin(op, call, filled) : inputNames.includes(name)
    ) {
      giveInput(name, { meaning: evaluate(frame, value), span: value.span });
      continue;
    }
    const key = name ?? attrNames.find((candidate) => !given.has(candidate)) ?? null;
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
    // `reshape(B, C * H * W)`: what follows is the shape.
    const isExtent = name === null && kind.kind === "shape" && meaning.kind !== "list";
    if (!isExtent) given.add(key);
    if (!isKnown(meaning)) {
      decided = false;
      continue;
    }
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
    if (isExtent) dims.push(read);
    else attrs[key] = read;
  }
  if (!fits) return unknown;
  if (dims.length > 0) {
    const key = attrNames.find((candidate) => op.attrs[candidate]?.kind === "shape") ?? "";
    attrs[key] = dims.map((dim) => (typeof dim === "object" && "terms" in dim ? dim : Number(dim)));
  }
  const listed =
    op.variadic === undefined ? inputNames.flatMap((name) => operands.get(name) ?? []) : variadic;
  const folded = foldList(frame, op.name, listed, Object.keys(attrs), call.span);
  if (folded !== null) return folded;
  const missing =
    op.variadic === undefined ? inputNames.find((name) => !operands.has(name)) : undefined;
  if (missing !== undefined) {
    report(frame, missingArgument, { callee: call.callee, name: missing }, call.span);
    return unknown;
  }
  if (!decided) return unknown;
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
