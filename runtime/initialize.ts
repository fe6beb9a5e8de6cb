/** Initial values of state tensors: a pure function of seed, path, shape and initializer. */

import type { DType } from "../compiler/plan/data.js";
import { bfloatBits, halfBits } from "../compiler/plan/elements.js";
import type { Initializer } from "../compiler/plan/initial.js";
import { assertNever, InvariantError, invariant } from "../grammar/invariant.js";
import { createStream, normal, truncatedNormal, uniformDouble } from "./random.js";
import { elementCount, type TensorData } from "./tensor.js";

/**
 * The values a state tensor begins with. They depend on (seed, path) only: element i is drawn in f64
 * from the stream `init/<path>` at (0, 0) and i, then rounded to `dtype` (to nearest, ties to even).
 * `uniform` draws from [low, high), where rounding to a narrow dtype may reach `high`;
 * `truncated_normal` redraws what lies beyond two standard deviations; `orthogonal` takes normal
 * numbers and orthonormalizes them in f64. Integers and bool take whole constants only.
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
  const values = draw(initializer, seed, path, shape);
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
  shape: readonly number[],
): Float64Array<ArrayBuffer> {
  const length = elementCount(shape);
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
    case "orthogonal":
      return orthogonal(normal(stream, 0, 0, length), shape[0] ?? 1, initializer.gain);
    default:
      return assertNever(initializer);
  }
}

/**
 * The orthonormal factor Q of standard normal numbers, as `rows` rows or, where those are more than
 * the columns, as columns; times `gain`. Gram and Schmidt's method done twice is as exact as
 * reflections (Giraud et al., 2005), and leaves the diagonal of R positive, which makes Q uniform.
 */
function orthogonal(
  numbers: Float64Array<ArrayBuffer>,
  rows: number,
  gain: number,
): Float64Array<ArrayBuffer> {
  const columns = rows === 0 ? 0 : numbers.length / rows;
  const [count, length] = rows > columns ? [columns, rows] : [rows, columns];
  // The vectors lie one after the other.
  const vectors = rows > columns ? transposed(numbers, rows, columns) : numbers;
  for (let k = 0; k < count; k++) {
    const own = vectors.subarray(k * length, (k + 1) * length);
    for (let pass = 0; pass < 2; pass++)
      for (let before = 0; before < k; before++) {
        const other = vectors.subarray(before * length, (before + 1) * length);
        const along = dot(own, other);
        for (let i = 0; i < length; i++) own[i] = (own[i] ?? 0) - along * (other[i] ?? 0);
      }
    const size = Math.sqrt(dot(own, own));
    for (let i = 0; i < length; i++) own[i] = (own[i] ?? 0) / size;
  }
  const matrix = rows > columns ? transposed(vectors, columns, rows) : vectors;
  return matrix.map((value) => gain * value);
}

function transposed(
  matrix: Float64Array,
  rows: number,
  columns: number,
): Float64Array<ArrayBuffer> {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j] ?? 0;
  return result;
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (y[i] ?? 0);
  return sum;
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
