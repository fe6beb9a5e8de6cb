/** What data say of themselves: what the checker asks, and what the runtime's readers answer. */

import type { DataProgram } from "./data.js";

/** A question about one data file, by its absolute path. */
export type FileRequest =
  | { readonly kind: "csv"; readonly file: string; readonly delimiter: string }
  | { readonly kind: "npy" | "npz" | "safetensors" | "pickle" | "coco"; readonly file: string };

/** About a file, or about a dataset: how many groups of frames each split has. */
export type DataRequest = FileRequest | { readonly kind: "groups"; readonly program: DataProgram };

export type DescribeData = (request: DataRequest) => DataDescription | null;

export type DataDescription =
  | {
      readonly kind: "table";
      readonly columns: readonly ColumnDescription[];
      /** Whether the columns' values are of all records, not of the first ones. */
      readonly complete: boolean;
    }
  | { readonly kind: "arrays"; readonly arrays: readonly ArrayDescription[] }
  | { readonly kind: "annotations"; readonly classes: readonly string[] }
  /** Of each split, as `group_index` numbers them. */
  | { readonly kind: "groups"; readonly counts: GroupCounts }
  /** The file is there and is not what its format asks for: it ends a sentence after a colon. */
  | { readonly kind: "malformed"; readonly problem: string };

export type GroupCounts = Readonly<Record<"train" | "val" | "test", number>>;

export interface ColumnDescription {
  readonly name: string;
  /** Different values in the order of their first lines. */
  readonly values: readonly { readonly text: string; readonly line: number }[];
}

export interface ArrayDescription {
  /** The entry's name; an npy file's one array has its file's name without the extension. */
  readonly name: string;
  /** In the language's words, or as the file says it where the language has no such type. */
  readonly dtype: string;
  readonly shape: readonly number[];
}
