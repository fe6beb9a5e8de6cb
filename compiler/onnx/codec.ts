/** Encodes and decodes ONNX models as protobuf bytes. */

import protobuf from "protobufjs/light.js";
import { type MessageName, type ModelProto, messages } from "./schema.js";

/** The bytes of a model, fields in the order of their numbers: equal models give equal bytes. */
export function encodeModel(model: ModelProto): Uint8Array {
  // The writer's own copy may be a slice of Node's shared pool, which callers could not transfer.
  return new Uint8Array(modelType.encode(model).finish(true));
}

/**
 * A model as plain data. Fields that are absent stay absent, fields this schema does not know are
 * dropped, integers beyond 2^53 are rounded. Byte fields are views of `bytes`.
 * Throws on bytes that are not protobuf.
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return modelType.toObject(modelType.decode(bytes), { longs: Number }) as ModelProto;
}

/** Protobuf bytes do not depend on nesting, so `TypeProto.Tensor` is declared as one flat name. */
const flatName = (path: string): string => path.replace(".", "_");

const modelType = createType("ModelProto");

function createType(name: MessageName): protobuf.Type {
  const root = new protobuf.Root();
  for (const [path, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(flatName(path));
    for (const [fieldName, [id, fieldType, list]] of Object.entries(fields)) {
      const options = list === undefined ? undefined : { packed: list === "packed" };
      const rule = list === undefined ? "optional" : "repeated";
      type.add(new protobuf.Field(fieldName, id, flatName(fieldType), rule, undefined, options));
    }
    root.add(type);
  }
  return root.lookupType(flatName(name));
}
