/** Our ONNX messages against those of the package onnx-proto, which knows IR 8. */

import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../compiler/onnx/codec.js";
import { attributeTypes, messages, type ModelProto } from "../../compiler/onnx/schema.js";

const { onnx } = onnxProto;

/** What an instance of a message of ours looks like with every field set, by our own declaration. */
const scalars: Readonly<Record<string, unknown>> = {
  int32: 7,
  int64: 7,
  uint64: 7,
  float: 0.5,
  double: 0.5,
  string: "text",
  bytes: Uint8Array.of(1, 2),
};

interface Codec {
  encode(message: object): { finish(): Uint8Array };
}

/** `TypeProto.Tensor` is a property of `TypeProto`. */
const theirs = (path: string): Codec | undefined =>
  path
    .split(".")
    .reduce<object | undefined>(
      (scope, name) => (scope === undefined ? scope : Reflect.get(scope, name)),
      onnx,
    ) as Codec | undefined;

/** The number of the one field that a message holds: what its first tag says. */
function firstTag(bytes: Uint8Array): number {
  let tag = 0;
  for (const [i, byte] of bytes.entries()) {
    tag += (byte & 127) * 128 ** i;
    if (byte < 128) break;
  }
  return Math.floor(tag / 8);
}

/** Fields that came after IR 8. */
const newer = new Set([
  "ModelProto.configuration",
  "GraphProto.metadataProps",
  "NodeProto.overload",
  "NodeProto.metadataProps",
  "NodeProto.deviceConfigurations",
  "FunctionProto.attributeProto",
  "FunctionProto.valueInfo",
  "FunctionProto.overload",
  "FunctionProto.metadataProps",
  "TensorProto.metadataProps",
  "ValueInfoProto.metadataProps",
  "TypeProto.opaqueType",
]);
const newerMessages = new Set([
  "DeviceConfigurationProto",
  "NodeDeviceConfigurationProto",
  "ShardingSpecProto",
  "IntIntListEntryProto",
  "ShardedDimProto",
  "SimpleShardedDimProto",
  // onnx-proto is generated from the variant without opaque types.
  "TypeProto.Opaque",
]);

describe("field numbers", () => {
  for (const [path, fields] of Object.entries(messages)) {
    if (newerMessages.has(path)) continue;
    test(path, () => {
      const codec = theirs(path);
      expect(codec, `onnx-proto lacks ${path}`).toBeDefined();
      for (const [field, [id, type, list]] of Object.entries(fields)) {
        if (newer.has(`${path}.${field}`)) continue;
        const value = scalars[type] ?? {};
        const bytes = codec?.encode({ [field]: list === undefined ? value : [value] }).finish();
        expect(bytes?.length, `${path}.${field} is unknown to onnx-proto`).toBeGreaterThan(0);
        expect(firstTag(bytes ?? Uint8Array.of()), `${path}.${field}`).toBe(id);
      }
    });
  }

  test("every field they know is ours too", () => {
    for (const [path, fields] of Object.entries(messages)) {
      const prototype: unknown = Reflect.get(theirs(path) ?? {}, "prototype");
      if (typeof prototype !== "object" || prototype === null) continue;
      const known = Object.keys(prototype).filter((key) => !["value", "toJSON"].includes(key));
      expect(Object.keys(fields), path).toEqual(expect.arrayContaining(known));
    }
  });

  test("attribute types", () => {
    for (const [name, number] of Object.entries(attributeTypes))
      expect(Reflect.get(onnx.AttributeProto.AttributeType, name)).toBe(number);
  });
});

describe("the codec", () => {
  const model: ModelProto = {
    irVersion: 13,
    producerName: "saic",
    graph: {
      name: "g",
      node: [
        {
          input: ["x", ""],
          output: ["y"],
          opType: "Neg",
          overload: "o",
          metadataProps: [{ key: "source", value: "a.pipe:1:2" }],
          deviceConfigurations: [
            {
              configurationId: "mesh",
              shardingSpec: [
                {
                  tensorName: "x",
                  device: [-1, 0],
                  indexToDeviceGroupMap: [{ key: -1, value: [0, 1] }],
                  shardedDim: [{ axis: 0, simpleSharding: [{ dimValue: 8, numShards: 2 }] }],
                },
              ],
            },
          ],
        },
      ],
      initializer: [
        { name: "w", dims: [2], dataType: 1, rawData: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64) },
        { name: "n", dims: [0, 3], dataType: 7, int64Data: [-1, 2 ** 40] },
      ],
      input: [
        {
          name: "x",
          type: {
            sequenceType: {
              elemType: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 0 }] } } },
            },
          },
        },
      ],
    },
    trainingInfo: [{ updateBinding: [{ key: "w", value: "w'" }] }],
    functions: [
      { name: "f", domain: "saic", input: ["a"], opsetImport: [{ domain: "", version: 18 }] },
    ],
    configuration: [{ name: "mesh", numDevices: 2, device: ["cpu:0", "cpu:1"] }],
  };

  test("returns what went in", () => {
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  test("equal models give equal bytes, in their own buffer", () => {
    const bytes = encodeModel(model);
    expect(bytes).toEqual(encodeModel(structuredClone(model)));
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test("lists are packed where ONNX declares it, and nowhere else", () => {
    const initializer = [{ dims: [3, 4], floatData: [1, 2], int64Data: [5, 6] }];
    // Dims have one tag each, the other two one tag and a length.
    const dims = [8, 3, 8, 4];
    const floatData = [34, 8, 0, 0, 128, 63, 0, 0, 0, 64];
    const int64Data = [58, 2, 5, 6];
    const bytes = [...dims, ...floatData, ...int64Data];
    const encoded = encodeModel({ graph: { initializer } });
    expect([...encoded]).toEqual([58, bytes.length + 2, 42, bytes.length, ...bytes]);
    const decoded = onnx.ModelProto.decode(encoded).graph?.initializer?.[0];
    expect(decoded?.floatData).toEqual([1, 2]);
    expect(decoded?.dims?.map(Number)).toEqual([3, 4]);
  });

  test("refuses bytes that are no protobuf", () => {
    expect(() => decodeModel(Uint8Array.of(255, 255, 255))).toThrow(RangeError);
  });
});
