/** Records: what a source lists and a reader turns into fields; plain data that crosses threads. */

import type { Annotated } from "./coco.js";

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

/** A frame of a sequence. */
export interface SequenceFrame {
  /** The folder of its group, where templates start. */
  readonly folder: string;
  /** Seconds, from the signed number at the end of its name. */
  readonly offset: number | null;
  /** Names of the frames before it in its group, the nearest last, as far as windows reach. */
  readonly earlier: readonly string[];
}

/** A record as a source lists it. */
export interface SourceRecord {
  /** Unique in its dataset: `ring #12`, `cat/01.jpg`, `frame#4`. */
  readonly id: string;
  /** The picture's path, or `null` for a drawn one. */
  readonly file: string | null;
  /** Values to split by, by property name. */
  readonly properties: Readonly<Record<string, string>>;
  /** Class index, or `null` where the source has no classes of records. */
  readonly label: number | null;
  readonly tile: Tile | null;
  /** The cells of its line in a table, by column. */
  readonly columns: Readonly<Record<string, string>>;
  /** Its line in a table that is a text. */
  readonly line: number | null;
  /** Its row in a table that is none, from 0 on. */
  readonly row?: number;
  readonly frame?: SequenceFrame;
  /** What lies on its picture, from a COCO file. */
  readonly annotated?: Annotated;
}

/** A record as the dataset has it. */
export interface DataRecord extends SourceRecord {
  /** Which of the dataset's plain sources it comes from. */
  readonly leaf: number;
  /** Its place in that source. */
  readonly index: number;
  /** The index of its group of frames among those of its split. */
  readonly groupIndex?: number;
  /** Of a `zip`: the records that are joined, part by part. */
  readonly parts: readonly DataRecord[];
}

/** Height, then width, of the whole picture in `file`, where the source knows it beforehand. */
export type PictureSize = readonly [number, number];
