/** Checks the metrics that no train reads, with symbols for the sizes that a call would give. */

import type { Formal, MetricDecl } from "../../grammar/ast.js";
import { namedDim } from "../ir/dim.js";
import type { Program } from "../modules.js";
import type { Bound } from "./bind.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { bind, createScope, evaluate, type Fact, type Frame } from "./frame.js";
import { applyMetric, closingElaboration } from "./metric-body.js";
import { genericNames, typeOf } from "./ports.js";
import { conform, isTensorType } from "./settings.js";
import { dimMeaning, type Meaning, tensorOf, unknown } from "./value.js";

/** Metrics of the root module that nothing has called. */
export function checkUnusedMetrics(session: Session, program: Program, facts: Fact[]): void {
  for (const declaration of program.root.module.declarations) {
    if (declaration.kind !== "metric" || session.applied.has(declaration)) continue;
    const elaboration = createElaboration(session, { generic: "generic", padding: "masked" });
    const frame = rootFrame(elaboration, program.root);
    const bound = symbolicArguments(frame, declaration);
    if (bound === null) continue;
    const metric = { declaration, module: program.root };
    const place = { key: declaration.name.text, span: declaration.name.span };
    applyMetric(frame, closingElaboration(elaboration), metric, bound, place);
    facts.push(...elaboration.facts);
  }
}

/** Defaults where there are some, symbols for sizes, tensors for ports; the rest is unknown. */
function symbolicArguments(
  frame: Frame,
  { formals, members }: MetricDecl,
): ReadonlyMap<string, Bound> | null {
  const bound = new Map<string, Bound>();
  const scope = createScope(frame.scope);
  const inner: Frame = { ...frame, scope };
  const give = (name: Formal["name"], meaning: Meaning): void => {
    bound.set(name.text, { meaning, span: name.span });
    bind(scope, name.text, meaning, name.span);
  };
  for (const formal of formals) give(formal.name, settingOf(inner, formal));
  for (const port of members) {
    if (port.kind !== "port" || port.direction !== "in") continue;
    for (const name of genericNames(inner, port.type))
      bind(scope, name, dimMeaning(namedDim(name)));
    const type = port.value === null ? typeOf(inner, port.type, [namedDim("...")]) : null;
    if (port.value !== null) give(port.name, evaluate(inner, port.value));
    else if (type === null) return null;
    else give(port.name, tensorOf(frame.elaboration.builder.input(port.name.text, type)));
  }
  return bound;
}

function settingOf(frame: Frame, { name, type, value }: Formal): Meaning {
  if (value !== null) {
    const meaning = evaluate(frame, value, type);
    return type === null || isTensorType(type)
      ? meaning
      : conform(frame, meaning, type, value.span, `\`${name.text}\``);
  }
  const isSize =
    type?.kind === "setting-type" &&
    type.alternatives.some(
      (one) => one.length === null && (one.name.text === "dim" || one.name.text === "int"),
    );
  return isSize ? dimMeaning(namedDim(name.text)) : unknown;
}
