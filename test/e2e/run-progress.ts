/** What the events of a run that is under way tell of it. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The last process and update in the events of the one run below `train`. */
export function progressOf(train: string): {
  readonly folder: string;
  readonly pid: number;
  readonly update: number;
} {
  const name = existsSync(train)
    ? readdirSync(train).find((entry) => /^[0-9a-f]{16}$/u.test(entry))
    : undefined;
  const folder = join(train, name ?? "none");
  const events = join(folder, "events.jsonl");
  const lines = existsSync(events) ? readFileSync(events, "utf8").split("\n").slice(0, -1) : [];
  let [pid, update] = [0, 0];
  for (const line of lines) {
    const event = JSON.parse(line) as { type: string; pid: number; update: number };
    if (event.type === "run") ({ pid } = event);
    if (event.type === "step") ({ update } = event);
  }
  return { folder, pid, update };
}
