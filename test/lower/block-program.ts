/** A block of a small program as a graph of its own, with a loss and all gradients. */

import { expect } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { applyRecipe } from "../../compiler/check/block.js";
import { portInputs } from "../../compiler/check/count.js";
import {
  batchName,
  createElaboration,
  createSession,
  rootFrame,
} from "../../compiler/check/elaboration.js";
import type { Elaboration } from "../../compiler/check/frame.js";
import type { Meaning } from "../../compiler/check/value.js";
import { bindDims } from "../../compiler/ir/bind-dims.js";
import { continueGraph } from "../../compiler/ir/continue-graph.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { isFloat, isNumeric } from "../../compiler/ir/type.js";
import { loadProgram } from "../../compiler/modules.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "../check/golden.js";

export interface BlockProgram {
  /** Outputs by port, `next PATH` of every state, `loss`, and `d NAME` of every float input. */
  readonly graph: Graph;
  /** Fixed numbers for every input. */
  readonly arrays: ReadonlyMap<string, NdArray>;
  readonly elaboration: Elaboration;
}

/** Applies the block `M` of a program in training, to inputs of its ports' types, with two records. */
export function blockProgram(text: string, batch = 2): BlockProgram {
  const host = memoryHost(new Map());
  const program = loadProgram(createSource("m.pipe", text), host);
  const session = createSession(host, program.diagnostics);
  const elaboration = createElaboration(session, { batch });
  const frame = {
    ...rootFrame(elaboration, program.root),
    training: true,
    sampling: true,
  };
  const declaration = program.root.module.declarations.find(
    (each) => each.kind === "block" && each.name.text === "M",
  );
  invariant(declaration?.kind === "block", "the program has a block `M`");
  const recipe = { declaration, module: program.root, settings: new Map(), shared: null };
  const inputs = portInputs(frame, recipe);
  invariant(inputs !== null, "the ports have types");
  const call = { callee: "M", inputs, args: [], span: declaration.span };
  const result = applyRecipe(frame, recipe, call, "model");
  expect(session.diagnostics).toStrictEqual([]);
  const ports = declaration.members.flatMap((member) =>
    member.kind === "port" && member.direction === "out" ? [member.name.text] : [],
  );
  const values = result.kind === "tuple" ? result.items.map(({ value }) => value) : [result];
  const outputs = [
    ...values.map((value, i) => ({ name: at(ports, i), value: tensorIn(value) })),
    ...[...elaboration.updates].map(([path, value]) => ({ name: `next ${path}`, value })),
  ];
  const built = elaboration.builder.finish("m", outputs);
  const { builder: b, moved } = continueGraph(bindDims(built, new Map([[batchName, batch]])));
  const find = (value: Value): Value => {
    const found = moved.get(value.id);
    invariant(found !== undefined, "every value is in the graph");
    return found;
  };
  const named = outputs.map(({ name, value }) => ({ name, value: find(value) }));
  // Every element has a weight of its own in the loss.
  const terms = named
    .filter(({ name, value }) => !name.startsWith("next ") && isFloat(value.type.dtype))
    .map(({ value }) => {
      const axes = value.type.shape.map((_, axis) => axis);
      const place = b.reshape(
        b.emit("iota", [], { size: sizeOf(value), dtype: value.type.dtype }),
        value.type.shape,
      );
      return b.sum(b.mul(value, b.sin(b.shift(place, 1))), { axes, keep: false });
    });
  const loss = terms.reduce((sum, term) => b.add(sum, term));
  const floats = b.inputs.filter(({ value }) => isFloat(value.type.dtype));
  const { gradients, blocked } = differentiate(
    b,
    loss,
    floats.map(({ value }) => value),
  );
  expect(blocked).toEqual([]);
  const graph = b.finish("m", [
    ...named,
    { name: "loss", value: loss },
    ...floats.flatMap(({ name }, i) => {
      const value = at(gradients, i);
      return value === null ? [] : [{ name: `d ${name}`, value }];
    }),
  ]);
  const arrays = new Map(
    graph.inputs.map(({ name, value }) => [name, numbered(name, value)] as const),
  );
  return { graph, arrays, elaboration };
}

/** Two programs with the same inputs and weights give the same outputs and gradients. */
export function expectSame(one: BlockProgram, other: BlockProgram): void {
  expect([...one.arrays.keys()].toSorted()).toEqual([...other.arrays.keys()].toSorted());
  const [a, b] = [one, other].map(({ graph, arrays }) => interpret(graph, arrays));
  invariant(a !== undefined && b !== undefined, "both have run");
  expect([...a.keys()].toSorted()).toEqual([...b.keys()].toSorted());
  for (const [name, array] of a) {
    expect([name, array.shape]).toEqual([name, b.get(name)?.shape]);
    array.data.forEach((value, i) =>
      expect(value, `${name}[${i}]`).toBeCloseTo(b.get(name)?.data[i] ?? NaN, 10),
    );
  }
}

function tensorIn(meaning: Meaning): Value {
  invariant(meaning.kind === "tensor", "outputs are tensors");
  return meaning.value;
}

function sizeOf({ type }: Value): number {
  invariant(isNumeric(type.shape), "the batch has a size");
  return type.shape.reduce((count, dim) => count * dim, 1);
}

/** Numbers that depend on the name and the place alone. */
function numbered(name: string, value: Value): NdArray {
  invariant(isNumeric(value.type.shape), "the batch has a size");
  const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7);
  const numbers = Array.from({ length: sizeOf(value) }, (_, i) => Math.sin(seed + 1.7 * i));
  return ndarray(value.type.dtype, value.type.shape, numbers);
}
