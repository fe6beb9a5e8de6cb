/** Pictures on their way through transforms: planes of u8 or f32 with rows and columns last. */

/** The array may lie in shared memory, so it is read and never written in place. */
export type Pixels =
  | { readonly dtype: "u8"; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: "f32"; readonly shape: readonly number[]; readonly data: Float32Array };

export interface PlaneLayout {
  /** Product of the axes before the last two. */
  readonly planes: number;
  readonly height: number;
  readonly width: number;
}

export function layoutOf(shape: readonly number[]): PlaneLayout {
  const height = shape.at(-2) ?? 1;
  const width = shape.at(-1) ?? 1;
  return {
    planes: shape.slice(0, -2).reduce((product, extent) => product * extent, 1),
    height,
    width,
  };
}

/** Same type and values elsewhere: element i of the result is element `from(i)` of `x`. */
export function gather(x: Pixels, from: (index: number) => number): Pixels {
  const { data } = x;
  const length = data.length;
  if (x.dtype === "u8") {
    const moved = new Uint8Array(length);
    for (let i = 0; i < length; i++) moved[i] = data[from(i)] ?? 0;
    return { ...x, data: moved };
  }
  const moved = new Float32Array(length);
  for (let i = 0; i < length; i++) moved[i] = data[from(i)] ?? 0;
  return { ...x, data: moved };
}

/** Rounds half up and clamps to 0..255. */
export const toByte = (value: number): number =>
  Math.min(255, Math.max(0, Math.floor(value + 0.5)));
