/** Applies a block: solves its dims, creates its weights, runs its body, checks its outputs. */

import type { BlockDecl, Owned, Port } from "../../grammar/ast.js";
import { tooDeep, unusedState } from "../../grammar/diagnostics/program.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import type { Dim } from "../ir/dim.js";
import { applyAgain } from "./again.js";
import { applyAlike } from "./alike.js";
import { type CallerAxes, callerAxes, withCallerAxes, withPortAxes } from "./axes.js";
import type { CallSite } from "./bind.js";
import { carriedValue, checkCarriesSet } from "./carry.js";
import { moduleFrame, namesAreUnique } from "./definitions.js";
import { destructure, shareRecipe, spread } from "./destructure.js";
import {
  bind,
  bindLazily,
  createScope,
  entered,
  evaluate,
  type Frame,
  maxApplications,
  maxDepth,
  report,
} from "./frame.js";
import { bindConstants, presence, takeInputs } from "./inputs.js";
import { createMember } from "./members.js";
import { assign, checkOutput } from "./outputs.js";
import { solveInputs } from "./solve.js";
import { checkStatesSet, updateState } from "./state-updates.js";
import { recordTap, reportTapTwice } from "./taps.js";
import { dimMeaning, type Meaning, none, type Recipe, unknown } from "./value.js";

/** The outputs of one application at `path`: a tensor, or a tuple of named ones. */
export function applyRecipe(frame: Frame, recipe: Recipe, call: CallSite, path: string): Meaning {
  const { declaration } = recipe;
  if (frame.trail.length >= maxDepth) {
    report(frame, tooDeep, { limit: `${maxDepth} nested blocks` }, call.span);
    return unknown;
  }
  const { applications } = frame.elaboration;
  applications.push({ declaration, path, depth: frame.trail.length });
  if (applications.length > maxApplications) {
    if (applications.length === maxApplications + 1)
      report(frame, tooDeep, { limit: `${maxApplications} applications of blocks` }, call.span);
    return unknown;
  }
  frame.elaboration.applied.add(declaration);
  if (!namesAreUnique(frame, declaration)) return unknown;
  const applyOnce = frame.again === true ? applyAgain : applyAlike;
  return applyOnce(frame, recipe, call, path, () => applyAnew(frame, recipe, call, path));
}

function applyAnew(frame: Frame, recipe: Recipe, call: CallSite, path: string): Meaning {
  const { declaration } = recipe;
  const { ordinals } = frame.elaboration;
  const again = frame.again === true || (recipe.shared !== null && ordinals.has(`shared:${path}`));
  if (recipe.shared !== null) ordinals.set(`shared:${path}`, 1);
  const frozen = frame.elaboration.isFrozen(path);
  const home = moduleFrame(frame, recipe.module);
  const base: Frame = {
    ...home,
    path,
    again,
    training: frame.training && !frozen && !frame.unused,
    sampling: frame.sampling && !frozen && !frame.unused,
    trail: entered(frame, declaration, call.span),
  };
  const settings = createScope(home.scope);
  for (const [name, meaning] of recipe.settings) bind(settings, name, meaning);

  const inputs = takeInputs(frame, { ...base, scope: createScope(settings) }, declaration, call);
  if (inputs === null) return unknown;
  const solved = solveInputs(frame, { ...base, scope: settings }, declaration, inputs);
  if (solved === null) return unknown;

  const scope = createScope(settings);
  const inner: Frame = { ...base, scope, portNames: new Set(solved.dims.keys()) };
  const settled: Frame = { ...base, scope: createScope(settings) };
  for (const [name, dim] of solved.dims)
    for (const place of [inner, settled]) bind(place.scope, name, dimMeaning(dim));
  for (const [name, complain] of solved.open)
    bindLazily(scope, name, () => (complain(), unknown), call.span);
  bindConstants(inner, declaration);
  bindConstants(settled, declaration);
  for (const { port, meaning } of inputs)
    bind(scope, port.name.text, withPortAxes(port.type, meaning), port.name.span);
  return runBody(inner, declaration, { run: solved.run, axes: callerAxes(inputs), settled });
}

/** What stands for `...`, and what the caller calls its axes. */
interface Caller {
  readonly run: readonly Dim[] | null;
  readonly axes: CallerAxes;
  /** Sees what types may name of an item of a list: other names may differ between the items. */
  readonly settled: Frame;
}

function runBody(frame: Frame, declaration: BlockDecl, { run, axes, settled }: Caller): Meaning {
  const outputs = new Map<string, Meaning>();
  const updated = new Set<string>();
  const outs = declaration.members.filter(
    (member): member is Port => member.kind === "port" && member.direction === "out",
  );
  for (const member of declaration.members) {
    switch (member.kind) {
      case "port":
      case "const":
        break;
      case "owned":
        bind(frame.scope, member.name.text, ownedMeaning(frame, member, run), member.name.span);
        break;
      case "tap":
        recordTap(frame, member);
        break;
      case "let":
        destructure(
          frame,
          member.names,
          shareRecipe(frame, member.names, evaluate(frame, member.value)),
        );
        break;
      case "assign":
        assign(
          frame,
          outs,
          outputs,
          member.names,
          spread(frame, member.names, evaluate(frame, member.value)),
        );
        break;
      case "update":
        if (updated.has(member.name.text))
          report(frame, alreadyDefined, { name: `${member.name.text} <- …` }, member.name.span);
        updated.add(member.name.text);
        updateState(frame, declaration, run, member);
        break;
    }
  }
  checkCarriesSet(frame, declaration, updated);
  checkStatesSet(frame, declaration, updated);
  reportTapTwice(
    frame,
    declaration.members.filter((member) => member.kind === "tap"),
  );
  const items = outs.map((port) => ({
    name: port.name.text,
    value: withCallerAxes(
      port.type,
      checkOutput({ frame, settled }, declaration, port, outputs, run),
      axes,
    ),
  }));
  const [only] = items;
  return items.length === 1 && only !== undefined ? only.value : { kind: "tuple", items };
}

function ownedMeaning(frame: Frame, member: Owned, run: readonly Dim[] | null): Meaning {
  if (member.unused && member.role !== "weight") {
    report(frame, unusedState, { name: member.name.text, role: member.role }, member.span);
    return unknown;
  }
  if (presence(frame, member.guard) === "absent") return none;
  return member.role === "carry"
    ? carriedValue(frame, member, run)
    : createMember(frame, member, run);
}
