/** What the pure compiler asks of the world: modules, paths and a hash. */

import type { SourceFile } from "../grammar/source.js";
import type { DescribeData } from "./plan/description.js";

export interface CompilerHost {
  /** The module an import names, seen from the module called `from`; `null` when there is none. */
  readonly readModule: (specifier: string, from: string) => SourceFile | null;
  /** The modules of the standard library, for suggestions. */
  readonly libraryModules: readonly string[];
  /** Makes a path written in module `from` absolute. */
  readonly resolvePath: (path: string, from: string) => string;
  /** SHA-256 in hex. */
  readonly sha256: (text: string) => string;
  /**
   * What a data file says of itself, or `null` where it is not there or says nothing; absent where
   * data is out of reach. Reads headers and first records, never a whole data set: only groups are
   * counted in one that has been found and dealt to splits, as a run would do it.
   */
  readonly describeData?: DescribeData;
}
