/** Keys of trains and stages: which there are, and the values that hold in a stage. */

import type { Argument, Entry, Expr, Formal, StageMember } from "../../grammar/ast.js";
import { duplicateKey, missingValue, unknownKey } from "../../grammar/diagnostics/names.js";
import { contradictoryKeys, runWideKey } from "../../grammar/diagnostics/training.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { evaluate, type Frame, report } from "./frame.js";
import { policyForms } from "./policy-forms.js";

/** The keys whose value holds for the whole run. */
const runWide = ["model", "seed", "log"] as const;

const overridable = [
  "data",
  "loss",
  "optimizer",
  "schedule",
  "validate",
  "checkpoint",
  "precision",
  "accumulate",
  "allow",
  "clip_grad",
  "early_stop",
  "ema",
  "on_nan",
  "on_oom",
  "precompute",
  "recompute",
  "weights",
] as const;

/** Every key of a train. */
export const trainKeys: readonly string[] = [...runWide, ...overridable];
/** Every key of a stage. */
export const stageKeys: readonly string[] = [...overridable, "start"];

/** The value of a key. */
export interface KeyValue {
  readonly value: Expr;
  /** Where the key stands. */
  readonly span: Span;
  /** Whether a stage gives it, in place of its train. */
  readonly byStage: boolean;
}

export type KeyValues = ReadonlyMap<string, KeyValue>;

/** The entries of a train by key; unknown, doubled and empty ones are reported and left out. */
export function keysOfTrain(frame: Frame, owner: string, entries: readonly Entry[]): KeyValues {
  const values = new Map<string, KeyValue>();
  for (const { key, value, span } of soundEntries(frame, owner, entries, trainKeys))
    values.set(key, { value, span, byStage: false });
  return values;
}

/** The train's values with the stage's in their place; `optimizer.lr` replaces one setting. */
export function keysOfStage(frame: Frame, stage: StageMember, base: KeyValues): KeyValues {
  const values = new Map(base);
  const entries = stage.members.filter((line): line is Entry => line.kind === "entry");
  const owner = `the stage \`${stage.name.text}\``;
  const optimizer = calledIn(base.get("optimizer")?.value ?? null);
  const settings =
    optimizer === null
      ? []
      : formalsOf(frame, "optimizer", optimizer.callee).map(({ name }) => name.text);
  const sound = soundEntries(frame, owner, entries, stageKeys, settings);
  for (const { key, path, value, span } of sound) {
    const [, setting, ...further] = path;
    if (setting === undefined) values.set(key, { value, span, byStage: true });
    else {
      const known = values.get(key);
      const what = `\`${path.map(({ text }) => text).join(".")}\``;
      const call = known === undefined ? null : calledIn(known.value);
      if (call === null || further.length > 0) {
        const reason =
          known === undefined
            ? `changes a setting of \`${key}\`, which the train does not give`
            : call === null
              ? `names no setting: \`${key}\` is no call`
              : "is too deep: a setting of a call has one name";
        report(frame, contradictoryKeys, { what, reason }, span);
        continue;
      }
      const args = withArgument(call.args, formalsOf(frame, key, call.callee), {
        name: setting,
        value,
        span,
      });
      const changed: Expr = { kind: "call", callee: call.callee, args, span: value.span };
      values.set(key, { value: changed, span, byStage: true });
    }
  }
  return values;
}

interface SoundEntry {
  readonly key: string;
  readonly path: Entry["key"];
  readonly value: Expr;
  readonly span: Span;
}

function soundEntries(
  frame: Frame,
  owner: string,
  entries: readonly Entry[],
  known: readonly string[],
  settings: readonly string[] = [],
): readonly SoundEntry[] {
  /** Settings of the optimizer are meant where their names stand alone. */
  const nearest = (key: string): string | null =>
    settings.includes(key) ? `optimizer.${key}` : suggest(key, known);
  const places = new Map<string, Span>();
  const sound: SoundEntry[] = [];
  const ofStage = known === stageKeys;
  for (const { key: path, value, span } of entries) {
    const [first] = path;
    const key = first?.text ?? "";
    const whole = path.map(({ text }) => text).join(".");
    const place = first?.span ?? span;
    const earlier = places.get(whole);
    places.set(whole, earlier ?? place);
    if (earlier !== undefined) {
      const labels = [{ span: earlier, text: "first given here" }];
      report(frame, duplicateKey, { key: whole, owner }, place, labels);
    } else if (ofStage && runWide.some((one) => one === key))
      report(frame, runWideKey, { key }, place);
    else if (!known.includes(ofStage ? key : whole))
      report(frame, unknownKey, { key: whole, owner, suggestion: nearest(key) }, place);
    else if (value === null) report(frame, missingValue, { key: whole }, span);
    else if (value.kind !== "broken") sound.push({ key, path, value, span: place });
  }
  return sound;
}

function calledIn(
  expr: Expr | null,
): { readonly callee: Expr; readonly args: readonly Argument[] } | null {
  if (expr?.kind === "call") return { callee: expr.callee, args: expr.args };
  return expr?.kind === "name" ? { callee: expr, args: [] } : null;
}

/** The formals behind a call, so that a positional argument can be replaced by its name. */
function formalsOf(frame: Frame, key: string, callee: Expr): readonly Formal[] {
  if (key === "optimizer") {
    const meaning = evaluate(frame, callee);
    return meaning.kind === "rule" ? meaning.declaration.formals : [];
  }
  return callee.kind === "name" ? (policyForms[key]?.[callee.name] ?? []) : [];
}

function withArgument(
  args: readonly Argument[],
  formals: readonly Formal[],
  given: Argument,
): readonly Argument[] {
  const name = given.name?.text;
  const position = formals.findIndex((formal) => formal.name.text === name);
  const named = args.findIndex((argument) => argument.name?.text === name);
  const positional = args.findIndex((argument, i) => argument.name === null && i === position);
  const place = named === -1 ? positional : named;
  return place === -1 ? [...args, given] : args.map((each, i) => (i === place ? given : each));
}
