/** Memory for a graph's outputs: what lasts lies side by side in large buffers, each on a cache line. */

import { elementBytes } from "../../../compiler/plan/elements.js";
import type { GraphInput, GraphOutput, GraphSpec } from "../../../compiler/plan/schema.js";
import { invariant } from "../../../grammar/invariant.js";
import { allocate, arrayOn, elementCount, type HostTensor } from "../../tensor.js";
import type { Tensors } from "../executor.js";
import { mismatch } from "../refusals.js";
import type { OrtApi } from "./api.js";
import type { PortSketch } from "./ports.js";

/** A multiple of every processor's cache line and vector. */
const alignment = 64;

/** Less than the largest buffer of any version of Node. */
const largestBuffer = 2 ** 31;

/** State and gradients come in few places, again and again; all else is made anew for each run. */
export function sketchOf(port: GraphInput | GraphOutput): PortSketch {
  const { kind } = "feed" in port ? port.feed : port.meaning;
  return {
    name: port.name,
    kind: kind === "state" || kind === "gradient" ? "resident" : "passing",
  };
}

/** A tensor for every output by name, in the memory of `spare` where that has it. */
export function outputMemory(
  api: OrtApi,
  spec: GraphSpec,
  feeds: Tensors,
  spare: Tensors,
): Tensors {
  const extents = extentsOf(spec, feeds);
  const outputs = new Map<string, HostTensor>();
  const lasting: Wanted[] = [];
  for (const output of spec.outputs) {
    const { name, dtype } = output;
    const shape = output.shape.map((extent) => {
      const known = typeof extent === "number" ? extent : extents.get(extent);
      if (known === undefined)
        throw mismatch(spec.file, `no input says what \`${extent}\` of \`${name}\` is`);
      return known;
    });
    const given = spare.get(name);
    if (given !== undefined) {
      invariant(isLike(given, { name, dtype, shape }), `\`${name}\` returns as it was`);
      outputs.set(name, given);
    } else if (sketchOf(output).kind === "resident") lasting.push({ name, dtype, shape });
    else outputs.set(name, { dtype, shape, data: allocate(dtype, elementCount(shape)) });
  }
  for (const [name, tensor] of sideBySide(api, lasting)) outputs.set(name, tensor);
  return outputs;
}

type Wanted = Omit<HostTensor, "data"> & { readonly name: string };

const isLike = (tensor: HostTensor, { dtype, shape }: Wanted): boolean =>
  tensor.dtype === dtype &&
  tensor.shape.length === shape.length &&
  tensor.shape.every((extent, axis) => extent === shape[axis]);

/** What the symbolic dims are in this run. */
function extentsOf({ inputs }: GraphSpec, feeds: Tensors): ReadonlyMap<string, number> {
  const extents = new Map<string, number>();
  for (const { name, shape } of inputs)
    for (const [axis, extent] of shape.entries()) {
      const found = typeof extent === "string" ? feeds.get(name)?.shape[axis] : undefined;
      if (typeof extent === "string" && found !== undefined) extents.set(extent, found);
    }
  return extents;
}

/** Tensors one after another in as few buffers as the largest allows. */
function sideBySide(api: OrtApi, wanted: readonly Wanted[]): Tensors {
  const tensors = new Map<string, HostTensor>();
  for (let from = 0; from < wanted.length;) {
    const group: Wanted[] = [];
    const offsets: number[] = [];
    let bytes = 0;
    for (const each of wanted.slice(from)) {
      const size = Math.ceil(sizeOf(each) / alignment) * alignment;
      if (group.length > 0 && bytes + size > largestBuffer) break;
      group.push(each);
      offsets.push(bytes);
      bytes += size;
    }
    from += group.length;
    const buffer = new ArrayBuffer(bytes + alignment);
    const first = (alignment - Number(api.addressOf(buffer) % BigInt(alignment))) % alignment;
    for (const [index, { name, dtype, shape }] of group.entries()) {
      const offset = first + (offsets[index] ?? 0);
      const data = arrayOn(dtype, buffer, offset, elementCount(shape));
      tensors.set(name, { dtype, shape, data });
    }
  }
  return tensors;
}

const sizeOf = ({ dtype, shape }: Wanted): number => elementCount(shape) * elementBytes[dtype];
