/** What devices other than the CPU need of the machine, looked for before a graph is loaded. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "../../grammar/diagnostic.js";
import { deviceUnavailable } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import type { Device } from "./executor.js";
import { nativeFolder } from "./native-folder.js";
import { libraryFolders, missingLibraries } from "./needed-libraries.js";

/** Through what WebGPU reaches a graphics card. */
export const graphicsLibrary: string =
  process.platform === "win32"
    ? "d3d12.dll"
    : process.platform === "darwin"
      ? "Metal.framework"
      : "libvulkan.so.1";

/** The library of onnxruntime-node that holds a device's provider, or what that provider needs. */
const libraries: Readonly<Record<Exclude<Device, "cpu">, string>> = {
  cuda:
    process.platform === "win32"
      ? "onnxruntime_providers_cuda.dll"
      : "libonnxruntime_providers_cuda.so",
  webgpu: graphicsLibrary,
};

/** Where the CUDA provider lies, which is fetched when onnxruntime-node is installed. */
export const cudaProvider = (): string => join(nativeFolder(), libraries.cuda);

/** Faults with exit code 2, naming the library, where a device surely cannot be used. */
export function requireDevice(device: Device): void {
  if (device === "cuda" && !existsSync(cudaProvider()))
    throw unavailable(device, "does not exist", cudaProvider());
  if (device === "webgpu" && !hasGraphics()) throw unavailable(device, "is not installed");
}

/** The provider for WebGPU comes with onnxruntime-node; elsewhere than on Linux so does the rest. */
export const hasGraphics = (): boolean =>
  process.platform !== "linux" ||
  missingLibraries([graphicsLibrary], libraryFolders(join(nativeFolder(), graphicsLibrary)))
    .length === 0;

/** The fault of a session that a device refuses, `null` where the device is not to blame. */
export function refusalByDevice(device: Device, message: string): Fault | null {
  if (device === "cpu") return null;
  const library = /(\blib[\w.-]+\.so[\w.]*)[^:]*: cannot open shared object/u.exec(message)?.[1];
  if (library === undefined && !/cuda|webgpu|adapter|provider/iu.test(message)) return null;
  return unavailable(device, `does not work: ${message}`, library);
}

function unavailable(
  device: Exclude<Device, "cpu">,
  detail: string,
  library: string = libraries[device],
): Fault {
  return new Fault(
    diagnose(deviceUnavailable, { device, library, detail }, null),
    exitCodes.environment,
  );
}
