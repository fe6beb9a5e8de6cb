/** Resampling by area as a matrix: how much of each old pixel lies in each new one. */

/**
 * A row of `old` shares for each of `fresh` new pixels: new pixel i covers the old ones in
 * [i * old / fresh, (i + 1) * old / fresh).
 */
export const coverage = (old: number, fresh: number): readonly number[] =>
  Array.from({ length: old * fresh }, (_, place) => {
    const row = Math.floor(place / old);
    const pixel = place % old;
    const low = (row * old) / fresh;
    const high = ((row + 1) * old) / fresh;
    return Math.max(0, Math.min(high, pixel + 1) - Math.max(low, pixel));
  });
