/** What a graph costs to run: floating-point operations and memory traffic. */

import { bindDims } from "./bind-dims.js";
import type { Dim } from "./dim.js";
import type { Graph, Node } from "./graph.js";
import { dtypeBytes, numelOf, type TensorType } from "./type.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";

/** Totals of one run. */
export interface Cost {
  readonly flops: number;
  /** Bytes that all nodes read and write, were none of them fused. */
  readonly bytes: number;
}

/** Sums over the nodes; every name in a shape must be bound. */
export function costOf(graph: Graph, bindings: ReadonlyMap<string, Dim> = new Map()): Cost {
  const costs = bindDims(graph, bindings).nodes.map(nodeCost);
  return {
    flops: costs.reduce((sum, cost) => sum + cost.flops, 0),
    bytes: costs.reduce((sum, cost) => sum + cost.bytes, 0),
  };
}

/** One node's share; the types must be numeric. */
export function nodeCost(node: Node): Cost {
  const op = opNamed(node.op);
  const types = node.inputs.map((value) => value.type);
  const moved = [...types, ...node.outputs.map((value) => value.type)];
  return {
    flops: op.flops(scopeOf(op, types, node.attrs)),
    bytes: moved.reduce((sum, type) => sum + bytesOf(type), 0),
  };
}

/** Bytes of a tensor whose dims are all numbers. */
export const bytesOf = (type: TensorType): number => numelOf(type) * dtypeBytes(type.dtype);
