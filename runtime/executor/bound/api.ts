/** The functions of ONNX Runtime's C API that the bound executor calls, as typed functions. */

import type { DType } from "../../../compiler/plan/data.js";
import { invariant } from "../../../grammar/invariant.js";
import type { HostTensor } from "../../tensor.js";
import type { Library } from "./library.js";

/** What ONNX Runtime says when it refuses something. */
export class OrtError extends Error {
  override readonly name = "OrtError";
}

/** The address of an object of ONNX Runtime's. */
export type Handle = bigint;

/** An input or output as the graph itself declares it; -1 is an extent that is open. */
export interface Port {
  readonly name: string;
  /** ONNX's number of the element type; `null` for what is no tensor. */
  readonly element: number | null;
  readonly shape: readonly number[];
}

export interface SessionOptions {
  /** `shared`: the threads of the environment; a number: as many of the session's own. */
  readonly threads: "shared" | number;
}

/** A run's arguments: addresses of arrays that stay where they are until it has ended. */
export interface Call {
  readonly session: Handle;
  readonly inputNames: bigint;
  readonly inputs: bigint;
  readonly inputCount: number;
  readonly outputNames: bigint;
  readonly outputs: bigint;
  readonly outputCount: number;
}

/** Every function throws an `OrtError` when ONNX Runtime refuses. */
export interface OrtApi {
  readonly version: string;
  /**
   * The process's environment with one pool of `threads` threads for all sessions. There is one
   * environment in a process: where it exists already it stays as it is. All sessions take what
   * they compute with from one arena: it grows to what the largest graph needs, not to the sum.
   */
  readonly createEnvironment: (threads: number) => Handle;
  readonly createSession: (env: Handle, model: Uint8Array, options: SessionOptions) => Handle;
  readonly releaseSession: (session: Handle) => void;
  readonly inputsOf: (session: Handle) => readonly Port[];
  readonly outputsOf: (session: Handle) => readonly Port[];
  /** A tensor on the array's own memory, which must outlive it and stay where it is. */
  readonly createTensor: (tensor: HostTensor) => Handle;
  readonly releaseTensor: (tensor: Handle) => void;
  /** Returns when the graph has run. */
  readonly run: (call: Call) => void;
  /** Where the array's memory lies. */
  readonly addressOf: (data: ArrayBuffer) => bigint;
}

/** ONNX's numbers of element types (TensorProto.DataType). */
export const elementTypes: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  bf16: 16,
};

/**
 * Any version up to the library's own may be asked for. Functions are only ever appended to the
 * table, so their places below hold for all later versions.
 */
const apiVersion = 22;

const places = {
  GetErrorMessage: [2, "const char *", ["void *"]],
  CreateSessionFromArray: [8, "void *", ["void *", "void *", "size_t", "void *", "void *"]],
  Run: [
    9,
    "void *",
    ["void *", "void *", "void *", "void *", "size_t", "void *", "size_t", "void *"],
  ],
  CreateSessionOptions: [10, "void *", ["void *"]],
  DisableMemPattern: [17, "void *", ["void *"]],
  SetSessionLogSeverityLevel: [22, "void *", ["void *", "int"]],
  SetSessionGraphOptimizationLevel: [23, "void *", ["void *", "int"]],
  SetIntraOpNumThreads: [24, "void *", ["void *", "int"]],
  SetInterOpNumThreads: [25, "void *", ["void *", "int"]],
  SessionGetInputCount: [30, "void *", ["void *", "void *"]],
  SessionGetOutputCount: [31, "void *", ["void *", "void *"]],
  SessionGetInputTypeInfo: [33, "void *", ["void *", "size_t", "void *"]],
  SessionGetOutputTypeInfo: [34, "void *", ["void *", "size_t", "void *"]],
  SessionGetInputName: [36, "void *", ["void *", "size_t", "void *", "void *"]],
  SessionGetOutputName: [37, "void *", ["void *", "size_t", "void *", "void *"]],
  CreateTensorWithDataAsOrtValue: [
    49,
    "void *",
    ["void *", "void *", "size_t", "void *", "size_t", "int", "void *"],
  ],
  CastTypeInfoToTensorInfo: [55, "void *", ["void *", "void *"]],
  GetTensorElementType: [60, "void *", ["void *", "void *"]],
  GetDimensionsCount: [61, "void *", ["void *", "void *"]],
  GetDimensions: [62, "void *", ["void *", "void *", "size_t"]],
  CreateCpuMemoryInfo: [69, "void *", ["int", "int", "void *"]],
  AllocatorFree: [76, "void *", ["void *", "void *"]],
  GetAllocatorWithDefaultOptions: [78, "void *", ["void *"]],
  ReleaseStatus: [93, "void", ["void *"]],
  ReleaseSession: [95, "void", ["void *"]],
  ReleaseValue: [96, "void", ["void *"]],
  ReleaseTypeInfo: [98, "void", ["void *"]],
  ReleaseSessionOptions: [100, "void", ["void *"]],
  CreateEnvWithGlobalThreadPools: [119, "void *", ["int", "const char *", "void *", "void *"]],
  DisablePerSessionThreads: [120, "void *", ["void *"]],
  CreateThreadingOptions: [121, "void *", ["void *"]],
  ReleaseThreadingOptions: [122, "void", ["void *"]],
  AddSessionConfigEntry: [130, "void *", ["void *", "const char *", "const char *"]],
  CreateAndRegisterAllocator: [144, "void *", ["void *", "void *", "void *"]],
  SetGlobalIntraOpNumThreads: [147, "void *", ["void *", "int"]],
  SetGlobalInterOpNumThreads: [148, "void *", ["void *", "int"]],
  SetGlobalSpinControl: [149, "void *", ["void *", "int"]],
  SetGlobalDenormalAsZero: [155, "void *", ["void *"]],
  CreateArenaCfg: [156, "void *", ["size_t", "int", "int", "int", "void *"]],
  ReleaseArenaCfg: [157, "void", ["void *"]],
} as const satisfies Record<string, readonly [number, string, readonly string[]]>;

type Place = keyof typeof places;
type Argument = bigint | number | string | null | ArrayBufferView;

/** Errors only: what graphs and sessions have to say below that is for their authors. */
const logErrors = 3;

const alreadyRegistered = /already (?:exists|registered|been registered)/u;

/** Reads the table of functions; throws where the library has no such version. */
export function openApi({ koffi, base }: Library): OrtApi {
  const functionAt = (
    address: bigint,
    result: string,
    parameters: readonly string[],
  ): ((...args: readonly Argument[]) => unknown) =>
    koffi.decode(address, koffi.proto(result, [...parameters]));
  const pointerAt = (address: bigint, place: number): bigint => {
    const pointer: unknown = koffi.decode(address, place * 8, "void *");
    invariant(typeof pointer === "bigint", "koffi gives pointers as bigint");
    return pointer;
  };
  const table = functionAt(pointerAt(base, 0), "void *", ["uint32_t"])(apiVersion);
  const version = functionAt(pointerAt(base, 1), "const char *", [])();
  if (typeof table !== "bigint")
    throw new OrtError(`version ${String(version)} has no API of version ${apiVersion}`);

  const known = new Map<Place, (...args: readonly Argument[]) => unknown>();
  const call = (name: Place, ...args: readonly Argument[]): unknown => {
    let found = known.get(name);
    if (found === undefined) {
      const [place, result, parameters] = places[name];
      found = functionAt(pointerAt(table, place), result, parameters);
      known.set(name, found);
    }
    return found(...args);
  };
  /** Calls a function that returns a status. */
  const check = (name: Place, ...args: readonly Argument[]): void => {
    const status = call(name, ...args);
    if (typeof status !== "bigint") return;
    const message = String(call("GetErrorMessage", status));
    call("ReleaseStatus", status);
    throw new OrtError(message);
  };
  /** Calls one whose last parameter is where it writes a word. */
  const get = (name: Place, ...args: readonly Argument[]): bigint => {
    const word = new BigUint64Array(1);
    check(name, ...args, word);
    return word[0] ?? 0n;
  };

  const allocator = get("GetAllocatorWithDefaultOptions");
  const [arena, ordinary] = [1, 0];
  const memory = get("CreateCpuMemoryInfo", arena, ordinary);

  /** The environment's own arena; there is one already where it was made before. */
  const shareArena = (env: Handle): void => {
    const [unlimited, usual] = [0, -1];
    const arenaOptions = get("CreateArenaCfg", unlimited, usual, usual, usual);
    try {
      check("CreateAndRegisterAllocator", env, memory, arenaOptions);
    } catch (error) {
      if (!(error instanceof OrtError) || !alreadyRegistered.test(error.message)) throw error;
    } finally {
      call("ReleaseArenaCfg", arenaOptions);
    }
  };

  const portOf = (session: Handle, index: number, name: Place, type: Place): Port => {
    const text = get(name, session, index, allocator);
    const info = get(type, session, index);
    try {
      // Borrowed from the type info; null for sequences and maps.
      const tensor = get("CastTypeInfoToTensorInfo", info);
      const found = koffi.decode.string(text);
      if (tensor === 0n) return { name: found, element: null, shape: [] };
      const shape = new BigInt64Array(Number(get("GetDimensionsCount", tensor)));
      check("GetDimensions", tensor, shape, shape.length);
      // The element type is a C enumeration: 32 bits of the zeroed word.
      const element = Number(get("GetTensorElementType", tensor));
      return { name: found, element, shape: Array.from(shape, Number) };
    } finally {
      call("ReleaseTypeInfo", info);
      check("AllocatorFree", allocator, text);
    }
  };
  const portsOf = (session: Handle, count: Place, name: Place, type: Place): readonly Port[] =>
    Array.from({ length: Number(get(count, session)) }, (_, index) =>
      portOf(session, index, name, type),
    );

  return {
    version: String(version),
    createEnvironment: (threads) => {
      const options = get("CreateThreadingOptions");
      try {
        check("SetGlobalIntraOpNumThreads", options, threads);
        check("SetGlobalInterOpNumThreads", options, 1);
        check("SetGlobalSpinControl", options, 1);
        check("SetGlobalDenormalAsZero", options);
        const env = get("CreateEnvWithGlobalThreadPools", logErrors, "saic", options);
        shareArena(env);
        return env;
      } finally {
        call("ReleaseThreadingOptions", options);
      }
    },
    createSession: (env, model, { threads }) => {
      const options = get("CreateSessionOptions");
      try {
        if (threads === "shared") check("DisablePerSessionThreads", options);
        else check("SetIntraOpNumThreads", options, threads);
        check("SetInterOpNumThreads", options, 1);
        check("AddSessionConfigEntry", options, "session.use_env_allocators", "1");
        // A pattern is one more block, as large as all that the first run took piece by piece.
        check("DisableMemPattern", options);
        check("SetSessionGraphOptimizationLevel", options, 99);
        check("SetSessionLogSeverityLevel", options, logErrors);
        check("AddSessionConfigEntry", options, "session.set_denormal_as_zero", "1");
        check("AddSessionConfigEntry", options, "session.force_spinning_stop", "1");
        return get("CreateSessionFromArray", env, model, model.byteLength, options);
      } finally {
        call("ReleaseSessionOptions", options);
      }
    },
    releaseSession: (session) => void call("ReleaseSession", session),
    inputsOf: (session) =>
      portsOf(session, "SessionGetInputCount", "SessionGetInputName", "SessionGetInputTypeInfo"),
    outputsOf: (session) =>
      portsOf(session, "SessionGetOutputCount", "SessionGetOutputName", "SessionGetOutputTypeInfo"),
    createTensor: ({ dtype, shape, data }) => {
      // Small arrays live in V8's heap, which moves them, until their buffer is asked for.
      invariant(data.buffer.byteLength >= data.byteLength, "a view lies within its buffer");
      const extents = BigInt64Array.from(shape, BigInt);
      return get(
        "CreateTensorWithDataAsOrtValue",
        memory,
        data.byteLength === 0 ? emptyMemory : data,
        data.byteLength,
        extents,
        extents.length,
        elementTypes[dtype],
      );
    },
    releaseTensor: (tensor) => void call("ReleaseValue", tensor),
    run: ({ session, inputNames, inputs, inputCount, outputNames, outputs, outputCount }) =>
      check(
        "Run",
        session,
        null,
        inputNames,
        inputs,
        inputCount,
        outputNames,
        outputCount,
        outputs,
      ),
    addressOf: (data) => koffi.address(data),
  };
}

/** Where tensors without elements are said to lie. */
const emptyMemory = new Uint8Array(new ArrayBuffer(64));
