/** Shards: how the values of a train lie on the devices of a mesh, rule by rule. */

import type { GPath, PathRule, ShardDecl, TrainDecl } from "../../../grammar/ast.js";
import { duplicateKey, missingValue } from "../../../grammar/diagnostics/names.js";
import {
  axisNotFound,
  doesNotDivide,
  ruleShadowed,
  slotDoesNotFollow,
} from "../../../grammar/diagnostics/placement.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { at, invariant } from "../../../grammar/invariant.js";
import { printType } from "../../ir/type.js";
import { declared } from "../declared.js";
import { moduleFrame } from "../definitions.js";
import { type Elaboration, type Frame, report } from "../frame.js";
import { matchGlob, printGlob } from "../globs.js";
import type { TrainFigures } from "./figures.js";
import { type KeyLayout, type LayoutProblem, layoutsOf, type PlacementRule } from "./layouts.js";
import { type MeshAxes, meshAxes } from "./mesh.js";
import { layoutParts, type WrittenPart } from "./rules.js";

/** A train laid out on a mesh. */
export interface Placement {
  readonly mesh: string;
  readonly axes: MeshAxes;
  readonly rows: readonly KeyLayout[];
  /** The mesh axes that share out the records of a batch. */
  readonly batchOver: readonly string[];
  /** Records of a batch on one device. */
  readonly batchPerDevice: number;
  /** The train with the graphs of one device's share of a batch; `null` when they have errors. */
  readonly perDevice: () => TrainFigures | null;
}

/** The train and the mesh that a shard names; a name that is none is reported. */
export function namedBy(
  frame: Frame,
  shard: ShardDecl,
): { readonly train: TrainDecl; readonly axes: MeshAxes } | null {
  const train = declared(frame, shard.name, "train", "what a shard places");
  const mesh = declared(frame, shard.on, "mesh", "what a shard is on");
  if (mesh?.declaration.kind !== "mesh") return null;
  const axes = meshAxes(moduleFrame(frame, mesh.module), mesh.declaration);
  return axes === null || train?.declaration.kind !== "train"
    ? null
    : { train: train.declaration, axes };
}

/** What a rule says, before it is known what it matches. */
interface WrittenRule {
  readonly rule: PathRule;
  readonly parts: readonly WrittenPart[];
}

/**
 * The train's layout; `null` when something is wrong, which is reported, or without figures, when
 * only what stands in the shard itself can be checked.
 */
export function placementOf(
  frame: Frame,
  shard: ShardDecl,
  { train, axes }: { readonly train: TrainDecl; readonly axes: MeshAxes },
  figures: TrainFigures | null,
): Placement | null {
  const rules: WrittenRule[] = [];
  let batch: WrittenRule | null = null;
  let sound = true;
  for (const rule of shard.rules) {
    const isBatch = rule.globs.some(isBatchRule);
    const parts = partsOf(frame, rule, { name: shard.on.text, axes });
    if (parts === null || (isBatch && !cutsRecords(frame, rule, parts))) sound = false;
    else if (!isBatch) rules.push({ rule, parts });
    else if (batch === null) batch = { rule, parts };
    else {
      sound = false;
      const owner = `the shard of \`${shard.name.text}\``;
      report(frame, duplicateKey, { key: "batch", owner }, rule.span, [
        { span: batch.rule.span, text: "first given here" },
      ]);
    }
  }
  if (!sound || figures === null) return null;
  const { plan, stacks } = figures;
  const batchOver = batch?.parts.flatMap(({ part }) => part.over) ?? [];
  const shares = batchOver.reduce((product, axis) => product * (axes.get(axis) ?? 1), 1);
  if (plan.batch % shares !== 0) {
    const over = printAxes(batchOver);
    const extent = `${plan.batch} record${plan.batch === 1 ? "" : "s"}`;
    const params = { what: "the batch", extent, over, devices: shares, more: 0 };
    report(frame, doesNotDivide, params, batch?.rule.value?.span ?? shard.span);
    sound = false;
  }
  const stacked: Elaboration = { ...frame.elaboration, stacks: new Map(stacks) };
  const matched = matchRules(
    { ...frame, elaboration: stacked },
    rules,
    plan.state.filter(({ role }) => role !== "slot"),
  );
  if (matched === null) return null;
  const { rows, problems } = layoutsOf({
    mesh: axes,
    rules: matched,
    state: plan.state,
    stacks,
    trainable: plan.stages.map(({ trainable }) => new Set(trainable)),
  });
  reportProblems(frame, rules, problems);
  if (!sound || problems.length > 0) return null;
  const batchPerDevice = plan.batch / shares;
  const perDevice = (): TrainFigures | null =>
    shares === 1 ? figures : frame.elaboration.figuresOf(train, batchPerDevice);
  return { mesh: shard.on.text, axes, rows, batchOver, batchPerDevice, perDevice };
}

const isBatchRule = ({ segments: [first, second] }: GPath): boolean =>
  first?.text === "batch" && first.range === null && first.index === null && second === undefined;

function partsOf(
  frame: Frame,
  { globs, value, span }: PathRule,
  mesh: { readonly name: string; readonly axes: MeshAxes },
): readonly WrittenPart[] | null {
  if (value !== null) return layoutParts(frame, value, mesh);
  report(frame, missingValue, { key: globs.map(printGlob).join(", ") }, span);
  return null;
}

function cutsRecords(frame: Frame, rule: PathRule, parts: readonly WrittenPart[]): boolean {
  const [, second] = rule.globs;
  const wrong = parts.find(({ part }) => part.kind !== "split" || part.axis !== "B");
  if (second === undefined && wrong === undefined && parts.length <= 1) return true;
  const params = {
    what: "the layout of `batch`",
    expected: "`split(B, over: …)`, for a batch is divided by its records alone",
    found: second === undefined ? "another one" : "one that weights share",
  };
  report(frame, wrongType, params, wrong?.span ?? rule.value?.span ?? rule.span);
  return false;
}

/** For every rule the paths it is the first to match; a glob that decides nothing is reported. */
function matchRules(
  frame: Frame,
  rules: readonly WrittenRule[],
  state: readonly { readonly path: string }[],
): readonly PlacementRule[] | null {
  const paths = state.map(({ path }) => path);
  const placed = new Map<string, PathRule>();
  let sound = true;
  const result = rules.map(({ rule, parts }): PlacementRule => {
    const own = new Set<string>();
    for (const glob of rule.globs) {
      const found = matchGlob(frame, glob, paths);
      const matched = paths.filter((path) => found?.has(path) === true);
      const fresh = matched.filter((path) => !placed.has(path));
      for (const path of fresh) {
        own.add(path);
        placed.set(path, rule);
      }
      if (fresh.length === 0) sound = false;
      const [first] = matched;
      if (fresh.length > 0 || first === undefined) continue;
      const earlier = placed.get(first);
      invariant(earlier !== undefined, "what is not fresh has been placed");
      report(frame, ruleShadowed, { glob: printGlob(glob) }, glob.span, [
        { span: earlier.span, text: `places \`${first}\` already` },
      ]);
    }
    return { paths: own, parts: parts.map(({ part }) => part) };
  });
  return sound ? result : null;
}

/** Of every part of a rule, the first problem and how many more there are like it. */
function reportProblems(
  frame: Frame,
  rules: readonly WrittenRule[],
  problems: readonly LayoutProblem[],
): void {
  const first = new Map<string, { readonly problem: LayoutProblem; more: number }>();
  for (const problem of problems) {
    const key = `${problem.rule} ${problem.part} ${problem.kind}`;
    const same = first.get(key);
    if (same === undefined) first.set(key, { problem, more: 0 });
    else same.more += 1;
  }
  for (const { problem, more } of first.values()) {
    const { rule, parts } = at(rules, problem.rule);
    const span = parts[problem.part]?.span ?? rule.span;
    switch (problem.kind) {
      case "no-axis": {
        const { entry, known } = problem;
        const axis = printAxis(problem.axis);
        const names = known.map(printAxis);
        const params = { path: entry.path, type: printType(entry), axis, known: names };
        report(frame, axisNotFound, params, span);
        break;
      }
      case "not-divisible": {
        const { what, extent, devices } = problem;
        const over = printAxes(problem.over);
        report(frame, doesNotDivide, { what, extent, over, devices, more }, span);
        break;
      }
      case "slot": {
        const { slot, pieces } = problem;
        const params = { slot: slot.path, type: printType(slot), parameter: slot.of ?? "", pieces };
        report(frame, slotDoesNotFollow, params, span);
        break;
      }
    }
  }
}

const printAxis = (axis: number | string): string =>
  typeof axis === "number" ? String(axis) : `\`${axis}\``;

const printAxes = (axes: readonly string[]): string =>
  axes.map((axis) => `\`${axis}\``).join(" and ");
