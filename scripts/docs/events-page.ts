/** The page of a run's documents: its events and its result. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../../grammar/invariant.js";
import { fenced, type Page, pageOf } from "./markdown.js";

export function eventsPage(root: string): Page {
  const events = readFileSync(join(root, "runtime/events.ts"), "utf8");
  const result = readFileSync(join(root, "runtime/run-result.ts"), "utf8");
  const [declared] = /const runResult = ([\s\S]*?);\n/.exec(result)?.slice(1) ?? [];
  invariant(declared !== undefined, "run-result.ts declares `runResult`");
  return pageOf(
    "events",
    "Events and results",
    "what a run writes while it trains and at its end.",
    [
      "## events.jsonl",
      "",
      "A run directory's `events.jsonl` holds one JSON object per line, told apart by `type`.",
      "Each has `time`, in milliseconds since 1970, besides the fields below.",
      "Each update stands in it exactly once, over all interruptions: a run that continues cuts the file back to its checkpoint.",
      "",
      ...interfacesIn(events).flatMap(({ name, about, body }) => [
        `### ${name}`,
        "",
        ...(about === "" ? [] : [about, ""]),
        ...fenced("ts", body),
        "",
      ]),
      "## result.json",
      "",
      "A finished run's `result.json` is what `saic run --format json` prints, without `model`, the path of the exported ONNX file.",
      "An interrupted run prints the same document with its status and writes no `result.json`.",
      "",
      ...fenced("ts", declared),
    ],
  );
}

interface Declared {
  readonly name: string;
  readonly about: string;
  readonly body: string;
}

/** The events among the interfaces: those with a literal `type`. */
const interfacesIn = (text: string): readonly Declared[] =>
  [...text.matchAll(/(?:\/\*\* (.*) \*\/\n)?export interface (\w+) \{\n([\s\S]*?)\n\}/g)].flatMap(
    ([, about = "", , body = ""]) => {
      const name = /readonly type: "(\w+)"/.exec(body)?.[1];
      return name === undefined ? [] : [{ name, about, body: body.replaceAll(/^ {2}/gm, "") }];
    },
  );
