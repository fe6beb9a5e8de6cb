/** Sweeps: the values that a search tries for params and members of a train. */

import type { Entry, Expr, SweepDecl, TrainDecl } from "../../grammar/ast.js";
import {
  duplicateKey,
  missingKey,
  missingValue,
  overrideMatchesNothing,
} from "../../grammar/diagnostics/names.js";
import {
  gridOfRange,
  sweepNotCarriedOut,
  sweepOfNothing,
} from "../../grammar/diagnostics/placement.js";
import { testChooses, unknownMetric } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Program } from "../modules.js";
import { slotsOf } from "../overrides.js";
import { declared } from "./declared.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { bindEntries } from "./entries.js";
import { type Frame, report } from "./frame.js";
import type { TrainFigures } from "./placement/figures.js";
import { pathText } from "./policy-forms.js";
import { signature } from "./signature.js";
import { checkValue, type SweptValues, sweptValues } from "./swept-values.js";
import { describe, type Meaning } from "./value.js";

const settings = signature(
  "sweep(trials: int | none = none, seed: int = 0, method: random | grid = random)",
);
const reserved = ["trials", "seed", "method", "objective"];

/**
 * Every sweep of the root module: its train, its keys, that each value fits its place and, down to
 * the shapes of the model, what depends on it. A sound one is a warning: no command carries it out.
 */
export function checkSweeps(session: Session, program: Program): void {
  const frame = rootFrame(createElaboration(session), program.root);
  for (const declaration of program.root.module.declarations) {
    if (declaration.kind !== "sweep") continue;
    const before = session.diagnostics.length;
    checkSweep(session, program, frame, declaration);
    const { name } = declaration;
    if (session.diagnostics.slice(before).some(({ severity }) => severity === "error")) continue;
    report(frame, sweepNotCarriedOut, { name: name.text }, name.span);
  }
}

function checkSweep(session: Session, program: Program, frame: Frame, sweep: SweepDecl): void {
  const train = declared(frame, sweep.over, "train", "what a sweep is over")?.declaration;
  if (train?.kind !== "train") return;
  const entries = distinct(frame, sweep);
  const keyed = entries.map((entry) => ({ key: keyOf(entry), entry }));
  const own = keyed.filter(({ key }) => ["trials", "seed", "method"].includes(key));
  const schema = { owner: `the sweep \`${sweep.name.text}\``, formals: settings };
  const bound = bindEntries(
    frame,
    schema,
    own.map(({ entry }) => entry),
    sweep.name.span,
  );
  const swept: SweptValues[] = [];
  let sound = bound !== null;
  for (const { key, entry } of keyed) {
    if (key === "objective") checkObjective(frame, entry, train);
    if (reserved.includes(key)) continue;
    const values = valuesOf(session, program, frame, train, entry);
    if (values === null) sound = false;
    else swept.push(values);
  }
  if (sound && swept.every(({ count }) => count === 1))
    report(frame, sweepOfNothing, { name: sweep.name.text }, sweep.name.span);
  else if (sound && bound !== null && bound.get("method")?.meaning.kind === "word") {
    const { meaning: method } = bound.get("method") ?? { meaning: null };
    const grid = method?.kind === "word" && method.text === "grid";
    checkTrials(frame, sweep, bound, swept, { grid });
  }
}

const keyOf = ({ key }: Entry): string => key.map(({ text }) => text).join(".");

/** The entries that have values, each key once. */
function distinct(frame: Frame, { name, entries }: SweepDecl): readonly Entry[] {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const earlier = seen.get(key);
    if (earlier !== undefined)
      report(
        frame,
        duplicateKey,
        { key, owner: `the sweep \`${name.text}\`` },
        entry.key[0]?.span ?? entry.span,
        [{ span: earlier.span, text: "first given here" }],
      );
    else if (entry.value === null) report(frame, missingValue, { key }, entry.span);
    else seen.set(key, entry);
  }
  return [...seen.values()];
}

/** The values of a key that names a param or, with or without the train's name, one of its members. */
function valuesOf(
  session: Session,
  program: Program,
  frame: Frame,
  train: TrainDecl,
  entry: Entry,
): SweptValues | null {
  const key = keyOf(entry);
  const { module } = program.root;
  const others = module.declarations.flatMap((each) =>
    each.kind === "train" && each !== train ? [each.name.text] : [],
  );
  const places = slotsOf(program.root).filter(
    ({ path }) => !others.some((other) => path.startsWith(`${other}.`)),
  );
  const name = train.name.text;
  const place =
    places.find(({ path }) => path === key) ?? places.find(({ path }) => path === `${name}.${key}`);
  if (place === undefined) {
    const known = places.flatMap(({ path }) =>
      path.startsWith(`${name}.`) ? [path, path.slice(name.length + 1)] : [path],
    );
    const suggestion = suggest(key, [...known, ...reserved]);
    const span = entry.key[0]?.span ?? entry.span;
    report(frame, overrideMatchesNothing, { path: key, suggestion }, span);
    return null;
  }
  const values = entry.value === null ? null : sweptValues(frame, key, entry.value);
  if (values === null) return null;
  const fits = values.tried.map((value) => checkValue(session, program, train, place.path, value));
  return fits.every((each) => each) ? values : null;
}

function checkTrials(
  frame: Frame,
  sweep: SweepDecl,
  bound: ReadonlyMap<string, { readonly meaning: Meaning; readonly span: Span }>,
  swept: readonly SweptValues[],
  { grid }: { readonly grid: boolean },
): void {
  const owner = `the sweep \`${sweep.name.text}\``;
  const trials = bound.get("trials");
  const seed = bound.get("seed");
  const wrong = (what: string, expected: string, found: string, span: Span): void =>
    report(frame, wrongType, { what, expected, found }, span);
  if (seed?.meaning.kind === "int" && seed.meaning.value < 0)
    wrong("`seed`", "at least 0", String(seed.meaning.value), seed.span);
  if (trials?.meaning.kind === "int" && trials.meaning.value < 1)
    wrong("`trials`", "at least 1", String(trials.meaning.value), trials.span);
  else if (grid) {
    const endless = swept.find(({ count }) => count === null);
    if (endless !== undefined) report(frame, gridOfRange, { key: endless.key }, endless.span);
    else if (trials?.meaning.kind === "int") {
      const all = swept.reduce((product, { count }) => product * (count ?? 1), 1);
      const expected = `left out with \`method: grid\`, which makes ${all} trials here`;
      wrong("`trials`", expected, describe(trials.meaning), trials.span);
    }
  } else if (trials?.meaning.kind === "none")
    report(frame, missingKey, { key: "trials", owner }, sweep.name.span);
}

/** `max(val.f1)` or `min(val.loss)`: what the trials are compared by. */
function checkObjective(frame: Frame, { value }: Entry, train: TrainDecl): void {
  if (value === null || value.kind === "broken") return;
  const metric = measured(value);
  const name = metric === null ? null : pathText(metric);
  if (metric === null || name === null) {
    const { source, start, end } = value.span;
    const found = `\`${source.text.slice(start, end)}\``;
    const expected = "`max(val.f1)` or `min(val.loss)`";
    report(frame, wrongType, { what: "`objective`", expected, found }, value.span);
    return;
  }
  if (name.startsWith("test.")) {
    report(frame, testChooses, { name }, metric.span);
    return;
  }
  // Without figures the train has errors, which say enough.
  const figures = frame.elaboration.figuresOf(train);
  if (figures === null) return;
  const known = metricsOf(figures);
  if (!known.includes(name))
    report(frame, unknownMetric, { name, suggestion: suggest(name, known) }, metric.span);
}

function measured(value: Expr): Expr | null {
  if (value.kind !== "call" || value.callee.kind !== "name") return null;
  const [argument, second] = value.args;
  return ["max", "min"].includes(value.callee.name) && second === undefined
    ? (argument?.value ?? null)
    : null;
}

/** What a train measures on its validation split. */
function metricsOf({ plan }: TrainFigures): readonly string[] {
  const metrics = plan.metrics.filter(({ split }) => split === "val").map(({ name }) => name);
  const losses = plan.stages.flatMap((stage) => stage.losses.map(({ name }) => name));
  return [...new Set(["loss", ...losses, ...metrics])].map((name) => `val.${name}`);
}
