/** Progress of a run: one line that renews itself on a terminal, plain lines elsewhere. */

import type { RunEvent, RunStarted, WeightsBegun } from "../runtime/events.js";

/** What progress needs of a stream. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  readonly show: (event: RunEvent) => void;
  /** Prints a line of its own above the bar. */
  readonly note: (text: string) => void;
  /** Removes the bar. */
  readonly end: () => void;
}

/** Seconds between plain lines where there is no terminal. */
const plainInterval = 10;

export function createProgress(stream: ProgressStream): Progress {
  let started: RunStarted | null = null;
  let began: { readonly time: number; readonly update: number } | null = null;
  let lastPlain = 0;
  let barShown = false;
  const line = (text: string): void => {
    if (barShown) stream.write("\r\u001b[K");
    barShown = false;
    stream.write(`${text}\n`);
  };
  return {
    show(event) {
      switch (event.type) {
        case "run":
          started = event;
          line(describeStart(event));
          break;
        case "weights":
          line(describeWeights(event));
          break;
        case "step": {
          began ??= { time: event.time - event.step_ms - event.data_ms, update: event.update - 1 };
          const text = describeStep(event, started, began);
          if (stream.isTTY === true) {
            const share = started === null ? 0 : event.update / started.updates;
            stream.write(`\r\u001b[K${fit(`${bar(share)} ${text}`, stream.columns)}`);
            barShown = true;
          } else if (event.time - lastPlain >= plainInterval * 1000) {
            lastPlain = event.time;
            line(text);
          }
          break;
        }
        case "validation":
          line(`${event.split} after ${event.update} updates: ${values(event.metrics)}`);
          break;
        case "warning":
          line(
            `warning[${event.code}]: ${event.message}${event.hint === null ? "" : ` (${event.hint})`}`,
          );
          break;
        case "stage":
          line(`stage ${event.stage} done after ${event.update} updates: ${values(event.losses)}`);
          break;
        case "stopped":
          line(
            `${event.rule}: \`${event.metric}\` has not gained since update ${event.since}` +
              `${event.best === null ? "" : ` (${event.best.toPrecision(4)})`}; stopped after ${event.update}`,
          );
          break;
        case "checkpoint":
        case "failed":
        case "result":
          break;
      }
    },
    note: line,
    end() {
      if (barShown) stream.write("\r\u001b[K");
      barShown = false;
    },
  };
}

/** `weights: 120 loaded, 2 initialized; 1 key of \`net.safetensors\` unread (fc.bias)`. */
function describeWeights(event: WeightsBegun): string {
  const ways = ["loaded", "resized", "kept", "copied", "blended", "initialized"] as const;
  const counts = ways.flatMap((way) =>
    event[way].length === 0 ? [] : [`${event[way].length} ${way}`],
  );
  const unread = event.unread.flatMap(({ file, keys }) => {
    if (keys.length === 0) return [];
    const shown = keys.length > 3 ? `${keys.slice(0, 3).join(", ")}, …` : keys.join(", ");
    return [
      `; ${keys.length} ${keys.length === 1 ? "key" : "keys"} of \`${file}\` unread (${shown})`,
    ];
  });
  return `weights: ${counts.join(", ")}${unread.join("")}`;
}

function describeStart(event: RunStarted): string {
  const { train, val, test } = event.records;
  const how =
    event.resumed_from === null ? "training" : `continuing after update ${event.resumed_from}`;
  return (
    `${event.train}: ${how} on ${event.device} (executor ${event.executor}), ` +
    `${event.threads} thread${event.threads === 1 ? "" : "s"}; ` +
    `${event.parameters.toLocaleString("en-US")} parameters, ${event.updates} updates, ` +
    `${train} + ${val} + ${test} records`
  );
}

function describeStep(
  event: Extract<RunEvent, { type: "step" }>,
  started: RunStarted | null,
  began: { readonly time: number; readonly update: number },
): string {
  const total = started?.updates ?? event.update;
  const made = event.update - began.update;
  const left = ((event.time - began.time) / 1000 / made) * (total - event.update);
  // Last, as a narrow terminal cuts it off.
  const times = `step ${event.step_ms.toFixed(0)} ms  data ${event.data_ms.toFixed(0)} ms`;
  return `${event.stage} ${event.update}/${total}  ${values(event.losses)}  ${values(event.schedules)}  ${duration(left)} left  ${times}`;
}

/** Without `total` and `val.total` where `loss` and `val.loss` say the same. */
export const withoutTotal = (
  record: Readonly<Record<string, number | null>>,
): Readonly<Record<string, number | null>> =>
  Object.fromEntries(
    Object.entries(record).filter(
      ([name, value]) => !/(?:^|\.)total$/u.test(name) || record[lossBeside(name)] !== value,
    ),
  );

const lossBeside = (name: string): string => name.replace(/total$/u, "loss");

const values = (record: Readonly<Record<string, number | null>>): string =>
  Object.entries(withoutTotal(record))
    .map(([name, value]) => `${name} ${value === null ? "undefined" : value.toPrecision(4)}`)
    .join("  ");

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

const barWidth = 20;

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
}

/** A bar that wraps would not renew itself; the last column is left free, where cursors wrap. */
function fit(text: string, columns: number | undefined): string {
  // Pseudo-terminals without a size say 0.
  const width = columns === undefined || columns === 0 ? 80 : columns;
  return [...text].slice(0, width - 1).join("");
}
