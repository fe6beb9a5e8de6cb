/** The compiler's version: part of every program's hash, so that a new compiler starts new runs. */

export const compilerVersion = "0.1.0";
