/** Initial values of state tensors: a pure function of seed, path, shape and initializer. */

import type { DType } from "../compiler/plan/data.js";
import { bfloatBits, halfBits } from "../compiler/plan/elements.js";
import type { Initializer } from "../compiler/plan/schema.js";
import { assertNever, InvariantError, invariant } from "../grammar/invariant.js";
import { createStream, normal, truncatedNormal, uniformDouble } from "./random.js";
import { elementCount, type TensorData } from "./tensor.js";

/**
 * The values a state tensor begins with. Element i depends on (seed, path, i) only: drawn in f64
 * from the stream `init/<path>` at (0, 0), then rounded to `dtype` (to nearest, ties to even).
 * `uniform` draws from [low, high), where rounding to a narrow dtype may reach `high`;
 * `truncated_normal` redraws what lies beyond two standard deviations. Integers and bool take
 * whole constants only.
 */
export function initialize(
  initializer: Initializer,
  seed: number,
  path: string,
  shape: readonly number[],
  dtype: DType,
): TensorData {
  const length = elementCount(shape);
  if (initializer.kind === "constant") return constant(initializer.value, length, dtype);
  const values = draw(initializer, seed, path, length);
  switch (dtype) {
    case "f32":
      return Float32Array.from(values);
    case "f64":
      return values;
    case "f16":
      return Uint16Array.from(values, halfBits);
    case "bf16":
      return Uint16Array.from(values, bfloatBits);
    case "i32":
    case "i64":
    case "u8":
    case "bool":
      throw new InvariantError(`${path} of ${dtype} cannot begin with ${initializer.kind} values`);
  }
}

function draw(
  initializer: Exclude<Initializer, { kind: "constant" }>,
  seed: number,
  path: string,
  length: number,
): Float64Array<ArrayBuffer> {
  const stream = createStream(seed, `init/${path}`);
  switch (initializer.kind) {
    case "uniform": {
      const { low, high } = initializer;
      return uniformDouble(stream, 0, 0, length).map((u) => low + (high - low) * u);
    }
    case "normal": {
      const { mean, std } = initializer;
      return normal(stream, 0, 0, length).map((z) => mean + std * z);
    }
    case "truncated_normal": {
      const { mean, std } = initializer;
      return truncatedNormal(stream, 0, length).map((z) => mean + std * z);
    }
    default:
      return assertNever(initializer);
  }
}

function constant(value: number, length: number, dtype: DType): TensorData {
  switch (dtype) {
    case "f32":
      return new Float32Array(length).fill(value);
    case "f64":
      return new Float64Array(length).fill(value);
    case "f16":
      return new Uint16Array(length).fill(halfBits(value));
    case "bf16":
      return new Uint16Array(length).fill(bfloatBits(value));
    case "i32":
      return new Int32Array(length).fill(whole(value, -(2 ** 31), 2 ** 31 - 1));
    case "i64":
      return new BigInt64Array(length).fill(
        BigInt(whole(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
      );
    case "u8":
      return new Uint8Array(length).fill(whole(value, 0, 255));
    case "bool":
      return new Uint8Array(length).fill(whole(value, 0, 1));
  }
}

function whole(value: number, low: number, high: number): number {
  invariant(Number.isInteger(value), `${value} is not a whole number`);
  invariant(value >= low && value <= high, `${value} is outside ${low}..${high}`);
  return value;
}
