/** Applies a block: solves its dims, creates its weights, runs its body, checks its outputs. */

import type { BlockDecl, Owned, Port } from "../../grammar/ast.js";
import {
  duplicateArgument,
  missingArgument,
  portShape,
  tooManyArguments,
  unknownArgument,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import {
  assignsNoOutput,
  outputNotAssigned,
  tooDeep,
  updatesNoState,
} from "../../grammar/diagnostics/program.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import { suggest } from "../../grammar/suggest.js";
import type { Dim } from "../ir/dim.js";
import { printType, sameType } from "../ir/type.js";
import type { CallSite } from "./bind.js";
import { moduleFrame, namesAreUnique } from "./definitions.js";
import { destructure, spread } from "./destructure.js";
import {
  bind,
  bindLazily,
  child,
  createScope,
  entered,
  evaluate,
  type Frame,
  lookup,
  report,
} from "./frame.js";
import { createMember, segmentOf } from "./members.js";
import {
  type Arrival,
  genericNames,
  isDecided,
  type Pattern,
  patternOf,
  solvePorts,
  typeOf,
  unknownDim,
} from "./ports.js";
import {
  describe,
  dimMeaning,
  type Meaning,
  none,
  type Recipe,
  tensorOf,
  unknown,
} from "./value.js";

/** Recipes handed from block to block may still recur; a mistyped count may be large. */
const maxDepth = 60;
const maxApplications = 100_000;

/** The outputs of one application at `path`: a tensor, or a tuple of named ones. */
export function applyRecipe(frame: Frame, recipe: Recipe, call: CallSite, path: string): Meaning {
  const { declaration } = recipe;
  const block = declaration.name.text;
  if (frame.trail.length >= maxDepth) {
    report(frame, tooDeep, { limit: `${maxDepth} nested blocks` }, call.span);
    return unknown;
  }
  const { budget } = frame.elaboration;
  if (++budget.applications > maxApplications) {
    if (budget.applications === maxApplications + 1)
      report(frame, tooDeep, { limit: `${maxApplications} applications of blocks` }, call.span);
    return unknown;
  }
  frame.elaboration.applied.add(declaration);
  if (!namesAreUnique(frame, declaration)) return unknown;
  if (recipe.shared !== null) frame.elaboration.ordinals.set(`shared:${path}`, 1);
  const frozen = frame.elaboration.isFrozen(path);
  const home = moduleFrame(frame, recipe.module);
  const base: Frame = {
    ...home,
    path,
    training: frame.training && !frozen,
    sampling: frame.sampling && !frozen,
    trail: entered(frame, declaration, call.span),
  };
  const settings = createScope(home.scope);
  for (const [name, meaning] of recipe.settings) bind(settings, name, meaning);

  const inputs = takeInputs(frame, { ...base, scope: createScope(settings) }, declaration, call);
  if (inputs === null) return unknown;
  const { dims, run } =
    inputs.length === 0
      ? { dims: new Map<string, Dim>(), run: null }
      : (solve() ?? { dims: null, run: null });
  if (dims === null) return unknown;

  const scope = createScope(settings);
  const inner: Frame = { ...base, scope };
  for (const [name, dim] of dims) bind(scope, name, dimMeaning(dim));
  bindConstants(inner, declaration);
  for (const { port, meaning } of inputs) bind(scope, port.name.text, meaning, port.name.span);
  return runBody(inner, declaration, run);

  function solve(): { dims: ReadonlyMap<string, Dim>; run: readonly Dim[] | null } | null {
    const patternScope = createScope(settings);
    const solving: Frame = { ...base, scope: patternScope };
    bindConstants(solving, declaration);
    const generics = new Set<string>();
    const arrivals: Arrival[] = [];
    const patterns = new Map<Port, Pattern>();
    for (const { port } of inputs ?? [])
      for (const name of genericNames(solving, port.type)) generics.add(name);
    for (const name of generics) bind(patternScope, name, dimMeaning(unknownDim(name)));
    for (const { port, meaning, span } of inputs ?? []) {
      if (meaning.kind === "none") continue;
      if (meaning.kind === "unknown") return null;
      if (meaning.kind !== "tensor") {
        report(
          frame,
          wrongType,
          {
            what: `\`${port.name.text}\` of \`${block}\``,
            expected: "a tensor",
            found: describe(meaning),
          },
          span,
        );
        return null;
      }
      const pattern = patternOf(solving, port.type);
      if (pattern === null) return null;
      patterns.set(port, pattern);
      arrivals.push({ port, type: meaning.value.type, span });
    }
    return solvePorts(frame, block, patterns, arrivals, generics);
  }
}

interface Input {
  readonly port: Port;
  readonly meaning: Meaning;
  readonly span: Arrival["span"];
}

/** Gives each `in` port what arrives at it: by name, or in order; `null` when it does not fit. */
function takeInputs(
  frame: Frame,
  base: Frame,
  declaration: BlockDecl,
  call: CallSite,
): readonly Input[] | null {
  const block = declaration.name.text;
  const ports = declaration.members.filter(
    (member): member is Port => member.kind === "port" && member.direction === "in",
  );
  const taken = new Map<Port, Input>();
  for (const input of call.inputs) {
    const port =
      input.name === null
        ? ports.find((candidate) => !taken.has(candidate))
        : ports.find((candidate) => candidate.name.text === input.name);
    if (port === undefined) {
      if (input.name === null)
        report(
          frame,
          tooManyArguments,
          { callee: block, expected: ports.length, found: call.inputs.length },
          input.span,
        );
      else
        report(
          frame,
          unknownArgument,
          {
            callee: block,
            name: input.name,
            suggestion: suggest(
              input.name,
              ports.map((p) => p.name.text),
            ),
          },
          input.span,
        );
      return null;
    }
    if (taken.has(port)) {
      report(frame, duplicateArgument, { callee: block, name: port.name.text }, input.span);
      return null;
    }
    taken.set(port, { port, meaning: input.meaning, span: input.span });
  }
  for (const port of ports) {
    const given = taken.get(port);
    // A default may read the inputs before it.
    if (given !== undefined) {
      bind(base.scope, port.name.text, given.meaning, port.name.span);
      continue;
    }
    if (port.value === null) {
      report(frame, missingArgument, { callee: block, name: port.name.text }, call.span);
      return null;
    }
    const meaning = evaluate(base, port.value);
    bind(base.scope, port.name.text, meaning, port.name.span);
    taken.set(port, { port, meaning, span: port.value.span });
  }
  return ports.flatMap((port) => taken.get(port) ?? []);
}

/** Consts are evaluated when first used: they may stand in any order and in port types. */
function bindConstants(frame: Frame, declaration: BlockDecl): void {
  for (const member of declaration.members)
    if (member.kind === "const")
      bindLazily(
        frame.scope,
        member.name.text,
        () => evaluate(frame, member.value),
        member.name.span,
      );
}

function runBody(frame: Frame, declaration: BlockDecl, run: readonly Dim[] | null): Meaning {
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
        bind(
          frame.scope,
          member.name.text,
          isAbsent(frame, member) ? none : createMember(frame, member, run),
          member.name.span,
        );
        break;
      case "tap":
        evaluate(frame, member.value);
        break;
      case "let":
        destructure(
          frame,
          member.names,
          shareRecipe(frame, member.names[0]?.text ?? "", evaluate(frame, member.value)),
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
        update(frame, declaration, member.name, evaluate(frame, member.value), member.value.span);
        break;
    }
  }
  const items = outs.map((port) => ({
    name: port.name.text,
    value: checkOutput(frame, declaration, port, outputs, run),
  }));
  const [only] = items;
  return items.length === 1 && only !== undefined ? only.value : { kind: "tuple", items };
}

const isAbsent = (frame: Frame, member: Owned): boolean => {
  if (member.guard === null) return false;
  const guard = evaluate(frame, member.guard);
  if (guard.kind !== "bool" && guard.kind !== "unknown")
    report(
      frame,
      wrongType,
      { what: "the condition of `if`", expected: "`bool`", found: describe(guard) },
      member.guard.span,
    );
  return guard.kind === "bool" && !guard.value;
};

/** `let enc = Encoder(64)`: all applications of `enc` share the weights under `enc`. */
const shareRecipe = (frame: Frame, name: string, meaning: Meaning): Meaning =>
  meaning.kind === "recipe" && meaning.recipe.shared === null
    ? { kind: "recipe", recipe: { ...meaning.recipe, shared: child(frame.path, name) } }
    : meaning;

function assign(
  frame: Frame,
  outs: readonly Port[],
  outputs: Map<string, Meaning>,
  names: Extract<BlockDecl["members"][number], { kind: "assign" }>["names"],
  values: readonly Meaning[],
): void {
  for (const [i, name] of names.entries()) {
    if (name.text === "_") continue;
    const known = outs.map((port) => port.name.text);
    if (!known.includes(name.text))
      report(
        frame,
        assignsNoOutput,
        { name: name.text, suggestion: suggest(name.text, known) },
        name.span,
      );
    else if (outputs.has(name.text)) report(frame, alreadyDefined, { name: name.text }, name.span);
    const value = values[i] ?? unknown;
    outputs.set(name.text, value);
    bind(frame.scope, name.text, value, name.span);
  }
}

function update(
  frame: Frame,
  declaration: BlockDecl,
  name: { readonly text: string; readonly span: Arrival["span"] },
  value: Meaning,
  span: Arrival["span"],
): void {
  const owned = declaration.members.find(
    (member): member is Owned =>
      member.kind === "owned" && member.role !== "weight" && member.name.text === name.text,
  );
  if (owned === undefined) {
    report(frame, updatesNoState, { name: name.text }, name.span);
    return;
  }
  // State moves in training alone; what it would become elsewhere has been checked all the same.
  const current = lookup(frame, name.text, name.span);
  if (current?.kind !== "tensor" || value.kind === "unknown") return;
  const number = value.kind === "int" || value.kind === "float" ? value.value : null;
  const { builder, updates, members } = frame.elaboration;
  const next =
    value.kind === "tensor"
      ? value.value
      : number === null
        ? null
        : builder.constant(number, current.value.type.dtype, current.value.type.shape);
  if (next === null || !sameType(next.type, current.value.type)) {
    report(
      frame,
      wrongType,
      { what: `\`${name.text}\``, expected: printType(current.value.type), found: describe(value) },
      span,
    );
    return;
  }
  const path = child(frame.path, segmentOf(frame, owned.as) ?? owned.name.text);
  if (frame.training && members.has(path)) updates.set(path, next);
}

function checkOutput(
  frame: Frame,
  declaration: BlockDecl,
  port: Port,
  outputs: ReadonlyMap<string, Meaning>,
  run: readonly Dim[] | null,
): Meaning {
  const block = declaration.name.text;
  const value =
    outputs.get(port.name.text) ?? (port.value === null ? null : evaluate(frame, port.value));
  if (value === null) {
    report(frame, outputNotAssigned, { port: port.name.text, block }, port.span);
    return unknown;
  }
  if (value.kind === "unknown") return unknown;
  const declared = typeOf(frame, port.type, run);
  if (declared === null) return unknown;
  if (value.kind === "tensor" && sameType(value.value.type, declared)) return tensorOf(value.value);
  if (
    frame.elaboration.generic &&
    value.kind === "tensor" &&
    value.value.type.dtype === declared.dtype &&
    !isDecided(frame, [...declared.shape, ...value.value.type.shape])
  )
    return unknown;
  const found = value.kind === "tensor" ? printType(value.value.type) : describe(value);
  report(
    frame,
    portShape,
    { port: port.name.text, block, expected: printType(declared), found },
    valueSpan(declaration, port),
    [{ span: port.type.span, text: "declared here" }],
  );
  return unknown;
}

const valueSpan = (declaration: BlockDecl, port: Port): Arrival["span"] =>
  declaration.members.find(
    (member) =>
      member.kind === "assign" && member.names.some((name) => name.text === port.name.text),
  )?.span ?? port.span;
