/** `saic show --what schedules`: what each schedule is over the updates of the run. */

import { batchesPerEpoch } from "../../../compiler/lint/epoch.js";
import type { Duration, Plan, Schedule } from "../../../compiler/plan/schema.js";
import { at } from "../../../grammar/invariant.js";
import {
  createSchedules,
  createTimeline,
  segmentsOf,
  type Timeline,
} from "../../../runtime/schedule.js";
import { chartOf } from "./chart.js";
import type { Shown, Subject } from "./subject.js";
import { columns } from "./columns.js";

/** Stands for an epoch where only the data say how long one is. */
const assumedEpoch = 1000;

interface ScheduleFacts {
  readonly name: string;
  /** What follows it: parameters of the optimizer, or the losses. */
  readonly follows: string;
  readonly rows: readonly Row[];
  /** One value for each column of a chart, evenly over the stages. */
  readonly values: readonly number[];
}

/** A stretch of time with the values at its first and its last update. */
interface Row {
  readonly what: string;
  /** Updates count from 1, both ends included. */
  readonly from: number;
  readonly to: number;
  readonly epochs: readonly [number, number] | null;
  readonly begins: number;
  readonly ends: number;
}

interface AllFacts {
  /** Updates per epoch; `null` where only the data say it. */
  readonly updatesPerEpoch: number | null;
  /** Whether `updates` are true ones: epochs of an unknown length are taken to be 1000 long. */
  readonly assumed: boolean;
  readonly updates: number;
  readonly schedules: readonly ScheduleFacts[];
}

const chart = { width: 60, height: 8 } as const;

/** Each segment and stage with its values, and a chart. */
export const schedules: Subject = {
  name: "schedules",
  about: "what each schedule is over time",
  text: (shown) => print(factsOf(shown)),
  json: factsOf,
};

function factsOf({ lowered: { plan } }: Shown): AllFacts {
  const known = batchesPerEpoch(plan.data);
  const timeline = createTimeline(plan, known ?? assumedEpoch);
  return {
    updatesPerEpoch: known,
    assumed: known === null && durationsOf(plan).some(({ unit }) => unit === "epoch"),
    updates: timeline.total,
    schedules: plan.schedules.map((schedule) => scheduleFacts(plan, timeline, known, schedule)),
  };
}

const durationsOf = (plan: Plan): readonly Duration[] => [
  ...plan.stages.map(({ duration }) => duration),
  ...plan.schedules.flatMap(({ segments }) =>
    segments.flatMap(({ over }) => (over === "rest" ? [] : [over])),
  ),
];

function scheduleFacts(
  plan: Plan,
  timeline: Timeline,
  perEpoch: number | null,
  schedule: Schedule,
): ScheduleFacts {
  const { valueAt } = createSchedules(plan, timeline);
  const value = (update: number): number => valueAt(schedule.name, update);
  const row = (what: string, start: number, length: number): Row => ({
    what,
    from: start + 1,
    to: start + length,
    epochs: perEpoch === null ? null : [start / perEpoch, (start + length) / perEpoch],
    begins: value(start + 1),
    ends: value(Math.min(start + length, timeline.total)),
  });
  return {
    name: schedule.name,
    follows: followersOf(plan, schedule.name),
    rows: [
      ...segmentsOf(schedule, timeline).map(({ start, length }, i) =>
        row(`segment ${i + 1}`, start, length),
      ),
      ...plan.stages.map(({ name }, i) => {
        const { start, length } = at(timeline.stages, i);
        return row(`stage ${name}`, start, length);
      }),
    ],
    values: Array.from({ length: chart.width }, (_, i) =>
      value(1 + Math.round((i / (chart.width - 1)) * (timeline.total - 1))),
    ),
  };
}

/** `lr@2` is what the second group of the train gives. */
function followersOf(plan: Plan, name: string): string {
  const [setting = name, group] = name.split("@");
  if (group !== undefined) return `\`${setting}\` of group ${group}`;
  const isLoss = name.startsWith("loss.");
  const stages = plan.stages.filter((stage) => stage.schedules.includes(name));
  const where =
    stages.length === plan.stages.length || stages.length === 0
      ? ""
      : ` in ${stages.map((stage) => `\`${stage.name}\``).join(", ")}`;
  return isLoss ? `a value of the loss${where}` : `\`${setting}\` of the optimizer${where}`;
}

function print({ updatesPerEpoch, assumed, updates, schedules: all }: AllFacts): string {
  const head =
    updatesPerEpoch !== null
      ? `${updates} updates, ${updatesPerEpoch} per epoch`
      : assumed
        ? `only the data say how long an epoch is: ${assumedEpoch} updates are assumed`
        : `${updates} updates`;
  if (all.length === 0) return `${head}; no schedule`;
  return [head, ...all.map((each) => printSchedule(each, updates))].join("\n\n");
}

function printSchedule({ name, follows, rows, values }: ScheduleFacts, updates: number): string {
  const number = (value: number): string => String(Number(value.toPrecision(5)));
  const table = columns(
    ["", "updates", ...(rows[0]?.epochs ? ["epochs"] : []), "begins", "ends"],
    rows.map(({ what, from, to, epochs, begins, ends }) => [
      what,
      `${from} .. ${to}`,
      ...(epochs === null ? [] : [epochs.map(number).join(" .. ")]),
      number(begins),
      number(ends),
    ]),
  );
  return [`${name}: ${follows}`, ...table, ...chartOf(values, chart.height, updates)].join("\n");
}
