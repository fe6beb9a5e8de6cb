/** Checks how a dataset is split and loaded. */

import type { DatasetDecl, LoaderMember, SplitMember } from "../../grammar/ast.js";
import { alreadyDefined, missingKey, unknownName } from "../../grammar/diagnostics/names.js";
import { splitShares } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { DataProgram } from "../plan/data.js";
import { bindEntries } from "./entries.js";
import { type Frame, report } from "./frame.js";
import { settingsOf } from "./read.js";
import { signature } from "./signature.js";

const loaderFormals = signature(
  "loader(batch: int, shuffle: bool = true, workers: int = 1, last: drop | pad = drop)",
);
const splitFormals = signature(
  "split(train: percent, val: percent = 0%, test: percent = 0%, seed: int)",
);

/** `split by group { train: 70%  seed: 1 }`: shares that sum to one. */
export function checkSplit(
  frame: Frame,
  declaration: DatasetDecl,
  /** What `split by` may name; `null` where the source is wrong. */
  groups: readonly string[] | null,
): DataProgram["split"] | null {
  const owner = `\`${declaration.name.text}\``;
  const members = declaration.members.filter(
    (member): member is SplitMember => member.kind === "split",
  );
  const [split, second] = members;
  if (second !== undefined) report(frame, alreadyDefined, { name: "split" }, second.span);
  if (split === undefined) {
    report(frame, missingKey, { key: "split", owner }, declaration.name.span);
    return null;
  }
  if (split.by !== null && groups !== null && !groups.includes(split.by.text)) {
    report(
      frame,
      unknownName,
      { name: split.by.text, suggestion: groups[0] ?? null },
      split.by.span,
    );
    return null;
  }
  const bound = bindEntries(
    frame,
    { owner: "`split`", formals: splitFormals, later: ["stratify"] },
    split.entries,
    split.span,
  );
  if (bound === null) return null;
  const shares = ["train", "val", "test"].map((name) => bound.get(name)?.meaning);
  const [train, val, test] = shares.map((share) =>
    share?.kind === "quantity" ? share.value / 100 : null,
  );
  const seed = bound.get("seed")?.meaning;
  if (train === null || val === null || test === null || seed?.kind !== "int") return null;
  const sum = (train ?? 0) + (val ?? 0) + (test ?? 0);
  if (Math.abs(sum - 1) > 1e-9) {
    report(frame, splitShares, { sum: `${Number((sum * 100).toFixed(6))}%` }, split.span);
    return null;
  }
  return {
    by: split.by?.text ?? null,
    train: train ?? 0,
    val: val ?? 0,
    test: test ?? 0,
    seed: seed.value,
  };
}

/** `loader { batch: 32  shuffle: true }`. */
export function checkLoader(frame: Frame, declaration: DatasetDecl): DataProgram["loader"] | null {
  const members = declaration.members.filter(
    (member): member is LoaderMember => member.kind === "loader",
  );
  const [loader, second] = members;
  if (second !== undefined) report(frame, alreadyDefined, { name: "loader" }, second.span);
  if (loader === undefined) {
    report(
      frame,
      missingKey,
      { key: "loader", owner: `\`${declaration.name.text}\`` },
      declaration.name.span,
    );
    return null;
  }
  const bound = bindEntries(
    frame,
    { owner: "`loader`", formals: loaderFormals, later: ["cache"] },
    loader.entries,
    loader.span,
  );
  if (bound === null) return null;
  const settings = settingsOf(bound);
  if (!settings.isKnown) return null;
  const batch = settings.number("batch");
  for (const [name, least] of [
    ["batch", 1],
    ["workers", 0],
  ] as const) {
    const value = settings.number(name);
    if (value >= least) continue;
    report(
      frame,
      wrongType,
      { what: `\`${name}\` of \`loader\``, expected: `at least ${least}`, found: String(value) },
      bound.get(name)?.span ?? loader.span,
    );
    return null;
  }
  return {
    batch,
    shuffle: settings.bool("shuffle"),
    workers: settings.number("workers"),
    last: settings.text("last") === "pad" ? "pad" : "drop",
  };
}
