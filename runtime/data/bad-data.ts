/** Makes the faults of this folder: a catalogue entry, a place in words, exit code 6. */

import { diagnose, type DiagnosticKind } from "../../grammar/diagnostic.js";
import { exitCodes, Fault } from "../fault.js";

/** A fault at `place`: a data file, record and field, or where the program said so. */
export const badData = <P>(kind: DiagnosticKind<P>, params: P, place: string): Fault =>
  new Fault(diagnose(kind, params, null, { place }), exitCodes.badData);

/** `u8[3, 224, 224]`, as the language writes it. */
export const printType = (dtype: string, shape: readonly (number | null)[]): string =>
  `${dtype}[${shape.map((extent) => extent ?? "_").join(", ")}]`;
