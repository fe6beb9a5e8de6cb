/** Shows where a compiled program's step spends its time: `node dist/bench/profile.js FILE.pipe`. */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { at, invariant } from "../grammar/invariant.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { feederOf, fixedBatch, initialState } from "../scripts/step-inputs.js";
import { type KernelRun, profileGraph } from "./profiled.js";

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "10" },
      threads: { type: "string", default: String(availableParallelism()) },
      classes: { type: "string", default: "1000" },
      top: { type: "string", default: "12" },
    },
  });
  const [file] = positionals;
  invariant(file, "name a program");
  const folder = mkdtempSync(join(tmpdir(), "saic-profiled-"));
  const runs = Number(values.runs) + 1;
  try {
    const { plan } = prepareTrain(file, folder);
    const spec = at(plan.stages, 0).graphs.step;
    const batch = fixedBatch(plan, 0, { records: plan.batch, classes: Number(values.classes) });
    const sources = { update: 1, batch, gradients: new Map(), firstRecord: 0 };
    const feeds = feederOf(plan, 1000).feeder(spec, { ...sources, state: initialState(plan) });
    const path = join(folder, spec.file);
    const { kernels, ms } = await profileGraph(path, feeds, {
      runs,
      threads: Number(values.threads),
    });
    report(kernels.map(spentBy), runs, ms, Number(values.top));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Spent {
  readonly onnx: string;
  readonly op: string;
  readonly where: string;
  readonly ms: number;
}

/** Node names are `scope/op_number` and a suffix where an op became several nodes. */
const spentBy = ({ node, onnx, ms }: KernelRun): Spent => ({
  onnx,
  op: /(?:^|\/)([a-z_]+?)_\d+/u.exec(node)?.[1] ?? "(made by ONNX Runtime)",
  where: node,
  ms,
});

function groupBy(items: readonly Spent[], keyOf: (item: Spent) => string): Map<string, Spent[]> {
  const groups = new Map<string, Spent[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Of each node's runs the quarter that was fastest is believed: the rest shared the machine. */
function report(spent: readonly Spent[], runs: number, wall: number, top: number): void {
  const byNode = groupBy(spent, ({ where, onnx }) => `${where} ${onnx}`);
  const nodes = [...byNode.values()].map((group): Spent => {
    const sorted = group.map(({ ms }) => ms).sort((a, b) => a - b);
    const perRun = Math.max(1, Math.round(group.length / runs));
    return { ...at(group, 0), ms: at(sorted, Math.floor(sorted.length / 4)) * perRun };
  });
  const total = nodes.reduce((sum, { ms }) => sum + ms, 0);
  console.log(
    `${wall.toFixed(1)} ms a run on average; ${total.toFixed(1)} ms in kernels by each node's lower quartile`,
  );
  const print = (title: string, keyOf: (each: Spent) => string): void => {
    console.log(`\n${title}`);
    const sums = [...groupBy(nodes, keyOf)]
      .map(([key, group]) => ({
        key,
        count: group.length,
        ms: group.reduce((sum, { ms }) => sum + ms, 0),
      }))
      .sort((a, b) => b.ms - a.ms);
    for (const { key, count, ms } of sums.slice(0, top))
      console.log(
        `${key.padEnd(52)}${ms.toFixed(2).padStart(9)} ms${((100 * ms) / total).toFixed(1).padStart(7)}%${String(count).padStart(6)} nodes`,
      );
  };
  print("by op", ({ op }) => op);
  print("by ONNX operator", ({ onnx }) => onnx);
  print("by op and ONNX operator", ({ op, onnx }) => `${op} / ${onnx}`);
  print("by node", ({ where, onnx }) => `${where} ${onnx}`);
}

await main();
