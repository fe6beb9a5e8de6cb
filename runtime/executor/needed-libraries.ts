/** The shared libraries an ELF file asks for, read from the file itself; nothing is loaded. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Tags of the dynamic section (ELF gABI): a needed library, the string table's address. */
const needed = 1n;
const stringTable = 5n;

/**
 * Names as in `DT_NEEDED`, for a 64-bit little-endian ELF file such as a CUDA provider's;
 * `null` for any other kind of file.
 */
export function neededLibraries(file: string): readonly string[] | null {
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
    return null;
  const headers = programHeaders(bytes);
  const dynamic = headers.find((header) => header.type === 2);
  if (dynamic === undefined) return [];
  const entries: { tag: bigint; value: bigint }[] = [];
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16)
    entries.push({ tag: bytes.readBigUInt64LE(at), value: bytes.readBigUInt64LE(at + 8) });
  const table = entries.find(({ tag }) => tag === stringTable)?.value;
  // Addresses become file offsets through the segment that holds them.
  const segment = headers.find(
    ({ type, address, size }) =>
      type === 1 && table !== undefined && table >= address && table < address + BigInt(size),
  );
  if (table === undefined || segment === undefined) return [];
  const strings = segment.offset + Number(table - segment.address);
  return entries
    .filter(({ tag }) => tag === needed)
    .map(({ value }) => {
      const start = strings + Number(value);
      return bytes.toString("utf8", start, bytes.indexOf(0, start));
    });
}

interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

function programHeaders(bytes: Buffer): readonly ProgramHeader[] {
  const offset = Number(bytes.readBigUInt64LE(32));
  const entrySize = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  return Array.from({ length: count }, (_, i) => {
    const at = offset + i * entrySize;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: bytes.readBigUInt64LE(at + 16),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

/** Folders the dynamic loader searches, as far as they can be told without it. */
export function libraryFolders(beside: string): readonly string[] {
  const listed = (process.env["LD_LIBRARY_PATH"] ?? "")
    .split(":")
    .filter((folder) => folder !== "");
  return [
    ...listed,
    dirname(beside),
    ...configuredFolders("/etc/ld.so.conf"),
    "/usr/local/cuda/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
  ];
}

/** Folders named by ld.so.conf and the files in `ld.so.conf.d`. */
function configuredFolders(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  const folder = `${file}.d`;
  const texts = [file, ...(existsSync(folder) ? filesIn(folder) : [])].map((each) =>
    readFileSync(each, "utf8"),
  );
  return texts
    .flatMap((text) => text.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line.startsWith("/"));
}

/** Which of the needed libraries no folder has. */
export const missingLibraries = (
  names: readonly string[],
  folders: readonly string[],
): readonly string[] =>
  names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => join(folder, name));
