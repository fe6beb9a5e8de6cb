/** How records become batches: their number, order, threads, and what is kept of them. */

import type { DatasetDecl, Entry, LoaderMember } from "../../../grammar/ast.js";
import { nothingInMemory } from "../../../grammar/diagnostics/loader.js";
import { alreadyDefined, missingKey } from "../../../grammar/diagnostics/names.js";
import type { DatasetLoader } from "../../plan/dataset.js";
import { bindEntries } from "../entries.js";
import { type Frame, report } from "../frame.js";
import { settingsOf } from "../read.js";
import { signature } from "../signature.js";
import { chosenCall, type Choices } from "./choice.js";
import { atLeast, type BoundCall, keepsLimits } from "./data-call.js";

// `cache` is read as written: its calls are no functions of the language.
const loaderFormals = signature(
  "loader(batch: int, shuffle: bool = true, workers: int | auto = 1, last: drop | pad = drop, cache: bool = false, residency: preload | stream | none = none, prefetch: int | none = none)",
);

const caches: Choices = {
  disk: signature(
    "disk(max: bytes, dtype: f16 | bf16 | f32 | u8 | none = none, compress: int = 0)",
  ),
  memory: signature(
    "memory(max: bytes | none = none, dtype: f16 | bf16 | f32 | u8 | none = none, compress: int = 0)",
  ),
};

/** `loader { batch: 32  shuffle: true }`; `null` after a report. */
export function checkLoader(frame: Frame, declaration: DatasetDecl): DatasetLoader | null {
  const members = declaration.members.filter(
    (member): member is LoaderMember => member.kind === "loader",
  );
  const [loader, second] = members;
  if (second !== undefined) report(frame, alreadyDefined, { name: "loader" }, second.span);
  if (loader === undefined) {
    const owner = `\`${declaration.name.text}\``;
    report(frame, missingKey, { key: "loader", owner }, declaration.name.span);
    return null;
  }
  const isCache = ({ key }: Entry): boolean => key.length === 1 && key[0]?.text === "cache";
  const entries = loader.entries.map((entry): Entry =>
    entry.value !== null && isCache(entry)
      ? { ...entry, value: { kind: "bool", value: true, span: entry.value.span } }
      : entry,
  );
  const schema = { owner: "`loader`", formals: loaderFormals };
  const bound = bindEntries(frame, schema, entries, loader.span);
  if (bound === null) return null;
  const settings = settingsOf(bound);
  if (!settings.isKnown) return null;
  const call: BoundCall = {
    settings,
    bound,
    span: loader.span,
    callee: "loader",
    path: () => null,
    lacksPath: false,
  };
  const limits = { batch: atLeast(1), workers: atLeast(0), prefetch: atLeast(1) };
  if (!keepsLimits(frame, call, limits)) return null;
  const cached = loader.entries.find(isCache)?.value ?? null;
  const cache =
    cached === null ? null : cacheOf(frame, chosenCall(frame, cached, "`cache`", caches));
  if (cache === undefined) return null;
  const isAuto = settings.meaning("workers").kind === "word";
  const residency = settings.meaning("residency");
  const prefetch = settings.meaning("prefetch");
  if (cache?.kind === "memory" && residency.kind === "word" && residency.text === "stream") {
    const entry = loader.entries.find(({ key }) => key[0]?.text === "residency");
    report(frame, nothingInMemory, {}, entry?.span ?? loader.span);
    return null;
  }
  return {
    batch: settings.number("batch"),
    shuffle: settings.bool("shuffle"),
    workers: isAuto ? null : settings.number("workers"),
    last: settings.text("last") === "pad" ? "pad" : "drop",
    ...(cache === null ? {} : { cache }),
    ...(residency.kind === "word"
      ? { residency: residency.text === "preload" ? ("preload" as const) : ("stream" as const) }
      : {}),
    ...(prefetch.kind === "int" ? { prefetch: prefetch.value } : {}),
  };
}

const units: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

const dtypes = ["f16", "bf16", "f32", "u8"] as const;

/** `undefined` after a report. */
function cacheOf(
  frame: Frame,
  call: BoundCall | null,
): NonNullable<DatasetLoader["cache"]> | undefined {
  if (call === null) return undefined;
  const level = { holds: (value: number) => value >= 0 && value <= 9, expected: "in 0 .. 9" };
  if (!keepsLimits(frame, call, { compress: level })) return undefined;
  const max = call.settings.meaning("max");
  const dtype = call.settings.meaning("dtype");
  return {
    kind: call.callee === "disk" ? "disk" : "memory",
    maxBytes: max.kind === "quantity" ? Math.ceil(max.value * (units[max.unit] ?? 1)) : null,
    dtype: dtypes.find((name) => dtype.kind === "word" && dtype.text === name) ?? null,
    compress: call.settings.number("compress"),
  };
}
