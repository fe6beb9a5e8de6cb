/** `lint/missing-seed`: a train or a random split whose seed is not written down. */

import type { DatasetDecl, Entry, TrainDecl } from "../../grammar/ast.js";
import { diagnose, type Diagnostic, type Fix } from "../../grammar/diagnostic.js";
import { missingSeed } from "../../grammar/diagnostics/lint.js";
import type { Span } from "../../grammar/source.js";
import type { LintRule } from "./rule.js";

export const seedRule: LintRule = {
  code: "lint/missing-seed",
  example: {
    wrong: "train main {\n  model: Net()\n  data: Shapes",
    right: "train main {\n  model: Net()\n  data: Shapes\n  seed: 1",
  },
  check: ({ modules }) =>
    modules.flatMap(({ module }) =>
      module.declarations.flatMap((declaration) =>
        declaration.kind === "train"
          ? ofTrain(declaration)
          : declaration.kind === "dataset"
            ? ofDataset(declaration)
            : [],
      ),
    ),
};

const hasSeed = (entries: readonly Entry[]): boolean =>
  entries.some(({ key: [first, second] }) => first?.text === "seed" && second === undefined);

function ofTrain({ name, members }: TrainDecl): readonly Diagnostic[] {
  const entries = members.filter((member) => member.kind === "entry");
  if (hasSeed(entries)) return [];
  const before =
    entries.find(({ key }) => key[0]?.text === "data") ?? entries.find(({ value }) => value);
  const fix = before === undefined ? null : seedAfter(before.span);
  const params = { owner: `the train \`${name.text}\`` };
  return [diagnose(missingSeed, params, name.span, fix === null ? {} : { fix })];
}

/** A split by a column deals nothing at random. */
const ofDataset = ({ name, members }: DatasetDecl): readonly Diagnostic[] =>
  members.flatMap((member) =>
    member.kind === "split" && member.args === null && !hasSeed(member.entries)
      ? [diagnose(missingSeed, { owner: `the split of \`${name.text}\`` }, member.span)]
      : [],
  );

/** The default, so that no number changes, on a line of its own. */
function seedAfter({ source, start, end }: Span): Fix {
  const line = source.text.lastIndexOf("\n", start - 1) + 1;
  const indent = /^[ \t]*/u.exec(source.text.slice(line))?.[0] ?? "";
  return { span: { source, start: end, end }, text: `\n${indent}seed: 0` };
}
