/** `saic data cache`: fills, shows and clears what a dataset keeps on disk. */

import { availableParallelism } from "node:os";
import { diagnose } from "../../../grammar/diagnostic.js";
import { cacheNotOnDisk } from "../../../grammar/diagnostics/use.js";
import { exitCodes, Fault } from "../../../runtime/fault.js";
import { printDiagnostics, usage } from "../../fail.js";
import type { ProgramFlags } from "../../program-flags.js";
import { openData, recordsProgress } from "./open-data.js";

interface CacheFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly fill?: true;
  readonly clear?: true;
  readonly cacheDir?: string;
  readonly threads?: number;
}

export async function useCache(file: string, flags: CacheFlags): Promise<number> {
  if (flags.fill === true && flags.clear === true)
    throw usage("`--fill` and `--clear` exclude each other");
  const data = await openData(file, flags);
  if (!data.ok) return data.exitCode;
  const { program, seed } = data;
  const { cache } = program.loader;
  if (cache?.kind !== "disk")
    throw new Fault(
      diagnose(cacheNotOnDisk, { dataset: program.name }, null, { place: program.source.place }),
      exitCodes.environment,
    );
  const { cacheFolderOf, cacheSize, clearCache, fillCache } =
    await import("../../../runtime/use/data-cache.js");
  const folder = cacheFolderOf(program, flags.cacheDir);
  if (flags.clear === true) clearCache(folder);
  if (flags.fill === true) {
    const threads = flags.threads ?? availableParallelism();
    const options = {
      seed,
      threads,
      ...(flags.cacheDir === undefined ? {} : { cacheDir: flags.cacheDir }),
    };
    printDiagnostics(await fillCache(program, options, recordsProgress()));
  }
  const { entries, bytes } = cacheSize(folder);
  const document = { dataset: program.name, folder, entries, bytes, max_bytes: cache.maxBytes };
  process.stdout.write(
    flags.format === "json"
      ? `${JSON.stringify(document, null, 2)}\n`
      : `${program.name}: ${entries} values, ${mebibytes(bytes)} of ${mebibytes(cache.maxBytes ?? 0)} in ${folder}\n`,
  );
  return exitCodes.success;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
