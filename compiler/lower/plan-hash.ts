/** The identity of a compiled train: runs of one hash have the same numbers. */

import type { CheckedTrain } from "../check/train.js";
import type { CompilerHost } from "../host.js";
import type { Program } from "../modules.js";
import { compilerVersion } from "../version.js";

/** Changes exactly when something that bears on the numbers changes. */
export function hashOf(
  program: Program,
  train: CheckedTrain,
  host: CompilerHost,
  text: string,
): string {
  const modules = program.modules
    .filter((module) => module !== program.root)
    .map((module) => [
      module.name.startsWith("saic:") ? module.name : host.sha256(module.module.source.text),
      host.sha256(module.module.source.text),
    ]);
  // A run goes on when memory makes its batches come in parts.
  const { parts = 1, ...loader } = train.data.program.loader;
  const whole = { ...loader, batch: loader.batch * parts, workers: 0 };
  const data = { ...train.data.program, loader: whole };
  return host.sha256(
    JSON.stringify([
      compilerVersion,
      text,
      modules,
      train.declaration.name.text,
      train.seed,
      train.stages.map(({ duration }) => duration),
      stripPlaces(data),
    ]),
  );
}

/** Places name files as they were given on the command line, which changes no result. */
const stripPlaces = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "place" ? undefined : inner)));
