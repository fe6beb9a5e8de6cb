/** How tiles lie in a frame, and how much of one is under boxes. */

/** Boxes in pixels, upper bounds exclusive. */
export interface Rectangle {
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

export interface TileGrid {
  readonly rows: number;
  readonly columns: number;
  /** From one tile to the next: size - overlap. */
  readonly stride: number;
}

/**
 * floor((height - overlap) / (size - overlap)) rows of tiles, and columns likewise; pixels beyond
 * the last full tile belong to none. The stride must be positive.
 */
export function tileGrid(height: number, width: number, size: number, overlap: number): TileGrid {
  const stride = size - overlap;
  return {
    rows: Math.max(0, Math.floor((height - overlap) / stride)),
    columns: Math.max(0, Math.floor((width - overlap) / stride)),
    stride,
  };
}

/** The share of `window`'s area under the union of `boxes`, 0..1. */
export function coveredShare(window: Rectangle, boxes: readonly Rectangle[]): number {
  const inside = boxes
    .map((box) => ({
      xmin: Math.max(box.xmin, window.xmin),
      ymin: Math.max(box.ymin, window.ymin),
      xmax: Math.min(box.xmax, window.xmax),
      ymax: Math.min(box.ymax, window.ymax),
    }))
    .filter((box) => box.xmin < box.xmax && box.ymin < box.ymax);
  const columns = cuts(inside.flatMap((box) => [box.xmin, box.xmax]));
  let area = 0;
  for (const [left, right] of columns) {
    const spans = inside.filter((box) => box.xmin <= left && box.xmax >= right);
    const rows = cuts(spans.flatMap((box) => [box.ymin, box.ymax]));
    for (const [top, bottom] of rows)
      if (spans.some((box) => box.ymin <= top && box.ymax >= bottom))
        area += (right - left) * (bottom - top);
  }
  return area / ((window.xmax - window.xmin) * (window.ymax - window.ymin));
}

/** The largest share of one box's area that lies in `window`, 0..1; 0 without boxes. */
export const heldShare = (window: Rectangle, boxes: readonly Rectangle[]): number =>
  Math.max(0, ...boxes.map((box) => coveredShare(box, [window])));

/** Neighboring pairs of the sorted, distinct values. */
function cuts(values: readonly number[]): readonly (readonly [number, number])[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return sorted.slice(1).map((value, i) => [sorted[i] ?? value, value]);
}
