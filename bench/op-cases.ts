/** The ops and shapes that `npm run bench -- ops` times, and the graphs that are compiled of them. */

import { differentiate } from "../compiler/autodiff/differentiate.js";
import type { GraphBuilder } from "../compiler/ir/builder.js";
import { createGraphBuilder } from "../compiler/ir/create-builder.js";
import type { Graph, Value } from "../compiler/ir/graph.js";
import { rankOf, tensorType } from "../compiler/ir/type.js";
import { pruned } from "../compiler/lower/stage.js";
import { at, invariant } from "../grammar/invariant.js";
import type { OpCall, OpInput } from "./peers/protocol.js";

export interface OpCase extends OpCall {
  readonly title: string;
}

type Shape = readonly number[];
type Pass = "forward" | "both" | `gradient ${string}`;
type Attributes = OpCall["attrs"];

/** The cases of one op on one shape, by its passes. */
function casesOf(
  title: string,
  op: string,
  shapes: Readonly<Record<string, Shape | OpInput>>,
  rest: { readonly attrs?: Attributes; readonly passes?: readonly Pass[] } = {},
): readonly OpCase[] {
  const inputs = Object.entries(shapes).map(([name, shape]): OpInput =>
    "name" in shape ? shape : { name, shape },
  );
  const floats = inputs.filter(({ below }) => below === undefined).map(({ name }) => name);
  return (rest.passes ?? ["forward", "both"]).map((pass) => {
    const [kind, ...named] = pass.split(" ");
    invariant(kind === "forward" || kind === "gradient" || kind === "both", pass);
    const wrt = kind === "forward" ? [] : kind === "both" ? floats : named;
    const label = { forward: "forward", both: "forward and backward", gradient: `d${wrt.join()}` };
    const { attrs = {} } = rest;
    return { title: `${title}: ${label[kind]}`, op, inputs, attrs, pass: kind, wrt };
  });
}

const batch = 8;

/** A square kernel over square maps, padded to keep their size where the stride is 1. */
function conv(channels: number, size: number, out: number, kernel = 3, stride = 1) {
  const pad = (kernel - 1) / 2;
  const shapes = { x: [batch, channels, size, size], w: [out, channels, kernel, kernel] };
  const title = `conv ${kernel}x${kernel}${stride > 1 ? ` by ${stride}` : ""}, ${channels} x ${size} x ${size} to ${out}`;
  const attrs = { stride: [stride, stride], pads: [pad, pad, pad, pad] };
  return casesOf(title, "conv", shapes, {
    attrs,
    passes: ["forward", "gradient x", "gradient w"],
  });
}

const depthwise = (channels: number, size: number) =>
  casesOf(
    `depthwise 3x3, ${channels} x ${size} x ${size}`,
    "conv",
    { x: [batch, channels, size, size], w: [channels, 1, 3, 3] },
    {
      attrs: { pads: [1, 1, 1, 1], groups: channels },
      passes: ["forward", "gradient x", "gradient w"],
    },
  );

const linear = (rows: number, inputs: number, outputs: number) =>
  casesOf(
    `linear, ${rows} x ${inputs} to ${outputs}`,
    "linear",
    { x: [rows, inputs], w: [outputs, inputs], b: [outputs] },
    { passes: ["forward", "gradient x", "gradient w", "gradient b"] },
  );

const product = (what: string, a: Shape, b: Shape) =>
  casesOf(
    `${what}, ${a.join(" x ")} by ${b.join(" x ")}`,
    "matmul",
    { a, b },
    {
      passes: ["forward", "gradient a", "gradient b"],
    },
  );

const [maps, tokens, hidden] = [
  [batch, 64, 56, 56],
  [784, 768],
  [784, 3072],
] as const;

/** In the order of the table. */
export const opCases: readonly OpCase[] = [
  ...casesOf(
    "product of squares, 1024",
    "matmul",
    { a: [1024, 1024], b: [1024, 1024] },
    { passes: ["forward"] },
  ),
  ...casesOf(
    "product of squares, 2048",
    "matmul",
    { a: [2048, 2048], b: [2048, 2048] },
    { passes: ["forward"] },
  ),
  ...linear(784, 768, 3072),
  ...linear(784, 3072, 768),
  ...linear(1568, 192, 768),
  ...linear(1568, 768, 192),
  ...linear(32, 512, 2048),
  ...product("product", [512, 4608], [4608, 392]),
  ...product("scores of attention", [24, 196, 64], [24, 64, 196]),
  ...product("values of attention", [24, 196, 196], [24, 196, 64]),
  ...casesOf(
    "attention, 24 x 196 x 64",
    "scaled_dot_product",
    { q: [24, 196, 64], k: [24, 196, 64], v: [24, 196, 64] },
    { attrs: { scale: 0.125 } },
  ),
  ...conv(3, 224, 64, 7, 2),
  ...conv(64, 56, 64),
  ...conv(128, 28, 128),
  ...conv(256, 14, 256),
  ...conv(512, 7, 512),
  ...conv(64, 56, 128, 3, 2),
  ...conv(256, 14, 512, 3, 2),
  ...conv(64, 56, 128, 1, 2),
  ...conv(128, 28, 256, 1),
  ...conv(64, 24, 64),
  ...conv(128, 12, 128),
  ...conv(128, 8, 128),
  ...conv(256, 6, 256),
  ...conv(512, 3, 512),
  ...conv(512, 2, 512),
  ...depthwise(192, 28),
  ...depthwise(768, 14),
  ...casesOf("batch norm, 8 x 64 x 56 x 56", "batch_norm", { x: maps, scale: [64], bias: [64] }),
  ...casesOf("batch norm, sum, ReLU, 8 x 64 x 56 x 56", "batch_norm_add_relu", {
    x: maps,
    scale: [64],
    bias: [64],
    skip: maps,
  }),
  ...casesOf("batch norm, 8 x 512 x 7 x 7", "batch_norm", {
    x: [batch, 512, 7, 7],
    scale: [512],
    bias: [512],
  }),
  ...casesOf("layer norm, 784 x 768", "layer_norm", { x: tokens, scale: [768], bias: [768] }),
  ...casesOf("sum, 8 x 64 x 56 x 56", "add", { a: maps, b: maps }, { passes: ["forward"] }),
  ...casesOf(
    "sum of rows, 784 x 3072",
    "sum",
    { x: hidden },
    { attrs: { axes: [0] }, passes: ["forward"] },
  ),
  ...casesOf("ReLU, 8 x 64 x 56 x 56", "relu", { x: maps }),
  ...casesOf("GELU, 784 x 3072", "gelu", { x: hidden }),
  ...casesOf("SiLU, 784 x 3072", "silu", { x: hidden }),
  ...casesOf("softmax, 48 x 196 x 196", "softmax", { x: [48, 196, 196] }),
  ...casesOf("cross-entropy, 512 x 1000", "softmax_cross_entropy", {
    logits: [512, 1000],
    labels: { name: "labels", shape: [512], below: 1000 },
  }),
  ...casesOf("dropout, 784 x 3072", "dropout", { x: hidden }, { attrs: { p: 0.1 } }),
  ...casesOf(
    "max pool 3x3 by 2, 8 x 64 x 112 x 112",
    "max_pool",
    { x: [batch, 64, 112, 112] },
    { attrs: { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] } },
  ),
  ...casesOf(
    "mean of maps, 8 x 512 x 7 x 7",
    "mean",
    { x: [batch, 512, 7, 7] },
    { attrs: { axes: [2, 3] } },
  ),
];

/** Ops that the standard library makes of several of ours. */
const compositions: Readonly<
  Record<string, (b: GraphBuilder, inputs: readonly Value[], attrs: Attributes) => Value>
> = {
  linear: (b, [x, w, bias]) => {
    invariant(x && w && bias, "a linear layer has three inputs");
    return b.add(b.matmul(x, b.transpose(w, [1, 0])), bias);
  },
  batch_norm_add_relu: (b, [x, scale, bias, skip]) => {
    invariant(x && scale && bias && skip, "it has four inputs");
    return b.emit("relu", [b.add(at(b.emitAll("batch_norm", [x, scale, bias]), 0), skip)]);
  },
  dropout: (b, [x], { p }) => {
    invariant(x && typeof p === "number", "one input and a rate");
    const kept = b.greaterEqual(b.input("random:draw", x.type), b.constant(p));
    return b.div(b.mul(x, b.cast(kept, "f32")), b.constant(1 - p));
  },
};

/** The op's graph as lowering makes it, before passes. */
export function graphOf({ op, inputs, attrs, pass, wrt }: OpCall): Graph {
  const b = createGraphBuilder();
  const values = new Map(
    inputs.map(({ name, shape, below }) => {
      const type = tensorType(below === undefined ? "f32" : "i64", shape);
      return [name, b.input(`field:${name}`, type)] as const;
    }),
  );
  const given = [...values.values()];
  const y = compositions[op]?.(b, given, attrs) ?? at(b.emitAll(op, given, attrs), 0);
  const result = { name: "y", value: y };
  if (pass === "forward") return b.finish(op, [result]);
  const weighted = b.mul(y, b.input("field:dy", y.type));
  const axes = Array.from({ length: rankOf(y.type) }, (_, axis) => axis);
  const asked = wrt.flatMap((name) => values.get(name) ?? []);
  const { gradients } = differentiate(b, b.sum(weighted, { axes, keep: false }), asked);
  const outputs = gradients.map((value, i) => {
    invariant(value, `${op} passes gradients on`);
    return { name: `d${at(wrt, i)}`, value };
  });
  return pruned(b.finish(op, pass === "both" ? [result, ...outputs] : outputs));
}
