/** Puts a dataset's own preparation of a field in front of a graph, so that raw records go in. */

import { at, invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Dim } from "../ir/dim.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Graph, Value } from "../ir/graph.js";
import type { DatasetOp, DatasetProgram } from "../plan/dataset.js";
import { coverage } from "./area-matrix.js";

/** Why a field cannot be prepared in a graph; `isDrawn`: it never can, for it is drawn anew. */
export interface Unprepared {
  readonly field: string;
  readonly reason: string;
  readonly isDrawn: boolean;
}

type Field = DatasetProgram["fields"][number];

/** Fields whose values are numbers of the record alone, and not places on a picture. */
const marks: readonly Field["reader"]["kind"][] = ["masks", "boxes", "box_classes"];

const drawn: readonly DatasetOp["kind"][] = [
  "random_crop",
  "random_shift",
  "hflip",
  "vflip",
  "rotate",
  "affine",
  "jitter",
  "color_jitter",
  "blur",
  "noise",
  "cutout",
  "scale",
];

/** The steps that a field takes in validation, top to bottom. */
const stepsOf = ({ transforms }: DatasetProgram, name: string): readonly DatasetOp[] =>
  transforms
    .filter(({ split, field, fields }) => {
      const named = fields ?? (field === undefined ? [] : [field]);
      return (split === null || split === "val") && named.includes(name);
    })
    .map(({ op }) => op);

/** What stands in the way of `preprocessed`; `null` where nothing does. */
export function hindrance(program: DatasetProgram, names: readonly string[]): Unprepared | null {
  for (const field of names) {
    const declared = program.fields.find(({ name }) => name === field);
    invariant(declared !== undefined, `the dataset has a field ${field}`);
    const steps = stepsOf(program, field);
    const random = steps.find(({ kind }) => drawn.includes(kind));
    if (random !== undefined)
      return { field, reason: `\`${random.kind}\` draws in validation too`, isDrawn: true };
    const no = (reason: string): Unprepared => ({ field, reason, isDrawn: false });
    if (marks.includes(declared.reader.kind)) return no("which lies on another field's picture");
    if (declared.shape.includes(null) && steps.length > 0)
      return no("whose size only the files tell");
    if (declared.dtype === "bool" && steps.length > 0) return no("which holds truths");
  }
  return null;
}

/**
 * `graph` with raw records in place of prepared ones: what validation does to them comes first.
 * Numbers agree with the runtime's to rounding; bytes of pictures are rounded as it rounds them.
 */
export function preprocessed(
  graph: Graph,
  program: DatasetProgram,
  names: readonly string[],
): Graph {
  const builder = createGraphBuilder();
  const moved = new Map<number, Value>();
  const inputs = new Map<string, Value>();
  for (const { name, value } of graph.inputs) {
    const field = names.find((each) => name === `field:${each}`);
    if (field !== undefined) continue;
    const input = builder.input(name, value.type);
    inputs.set(name, input);
    moved.set(value.id, input);
  }
  for (const { name, value } of graph.inputs) {
    const field = program.fields.find((each) => name === `field:${each.name}`);
    if (field === undefined || !names.includes(field.name)) continue;
    const steps = stepsOf(program, field.name);
    const raw = field.shape.map((extent, axis) => extent ?? at(value.type.shape, axis + 1));
    const shape: readonly Dim[] = [at(value.type.shape, 0), ...raw];
    const input = builder.input(name, { dtype: field.dtype, shape });
    const state = (path: string, type: Value["type"]): Value => {
      const known = inputs.get(path) ?? builder.input(path, type);
      inputs.set(path, known);
      return known;
    };
    const context = { builder, program, state };
    const prepared = builder.within({ span: null, scope: `preprocess.${field.name}` }, () =>
      settled(
        builder,
        steps.reduce((x, step) => apply(context, step, x), taken(builder, input)),
      ),
    );
    moved.set(value.id, builder.cast(prepared, value.type.dtype));
  }
  for (const node of graph.nodes) {
    const values = node.inputs.map((input) => moved.get(input.id) ?? input);
    const outputs = builder.within(node, () => builder.copy(node, values));
    node.outputs.forEach((output, i) => moved.set(output.id, at(outputs, i)));
  }
  const outputs = graph.outputs.map(({ name, value }) => ({
    name,
    value: moved.get(value.id) ?? value,
  }));
  return inOrder(builder.finish(graph.name, outputs), graph);
}

/** Inputs stay where they were, before the states that preparation reads. */
function inOrder(made: Graph, { inputs }: Graph): Graph {
  const known = inputs.flatMap(({ name }) => made.inputs.filter((input) => input.name === name));
  return { ...made, inputs: [...known, ...made.inputs.filter((input) => !known.includes(input))] };
}

/** A record on its way: bytes are held as whole numbers of f32, in which arithmetic is defined. */
interface Held {
  readonly value: Value;
  readonly isBytes: boolean;
}

const taken = (builder: GraphBuilder, input: Value): Held =>
  input.type.dtype === "u8"
    ? { value: builder.cast(input, "f32"), isBytes: true }
    : { value: input, isBytes: false };

const settled = (builder: GraphBuilder, { value, isBytes }: Held): Value =>
  isBytes ? builder.cast(value, "u8") : value;

interface Context {
  readonly builder: GraphBuilder;
  readonly program: DatasetProgram;
  /** The input that holds what a fit has found. */
  readonly state: (path: string, type: Value["type"]) => Value;
}

function apply(context: Context, op: DatasetOp, x: Held): Held {
  const { builder: b } = context;
  const shape = x.value.type.shape;
  const moved = (value: Value): Held => ({ ...x, value });
  const [height = 1, width = 1] = shape.slice(-2).map(Number);
  const unit = (): Value => (x.isBytes ? b.scale(x.value, 1 / 255) : b.cast(x.value, "f32"));
  switch (op.kind) {
    case "normalize": {
      const by = (values: readonly number[]): Value => perChannel(b, values);
      const divided = x.isBytes ? b.div(x.value, b.constant(255)) : b.cast(x.value, "f32");
      return { value: b.div(b.sub(divided, by(op.mean)), by(op.std)), isBytes: false };
    }
    case "standardize": {
      const value = unit();
      const axes = shape.slice(1).map((_, i) => i + 1);
      const centered = b.sub(value, b.mean(value, { axes, keep: true }));
      const deviation = b.sqrt(b.mean(b.square(centered), { axes, keep: true }));
      return { value: b.div(centered, b.maximum(deviation, b.constant(1e-3))), isBytes: false };
    }
    case "resize":
      return moved(resized(b, x, [height, width], [op.height, op.width]));
    case "crop":
      return moved(windowOf(b, x.value, op));
    case "center_crop": {
      const top = Math.floor((height - op.height) / 2);
      const left = Math.floor((width - op.width) / 2);
      return moved(windowOf(b, x.value, { ...op, top, left }));
    }
    case "pad": {
      const none = shape.slice(0, -2).map(() => 0);
      const before = [...none, op.top, op.left];
      const after = [...none, op.bottom, op.right];
      const fill = op.value === "edge" ? { mode: "edge" } : { value: op.value };
      return moved(b.emit("pad", [x.value], { before, after, ...fill }));
    }
    case "rearrange": {
      const first = at(shape, 0);
      const apart = b.reshape(x.value, [first, ...op.split]);
      const turned = b.transpose(apart, [0, ...op.order.map((axis) => axis + 1)]);
      return moved(b.reshape(turned, [first, ...op.shape]));
    }
    case "tile":
      return moved(tiled(b, x.value, op.size, op.overlap));
    case "to":
      return converted(b, x, op.dtype);
    case "rescale":
      return { value: rescaled(context, x.value, op), isBytes: false };
    case "random_crop":
    case "random_shift":
    case "hflip":
    case "vflip":
    case "rotate":
    case "affine":
    case "jitter":
    case "color_jitter":
    case "blur":
    case "noise":
    case "cutout":
    case "scale":
      invariant(false, `\`${op.kind}\` has been refused`);
  }
}

const perChannel = (b: GraphBuilder, values: readonly number[]): Value =>
  values.length === 1
    ? b.constant(at(values, 0))
    : b.reshape(b.emit("vector", [], { values }), [values.length, 1, 1]);

/** Rows and columns as products with the shares of old pixels in new ones, in f64 as at run time. */
function resized(
  b: GraphBuilder,
  { value, isBytes }: Held,
  from: readonly [number, number],
  to: readonly [number, number],
): Value {
  const matrix = (values: readonly number[], rows: number, columns: number): Value =>
    b.reshape(b.emit("vector", [], { values, dtype: "f64" }), [rows, columns]);
  const [height, width] = from;
  const rows = matrix(coverage(height, to[0]), to[0], height);
  const columns = b.transposeLast(matrix(coverage(width, to[1]), to[1], width));
  const summed = b.matmul(b.matmul(rows, b.cast(value, "f64")), columns);
  const mean = b.scale(summed, (to[0] / height) * (to[1] / width));
  return b.cast(isBytes ? toByte(b, mean) : mean, value.type.dtype);
}

/** Rounds half up and holds to 0..255. */
const toByte = (b: GraphBuilder, x: Value): Value =>
  b.emit("clip", [b.emit("floor", [b.shift(x, 0.5)])], { low: 0, high: 255 });

interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function windowOf(b: GraphBuilder, x: Value, { top, left, height, width }: Window): Value {
  const rank = x.type.shape.length;
  const rows = b.slice(x, { axis: rank - 2, from: top, to: top + height });
  return b.slice(rows, { axis: rank - 1, from: left, to: left + width });
}

function tiled(b: GraphBuilder, x: Value, size: number, overlap: number): Value {
  const [height = 1, width = 1] = x.type.shape.slice(-2).map(Number);
  const stride = size - overlap;
  const rows = Math.floor((height - overlap) / stride);
  const columns = Math.floor((width - overlap) / stride);
  const axis = x.type.shape.length - 3;
  const tiles = Array.from({ length: rows * columns }, (_, i) => {
    const top = Math.floor(i / columns) * stride;
    const left = (i % columns) * stride;
    return b.insertAxis(windowOf(b, x, { top, left, height: size, width: size }), axis);
  });
  return b.concat(tiles, axis);
}

function converted(b: GraphBuilder, x: Held, dtype: Value["type"]["dtype"]): Held {
  if (dtype === "u8") {
    if (x.isBytes) return x;
    return { value: toByte(b, b.cast(x.value, "f32")), isBytes: true };
  }
  if (dtype !== "bool") return { value: b.cast(x.value, dtype), isBytes: false };
  const zero = b.constant(0, x.value.type.dtype);
  return { value: b.emit("not_equal", [x.value, zero]), isBytes: false };
}

/** A range or deviation of 0 counts as 1. */
function rescaled(
  { builder: b, program, state }: Context,
  x: Value,
  op: Extract<DatasetOp, { kind: "rescale" }>,
): Value {
  const fit = program.fits?.find(({ name }) => name === op.fit);
  invariant(fit !== undefined, `there is a fit ${op.fit}`);
  const { dtype, axes } = fit;
  const names = fit.kind === "minmax" ? ["lo", "hi"] : ["mean", "std"];
  const spread = x.type.shape.slice(1).map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const [first, second] = names.map((name) => {
    const path = `data.${program.name}.${fit.name}.${name}`;
    return b.cast(b.reshape(state(path, { dtype, shape: fit.shape }), [1, ...spread]), "f64");
  });
  invariant(first !== undefined && second !== undefined, "a fit has two results");
  const distance = b.sub(b.cast(x, "f64"), first);
  const whole = fit.kind === "minmax" ? b.sub(second, first) : second;
  const none = b.equal(whole, b.constant(0, "f64"));
  const share = b.div(distance, b.where(none, b.constant(1, "f64"), whole));
  const [low, high] = fit.kind === "minmax" ? (op.to ?? [0, 1]) : [0, 1];
  return b.cast(b.shift(b.scale(share, high - low), low), dtype);
}
