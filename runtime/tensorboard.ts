/** A run's scalars for TensorBoard: a file of records that follows from the run's events, line by line. */

import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { explained, type Files } from "./atomic-file.js";
import { maskedCrc32c } from "./crc32c.js";
import type { RunEvent } from "./events.js";

export interface ScalarLog {
  readonly append: (event: RunEvent) => void;
  readonly close: () => void;
}

/** TensorBoard knows its files by the middle of this name. */
const fileName = "events.out.tfevents.0.saic";

/**
 * Opens the file in `folder` as it was after the `earlier` events: what came later is cut off, and
 * what a crash took away is written again. Faults with exit code 2 where it cannot be written.
 */
export function openScalarLog(
  folder: string,
  earlier: readonly RunEvent[],
  files: Files,
): ScalarLog {
  const file = join(folder, fileName);
  files.makeFolder(folder);
  const wanted = Buffer.concat([beginning, ...earlier.map(recordOf)]);
  const found = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  if (!found.subarray(0, wanted.length).equals(wanted)) files.publish(file, wanted);
  const descriptor = explained(file, () => openSync(file, "r+"));
  explained(file, () => ftruncateSync(descriptor, wanted.length));
  let length = wanted.length;
  return {
    append: (event) => {
      const record = recordOf(event);
      explained(file, () => {
        for (let from = 0; from < record.length;)
          from += writeSync(descriptor, record, from, record.length - from, length + from);
      });
      length += record.length;
    },
    close: () => closeSync(descriptor),
  };
}

/** The scalars of an event by their tags; an undefined metric has none. */
export function scalarsOf(event: RunEvent): readonly (readonly [tag: string, value: number])[] {
  switch (event.type) {
    case "step":
      return [
        ...tagged("train", event.losses),
        ...tagged("schedule", event.schedules),
        ...(event.grad_norm === undefined ? [] : [["grad_norm", event.grad_norm] as const]),
        ["time/step_ms", event.step_ms],
        ["time/data_ms", event.data_ms],
      ];
    case "validation":
      // `val.loss` is called `val/loss`: what stands before the stroke is a section of the page.
      return Object.entries(event.metrics).flatMap(([name, value]) =>
        value === null ? [] : [[name.replace(".", "/"), value] as const],
      );
    default:
      return [];
  }
}

const tagged = (section: string, values: Readonly<Record<string, number>>) =>
  Object.entries(values).map(([name, value]) => [`${section}/${name}`, value] as const);

/** The record of an event's scalars; nothing where it has none. */
function recordOf(event: RunEvent): Uint8Array {
  const scalars = scalarsOf(event);
  if (scalars.length === 0 || !("update" in event)) return new Uint8Array();
  const values = scalars.map(([tag, value]) =>
    lengthDelimited(1, Buffer.concat([lengthDelimited(1, Buffer.from(tag)), float(2, value)])),
  );
  return framed(
    Buffer.concat([
      double(1, event.time / 1000),
      varintField(2, event.update),
      lengthDelimited(5, Buffer.concat(values)),
    ]),
  );
}

/** TFRecord: the length, its checksum, the data, their checksum; all little-endian. */
function framed(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

// Fields of the messages `Event` (1 wall_time, 2 step, 3 file_version, 5 summary), `Summary`
// (1 value) and `Summary.Value` (1 tag, 2 simple_value) in the encoding of protocol buffers.

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

const varintField = (field: number, value: number): Uint8Array =>
  Buffer.concat([varint(field << 3), varint(value)]);

const lengthDelimited = (field: number, data: Uint8Array): Uint8Array =>
  Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);

function double(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8((field << 3) | 1);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8((field << 3) | 5);
  bytes.writeFloatLE(value, 1);
  return bytes;
}

/** Readers look for the version before all else; its time is of no use to them. */
const beginning = framed(
  Buffer.concat([double(1, 0), lengthDelimited(3, Buffer.from("brain.Event:2"))]),
);
