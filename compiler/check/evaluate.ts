/** Expressions to meanings: compile-time values are computed, tensors become graph nodes. */

import type {
  Argument,
  ComprehensionExpr,
  ComputedMemberExpr,
  Expr,
  IfExpr,
  MemberExpr,
  PipeExpr,
  TypeNode,
} from "../../grammar/ast.js";
import { unknownMember, unknownName } from "../../grammar/diagnostics/names.js";
import { notConstant, wrongType } from "../../grammar/diagnostics/types.js";
import { assertNever } from "../../grammar/invariant.js";
import { suggest } from "../../grammar/suggest.js";
import { declaredIn } from "../modules.js";
import { ops } from "../ops/index.js";
import { builtinFunctions } from "./builtin-names.js";
import { applyStep, callExpression } from "./call.js";
import { definitionMeaning, memberOfDefinition } from "./definitions.js";
import { evaluateBody } from "./destructure.js";
import { bind, createScope, evaluate, type Frame, namesInSight, report } from "./frame.js";
import { indexed } from "./lists.js";
import { nameMeaning } from "./names.js";
import { binary, unary } from "./operators.js";
import type { StepInput } from "./repeat.js";
import { takesAnyWord, wordsOf } from "./settings.js";
import { tapAt } from "./taps.js";
import {
  boolOf,
  describe,
  floatOf,
  intOf,
  type Meaning,
  type TupleItem,
  unknown,
} from "./value.js";

/** The evaluator itself; everyone else calls it through the frame. */
export function evaluateExpr(frame: Frame, expr: Expr, expected: TypeNode | null): Meaning {
  switch (expr.kind) {
    case "number":
      return expr.integer ? intOf(expr.value) : floatOf(expr.value);
    case "quantity":
      return { kind: "quantity", value: expr.value, unit: expr.unit };
    case "string":
      return { kind: "string", value: expr.value };
    case "bool":
      return boolOf(expr.value);
    case "name":
      return named(frame, expr.name, expr, expected);
    case "member":
      return record(frame, expr, tapAt(frame, expr) ?? member(frame, expr));
    case "call":
      return record(frame, expr, callExpression(frame, expr));
    case "index":
      return indexed(frame, expr, evaluate(frame, expr.object), evaluate(frame, expr.index));
    case "unary":
      return unary(frame, expr.operator, evaluate(frame, expr.operand), expr);
    case "binary":
      return record(frame, expr, binary(frame, expr));
    case "range":
      return {
        kind: "range",
        from: evaluate(frame, expr.from),
        to: expr.to === null ? null : evaluate(frame, expr.to),
      };
    case "if":
      return choose(frame, expr, expected);
    case "list":
      return listOf(frame, expr.items, expected);
    case "comprehension":
      return comprehension(frame, expr, expected);
    case "tuple":
      return { kind: "tuple", items: expr.items.map((item) => tupleItem(frame, item)) };
    case "pipe":
      return record(frame, expr, applyStep(frame, expr.step, inputsOf(frame, expr)));
    case "computed-member":
      return record(frame, expr, tapAt(frame, expr) ?? computedMember(frame, expr));
    case "broken":
    case "spread":
      return unknown; // reported when the module was read
    default:
      return assertNever(expr);
  }
}

/** Items in order; `...items` brings in another list's. */
function listOf(frame: Frame, exprs: readonly Expr[], expected: TypeNode | null): Meaning {
  const items: Meaning[] = [];
  for (const expr of exprs) {
    if (expr.kind !== "spread") {
      items.push(listItem(frame, expr, expected));
      continue;
    }
    const spread = evaluate(frame, expr.value, expected);
    if (spread.kind === "unknown") return unknown;
    if (spread.kind !== "list") {
      const found = describe(spread);
      report(
        frame,
        wrongType,
        { what: "what `...` brings in", expected: "a list", found },
        expr.value.span,
      );
      return unknown;
    }
    items.push(...spread.items);
  }
  return { kind: "list", items };
}

/** `[for i in 0 .. n if c: value]`: one item per index of the range, or per item of a list. */
function comprehension(frame: Frame, expr: ComprehensionExpr, expected: TypeNode | null): Meaning {
  const over = itemsOf(frame, expr.range) ?? (frame.elaboration.everyBranch ? [unknown] : null);
  if (over === null) return unknown;
  const items: Meaning[] = [];
  for (const item of over) {
    const inner: Frame = { ...frame, scope: createScope(frame.scope) };
    bind(inner.scope, expr.name.text, item, expr.name.span);
    const kept = expr.condition === null ? boolOf(true) : evaluate(inner, expr.condition);
    if (kept.kind !== "bool") {
      if (kept.kind !== "unknown")
        report(
          frame,
          wrongType,
          { what: "a condition", expected: "`bool`", found: describe(kept) },
          expr.condition?.span ?? expr.span,
        );
      if (kept.kind === "unknown" && frame.elaboration.everyBranch)
        listItem(inner, expr.value, expected);
      return unknown;
    }
    if (kept.value) items.push(listItem(inner, expr.value, expected));
  }
  return { kind: "list", items };
}

/** What a comprehension runs over; `null` where that is not known, after a report where it is wrong. */
function itemsOf(frame: Frame, expr: Expr): readonly Meaning[] | null {
  const range = evaluate(frame, expr);
  if (range.kind === "list") return range.items;
  if (range.kind === "unknown") return null;
  const { from, to } = range.kind === "range" ? range : { from: range, to: null };
  if (
    range.kind === "range" &&
    [from, to].some((end) => end?.kind === "unknown" || end?.kind === "dim")
  )
    return null;
  if (from.kind === "int" && to?.kind === "int" && to.value - from.value <= maxItems)
    return Array.from({ length: Math.max(0, to.value - from.value) }, (_, i) =>
      intOf(from.value + i),
    );
  const expected = `a list or a range of at most ${maxItems} integers`;
  report(
    frame,
    wrongType,
    { what: "what a comprehension runs over", expected, found: describe(range) },
    expr.span,
  );
  return null;
}

/** A comprehension beyond this is a mistake in its range. */
const maxItems = 10_000;

/** In a list of words every bare name is one, even where an op has the same name. */
const listItem = (frame: Frame, item: Expr, expected: TypeNode | null): Meaning =>
  item.kind === "name" && takesAnyWord(expected)
    ? { kind: "word", text: item.name }
    : evaluate(frame, item, expected);

/** What stands left of `|>`: one value, or a tuple's values with their names. */
function inputsOf(frame: Frame, { input, step }: PipeExpr): readonly StepInput[] {
  const cuts = step.kind === "scan" || step.kind === "each";
  if (input.kind === "tuple")
    return input.items.map(({ name, value }) => stepInput(name?.text ?? null, value));
  const only = stepInput(null, input);
  if (only.value.kind !== "tuple") return [only];
  return only.value.items.map(({ value }) => ({ ...only, value }));

  function stepInput(name: string | null, expr: Expr): StepInput {
    const inner = cuts ? insideWhole(frame, expr) : null;
    const value = evaluate(frame, inner ?? expr);
    return { name, value, span: expr.span, isWhole: inner !== null };
  }
}

/** `x` of `whole(x)`. */
function insideWhole(frame: Frame, expr: Expr): Expr | null {
  if (expr.kind !== "call" || expr.callee.kind !== "name" || expr.callee.name !== "whole")
    return null;
  const callee = nameMeaning(frame, expr.callee.name, expr.callee);
  const [argument, second] = expr.args;
  const isWhole = callee?.kind === "builtin" && callee.name === "whole";
  return isWhole && argument?.name === null && second === undefined ? argument.value : null;
}

const tupleItem = (frame: Frame, item: Argument): TupleItem => ({
  name: item.name?.text ?? null,
  value: evaluate(frame, item.value),
});

/** Remembers the type of a tensor expression for the editor and for tests. */
function record(frame: Frame, expr: Expr, meaning: Meaning): Meaning {
  if (meaning.kind === "tensor")
    frame.elaboration.facts.push({ span: expr.span, type: meaning.value.type });
  return meaning;
}

const publicOps = [...ops.values()].flatMap((op) => (op.surface === "public" ? [op.name] : []));

function named(frame: Frame, name: string, expr: Expr, expected: TypeNode | null): Meaning {
  if (expected !== null && (wordsOf(expected)?.has(name) ?? false))
    return { kind: "word", text: name };
  const found = nameMeaning(frame, name, expr);
  if (found !== null) return found;
  if (expected !== null && (takesAnyWord(expected) || wordsOf(expected) !== null))
    return { kind: "word", text: name };
  report(
    frame,
    unknownName,
    {
      name,
      suggestion: suggest(name, [...namesInSight(frame), ...publicOps, ...builtinFunctions]),
      modules: frame.elaboration.modulesWith(name),
    },
    expr.span,
  );
  return unknown;
}

function member(frame: Frame, expr: MemberExpr): Meaning {
  const object = evaluate(frame, expr.object);
  const name = expr.member.text;
  if (object.kind === "unknown") return unknown;
  if (object.kind === "tuple") {
    const found = object.items.find((item) => item.name === name);
    if (found !== undefined) return found.value;
    const known = object.items.flatMap((item) => (item.name === null ? [] : [item.name]));
    report(
      frame,
      unknownMember,
      { owner: describe(object), member: name, suggestion: suggest(name, known) },
      expr.member.span,
    );
    return unknown;
  }
  if (object.kind === "module") {
    const definition = object.module.definitions.get(name);
    if (definition?.module === object.module)
      return definitionMeaning(frame, definition, expr.span);
    report(
      frame,
      unknownMember,
      {
        owner: describe(object),
        member: name,
        suggestion: suggest(name, declaredIn(object.module)),
      },
      expr.member.span,
    );
    return unknown;
  }
  if (object.kind === "definition")
    return memberOfDefinition(frame, object.definition, expr.member);
  report(
    frame,
    unknownMember,
    { owner: describe(object), member: name, suggestion: null },
    expr.member.span,
  );
  return unknown;
}

/** A name that is put together is a tap's: outputs of a call are known by theirs. */
function computedMember(frame: Frame, expr: ComputedMemberExpr): Meaning {
  const object = evaluate(frame, expr.object);
  if (object.kind === "unknown") return unknown;
  const expected = "the model, as in `model.blocks.{i}.load`";
  report(
    frame,
    wrongType,
    { what: "what a computed path begins at", expected, found: describe(object) },
    expr.object.span,
  );
  return unknown;
}

function choose(frame: Frame, expr: IfExpr, expected: TypeNode | null): Meaning {
  const condition = evaluate(frame, expr.condition);
  if (condition.kind === "bool")
    return evaluateBody(frame, condition.value ? expr.then : expr.otherwise, expected);
  if (condition.kind === "unknown" && frame.elaboration.everyBranch) {
    evaluateBody(frame, expr.then, expected);
    evaluateBody(frame, expr.otherwise, expected);
  }
  if (condition.kind === "tensor")
    report(frame, notConstant, { what: "the condition of `if`" }, expr.condition.span);
  else if (condition.kind !== "unknown")
    report(
      frame,
      wrongType,
      { what: "the condition of `if`", expected: "`bool`", found: describe(condition) },
      expr.condition.span,
    );
  return unknown;
}
