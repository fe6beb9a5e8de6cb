/** The shared library that onnxruntime-node ships, opened through koffi. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type koffiModule from "koffi";
import { nativeFolder } from "../native-folder.js";

type Koffi = typeof koffiModule;

export interface Library {
  readonly koffi: Koffi;
  readonly path: string;
  /** The address of `OrtApiBase`. */
  readonly base: bigint;
}

/**
 * ONNX Runtime optimizes graphs by deep recursion; the stacks that koffi provides by default are
 * too small for it.
 */
const stackBytes = 8 * 2 ** 20;

let opened: Promise<Library> | null = null;

/** Opens the library, once per thread; rejects with the reason where it cannot be had. */
export const openLibrary = (): Promise<Library> => (opened ??= open());

async function open(): Promise<Library> {
  const path = libraryPath();
  const { default: koffi } = await import("koffi");
  // Refused once any library is loaded: this module is the only one that uses koffi.
  koffi.config({ sync_stack_size: stackBytes });
  if (process.platform !== "win32") keepLoaded(koffi, path);
  const base: bigint | null = koffi.load(path).func("void *OrtGetApiBase()")();
  if (base === null) throw new Error(`\`${path}\` has no API`);
  return { koffi, path, base };
}

/**
 * koffi closes a library when the thread that opened it ends, while functions taken from
 * ONNX Runtime's tables, and its own threads, still run in it.
 */
function keepLoaded(koffi: Koffi, path: string): void {
  const noDelete = process.platform === "darwin" ? 0x80 : 0x1000;
  const now = 2;
  const handle: bigint | null = koffi.load(null).func("void *dlopen(const char *, int)")(
    path,
    now | noDelete,
  );
  if (handle === null) throw new Error(`\`${path}\` cannot be opened`);
}

/** `libonnxruntime.so.1`, `libonnxruntime.1.30.0.dylib` or `onnxruntime.dll`. */
function libraryPath(): string {
  const folder = nativeFolder();
  const name = readdirSync(folder).find((file) =>
    /^(?:libonnxruntime\.so\.\d+|libonnxruntime\.\d+\.\d+\.\d+\.dylib|onnxruntime\.dll)$/u.test(
      file,
    ),
  );
  if (name === undefined) throw new Error(`\`${folder}\` has no library of ONNX Runtime`);
  return join(folder, name);
}
