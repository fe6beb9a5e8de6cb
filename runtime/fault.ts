/** What stops a run for a reason that is not our bug: bad data, a full disk, a guard. */

import type { Diagnostic } from "../grammar/diagnostic.js";

export const exitCodes = {
  success: 0,
  findings: 1,
  environment: 2,
  objectiveNotMet: 3,
  guard: 4,
  outOfMemory: 5,
  badData: 6,
  bug: 70,
  interrupted: 75,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Carries a diagnostic and the exit code to the rim; crosses threads as its two fields. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly diagnostic: Diagnostic;
  readonly exitCode: ExitCode;

  constructor(diagnostic: Diagnostic, exitCode: ExitCode) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
    this.exitCode = exitCode;
  }
}
