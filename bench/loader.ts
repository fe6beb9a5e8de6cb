/**
 * Times decoding and augmenting pictures of 640 x 640 against PyTorch's DataLoader with torchvision,
 * in turns on the same cores, then memory over ten thousand samples and what the training loop adds
 * to its graphs: `npm run bench -- loader`.
 */

import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { packageRoot } from "../cli/host.js";
import type { DataProgram } from "../compiler/plan/data.js";
import { at } from "../grammar/invariant.js";
import type { Dataset } from "../runtime/data/dataset.js";
import { openDataset } from "../runtime/data/open-dataset.js";
import { percentile } from "./percentile.js";
import { startLoaderPeer, type LoadedEpochs, type LoaderPeer } from "./peers/loader-peer.js";
import { timeLoop } from "./loop-overhead.js";

const size = 640;
const pictures = 64;
const batch = 16;
const [mean, std] = [0.5, 0.25];

interface Options {
  readonly rounds: number;
  readonly epochs: number;
  readonly workers: number;
  readonly samples: number;
  readonly python: string;
}

export async function benchLoader(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const folder = join(packageRoot, "build", "bench", "loader", "pictures");
  await drawPictures(folder);
  console.log(
    `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores; ` +
      `JPEG of ${size} x ${size}, ${options.workers} workers, ${options.rounds} rounds of ${options.epochs * pictures} pictures in turns`,
  );
  for (const jitter of [0.2, 0]) await compare(folder, jitter, options);
  await watchMemory(folder, options);
  await timeLoop();
}

function readOptions(args: readonly string[]): Options {
  const local = join(packageRoot, ".venv", "bin", "python");
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "6" },
      epochs: { type: "string", default: "3" },
      workers: { type: "string", default: "2" },
      samples: { type: "string", default: "10000" },
      python: { type: "string", default: existsSync(local) ? local : "python3" },
    },
  });
  const [rounds, epochs, workers, samples] = [
    values.rounds,
    values.epochs,
    values.workers,
    values.samples,
  ].map(Number);
  return {
    rounds: rounds ?? 6,
    epochs: epochs ?? 3,
    workers: workers ?? 2,
    samples: samples ?? 10_000,
    python: values.python,
  };
}

/** Waves and grain, the same each time, about 100 kB a file. */
async function drawPictures(root: string): Promise<void> {
  const folder = join(root, "waves");
  mkdirSync(folder, { recursive: true });
  for (let k = 0; k < pictures; k++) {
    const file = join(folder, `${k}.jpg`);
    if (existsSync(file)) continue;
    const pixels = Buffer.alloc(size * size * 3);
    let grain = k * 7919 + 1;
    for (let i = 0; i < pixels.length; i++) {
      grain = (Math.imul(grain, 1103515245) + 12345) & 0x7fffffff;
      const [c, x, y] = [i % 3, Math.floor(i / 3) % size, Math.floor(i / (3 * size))];
      const wave =
        60 * Math.sin((x * (c + 1) + 13 * k) / 37) + 50 * Math.cos((y + 7 * k) / (23 + c));
      pixels[i] = Math.max(0, Math.min(255, 128 + wave + ((grain >> 16) & 15)));
    }
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .jpeg({ quality: 90 })
      .toFile(file);
  }
}

/** Mirrors, changes brightness and contrast where `jitter` is above 0, and scales; keeps nothing. */
function programOf(folder: string, jitter: number, workers: number): DataProgram {
  const place = "bench";
  const step = (op: DataProgram["transforms"][number]["op"]) => ({
    split: null,
    field: "image",
    op,
    draw: op.kind,
    place,
  });
  return {
    name: "Waves",
    source: { kind: "image_folder", root: folder, classes: ["waves"], place },
    fields: [
      { name: "image", reader: { kind: "image" }, dtype: "u8", shape: [3, size, size], place },
      { name: "label", reader: { kind: "label" }, dtype: "i64", shape: [], place },
    ],
    split: { by: null, train: 1, val: 0, test: 0, seed: 1 },
    transforms: [
      step({ kind: "hflip", p: 0.5 }),
      ...(jitter > 0 ? [step({ kind: "jitter", brightness: jitter, contrast: jitter })] : []),
      step({ kind: "normalize", mean: [mean, mean, mean], std: [std, std, std] }),
    ],
    outputs: [
      { name: "image", dtype: "f32", shape: [3, size, size] },
      { name: "label", dtype: "i64", shape: [] },
    ],
    loader: { batch, shuffle: true, workers, last: "drop", residency: "stream" },
  };
}

async function epochsOf(dataset: Dataset, first: number, count: number): Promise<LoadedEpochs> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  let images = 0;
  for (let epoch = first; epoch < first + count; epoch++)
    for await (const { count: records, release } of dataset.trainBatches(epoch, 0)) {
      images += records;
      release?.();
    }
  const { user, system } = process.cpuUsage(cpu);
  return { images, ms: performance.now() - began, cpuMs: (user + system) / 1000 };
}

async function compare(folder: string, jitter: number, options: Options): Promise<void> {
  const { rounds, epochs, workers, python } = options;
  const dataset = await openDataset(programOf(folder, jitter, workers), {
    seed: 1,
    threads: workers,
    batches: "shared",
  });
  const peer = await torchPeer(python, { folder, workers, batch, mean, std, jitter });
  const ours: LoadedEpochs[] = [];
  const theirs: LoadedEpochs[] = [];
  let epoch = 0;
  const turn = async (count: number): Promise<LoadedEpochs> => {
    const loaded = await epochsOf(dataset, epoch, count);
    epoch += count;
    return loaded;
  };
  await turn(1);
  await peer?.epochs(1);
  for (let round = 0; round < rounds; round++) {
    ours.push(await turn(epochs));
    if (peer !== null) theirs.push(await peer.epochs(epochs));
  }
  await dataset.close();
  peer?.close();
  console.log(`\nmirrored, ${jitter > 0 ? `brightness and contrast of ${jitter}, ` : ""}scaled`);
  report("saic", ours);
  if (peer === null) return;
  report("DataLoader", theirs);
  const ratios = (rate: (one: LoadedEpochs) => number): readonly number[] =>
    ours.map((one, round) => rate(one) / rate(at(theirs, round)));
  const shown = (values: readonly number[]): string =>
    `median ${percentile(values, 50).toFixed(2)}, of ${values.map((value) => value.toFixed(2)).join(" ")}`;
  console.log(`pictures a second, saic / DataLoader, by round: ${shown(ratios(perSecond))}`);
  console.log(`the same by CPU time: ${shown(ratios(({ images, cpuMs }) => images / cpuMs))}`);
}

const perSecond = ({ images, ms }: LoadedEpochs): number => (1000 * images) / ms;

function report(name: string, rounds: readonly LoadedEpochs[]): void {
  const rates = rounds.map(perSecond);
  const cpu = rounds.map(({ images, cpuMs }) => cpuMs / images);
  console.log(
    `${name.padEnd(12)} ${percentile(rates, 50).toFixed(0).padStart(5)} pictures/s (median of rounds), ` +
      `${percentile(cpu, 50).toFixed(2)} ms of CPU time a picture`,
  );
}

async function torchPeer(
  python: string,
  setup: Readonly<Record<string, string | number>>,
): Promise<LoaderPeer | null> {
  const script = join(packageRoot, "bench", "peers", "torch_loader_peer.py");
  try {
    return await startLoaderPeer(python, script, setup);
  } catch {
    console.log(`PyTorch with torchvision is absent from ${python}: only saic is timed.`);
    return null;
  }
}

async function watchMemory(folder: string, { samples, workers }: Options): Promise<void> {
  const dataset = await openDataset(programOf(folder, 0.2, workers), {
    seed: 1,
    threads: workers,
    batches: "shared",
  });
  const resident: number[] = [];
  const step = Math.max(1, Math.floor(samples / pictures / 10));
  let epoch = 0;
  for (; epoch * pictures < samples; epoch += step) {
    await epochsOf(dataset, epoch, step);
    resident.push(process.memoryUsage.rss() / 1e6);
  }
  await dataset.close();
  console.log(
    `\nresident MB over ${epoch * pictures} samples: ${resident.map((value) => value.toFixed(0)).join(" ")}`,
  );
}
