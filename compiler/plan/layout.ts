/** Layouts: how a train's values lie on the devices of a mesh, as its `shard` says. */

import { z } from "zod";

/** Names of mesh axes by the axes of a tensor: along each it is cut over these, whole over none. */
const cutsByAxis = z.array(z.array(z.string()));

/**
 * One `shard` of the train. A device's place along the mesh axes that cut an axis, the first most
 * significant, is the number of its piece; all pieces of an axis are of equal length. What no axis
 * is cut over lies in copies along it.
 */
export const layout = z.strictObject({
  mesh: z.string(),
  /** In the mesh's order. */
  axes: z.array(z.strictObject({ name: z.string(), devices: z.number().int().min(1) })),
  /** The records of a batch are shared out over these axes. */
  batch: z.strictObject({ over: z.array(z.string()), perDevice: z.number().int().min(1) }),
  state: z.array(
    z.strictObject({
      path: z.string(),
      cuts: cutsByAxis,
      /** Whole copies of a block that `each` has made are dealt out along its axis. */
      dealt: z.array(z.strictObject({ axis: z.string(), over: z.array(z.string()) })),
      /** The shape of the piece on a device that has one. */
      local: z.array(z.number().int().min(0)),
      /** Over how many devices the tensor is divided; the others hold copies. */
      pieces: z.number().int().min(1),
    }),
  ),
  /** Values of which it is known: fields and outputs of the model, which lie by records. */
  values: z.array(
    z.strictObject({
      kind: z.enum(["field", "output"]),
      name: z.string(),
      cuts: cutsByAxis,
    }),
  ),
});
export type Layout = z.infer<typeof layout>;

/** Whether a layout takes more than one device. */
export const takesSeveral = ({ axes }: Layout): boolean => axes.some(({ devices }) => devices > 1);
