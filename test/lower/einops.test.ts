/** What `rearrange` and `einsum` compute, against plain loops over named axes. */

import { expect, it } from "vitest";
import {
  batchName,
  createElaboration,
  createSession,
  rootFrame,
} from "../../compiler/check/elaboration.js";
import { applyRecipe } from "../../compiler/check/block.js";
import { portInputs } from "../../compiler/check/count.js";
import { bindDims } from "../../compiler/ir/bind-dims.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { loadProgram } from "../../compiler/modules.js";
import type { NdArray } from "../../compiler/ops/kit/ndarray.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "../check/golden.js";

type Extents = Readonly<Record<string, number>>;

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Numbers that no sum confuses. */
const filled = (shape: readonly number[], seed: number): NdArray => ({
  dtype: "f32",
  shape,
  data: Float64Array.from({ length: count(shape) }, (_, i) => Math.sin(1 + seed + i * 0.7)),
});

/** The sum of products over every index of every axis, added where the output's axes say. */
function byLoops(
  inputs: readonly string[],
  output: string,
  tensors: readonly NdArray[],
  extents: Extents,
): number[] {
  const axes = Object.keys(extents);
  const sizes = axes.map((axis) => extents[axis] ?? 1);
  const places = (pattern: string): string[] =>
    pattern
      .replaceAll(/[()]/gu, " ")
      .trim()
      .split(/\s+/u)
      .filter((axis) => axis !== "1");
  const offset = (pattern: string, index: ReadonlyMap<string, number>): number =>
    places(pattern).reduce((sum, axis) => sum * (extents[axis] ?? 1) + (index.get(axis) ?? 0), 0);
  const size = count(places(output).map((axis) => extents[axis] ?? 1));
  const result = Array.from({ length: size }, () => 0);
  for (let flat = 0; flat < count(sizes); flat++) {
    const index = new Map<string, number>();
    let rest = flat;
    for (let i = axes.length - 1; i >= 0; i--) {
      index.set(at(axes, i), rest % at(sizes, i));
      rest = Math.floor(rest / at(sizes, i));
    }
    const product = inputs.reduce(
      (value, pattern, i) => value * (at(tensors, i).data[offset(pattern, index)] ?? NaN),
      1,
    );
    const place = offset(output, index);
    result[place] = at(result, place) + product;
  }
  return result;
}

it.each([
  ["rearrange", ["B C (h i) (w j)"], "B (h w) (C i j)", { B: 2, C: 3, h: 2, i: 2, w: 2, j: 3 }],
  ["rearrange", ["B (T N) d"], "(B N) T d", { B: 2, T: 3, N: 4, d: 2 }],
  ["rearrange", ["B 1 c"], "c B 1", { B: 3, c: 4 }],
  ["einsum", ["B n d", "B m d"], "B n m", { B: 2, n: 3, d: 4, m: 5 }],
  ["einsum", ["B n d", "B m d", "B m e"], "B n e", { B: 2, n: 3, d: 4, m: 5, e: 2 }],
  ["einsum", ["B a b"], "b B", { B: 2, a: 3, b: 4 }],
  ["einsum", ["B a", "B b"], "b a B", { B: 2, a: 3, b: 4 }],
  ["einsum", ["B a", "B a"], "B", { B: 3, a: 4 }],
  ["einsum", ["B a c", "B b"], "B b", { B: 3, a: 4, b: 2, c: 2 }],
  ["einsum", ["B k (i j)", "i B"], "(k j) B", { B: 2, k: 3, i: 2, j: 4 }],
] as const)("%s(%j -> %s)", (step, inputs, output, extents: Extents) => {
  const extent = (axis: string): number => extents[axis] ?? 1;
  const groups = (pattern: string): string[][] =>
    [...pattern.matchAll(/\(([^)]*)\)|(\S+)/gu)].map(([, group, axis]) =>
      (group ?? axis ?? "").split(" "),
    );
  const shape = (pattern: string): number[] =>
    groups(pattern).map((names) => count(names.map(extent)));
  const type = (pattern: string): string =>
    `f32[${groups(pattern)
      .map((names) =>
        names.join() === "B"
          ? "B"
          : names.includes("B")
            ? `${count(names.filter((n) => n !== "B").map(extent))} * B`
            : String(count(names.map(extent))),
      )
      .join(", ")}]`;
  const sizes = Object.entries(extents).filter(
    ([axis]) =>
      axis !== "B" &&
      groups(inputs.join(" ")).some((names) => names.length > 1 && names.includes(axis)),
  );
  const given = sizes.map(([axis, size]) => `, ${axis}: ${size}`).join("");
  const names = inputs.map((_, i) => `x${i}`);
  const ports = inputs.map((pattern, i) => `  in x${i}: ${type(pattern)}`).join("\n");
  const piped = names.length === 1 ? "x0" : `(${names.join(", ")})`;
  const text = `block M() {\n${ports}\n  out y: ${type(output)}\n  y = ${piped} |> ${step}(${inputs.join(", ")} -> ${output}${given})\n}\n`;

  const host = memoryHost(new Map());
  const program = loadProgram(createSource("m.pipe", text), host);
  const session = createSession(host, program.diagnostics);
  const elaboration = createElaboration(session);
  const frame = rootFrame(elaboration, program.root);
  const declaration = at(program.root.module.declarations, 0);
  invariant(declaration.kind === "block", "the program is a block");
  const recipe = { declaration, module: program.root, settings: new Map(), shared: null };
  const arrivals = portInputs(frame, recipe);
  invariant(arrivals !== null, "the ports have types");
  const call = { callee: "M", inputs: arrivals, args: [], span: declaration.span };
  const result = applyRecipe(frame, recipe, call, "model");
  expect(session.diagnostics).toStrictEqual([]);
  invariant(result.kind === "tensor", "the block has an output");
  const graph = elaboration.builder.finish("m", [{ name: "y", value: result.value }]);
  const tensors = inputs.map((pattern, i) => filled(shape(pattern), i));
  const outputs = interpret(
    bindDims(graph, new Map([[batchName, extents["B"] ?? 1]])),
    new Map(names.map((name, i) => [name, at(tensors, i)])),
  );
  const got = outputs.get("y");
  expect(got?.shape).toStrictEqual(shape(output));
  const want = byLoops(inputs, output, tensors, extents);
  want.forEach((value, i) => expect(got?.data[i]).toBeCloseTo(value, 10));
});
