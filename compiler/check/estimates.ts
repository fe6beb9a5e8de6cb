/** What `expect` lines ask for: counts of parameters, bytes, operations, updates and memory. */

import type { Expr, Name, TrainDecl } from "../../grammar/ast.js";
import { unknownMember } from "../../grammar/diagnostics/names.js";
import { doesNotFit, notPlaced, unknownDevice } from "../../grammar/diagnostics/placement.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { costOf } from "../ir/cost.js";
import { substitute } from "../ir/dim.js";
import { dtypeBytes, isNumeric, numelOf, printType } from "../ir/type.js";
import { type Bound, bindArguments, type CallSite } from "./bind.js";
import { type AppliedAlone, applyAlone, weightsOf } from "./count.js";
import { batchName } from "./record-axis.js";
import { cannotCarryOut, evaluate, type Frame, report } from "./frame.js";
import { deviceMemory } from "./placement/devices.js";
import type { TrainFigures } from "./placement/figures.js";
import { peakMemory } from "./placement/peak-memory.js";
import { namedBy, type Placement, placementOf } from "./placement/shard.js";
import { bytesQuantity, printBytes } from "./quantities.js";
import { signature } from "./signature.js";
import { boolOf, describe, intOf, type Meaning, none, unknown } from "./value.js";

type Args = ReadonlyMap<string, Bound>;

/** A block with its settings or a train, and the path of members behind it. */
interface Subject {
  readonly base: Meaning;
  readonly path: readonly Name[];
}

/** Something that has a number of elements and of bytes. */
interface Sized {
  readonly path: string;
  readonly count: number;
  readonly bytes: number;
}

/** `params(Net())`, `params(Net.encoder)`, `params(main.model)`, `params(main.tune.trainable)`. */
export function params(frame: Frame, call: CallSite): Meaning {
  const sized = sizedOf(frame, call);
  return sized === null ? unknown : intOf(sized.reduce((sum, { count }) => sum + count, 0));
}

/** Bytes of the same weights; of a train, of all its state: weights, buffers and slots. */
export function bytes(frame: Frame, call: CallSite): Meaning {
  const subject = subjectOf(frame, call);
  const train = subject === null ? null : trainIn(subject.base);
  if (subject !== null && train !== null && subject.path.length === 0) {
    const figures = figuresOf(frame, train, call);
    return figures === null ? unknown : bytesQuantity(figures.plan.stateBytes);
  }
  const sized = sizedOf(frame, call);
  return sized === null ? unknown : bytesQuantity(sized.reduce((sum, each) => sum + each.bytes, 0));
}

/** Floating-point operations: of a train, of one update of its largest stage; of a block, of one record. */
export function flops(frame: Frame, call: CallSite): Meaning {
  const subject = subjectOf(frame, call);
  if (subject === null) return unknown;
  const train = trainIn(subject.base);
  const [member] = subject.path;
  if (train !== null && member === undefined) {
    const figures = figuresOf(frame, train, call);
    if (figures === null) return unknown;
    return intOf(Math.max(...figures.plan.stages.map(({ graphs }) => graphs.step.flops)));
  }
  if (train !== null || member !== undefined) {
    const found = `a member of ${describe(subject.base)}`;
    mismatch(frame, call, "`flops`", "of a train or a block", found);
    return unknown;
  }
  const applied = applyAlone(frame, subject.base, call);
  return applied === null ? unknown : flopsOf(frame, applied, call);
}

function flopsOf(frame: Frame, { elaboration, outputs }: AppliedAlone, call: CallSite): Meaning {
  const named = outputs.map((value, i) => ({ name: String(i), value }));
  const graph = elaboration.builder.finish("alone", named);
  const record = new Map([[batchName, 1]]);
  const open = graph.inputs.find(
    ({ value }) => !isNumeric(value.type.shape.map((dim) => substitute(dim, record) ?? dim)),
  );
  if (open === undefined) return intOf(costOf(graph, record).flops);
  const found = `\`${open.name}: ${printType(open.value.type)}\``;
  mismatch(frame, call, "what `flops` counts", "of known size but for its records", found);
  return unknown;
}

/** Updates of all stages together, where the program counts them. */
export function steps(frame: Frame, args: Args, call: CallSite): Meaning {
  const train = trainArgument(frame, args, "steps", call);
  const figures = train === null ? null : figuresOf(frame, train, call);
  if (train === null || figures === null) return unknown;
  const other = figures.plan.stages.find(({ duration }) => duration.unit !== "step");
  if (other === undefined)
    return intOf(figures.plan.stages.reduce((sum, { duration }) => sum + duration.amount, 0));
  const expected = "in `steps`: how many records an epoch has is known from the data alone";
  const { amount, unit } = other.duration;
  mismatch(frame, call, `the length of \`${other.name}\``, expected, `${amount} ${unit}s`);
  return unknown;
}

/** Whether `a` divides `b`. */
export function divides(frame: Frame, args: Args, call: CallSite): Meaning {
  const [a, b] = [args.get("a")?.meaning, args.get("b")?.meaning];
  if (a?.kind !== "int" || b?.kind !== "int") return unknown;
  if (a.value > 0) return boolOf(b.value % a.value === 0);
  mismatch(frame, call, "`a` of `divides`", "at least 1", String(a.value));
  return unknown;
}

/** What one device of a kind has. */
export function memoryOf(frame: Frame, args: Args): Meaning {
  const device = args.get("name");
  const found = device === undefined ? null : deviceNamed(frame, device);
  return found === null ? unknown : bytesQuantity(found.memory);
}

/** The most that one device holds at once, on a mesh as the `shard` divides it. */
export function peakMemoryOf(frame: Frame, args: Args, call: CallSite): Meaning {
  const train = trainArgument(frame, args, "peak_memory", call);
  const device = args.get("device");
  const kind =
    device === undefined || device.meaning.kind === "none" ? null : deviceNamed(frame, device);
  if (train === null || (kind === null && device?.meaning.kind !== "none")) return unknown;
  const figures = figuresOf(frame, train, call);
  if (figures === null) return unknown;
  const on = args.get("on");
  const whole = on === undefined || on.meaning.kind === "none";
  const placement = whole ? null : placementOn(frame, train, on, figures);
  if (!whole && placement === null) return unknown;
  const peak = peakMemory(figures, placement);
  if (peak === null) return unknown;
  const { total } = peak;
  if (kind !== null && total > kind.memory) {
    const params = {
      train: train.name.text,
      needed: printBytes(total),
      device: kind.name,
      memory: printBytes(kind.memory),
    };
    report(frame, doesNotFit, params, call.span);
    return unknown;
  }
  return bytesQuantity(total);
}

/** The layout that the program's `shard` gives a train on a mesh. */
function placementOn(
  frame: Frame,
  train: TrainDecl,
  { meaning, span }: Bound,
  figures: TrainFigures,
): Placement | null {
  if (meaning.kind === "unknown") return null;
  if (meaning.kind !== "definition" || meaning.definition.declaration.kind !== "mesh") {
    const found = describe(meaning);
    report(frame, wrongType, { what: "`on` of `peak_memory`", expected: "a mesh", found }, span);
    return null;
  }
  const mesh = meaning.definition.declaration;
  for (const shard of frame.module.module.declarations) {
    if (shard.kind !== "shard" || shard.name.text !== train.name.text) continue;
    if (frame.module.definitions.get(shard.on.text)?.declaration !== mesh) continue;
    const named = namedBy(frame, shard);
    return named === null ? null : placementOf(frame, shard, named, figures);
  }
  report(frame, notPlaced, { train: train.name.text, mesh: mesh.name.text }, span);
  return null;
}

function deviceNamed(
  frame: Frame,
  { meaning, span }: Bound,
): { readonly name: string; readonly memory: number } | null {
  if (meaning.kind !== "string") return null;
  const memory = deviceMemory.get(meaning.value);
  if (memory !== undefined) return { name: meaning.value, memory };
  const known = [...deviceMemory.keys()];
  const suggestion =
    known.find((name) => name.startsWith(`${meaning.value}-`)) ?? suggest(meaning.value, known);
  report(frame, unknownDevice, { device: meaning.value, known, suggestion }, span);
  return null;
}

function trainArgument(frame: Frame, args: Args, callee: string, call: CallSite): TrainDecl | null {
  const meaning = args.get("train")?.meaning ?? none;
  const train = trainIn(meaning);
  if (train === null && meaning.kind !== "unknown")
    mismatch(frame, call, `\`train\` of \`${callee}\``, "a train", describe(meaning));
  return train;
}

const trainIn = (meaning: Meaning): TrainDecl | null =>
  meaning.kind === "definition" && meaning.definition.declaration.kind === "train"
    ? meaning.definition.declaration
    : null;

/** `null` with errors of the train, which are reported, or where this version makes no graphs of it. */
function figuresOf(frame: Frame, train: TrainDecl, call: CallSite): TrainFigures | null {
  const { diagnostics, figuresOf: find } = frame.elaboration;
  const figures = find(train);
  if (figures === null && !diagnostics.some(({ severity }) => severity === "error"))
    cannotCarryOut(frame, `\`${call.callee}\` of \`${train.name.text}\``, call.span);
  return figures;
}

const oneArgument = signature("f(model)");

/** The argument of a function that takes a path; `null` when there is not exactly one. */
function subjectOf(frame: Frame, call: CallSite): Subject | null {
  const plain = call.args.map((each) => {
    const { span } = each;
    return { ...each, value: { kind: "bool" as const, value: true, span } };
  });
  if (bindArguments(frame, frame, oneArgument, { ...call, args: plain }) === null) return null;
  const [argument] = call.args;
  return argument === undefined ? null : subjectIn(frame, argument.value);
}

function subjectIn(frame: Frame, expr: Expr): Subject {
  if (expr.kind !== "member") return { base: evaluate(frame, expr), path: [] };
  const owner = subjectIn(frame, expr.object);
  const { base } = owner;
  const holds =
    base.kind === "recipe" ||
    (base.kind === "definition" && ["block", "train"].includes(base.definition.declaration.kind));
  if (holds) return { base, path: [...owner.path, expr.member] };
  return base.kind === "unknown" ? owner : { base: evaluate(frame, expr), path: [] };
}

/** The weights that a path names, with a report where it names none. */
function sizedOf(frame: Frame, call: CallSite): readonly Sized[] | null {
  const subject = subjectOf(frame, call);
  if (subject === null) return null;
  const { base, path } = subject;
  const train = trainIn(base);
  if (train === null) {
    const weights = weightsOf(frame, base, call);
    return weights === null ? null : within(frame, base, sizedMembers(weights), path);
  }
  const [first, second] = path;
  const figures = figuresOf(frame, train, call);
  if (figures === null) return null;
  const all = sizedState(figures);
  if (first === undefined) {
    const expected = `\`${train.name.text}.model\` or a stage's \`trainable\``;
    mismatch(frame, call, `\`model\` of \`${call.callee}\``, expected, describe(base));
    return null;
  }
  if (first.text === "model") return within(frame, base, all, path.slice(1));
  const stage = figures.plan.stages.find(({ name }) => name === first.text);
  if (stage === undefined) {
    const known = ["model", ...figures.plan.stages.map(({ name }) => name)];
    const suggestion = suggest(first.text, known);
    report(
      frame,
      unknownMember,
      { owner: describe(base), member: first.text, suggestion },
      first.span,
    );
    return null;
  }
  if (second?.text === "trainable" && path.length === 2)
    return all.filter((each) => stage.trainable.includes(each.path));
  const owner = `the stage \`${stage.name}\``;
  const [member, place] = second === undefined ? ["", first.span] : [second.text, second.span];
  report(frame, unknownMember, { owner, member, suggestion: "trainable" }, place);
  return null;
}

/** Those at or under `model` and the path. */
function within(
  frame: Frame,
  base: Meaning,
  weights: readonly Sized[],
  path: readonly Name[],
): readonly Sized[] | null {
  const prefix = ["model", ...path.map(({ text }) => text)].join(".");
  const found = weights.filter((each) => `${each.path}.`.startsWith(`${prefix}.`));
  const last = path.at(-1);
  if (found.length > 0 || last === undefined) return found;
  const parent = prefix.split(".").slice(0, -1).join(".");
  const known = weights.flatMap((each) =>
    each.path.startsWith(`${parent}.`)
      ? (each.path.slice(parent.length + 1).split(".")[0] ?? [])
      : [],
  );
  const suggestion = suggest(last.text, known);
  report(frame, unknownMember, { owner: describe(base), member: last.text, suggestion }, last.span);
  return null;
}

const sizedMembers = (weights: NonNullable<ReturnType<typeof weightsOf>>): readonly Sized[] =>
  weights.map(({ path, type }) => ({
    path,
    count: numelOf(type),
    bytes: numelOf(type) * dtypeBytes(type.dtype),
  }));

const sizedState = ({ plan }: TrainFigures): readonly Sized[] =>
  plan.state
    .filter(({ role }) => role === "parameter")
    .map((entry) => ({
      path: entry.path,
      count: numelOf(entry),
      bytes: numelOf(entry) * dtypeBytes(entry.dtype),
    }));

function mismatch(
  frame: Frame,
  { span, args: [first] }: { readonly span: Span; readonly args: CallSite["args"] },
  what: string,
  expected: string,
  found: string,
): void {
  report(frame, wrongType, { what, expected, found }, first?.value.span ?? span);
}
