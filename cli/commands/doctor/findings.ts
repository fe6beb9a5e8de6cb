/** What a machine has for running graphs, and what is missing; loaded by `saic doctor` alone. */

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { reasonOf } from "../../../runtime/executor/refusals.js";
import { cudaProvider, graphicsLibrary, hasGraphics } from "../../../runtime/executor/devices.js";
import {
  libraryFolders,
  missingLibraries,
  neededLibraries,
} from "../../../runtime/executor/needed-libraries.js";
import { createGraphBuilder } from "../../../compiler/ir/create-builder.js";
import { emitOnnx } from "../../../compiler/onnx/emit.js";
import { compilerVersion } from "../../../compiler/version.js";

export interface Finding {
  readonly name: string;
  /** `missing` is no error by itself: CUDA is optional. */
  readonly status: "ok" | "missing" | "broken";
  readonly detail: string;
  readonly hint: string | null;
}

/** Looks at Node, memory, both executors, pictures, CUDA and WebGPU, in this order. */
export const lookAround = async (): Promise<readonly Finding[]> => [
  node(),
  memory(),
  await runtime(),
  await bound(),
  await images(),
  cuda(),
  await webgpu(),
];

const requireHere = createRequire(import.meta.url);

function packageVersion(name: string): string | null {
  try {
    const main = requireHere.resolve(name);
    let folder = dirname(main);
    while (!existsSync(join(folder, "package.json")) || !isPackage(folder, name)) {
      if (dirname(folder) === folder) return null;
      folder = dirname(folder);
    }
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      version: string;
    };
    return version;
  } catch {
    return null;
  }
}

const isPackage = (folder: string, name: string): boolean =>
  (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: string }).name ===
  name;

function node(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  const detail = `saic ${compilerVersion}, Node ${process.versions.node}, ${process.platform}-${process.arch}, ${availableParallelism()} cores`;
  return major >= 20
    ? { name: "node", status: "ok", detail, hint: null }
    : { name: "node", status: "broken", detail, hint: "Node 20 or newer is needed" };
}

const memory = (): Finding => ({
  name: "memory",
  status: "ok",
  detail: `${(freemem() / 2 ** 30).toFixed(1)} of ${(totalmem() / 2 ** 30).toFixed(1)} GiB free`,
  hint: null,
});

/** Runs a graph of one node, so that a library that loads but does not work is found out. */
async function runtime(): Promise<Finding> {
  const installed = packageVersion("onnxruntime-node");
  const name = "onnxruntime-node";
  if (installed === null)
    return { name, status: "broken", detail: "not installed", hint: "run `npm ci`" };
  const failure = await probe("cpu");
  return failure === null
    ? {
        name,
        status: "ok",
        detail: `${installed}, runs graphs on the CPU (executor \`session\`)`,
        hint: null,
      }
    : {
        name,
        status: "broken",
        detail: `${installed}: ${failure}`,
        hint: "reinstall with `npm ci`",
      };
}

/** The native library loads here alone: no other command of this process needs it. */
async function probe(device: "cpu" | "webgpu"): Promise<string | null> {
  try {
    const { probeExecution } = await import("../../../runtime/executor/probe.js");
    return await probeExecution(negation(), device);
  } catch (error) {
    return reasonOf(error);
  }
}

/** `missing` where it does not work: runs then use `session`, which is slower and no less right. */
async function bound(): Promise<Finding> {
  const name = "koffi";
  const version = packageVersion(name);
  try {
    const { createBoundExecutor } = await import("../../../runtime/executor/bound/bound.js");
    const { library } = await createBoundExecutor({ threads: 1 });
    return {
      name,
      status: "ok",
      detail: `${version ?? "unknown version"}, calls ${basename(library)} (executor \`bound\`, the default)`,
      hint: null,
    };
  } catch (error) {
    return {
      name,
      status: "missing",
      detail:
        `${version ?? "not installed"}: ${reasonOf(error)}; ` +
        "runs use the executor `session`, which copies the whole state in every step",
      hint: "reinstall with `npm ci`, optional packages included",
    };
  }
}

function negation(): Uint8Array {
  const builder = createGraphBuilder();
  const x = builder.input("x", { dtype: "f32", shape: [1] });
  const graph = builder.finish("probe", [{ name: "y", value: builder.neg(x) }]);
  const target = { device: "cpu", opset: 18, purpose: "infer" } as const;
  return emitOnnx(graph, { target, producerVersion: compilerVersion });
}

async function images(): Promise<Finding> {
  try {
    const { default: sharp } = await import("sharp");
    await sharp({ create: { width: 1, height: 1, channels: 3, background: "#000" } })
      .jpeg()
      .toBuffer();
    return {
      name: "sharp",
      status: "ok",
      detail: `${sharp.versions.sharp ?? "unknown version"}, reads and writes JPEG`,
      hint: null,
    };
  } catch (error) {
    const detail = reasonOf(error);
    return { name: "sharp", status: "broken", detail, hint: "reinstall with `npm ci`" };
  }
}

const withoutRuntime = (name: string): Finding => ({
  name,
  status: "missing",
  detail: "onnxruntime-node is not installed",
  hint: "run `npm ci`",
});

/** The provider comes with onnxruntime-node; what it needs is a card and its driver. */
async function webgpu(): Promise<Finding> {
  const name = "webgpu";
  if (packageVersion("onnxruntime-node") === null) return withoutRuntime(name);
  const hint = `install the graphics driver, with ${graphicsLibrary}`;
  if (!hasGraphics())
    return { name, status: "missing", detail: `${graphicsLibrary} is not installed`, hint };
  const failure = await probe("webgpu");
  return failure === null
    ? { name, status: "ok", detail: "runs graphs (executor `session`)", hint: null }
    : { name, status: "missing", detail: failure, hint };
}

/** Reads what the CUDA provider's library needs instead of trusting the package's name for it. */
function cuda(): Finding {
  const name = "cuda";
  if (packageVersion("onnxruntime-node") === null) return withoutRuntime(name);
  const file = cudaProvider();
  if (!existsSync(file))
    return {
      name,
      status: "missing",
      detail: "the CUDA provider is not installed",
      hint: "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js",
    };
  const needs = neededLibraries(file) ?? [];
  const missing = missingLibraries(needs, libraryFolders(file));
  return missing.length === 0
    ? { name, status: "ok", detail: `${needs.length} libraries found`, hint: null }
    : {
        name,
        status: "missing",
        detail: `the CUDA provider needs ${missing.join(", ")}`,
        hint: "install the CUDA and cuDNN libraries of that version",
      };
}
