/** What the training loop asks of data: splits, and batches in a fixed order. */

import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { HostTensor } from "../tensor.js";

export type SplitName = "train" | "val" | "test";

export interface Batch {
  /** Field name to tensor; the first axis is the batch. */
  readonly fields: ReadonlyMap<string, HostTensor>;
  /** 1 for a record, 0 for padding. */
  readonly valid: Uint8Array<ArrayBuffer>;
  /** Records in this batch that are not padding. */
  readonly count: number;
  /** Gives its memory up for later batches: it has no fields from then on, and their data change. */
  readonly release?: () => void;
}

/** Which records are in which split, and the value they were grouped by. */
export interface SplitManifest {
  readonly by: string | null;
  /** `null` where nothing is drawn. */
  readonly seed: number | null;
  readonly splits: Readonly<
    Record<SplitName, readonly { readonly group: string; readonly records: readonly number[] }[]>
  >;
}

export interface Dataset {
  readonly manifest: SplitManifest;
  /** What the files made known that does not stop a run. */
  readonly warnings?: readonly Diagnostic[];
  /** What came up since it was last asked, and does not stop a run either. */
  readonly notices?: () => readonly Diagnostic[];
  /** Records that are left out, as their pictures cannot be read. */
  readonly skipped?: number;
  /** Threads that decode. */
  readonly workers?: number;
  /** What was fitted to the training split, by the path of the state that holds it. */
  readonly fits?: ReadonlyMap<string, HostTensor>;
  /** Number of records in a split. */
  size(split: SplitName): number;
  /**
   * Batches of one pass. Training, as the split `train` is read by default: an epoch's shuffled
   * order, incomplete last batch dropped or padded.
   */
  batchesPer(split: SplitName, purpose?: "training"): number;
  /**
   * Batches of `epoch` from batch `from` on that train on a split, `train` by default; order and augmentation depend on
   * (seed, epoch, record) only, never on workers or on where the pass began.
   */
  trainBatches(epoch: number, from: number, split?: SplitName): AsyncIterable<Batch>;
  /** Every record once, in order, without training transforms, the last batch padded. */
  evaluationBatches(split: SplitName): AsyncIterable<Batch>;
  close(): Promise<void>;
}
