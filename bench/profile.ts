/** Shows where a compiled program's step spends its time: `node dist/bench/profile.js FILE.pipe`. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { at, invariant } from "../grammar/invariant.js";
import type { HostTensor } from "../runtime/tensor.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { feederOf, fixedBatch, initialState } from "../scripts/step-inputs.js";

const event = z.object({
  cat: z.string().optional(),
  name: z.string().optional(),
  dur: z.number().optional(),
  args: z.object({ op_name: z.string().optional() }).loose().optional(),
});

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
  const folder = mkdtempSync(join(tmpdir(), "saic-profile-"));
  const runs = Number(values.runs);
  try {
    const { plan } = prepareTrain(file, folder);
    const spec = at(plan.stages, 0).graphs.step;
    const session = await InferenceSession.create(join(folder, spec.file), {
      intraOpNumThreads: Number(values.threads),
      interOpNumThreads: 1,
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: "1", force_spinning_stop: "1" } },
    });
    const batch = fixedBatch(plan, 0, { records: plan.batch, classes: Number(values.classes) });
    const sources = { update: 1, batch, gradients: new Map(), firstRecord: 0 };
    const fed = feederOf(plan, 1000).feeder(spec, { ...sources, state: initialState(plan) });
    const feeds = Object.fromEntries([...fed].map(([name, tensor]) => [name, toSession(tensor)]));
    const start = performance.now();
    for (let i = 0; i < runs + 1; i++) await session.run(feeds);
    const wall = (performance.now() - start) / (runs + 1);
    session.endProfiling();
    report(readEvents(folder), runs + 1, wall, Number(values.top));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function toSession({ dtype, shape, data }: HostTensor): Tensor {
  const types = { f32: "float32", i64: "int64", bool: "bool", u8: "uint8" } as const;
  invariant(dtype === "f32" || dtype === "i64" || dtype === "bool" || dtype === "u8", dtype);
  return new Tensor(types[dtype], data, shape);
}

interface Spent {
  readonly onnx: string;
  readonly op: string;
  readonly where: string;
  readonly ms: number;
}

/** Node names are `scope/op_number` and a suffix where an op became several nodes. */
function readEvents(folder: string): readonly Spent[] {
  const file = readdirSync(folder).find(
    (name) => name.startsWith("profile") && name.endsWith(".json"),
  );
  invariant(file, "ONNX Runtime wrote a profile");
  const events = z.array(event).parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  return events.flatMap(({ cat, name, dur, args }) => {
    if (cat !== "Node" || name?.endsWith("_kernel_time") !== true) return [];
    const node = name.slice(0, -"_kernel_time".length);
    const op = /(?:^|\/)([a-z_]+?)_\d+/u.exec(node)?.[1] ?? "(made by ONNX Runtime)";
    return [{ onnx: args?.op_name ?? "", op, where: node, ms: (dur ?? 0) / 1000 }];
  });
}

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
