/** What a run says about its cache on disk: once that it takes no more, and how much was damaged. */

import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { cacheDamaged, cacheUnusable } from "../../grammar/diagnostics/loader.js";
import type { CacheReport } from "./disk-cache.js";

export interface CacheNotices {
  add(report: CacheReport): void;
  /** The damage of a pass is said in one notice, after it. */
  endPass(): void;
  /** Notices since they were last taken. */
  take(): readonly Diagnostic[];
}

export function createCacheNotices(dataset: string): CacheNotices {
  let count = 0;
  let last = "";
  let notices: Diagnostic[] = [];
  return {
    add: ({ damaged, file, refused }) => {
      count += damaged;
      last = file ?? last;
      if (refused !== null) notices.push(diagnose(cacheUnusable, { dataset, ...refused }, null));
    },
    endPass: () => {
      if (count > 0) notices.push(diagnose(cacheDamaged, { dataset, count, file: last }, null));
      count = 0;
    },
    take: () => {
      const taken = notices;
      notices = [];
      return taken;
    },
  };
}
