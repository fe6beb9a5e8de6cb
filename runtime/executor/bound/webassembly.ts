/** The part of WebAssembly that kernels use: the project's libraries of types do not have it. */

/** A compiled module, which threads share. */
export type WasmModule = object;

/** Shared memory; it grows and never moves. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

interface Wasm {
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => WasmMemory;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, WasmMemory>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly compile: (bytes: Uint8Array) => Promise<WasmModule>;
}

declare const WebAssembly: Wasm;

export const wasm = WebAssembly;
