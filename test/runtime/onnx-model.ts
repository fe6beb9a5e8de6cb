/** Writes small ONNX models for tests, with an encoder that is not ours. */

import { onnx } from "onnx-proto";

const elementTypes = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

export interface ValueSketch {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

export interface NodeSketch {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Integers only: all that these tests need. */
  readonly ints?: Readonly<Record<string, number>>;
}

export interface ModelSketch {
  readonly inputs: readonly ValueSketch[];
  readonly outputs: readonly ValueSketch[];
  readonly nodes: readonly NodeSketch[];
  readonly constants: Readonly<
    Record<string, { dtype: "f32" | "i64"; shape: number[]; values: number[] }>
  >;
}

/** A serialized model of opset 18, IR 8. */
export function encodeModel(sketch: ModelSketch): Uint8Array {
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 18 }],
    graph: {
      name: "test",
      input: sketch.inputs.map(value),
      output: sketch.outputs.map(value),
      initializer: Object.entries(sketch.constants).map(([name, { dtype, shape, values }]) => ({
        name,
        dims: shape,
        dataType: elementTypes[dtype],
        ...(dtype === "f32" ? { floatData: values } : { int64Data: values }),
      })),
      node: sketch.nodes.map(({ op, inputs, output, ints = {} }) => ({
        opType: op,
        name: output,
        input: [...inputs],
        output: [output],
        attribute: Object.entries(ints).map(([name, i]) => ({ name, i, type: 2 })),
      })),
    },
  }).finish();
}

const value = ({ name, dtype, shape }: ValueSketch): onnx.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[dtype],
      shape: { dim: shape.map((extent) => ({ dimValue: extent })) },
    },
  },
});
