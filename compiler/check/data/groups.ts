/** `FigLib.val.groups`: how many groups of frames a split has, which is a size of the graphs. */

import type { DatasetDecl, Name } from "../../../grammar/ast.js";
import { diagnose } from "../../../grammar/diagnostic.js";
import { groupsOfOtherSplit, groupsUncounted } from "../../../grammar/diagnostics/data-content.js";
import { cyclicDefinition, missingKey } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { type Dim, namedDim } from "../../ir/dim.js";
import type { DataProgram, DataSource } from "../../plan/data.js";
import type { GroupCounts } from "../../plan/description.js";
import type { DatasetProgram } from "../../plan/dataset.js";
import { type Frame, report, userPlace } from "../frame.js";
import { dimMeaning, type Meaning, unknown } from "../value.js";
import { datasetFindings } from "./dataset.js";

type SplitName = keyof GroupCounts;

/** What a session knows and has been asked of the groups of splits. */
export interface GroupsRead {
  /** `symbols` as long as nothing is compiled: no data are looked at. */
  readonly as: "symbols" | "numbers";
  /** `null` while the dataset is being checked. */
  readonly counts: Map<DatasetDecl, GroupCounts | null>;
  /** In the order of reading, each time that one is read. */
  readonly read: {
    readonly source: DataSource;
    readonly dataset: string;
    readonly split: SplitName;
    readonly count: number | null;
  }[];
}

/** Names with points are no one else's: a user's dim has none. */
const symbolOf = (dataset: string, split: SplitName): string => `${dataset}.${split}.groups`;

/** Whether a size waits for groups to be counted, and for nothing else. */
export const isOfGroups = (dim: Dim, { read }: GroupsRead): boolean =>
  typeof dim !== "number" &&
  read.some(({ dataset, split }) => dim.text === symbolOf(dataset, split));

/** The members of `FigLib.val`, counted in the data where graphs are to be made of them. */
export function splitMember(
  frame: Frame,
  home: Frame,
  declaration: DatasetDecl,
  member: Name,
  split: SplitName,
): Meaning {
  const dataset = declaration.name.text;
  const symbol = symbolOf(dataset, split);
  const meaning = (dim: Dim): Meaning => ({
    kind: "tuple",
    items: [{ name: "groups", value: dimMeaning(dim) }],
  });
  const { groups, uncarried } = frame.elaboration;
  if (groups.counts.get(declaration) === null) {
    report(frame, cyclicDefinition, { name: symbol }, member.span);
    return unknown;
  }
  const program = programOf(frame, home, declaration);
  if (program === null) return unknown;
  if (!ofFrames(program.source)) {
    const what = `the source of \`${dataset}\`, whose groups \`${symbol}\` counts,`;
    const params = { what, expected: "`frames`", found: `\`${program.source.kind}\`` };
    report(frame, wrongType, params, member.span);
    return unknown;
  }
  // A path that the command line lacks is an error of all that compiles.
  const isLost = uncarried.some(({ code }) => code === missingKey.code);
  const counts = groups.as === "symbols" || isLost ? null : countsOf(frame, declaration, program);
  const count = counts === null ? null : counts[split];
  if (count === 0) {
    const params = { what: `\`${symbol}\``, expected: "at least 1", found: "no record" };
    report(frame, wrongType, params, member.span);
    return unknown;
  }
  groups.read.push({ source: program.source, dataset, split, count });
  if (count !== null) return meaning(count);
  const { describeData } = frame.elaboration;
  if (!isLost && (groups.as === "numbers" || describeData === undefined)) {
    const { span, labels } = userPlace(frame, member.span);
    uncarried.push(diagnose(groupsUncounted, { count: symbol }, span, { labels }));
  }
  return meaning(namedDim(symbol));
}

/** `null` where the dataset is wrong, which its own check reports. */
function programOf(frame: Frame, home: Frame, declaration: DatasetDecl): DatasetProgram | null {
  const { counts } = frame.elaboration.groups;
  const isFirst = !counts.has(declaration) && !frame.elaboration.datasets.has(declaration);
  if (isFirst) counts.set(declaration, null);
  const { dataset } = datasetFindings(home, declaration);
  if (isFirst) counts.delete(declaration);
  return dataset?.program ?? null;
}

const ofFrames = (source: DataSource): boolean =>
  source.kind === "concat" ? source.parts.every(ofFrames) : source.kind === "frames";

function countsOf(
  { elaboration: { describeData, groups } }: Frame,
  declaration: DatasetDecl,
  program: DatasetProgram,
): GroupCounts | null {
  const known = groups.counts.get(declaration);
  if (known !== undefined) return known;
  const described = describeData?.({ kind: "groups", program }) ?? null;
  if (described?.kind !== "groups") return null;
  groups.counts.set(declaration, described.counts);
  return described.counts;
}

/** The program with the numbers of groups that its graphs were made for. */
export function withGroups(program: DatasetProgram, { read }: GroupsRead): DataProgram {
  const own = read.filter(({ source, count }) => source === program.source && count !== null);
  if (own.length === 0) return program;
  return {
    ...program,
    groups: Object.fromEntries(own.map(({ split, count }) => [split, count ?? 0])),
  };
}

/** Reports groups of one split that a metric of several counts; `before` is how many were read. */
export function checkGroupsRead(
  frame: Frame,
  metric: Name,
  splits: readonly SplitName[],
  before: number,
): void {
  for (const { dataset, split } of frame.elaboration.groups.read.slice(before)) {
    const other = splits.find((each) => each !== split);
    if (other === undefined) continue;
    const params = { count: symbolOf(dataset, split), split: other, metric: metric.text };
    return report(frame, groupsOfOtherSplit, params, metric.span);
  }
}
