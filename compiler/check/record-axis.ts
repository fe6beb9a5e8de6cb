/** The axis of records: a symbol in every elaboration, so that it never equals a number by chance. */

import { type Dim, namedDim } from "../ir/dim.js";

export const batchName = "B";
export const batchDim: Dim = namedDim(batchName);
