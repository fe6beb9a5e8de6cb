/** A run's checkpoints: folders `update-…`, and links `last`, `best-1`, … that always lead to a whole one. */

import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Files } from "../atomic-file.js";
import { type CheckpointContent, readManifest, writeCheckpointFiles } from "./checkpoint.js";
import { type BestEntry, foldersOf } from "./progress.js";

export interface CheckpointStore {
  readonly folder: string;
  /** The folder a checkpoint after `update` updates gets; never one that a link leads to. */
  readonly nameFor: (update: number) => string;
  /**
   * Writes a checkpoint aside and renames it, then turns `last` and the best links to it, then
   * removes what nothing refers to. After a kill at any point `last` leads to a whole checkpoint
   * and so does every folder that its progress names.
   */
  readonly write: (name: string, content: CheckpointContent) => void;
  /** The folder `last` leads to, or `null`. */
  readonly last: () => string | null;
  /** Brings the best links and the folders in line with `last` after a kill. */
  readonly repair: () => void;
}

/** The store in `folder`, which is made when the first checkpoint is written. */
export function createStore(folder: string, files: Files): CheckpointStore {
  const entries = (): readonly string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  const targetOf = (link: string): string | null => {
    try {
      return readlinkSync(join(folder, link));
    } catch {
      return null;
    }
  };
  const lastName = (): string | null => targetOf("last");

  const referenced = (): ReadonlySet<string> => {
    const last = lastName();
    const names = new Set<string>();
    for (const entry of entries()) {
      const target = isLink(entry) ? targetOf(entry) : null;
      if (target !== null) names.add(target);
    }
    if (last !== null)
      for (const name of foldersOf(readManifest(join(folder, last)).progress)) names.add(name);
    return names;
  };

  const relink = (best: readonly BestEntry[]): void => {
    for (const [index, { folder: target }] of best.entries())
      if (targetOf(bestLink(index)) !== target) files.link(join(folder, bestLink(index)), target);
    for (const entry of entries())
      if (bestLinkPattern.test(entry) && Number(entry.slice("best-".length)) > best.length)
        files.remove(join(folder, entry));
  };

  const prune = (): void => {
    const kept = referenced();
    for (const entry of entries())
      if (!isLink(entry) && !kept.has(entry)) files.remove(join(folder, entry));
  };

  return {
    folder,
    nameFor: (update) => {
      const name = `update-${String(update).padStart(8, "0")}`;
      const taken = referenced();
      if (!taken.has(name)) return name;
      for (let attempt = 2; ; attempt++)
        if (!taken.has(`${name}.${attempt}`)) return `${name}.${attempt}`;
    },
    write: (name, content) => {
      const aside = join(folder, `${name}.tmp`);
      const final = join(folder, name);
      files.remove(aside);
      files.makeFolder(aside);
      writeCheckpointFiles(aside, content, files);
      files.syncFolder(aside);
      // Nothing refers to a folder of this name: it is what a kill left between rename and link.
      files.remove(final);
      files.move(aside, final);
      files.link(join(folder, "last"), name);
      relink(content.progress.best);
      prune();
    },
    last: () => {
      const name = lastName();
      return name === null ? null : join(folder, name);
    },
    repair: () => {
      const name = lastName();
      if (name !== null) relink(readManifest(join(folder, name)).progress.best);
      prune();
    },
  };
}

const bestLink = (index: number): string => `best-${index + 1}`;
const bestLinkPattern = /^best-\d+$/u;
const isLink = (entry: string): boolean => entry === "last" || bestLinkPattern.test(entry);
