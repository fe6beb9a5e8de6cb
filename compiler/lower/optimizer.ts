/** Lowers an update rule for one parameter: its slots, and their values and the parameter's after it. */

import type { Frame } from "../check/frame.js";
import { bind, createScope, evaluate, report } from "../check/frame.js";
import { createElaboration, rootFrame, type Session } from "../check/elaboration.js";
import { segmentOf } from "../check/members.js";
import { destructure } from "../check/destructure.js";
import type { CheckedOptimizer } from "../check/train.js";
import { asNumber, describe, none, tensorOf } from "../check/value.js";
import { typeOf } from "../check/ports.js";
import { slotTaken } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import type { Span } from "../../grammar/source.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Value } from "../ir/graph.js";
import { isNumeric, printType, sameType, type TensorType } from "../ir/type.js";

/** A slot the rule keeps for a parameter. */
export interface Slot {
  readonly name: string;
  readonly type: TensorType;
  readonly init: number;
  readonly span: Span;
}

/** Makes the rule's frame over a builder; inputs of the graph are made by `input`. */
export interface OptimizerInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  readonly slot: (slot: Slot) => Value;
  /** Settings that follow a schedule, by name. */
  readonly scheduled: ReadonlyMap<string, Value>;
  readonly step: Value;
}

export interface Updated {
  readonly parameter: Value;
  readonly slots: readonly { readonly slot: Slot; readonly before: Value; readonly after: Value }[];
}

/** Settings of a rule that the runtime feeds: the learning rate. */
export const scheduledSettings = (optimizer: CheckedOptimizer): readonly string[] =>
  optimizer.declaration.formals.some((formal) => formal.name.text === "lr") ? ["lr"] : [];

/** Names of the slots that the rule keeps with these settings, as their conditions say. */
export function slotNames(session: Session, optimizer: CheckedOptimizer): readonly string[] {
  const { declaration, module, settings } = optimizer;
  const scope = createScope(null);
  const frame: Frame = { ...rootFrame(createElaboration(session), module), scope };
  for (const [name, { meaning, span }] of settings) bind(scope, name, meaning, span);
  return declaration.members.flatMap((member) => {
    if (member.kind !== "slot") return [];
    const guard = member.guard === null ? null : evaluate(frame, member.guard);
    return guard?.kind === "bool" && !guard.value ? [] : [member.name.text];
  });
}

/** `null` when the rule is wrong for this parameter; the mistake is reported. */
export function lowerUpdate(
  session: Session,
  builder: GraphBuilder,
  optimizer: CheckedOptimizer,
  inputs: OptimizerInputs,
): Updated | null {
  const { declaration, module } = optimizer;
  const elaboration = { ...createElaboration(session), builder };
  const scope = createScope(null);
  const frame: Frame = {
    ...rootFrame(elaboration, module),
    scope,
    path: "optimizer",
    training: true,
    trail: [{ name: declaration.name.text, span: optimizer.span, declaration: null }],
  };
  for (const [name, { meaning, span }] of optimizer.settings) bind(scope, name, meaning, span);
  for (const [name, value] of inputs.scheduled) bind(scope, name, tensorOf(value));
  bind(scope, declaration.parameter.text, tensorOf(inputs.parameter));
  bind(scope, declaration.gradient.text, tensorOf(inputs.gradient));
  bind(scope, "step", tensorOf(inputs.step));
  const slots = new Map<string, { slot: Slot; before: Value; after: Value | null }>();
  const absent = new Set<string>();
  let parameter: Value | null = null;
  for (const member of declaration.members) {
    switch (member.kind) {
      case "slot": {
        const guard = member.guard === null ? null : evaluate(frame, member.guard);
        if (guard?.kind === "bool" && !guard.value) {
          bind(scope, member.name.text, none, member.name.span);
          absent.add(member.name.text);
          break;
        }
        const type =
          member.type === null ? inputs.parameter.type : typeOf(frame, member.type, null);
        if (type === null) return null;
        if (!isNumeric(type.shape)) {
          const what = `the type of \`${member.name.text}\``;
          const expected = "of extents that are numbers";
          const found = printType(type);
          report(frame, wrongType, { what, expected, found }, (member.type ?? member).span);
          return null;
        }
        const init = asNumber(evaluate(frame, member.value));
        if (init === null) {
          report(
            frame,
            wrongType,
            {
              what: `the initial value of \`${member.name.text}\``,
              expected: "a number",
              found: "another value",
            },
            member.value.span,
          );
          return null;
        }
        const slot: Slot = {
          name: segmentOf(frame, member.as) ?? member.name.text,
          type,
          init,
          span: member.span,
        };
        if ([...slots.values()].some((other) => other.slot.name === slot.name)) {
          report(frame, slotTaken, { name: slot.name }, member.span);
          return null;
        }
        const before = inputs.slot(slot);
        slots.set(member.name.text, { slot, before, after: null });
        bind(scope, member.name.text, tensorOf(before), member.name.span);
        break;
      }
      case "let":
        destructure(frame, member.names, evaluate(frame, member.value));
        break;
      case "update": {
        // A slot that is absent has nothing to keep.
        if (absent.has(member.name.text)) break;
        const meaning = evaluate(frame, member.value);
        if (meaning.kind === "unknown") return null;
        const slot = slots.get(member.name.text);
        const wanted = slot?.before.type ?? inputs.parameter.type;
        if (meaning.kind !== "tensor" || !sameType(meaning.value.type, wanted)) {
          report(
            frame,
            wrongType,
            {
              what: `\`${member.name.text}\``,
              expected: printType(wanted),
              found: describe(meaning),
            },
            member.value.span,
          );
          return null;
        }
        if (slot !== undefined) slot.after = meaning.value;
        else if (member.name.text === declaration.parameter.text) parameter = meaning.value;
        else {
          report(
            frame,
            unknownName,
            { name: member.name.text, suggestion: null },
            member.name.span,
          );
          return null;
        }
        break;
      }
    }
  }
  if (parameter === null) {
    report(
      frame,
      wrongType,
      {
        what: `\`${declaration.name.text}\``,
        expected: `an update of \`${declaration.parameter.text}\``,
        found: "none",
      },
      declaration.name.span,
    );
    return null;
  }
  return {
    parameter,
    slots: [...slots.values()].map(({ slot, before, after }) => ({
      slot,
      before,
      after: after ?? before,
    })),
  };
}
