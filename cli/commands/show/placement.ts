/** `saic show --what placement`: what part of every weight and slot lies on one device of a mesh. */

import { printBytes } from "../../../compiler/check/quantities.js";
import { bytesPerDevice, type Cut } from "../../../compiler/check/placement/layouts.js";
import { meshSize } from "../../../compiler/check/placement/mesh.js";
import { peakMemory } from "../../../compiler/check/placement/peak-memory.js";
import type { Placement } from "../../../compiler/check/placement/shard.js";
import { printType } from "../../../compiler/ir/type.js";
import type { Shown, Subject } from "./subject.js";

export const placement: Subject = {
  name: "placement",
  about: "how weights and slots lie on the devices of a mesh, and the memory of one",
  text: (shown) => {
    const { placements } = shown.analysis;
    const train = shown.lowered.plan.train;
    return placements.length === 0
      ? `no shard places \`${train}\`: one device holds everything\n${peakLine(shown, null)}`
      : placements.map((each) => table(shown, each)).join("\n\n");
  },
  json: ({ analysis, lowered }) =>
    analysis.placements.map((each) => ({
      train: lowered.plan.train,
      mesh: each.mesh,
      axes: Object.fromEntries(each.axes),
      devices: meshSize(each.axes),
      batch: { over: each.batchOver, perDevice: each.batchPerDevice },
      peak: peakMemory(lowered, each),
      state: each.rows.map(({ entry, cuts, local, pieces, bytesPerDevice: bytes }) => ({
        path: entry.path,
        role: entry.role,
        dtype: entry.dtype,
        shape: entry.shape,
        cuts,
        local,
        pieces,
        bytesPerDevice: bytes,
      })),
    })),
};

function table(shown: Shown, each: Placement): string {
  const axes = [...each.axes].map(([name, devices]) => `${name}: ${devices}`).join(", ");
  const head = `${shown.lowered.plan.train} on ${each.mesh} { ${axes} }, ${meshSize(each.axes)} devices`;
  const over = each.batchOver.length === 0 ? "whole" : `over ${each.batchOver.join(", ")}`;
  const batch = `batch: ${each.batchPerDevice} of ${shown.lowered.plan.batch} records, ${over}`;
  const cells = each.rows.map(({ entry, cuts, local, bytesPerDevice: bytes }) => [
    entry.path,
    printType(entry),
    cuts.length === 0 ? "whole" : cuts.map(printCut).join(" + "),
    printType({ dtype: entry.dtype, shape: local }),
    printBytes(bytes),
  ]);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const rows = cells.map((row) =>
    row.map((cell, i) => (i < widths.length ? cell.padEnd(widths[i] ?? 0) : cell)).join("  "),
  );
  const state = `state per device: ${printBytes(bytesPerDevice(each.rows))} of ${printBytes(shown.lowered.plan.stateBytes)}`;
  return [head, batch, ...rows, state, peakLine(shown, each)].join("\n");
}

const printCut = ({ kind, axis, over }: Cut): string => {
  const axes = over.length === 1 ? over.join("") : `[${over.join(", ")}]`;
  return kind === "fsdp" ? `fsdp(axis ${axis}, over: ${axes})` : `split(${axis}, over: ${axes})`;
};

function peakLine({ lowered }: Shown, each: Placement | null): string {
  const peak = peakMemory(lowered, each);
  if (peak === null)
    return "peak per device: unknown, for the train cannot take its share of a batch";
  const { state, gathered, pass, total } = peak;
  const parts = [
    `state ${printBytes(state)}`,
    `gradients and activations ${printBytes(pass)}`,
    ...(gathered > 0 ? [`the largest weight put together ${printBytes(gathered)}`] : []),
  ];
  return `peak per device: ${printBytes(total)} (${parts.join(", ")})`;
}
