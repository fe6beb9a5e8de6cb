/** The gradient of `avg_pool`. */

import { at } from "../../../grammar/invariant.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { countOf, generate, ndarray, valueAt } from "../kit/ndarray.js";
import { type PoolSettings, cellsOf, poolingRule } from "../kit/pooling.js";
import { boundDim, padsOf, poolAttrs, reachOf, windowOnnx } from "../kit/window.js";

/** Spreads each element of `g` evenly over its window in an input of `height` x `width`. */
export const avgPoolGrad = defineOp({
  name: "avg_pool_grad",
  summary: "Spreads each element of `g` evenly over its window in an input of `height` x `width`.",
  reason: "A transposed convolution with one constant kernel per channel.",
  surface: "internal",
  inputs: { g: "float" },
  attrs: {
    ...poolAttrs,
    count_include_pad: attr.bool(true),
    height: attr.int(),
    width: attr.int(),
  },

  infer: ({ g, height, width }) => tensorType(g.dtype, [...g.shape.slice(0, 2), height, width]),
  sharding: () => poolingRule("ncyx->nchw"),

  // Linear: dg is the pooling of the cotangent.
  vjp: (b, { kernel, stride, pads, count_include_pad, dy }) => ({
    g: b.emit("avg_pool", [dy], { kernel, stride, pads, count_include_pad }),
  }),

  flops: ({ g, kernel }) => numelOf(g) * at(kernel, 0) * at(kernel, 1),

  coarse: "AvgPoolGrad",
  formulations: [
    {
      name: "expand",
      when: ({ kernel, pads, height, width }) =>
        pads.every((pad) => pad === 0) && at(kernel, 0) === height && at(kernel, 1) === width,
      onnx(o, { g, height, width }) {
        const share = o.node("Mul", [g.name, o.floats([1 / (height * width)], [], g.type.dtype)]);
        return o.node("Expand", [share, o.ints([1, 1, height, width])]);
      },
    },
    {
      name: "conv-transpose",
      onnx(o, scope) {
        const { g, kernel, stride, count_include_pad, height, width } = scope;
        const window = { ...scope, dilation: [1, 1] };
        const channels = boundDim(at(g.type.shape, 1));
        const area = at(kernel, 0) * at(kernel, 1);
        const weight = count_include_pad ? 1 / area : 1;
        const weights = Array.from({ length: channels * area }, () => weight);
        const w = o.floats(weights, [channels, 1, ...kernel], g.type.dtype);
        const counts = windowCounts(g.type.shape.map(boundDim), scope);
        const shares = count_include_pad
          ? g.name
          : o.node("Div", [g.name, o.floats([...counts.data], counts.shape, g.type.dtype)]);
        const rest = ([0, 1] as const).map((axis) => {
          const { before, after } = padsOf(window, axis);
          const extent = axis === 0 ? height : width;
          return (extent + before + after - reachOf(window, axis)) % at(stride, axis);
        });
        const attrs = { ...windowOnnx(window), group: channels, output_padding: rest };
        return o.node("ConvTranspose", [shares, w], attrs);
      },
    },
  ],

  reference(scope) {
    const { g, kernel, count_include_pad, height, width } = scope;
    const shape = [...g.shape.slice(0, 2), height, width];
    const area = at(kernel, 0) * at(kernel, 1);
    const data = new Float64Array(countOf(shape));
    const x = ndarray(g.dtype, shape, data);
    generate(g.dtype, g.shape, (index) => {
      const cells = cellsOf(x, scope, index);
      const share = valueAt(g, index) / (count_include_pad ? area : cells.length);
      for (const { place } of cells) data[place] = (data[place] ?? 0) + share;
      return 0;
    });
    return x;
  },

  samples: [
    {
      why: "windows side by side, a rest",
      g: [
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [2, 2],
      height: 5,
      width: 4,
    },
    {
      why: "overlapping windows, several channels",
      g: [
        [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [0.5, -1],
            [2, 1],
          ],
        ],
      ],
      kernel: [3, 3],
      stride: [2, 2],
      pads: [1, 1, 1, 1],
      height: 3,
      width: 3,
    },
    {
      why: "zeros do not count",
      g: [
        [
          [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [1, 2],
      pads: [1, 0, 0, 1],
      height: 3,
      width: 3,
      count_include_pad: false,
    },
    {
      why: "one window over everything",
      g: [[[[2]], [[-1]]]],
      kernel: [2, 3],
      stride: [1, 1],
      height: 2,
      width: 3,
    },
  ],
});

/** How many elements of the input each window covers: `[1, 1, rows, columns]`. */
function windowCounts(
  shape: readonly number[],
  settings: PoolSettings & { readonly height: number; readonly width: number },
): ReturnType<typeof generate> {
  const { height, width } = settings;
  const x = generate("f32", [1, 1, height, width], () => 0);
  return generate("f32", [1, 1, ...shape.slice(2)], (index) => cellsOf(x, settings, index).length);
}
