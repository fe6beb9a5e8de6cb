/** Records: what a source lists and a reader turns into fields; plain data that crosses threads. */

/** One tile of a frame. */
export interface Tile {
  /** row * columns + column. */
  readonly position: number;
  readonly top: number;
  readonly left: number;
  readonly size: number;
  /** Share of the tile's area under the union of the boxes that count, 0..1. */
  readonly covered: number;
  /** The largest share of one of those boxes that lies in the tile, 0..1. */
  readonly held: number;
}

export interface DataRecord {
  /** Unique in its dataset: `ring #12`, `cat/01.jpg`, `frame#4`. */
  readonly id: string;
  /** The picture's path, or `null` for a drawn one. */
  readonly file: string | null;
  /** Values to split by, by property name. */
  readonly properties: Readonly<Record<string, string>>;
  /** Class index, or `null` where the source has no classes of records. */
  readonly label: number | null;
  readonly tile: Tile | null;
}

/** Height, then width, of the whole picture in `file`, where the source knows it beforehand. */
export type PictureSize = readonly [number, number];
