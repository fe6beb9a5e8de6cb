/** ONNX's protobuf messages up to IR 13, declared once: for the codec and, by inference, for TypeScript. */

/** Number, type (a scalar, or another message) and, for lists, whether elements are packed. */
type FieldDeclaration = readonly [number, string, ("repeated" | "packed")?];

/** Field numbers from onnx-ml.proto; enums are written as `int32`, see the tables below. */
export const messages = {
  ModelProto: {
    irVersion: [1, "int64"],
    producerName: [2, "string"],
    producerVersion: [3, "string"],
    domain: [4, "string"],
    modelVersion: [5, "int64"],
    docString: [6, "string"],
    graph: [7, "GraphProto"],
    opsetImport: [8, "OperatorSetIdProto", "repeated"],
    metadataProps: [14, "StringStringEntryProto", "repeated"],
    trainingInfo: [20, "TrainingInfoProto", "repeated"],
    functions: [25, "FunctionProto", "repeated"],
    configuration: [26, "DeviceConfigurationProto", "repeated"],
  },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
  TrainingInfoProto: {
    initialization: [1, "GraphProto"],
    algorithm: [2, "GraphProto"],
    initializationBinding: [3, "StringStringEntryProto", "repeated"],
    updateBinding: [4, "StringStringEntryProto", "repeated"],
  },
  GraphProto: {
    node: [1, "NodeProto", "repeated"],
    name: [2, "string"],
    initializer: [5, "TensorProto", "repeated"],
    docString: [10, "string"],
    input: [11, "ValueInfoProto", "repeated"],
    output: [12, "ValueInfoProto", "repeated"],
    valueInfo: [13, "ValueInfoProto", "repeated"],
    quantizationAnnotation: [14, "TensorAnnotation", "repeated"],
    sparseInitializer: [15, "SparseTensorProto", "repeated"],
    metadataProps: [16, "StringStringEntryProto", "repeated"],
  },
  NodeProto: {
    input: [1, "string", "repeated"],
    output: [2, "string", "repeated"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "AttributeProto", "repeated"],
    docString: [6, "string"],
    domain: [7, "string"],
    overload: [8, "string"],
    metadataProps: [9, "StringStringEntryProto", "repeated"],
    deviceConfigurations: [10, "NodeDeviceConfigurationProto", "repeated"],
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    t: [5, "TensorProto"],
    g: [6, "GraphProto"],
    floats: [7, "float", "repeated"],
    ints: [8, "int64", "repeated"],
    strings: [9, "bytes", "repeated"],
    tensors: [10, "TensorProto", "repeated"],
    graphs: [11, "GraphProto", "repeated"],
    docString: [13, "string"],
    tp: [14, "TypeProto"],
    typeProtos: [15, "TypeProto", "repeated"],
    type: [20, "int32"],
    refAttrName: [21, "string"],
    sparseTensor: [22, "SparseTensorProto"],
    sparseTensors: [23, "SparseTensorProto", "repeated"],
  },
  FunctionProto: {
    name: [1, "string"],
    input: [4, "string", "repeated"],
    output: [5, "string", "repeated"],
    attribute: [6, "string", "repeated"],
    node: [7, "NodeProto", "repeated"],
    docString: [8, "string"],
    opsetImport: [9, "OperatorSetIdProto", "repeated"],
    domain: [10, "string"],
    attributeProto: [11, "AttributeProto", "repeated"],
    valueInfo: [12, "ValueInfoProto", "repeated"],
    overload: [13, "string"],
    metadataProps: [14, "StringStringEntryProto", "repeated"],
  },
  TensorProto: {
    dims: [1, "int64", "repeated"],
    dataType: [2, "int32"],
    segment: [3, "TensorProto.Segment"],
    floatData: [4, "float", "packed"],
    int32Data: [5, "int32", "packed"],
    stringData: [6, "bytes", "repeated"],
    int64Data: [7, "int64", "packed"],
    name: [8, "string"],
    rawData: [9, "bytes"],
    doubleData: [10, "double", "packed"],
    uint64Data: [11, "uint64", "packed"],
    docString: [12, "string"],
    externalData: [13, "StringStringEntryProto", "repeated"],
    dataLocation: [14, "int32"],
    metadataProps: [16, "StringStringEntryProto", "repeated"],
  },
  "TensorProto.Segment": { begin: [1, "int64"], end: [2, "int64"] },
  SparseTensorProto: {
    values: [1, "TensorProto"],
    indices: [2, "TensorProto"],
    dims: [3, "int64", "repeated"],
  },
  TensorAnnotation: {
    tensorName: [1, "string"],
    quantParameterTensorNames: [2, "StringStringEntryProto", "repeated"],
  },
  ValueInfoProto: {
    name: [1, "string"],
    type: [2, "TypeProto"],
    docString: [3, "string"],
    metadataProps: [4, "StringStringEntryProto", "repeated"],
  },
  TypeProto: {
    tensorType: [1, "TypeProto.Tensor"],
    sequenceType: [4, "TypeProto.Sequence"],
    mapType: [5, "TypeProto.Map"],
    denotation: [6, "string"],
    opaqueType: [7, "TypeProto.Opaque"],
    sparseTensorType: [8, "TypeProto.SparseTensor"],
    optionalType: [9, "TypeProto.Optional"],
  },
  "TypeProto.Tensor": { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  "TypeProto.Sequence": { elemType: [1, "TypeProto"] },
  "TypeProto.Map": { keyType: [1, "int32"], valueType: [2, "TypeProto"] },
  "TypeProto.Optional": { elemType: [1, "TypeProto"] },
  "TypeProto.SparseTensor": { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  "TypeProto.Opaque": { domain: [1, "string"], name: [2, "string"] },
  TensorShapeProto: { dim: [1, "TensorShapeProto.Dimension", "repeated"] },
  "TensorShapeProto.Dimension": {
    dimValue: [1, "int64"],
    dimParam: [2, "string"],
    denotation: [3, "string"],
  },
  DeviceConfigurationProto: {
    name: [1, "string"],
    numDevices: [2, "int32"],
    device: [3, "string", "repeated"],
  },
  NodeDeviceConfigurationProto: {
    configurationId: [1, "string"],
    shardingSpec: [2, "ShardingSpecProto", "repeated"],
    pipelineStage: [3, "int32"],
  },
  ShardingSpecProto: {
    tensorName: [1, "string"],
    device: [2, "int64", "repeated"],
    indexToDeviceGroupMap: [3, "IntIntListEntryProto", "repeated"],
    shardedDim: [4, "ShardedDimProto", "repeated"],
  },
  IntIntListEntryProto: { key: [1, "int64"], value: [2, "int64", "repeated"] },
  ShardedDimProto: {
    axis: [1, "int64"],
    simpleSharding: [2, "SimpleShardedDimProto", "repeated"],
  },
  SimpleShardedDimProto: {
    dimValue: [1, "int64"],
    dimParam: [2, "string"],
    numShards: [3, "int64"],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldDeclaration>>>>;

type Messages = typeof messages;

/** The name of a message; nested ones are written `TypeProto.Tensor`. */
export type MessageName = keyof Messages;

interface Scalars {
  readonly int32: number;
  /** Exact up to 2^53. */
  readonly int64: number;
  readonly uint64: number;
  readonly float: number;
  readonly double: number;
  readonly string: string;
  readonly bytes: Uint8Array;
}

type ElementOf<T> = T extends keyof Scalars
  ? Scalars[T]
  : T extends MessageName
    ? Message<T>
    : never;

type FieldOf<F> = F extends readonly [number, infer T, string]
  ? readonly ElementOf<T>[]
  : F extends readonly [number, infer T]
    ? ElementOf<T>
    : never;

/** One message as plain data; every field may be left out. */
export type Message<M extends MessageName> = {
  readonly [F in keyof Messages[M]]?: FieldOf<Messages[M][F]>;
};

export type ModelProto = Message<"ModelProto">;
export type GraphProto = Message<"GraphProto">;
export type NodeProto = Message<"NodeProto">;
export type FunctionProto = Message<"FunctionProto">;
export type AttributeProto = Message<"AttributeProto">;
export type TensorProto = Message<"TensorProto">;
export type ValueInfoProto = Message<"ValueInfoProto">;

/** `AttributeProto.AttributeType`. */
export const attributeTypes = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  SPARSE_TENSORS: 12,
  TYPE_PROTO: 13,
  TYPE_PROTOS: 14,
} as const;
