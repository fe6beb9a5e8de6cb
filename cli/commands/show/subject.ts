/** What every subject of `saic show` is: a name, a line of help, and how it prints. */

import type { Analysis } from "../../../compiler/compile.js";

/** A sound program with its train lowered. */
export interface Shown {
  readonly analysis: Analysis;
  readonly lowered: NonNullable<Analysis["lowered"]>;
}

/** One word after `--what`. */
export interface Subject {
  readonly name: string;
  /** Half a sentence for the help, as in `show <about>`. */
  readonly about: string;
  readonly text: (shown: Shown) => string;
  /** A value for `JSON.stringify`. */
  readonly json: (shown: Shown) => unknown;
}
