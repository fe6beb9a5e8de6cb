/** Compares coarse ops written out with coarse ops called: bits, the session's creation and a gradient. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { packageRoot } from "../cli/host.js";
import { at, invariant } from "../grammar/invariant.js";
import type { HostTensor } from "../runtime/tensor.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { feederOf, fixedBatch, initialState } from "../scripts/step-inputs.js";

const nets = ["resnet18", "resnet34", "vit", "transformer", "efficientnet", "lstm3"];
const forms = ["inline", "keep"] as const;

interface Contender {
  readonly session: InferenceSession;
  readonly feeds: Record<string, Tensor>;
  /** Processor time of all threads, in ms. */
  readonly creation: readonly number[];
  readonly runs: number[];
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string", default: "10" }, threads: { type: "string", default: "1" } },
  });
  const files =
    positionals.length > 0
      ? positionals
      : nets.map((name) => join(packageRoot, "bench", `${name}.pipe`));
  console.log(
    `${values.threads} threads; processor time in ms: the least of three creations, a gradient's p10 and median of ${values.runs}`,
  );
  for (const file of files) await compare(file, Number(values.runs), Number(values.threads));
}

async function compare(file: string, runs: number, threads: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "saic-functions-"));
  try {
    const contenders: Contender[] = [];
    for (const form of forms)
      contenders.push(await prepare(file, join(folder, form), form, threads));
    const first = [];
    for (let i = 0; i <= runs; i++)
      for (const { session, feeds, runs: times } of contenders) {
        const start = processorTime();
        const outputs = await session.run(feeds);
        if (i === 0) first.push(outputs);
        else times.push(processorTime() - start);
      }
    const [inline, keep] = [at(first, 0), at(first, 1)];
    const names = Object.keys(inline);
    const equal = names.filter((name) => sameBits(inline[name], keep[name]));
    console.log(`${basename(file)}: ${equal.length} of ${names.length} outputs have the same bits`);
    for (const [i, { creation, runs: times, session }] of contenders.entries()) {
      const sorted = times.toSorted((a, b) => a - b);
      const figures = [Math.min(...creation), ...[0.1, 0.5].map((share) => rank(sorted, share))];
      console.log(
        `  ${at(forms, i).padEnd(8)}${figures.map((ms) => ms.toFixed(1).padStart(9)).join("")}`,
      );
      await session.release();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepare(
  file: string,
  folder: string,
  form: (typeof forms)[number],
  threads: number,
): Promise<Contender> {
  const { plan } = prepareTrain(file, folder, {}, form);
  const spec = at(plan.stages, 0).graphs.grad;
  const creation: number[] = [];
  const create = async (): Promise<InferenceSession> => {
    const start = processorTime();
    const session = await InferenceSession.create(join(folder, spec.file), {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    creation.push(processorTime() - start);
    return session;
  };
  await (await create()).release();
  await (await create()).release();
  const session = await create();
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes: 10 });
  const sources = { update: 1, batch, gradients: new Map(), firstRecord: 0 };
  const fed = feederOf(plan, 1000).feeder(spec, { ...sources, state: initialState(plan) });
  const feeds = Object.fromEntries([...fed].map(([name, tensor]) => [name, toSession(tensor)]));
  return { session, feeds, creation, runs: [] };
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const rank = (sorted: readonly number[], share: number): number =>
  at(sorted, Math.floor(share * (sorted.length - 1)));

function sameBits(a: Tensor | undefined, b: Tensor | undefined): boolean {
  const [left, right] = [bytesOf(a), bytesOf(b)];
  return left !== null && right !== null && left.equals(right);
}

function bytesOf(tensor: Tensor | undefined): Buffer | null {
  const data = tensor?.data;
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : null;
}

function toSession({ dtype, shape, data }: HostTensor): Tensor {
  const types = { f32: "float32", i64: "int64", bool: "bool", u8: "uint8" } as const;
  invariant(dtype === "f32" || dtype === "i64" || dtype === "bool" || dtype === "u8", dtype);
  return new Tensor(types[dtype], data, shape);
}

await main();
