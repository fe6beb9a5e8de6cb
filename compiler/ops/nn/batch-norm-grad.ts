/** The gradient of `batch_norm`. */

import { at } from "../../../grammar/invariant.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelSums, channelsMatch, lift, spatialAxes } from "../kit/channels.js";
import { boundShape, countOf, mapElements, zip } from "../kit/ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

interface Operands {
  readonly g: OnnxOperand;
  readonly x: OnnxOperand;
  readonly scale: OnnxOperand;
  readonly mean: OnnxOperand;
  readonly variance: OnnxOperand;
  readonly eps: number;
}

/**
 * The gradients of `batch_norm` for x, scale and bias. With n elements per channel, xhat = (x - mean) / s
 * and s = sqrt(variance + eps): dbias = sum(g), dscale = sum(g * xhat),
 * dx = scale / s * (g - dbias / n - xhat * dscale / n).
 */
export const batchNormGrad = defineOp({
  name: "batch_norm_grad",
  summary:
    "The gradients of `batch_norm` for x, scale and bias, from the cotangent `g` of its output.",
  reason: "Three results share two sums; dx is one affine function of g and x per channel.",
  surface: "internal",
  inputs: { g: "float", x: "float", scale: "float", mean: "float", variance: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer({ g, x, scale, mean, variance }) {
    const refused = channelsMatch("batch_norm_grad", x, { scale, mean, variance });
    if (refused !== null) return refused;
    return [g, tensorType(x.dtype, scale.shape), tensorType(x.dtype, scale.shape)];
  },

  sharding({ x }) {
    const names = axisNames(x);
    const whole = names.filter((name) => name !== "d1");
    return shardingRule(
      [names, names, ["d1"], ["d1"], ["d1"]],
      [names, ["d1"], ["d1"]],
      Object.fromEntries(whole.map((name) => [name, "replicate" as const])),
    );
  },

  vjp: null,

  // Per element: two sums and a product, then two products and two sums.
  flops: ({ x }) => 7 * numelOf(x),

  coarse: "BatchNormGrad",
  formulations: [
    {
      name: "affine",
      onnx(o, scope) {
        const { g, x, scale, mean, variance, eps } = scope;
        const { dtype, shape } = x.type;
        const count = countOf(boundShape(shape)) / countOf(boundShape(scale.type.shape));
        const number = (value: number): string => o.floats([value], [], dtype);
        const mul = (a: string, b: string): string => o.node("Mul", [a, b]);
        const s = o.node("Sqrt", [o.node("Add", [variance.name, number(eps)])]);
        const inverse = o.node("Reciprocal", [s]);
        const axes = o.ints(spatialAxes(shape.length));
        const dbias = o.node("ReduceSum", [g.name, axes], { keepdims: 0 });
        const dot = channelDot(o, scope);
        const dscale = mul(o.node("Sub", [dot, mul(mean.name, dbias)]), inverse);
        // dx = a g + b x + c with one a, b and c per channel.
        const a = mul(scale.name, inverse);
        const b = mul(mul(mul(a, inverse), dscale), number(-1 / count));
        const c = o.node("Sub", [mul(mul(a, dbias), number(-1 / count)), mul(b, mean.name)]);
        const lifted = o.shape(shape.map((dim, axis) => (axis === 1 ? dim : 1)).slice(1));
        const lift = (values: string): string => o.node("Reshape", [values, lifted]);
        const linear = o.node("Add", [mul(g.name, lift(a)), mul(x.name, lift(b))]);
        return [o.node("Add", [linear, lift(c)]), dscale, dbias];
      },
    },
  ],

  reference({ g, x, scale, mean, variance, eps }) {
    const rank = x.shape.length;
    const count = x.data.length / at(x.shape, 1);
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const times = (a: typeof g, b: typeof g): typeof g => zip(a, b, (u, v) => u * v);
    const xhat = times(
      zip(x, lift(mean, rank), (u, v) => u - v),
      lift(inverse, rank),
    );
    const dbias = channelSums(g);
    const dscale = channelSums(times(g, xhat));
    const pull = zip(times(xhat, lift(dscale, rank)), lift(dbias, rank), (u, v) => (u + v) / count);
    const dx = times(
      zip(g, pull, (u, v) => u - v),
      lift(times(scale, inverse), rank),
    );
    return [dx, dscale, dbias];
  },

  samples: [
    {
      why: "images",
      g: [
        [
          [
            [1, -2],
            [0.5, 1],
          ],
          [
            [0, 1],
            [2, -1],
          ],
        ],
        [
          [
            [2, 1],
            [-1, 0],
          ],
          [
            [1, 1],
            [0.5, 3],
          ],
        ],
      ],
      x: [
        [
          [
            [1, 2],
            [3, 5],
          ],
          [
            [0, -1],
            [2, 0.5],
          ],
        ],
        [
          [
            [2, 0],
            [1, 1],
          ],
          [
            [3, 1],
            [-2, 1],
          ],
        ],
      ],
      scale: [1.5, -0.5],
      mean: [1.875, 0.5625],
      variance: [2.1, 2.2],
    },
    {
      why: "vectors",
      g: [
        [1, 0.5],
        [-1, 2],
        [0, 1],
      ],
      x: [
        [1, 2],
        [3, -1],
        [0, 4],
      ],
      scale: [1, 2],
      mean: [1.3, 1.6],
      variance: [1.5, 4.2],
      eps: 0.1,
    },
  ],
});

/** The sum of `g * x` per channel. */
function channelDot(o: OnnxBuilder, { g, x }: Operands): string {
  const product = o.node("Mul", [g.name, x.name]);
  return o.node("ReduceSum", [product, o.ints(spatialAxes(x.type.shape.length))], { keepdims: 0 });
}
