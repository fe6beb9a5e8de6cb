/** The values a sweep tries in one place, and whether the program takes them there. */

import type { Declaration, Expr, RangeExpr, TrainDecl } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import type { Program } from "../modules.js";
import { replaced, withRoot } from "../overrides.js";
import { definitionMeaning } from "./definitions.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { evaluate, type Frame, report } from "./frame.js";
import { applyModel } from "./model.js";
import { inUnit } from "./quantities.js";
import { checkTrain } from "./train.js";
import { describe, type Meaning } from "./value.js";

export interface SweptValues {
  readonly key: string;
  /** How many there are; `null` between bounds that are not integers. */
  readonly count: number | null;
  /** The bounds of a range, or every value of a list. */
  readonly tried: readonly Expr[];
  readonly span: Span;
}

const expected = "a range, `log(low .. high)`, a list of values, or one value";

/** `2 .. 6` and `log(1e-5 .. 1e-3)`, which include their ends, `[64, 128]`, or one fixed value. */
export function sweptValues(frame: Frame, key: string, value: Expr): SweptValues | null {
  const { span } = value;
  const wrong = (found: string, place = span): null => {
    report(frame, wrongType, { what: `\`${key}\``, expected, found }, place);
    return null;
  };
  if (value.kind === "broken") return null;
  if (value.kind === "list")
    return value.items.length === 0
      ? wrong("an empty list")
      : { key, count: value.items.length, tried: value.items, span };
  if (value.kind === "range") return bounds(frame, key, value, "even");
  if (value.kind === "call" && value.callee.kind === "name" && value.callee.name === "log") {
    const [argument, second] = value.args;
    return argument?.value.kind === "range" && second === undefined && argument.name === null
      ? bounds(frame, key, argument.value, "log")
      : wrong("`log` of something else");
  }
  return { key, count: 1, tried: [value], span };
}

function bounds(
  frame: Frame,
  key: string,
  range: RangeExpr,
  scale: "even" | "log",
): SweptValues | null {
  const { from, to, span } = range;
  const wrong = (what: string, wanted: string, found: string): null => {
    report(frame, wrongType, { what, expected: wanted, found }, span);
    return null;
  };
  if (to === null) return wrong(`the range of \`${key}\``, "bounded at both ends", "an open one");
  const [low, high] = [evaluate(frame, from), evaluate(frame, to)];
  if (low.kind === "unknown" || high.kind === "unknown") return null;
  const [least, most] = [amountOf(low, high), amountOf(high, high)];
  if (least === null || most === null) {
    const found = `${describe(low)} and ${describe(high)}`;
    return wrong(`the bounds of \`${key}\``, "numbers, or quantities of one unit", found);
  }
  if (least >= most)
    return wrong(`the lower bound of \`${key}\``, `below ${describe(high)}`, describe(low));
  if (scale === "log" && least <= 0)
    return wrong(`the lower bound of \`${key}\``, "above 0 on a logarithmic scale", describe(low));
  const whole = low.kind === "int" && high.kind === "int" && scale === "even";
  return { key, count: whole ? most - least + 1 : null, tried: [from, to], span };
}

/** A number, or a quantity in the unit of `like`. */
function amountOf(meaning: Meaning, like: Meaning): number | null {
  if (meaning.kind === "int" || meaning.kind === "float")
    return like.kind === "quantity" ? null : meaning.value;
  if (meaning.kind !== "quantity" || like.kind !== "quantity") return null;
  return inUnit(meaning, like.unit)?.value ?? null;
}

/**
 * Whether the program takes a value in a place: the type and range of a param, what a train or a
 * dataset asks of its members, and the shapes of the model. What it does not take is reported once.
 */
export function checkValue(
  session: Session,
  program: Program,
  train: TrainDecl,
  path: string,
  value: Expr,
): boolean {
  // What is wrong with the program would show with each value again.
  if (session.diagnostics.some(({ severity }) => severity === "error")) return true;
  const diagnostics: Diagnostic[] = [];
  // What was kept of constants and datasets may depend on the value.
  const fresh = { constants: new Map(), datasets: new Map() };
  const apart: Session = { ...session, ...fresh, diagnostics, uncarried: [] };
  const { module } = program.root;
  const values = new Map([[path, value]]);
  const declarations = module.declarations.map((each) => replaced(each, values, program.root));
  const varied = withRoot(program, { ...module, declarations });
  const frame = rootFrame(createElaboration(apart), varied.root);
  for (const declaration of declarations)
    checkDeclaration(apart, varied, frame, declaration, train);
  const found = diagnostics.find(
    (each) => each.severity === "error" && !session.diagnostics.some((own) => isSame(own, each)),
  );
  if (found === undefined) return true;
  session.diagnostics.push(blaming(found, path, value.span));
  return false;
}

function checkDeclaration(
  session: Session,
  program: Program,
  frame: Frame,
  declaration: Declaration,
  train: TrainDecl,
): void {
  if (declaration.kind === "param") {
    const definition = { declaration, module: program.root };
    definitionMeaning(frame, definition, declaration.name.span);
  }
  if (declaration.kind !== "train" || declaration.name.text !== train.name.text) return;
  const checked = checkTrain(frame, declaration);
  if (checked !== null)
    applyModel(createElaboration(session), program.root, checked, { training: true });
}

const isSame = (one: Diagnostic, other: Diagnostic): boolean =>
  one.message === other.message && one.span?.start === other.span?.start;

/** A finding at the value that causes it, with a label where it shows. */
function blaming(found: Diagnostic, path: string, value: Span): Diagnostic {
  const { span } = found;
  const inside =
    span !== null &&
    span.source === value.source &&
    span.start >= value.start &&
    span.end <= value.end;
  if (inside) return found;
  const label = span === null ? [] : [{ span, text: `with this value of \`${path}\`, here` }];
  return { ...found, span: value, place: null, labels: [...label, ...found.labels] };
}
