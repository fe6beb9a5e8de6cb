/** Diagnostics about meshes, shards, sweeps and the memory of devices. */

import { diagnosticKind } from "../diagnostic.js";

export const ruleShadowed = diagnosticKind({
  code: "shard/rule-shadowed",
  severity: "error",
  message: (p: { glob: string }) => `\`${p.glob}\` matches only what earlier rules already place`,
  hint: () => "rules are tried in order and the first match wins: move this one up, or remove it",
  explain:
    "For every weight the first rule that matches decides. A rule that decides nothing is a mistake, and is not ignored in silence.",
});

export const axisNotFound = diagnosticKind({
  code: "shard/axis-not-found",
  severity: "error",
  message: (p: { path: string; type: string; axis: string; known: readonly string[] }) =>
    p.known.length === 0
      ? `\`${p.path}\` is ${p.type}, without an axis ${p.axis}`
      : `\`${p.path}\` is ${p.type}, with the ${p.known.length === 1 ? "axis" : "axes"} ${p.known.join(", ")} but no ${p.axis}`,
  explain:
    "`split` finds an axis by its name, which `each` gives to the weights of its block, or by its position, counted from 0. Every weight that the rule places must have it.",
});

export const doesNotDivide = diagnosticKind({
  code: "shard/does-not-divide",
  severity: "error",
  message: (p: { what: string; extent: string; over: string; devices: number; more: number }) =>
    `${p.what} has ${p.extent}, which the ${p.devices} devices of ${p.over} do not divide${p.more === 0 ? "" : ` (and ${p.more} more)`}`,
  hint: (p) =>
    p.what.startsWith("the batch")
      ? "choose a batch size that every device gets an equal share of"
      : "place it by a rule of its own above this one, for example `replicate()`",
  explain:
    "Every device gets an equal share: an axis is cut into as many pieces as the mesh axis has devices. `fsdp` cuts along the longest axis that can be cut, and leaves weights below `min_size` elements whole.",
});

export const slotDoesNotFollow = diagnosticKind({
  code: "shard/slot-does-not-follow",
  severity: "error",
  message: (p: { slot: string; type: string; parameter: string; pieces: number }) =>
    `\`${p.slot}\`, ${p.type}, cannot follow \`${p.parameter}\` into ${p.pieces} pieces`,
  hint: () =>
    "cut the weight along its first axis, into pieces that are multiples of the slot's block, or leave it whole",
  explain:
    "An optimizer's slot of the weight's shape is cut like the weight. One of another shape follows whole weights, or is cut where its blocks end.",
});

export const meshAxisTwice = diagnosticKind({
  code: "shard/mesh-axis-twice",
  severity: "error",
  message: (p: { axis: string }) => `\`${p.axis}\` is used twice in one layout`,
  hint: () => "each part of a layout takes mesh axes of its own",
  explain:
    "A device's place along one mesh axis can choose its piece of one axis only, so the parts of a layout are over disjoint mesh axes.",
});

export const severalDevices = diagnosticKind({
  code: "shard/several-devices",
  severity: "error",
  message: (p: { train: string; devices: number }) =>
    `\`${p.train}\` is laid out on ${p.devices} devices, and this version runs on one`,
  hint: () =>
    "`check`, `show` and `compile` accept it, and the plan holds the layout; `run` does not",
  explain:
    "A `shard` is checked in full, and an artifact says how every weight, slot and batch lies on the mesh. What runs a plan here has one device, and refuses what asks for more.",
});

export const notPlaced = diagnosticKind({
  code: "shard/none",
  severity: "error",
  message: (p: { train: string; mesh: string }) =>
    `no \`shard\` places \`${p.train}\` on \`${p.mesh}\``,
  hint: (p) => `declare \`shard ${p.train} on ${p.mesh} { … }\``,
  explain:
    "What lies on each device of a mesh is said by a `shard` declaration; without one nothing would be divided.",
});

export const doesNotFit = diagnosticKind({
  code: "expect/does-not-fit",
  severity: "error",
  message: (p: { train: string; needed: string; device: string; memory: string }) =>
    `\`${p.train}\` needs ${p.needed} on each device, and one ${p.device} has ${p.memory}`,
  hint: () => "divide more of it over the mesh, take a smaller batch, or name another device",
  explain:
    "`peak_memory` counts, for one device: weights, buffers and optimizer slots once, gradients, and what the forward and backward pass of its share of the batch keeps alive, each divided as the `shard` says. Not counted: the copies that an executor makes of the state, the library's workspace, and buffers of collectives other than the largest weight put together for its use.",
});

export const unknownDevice = diagnosticKind({
  code: "expect/unknown-device",
  severity: "error",
  message: (p: { device: string; known: readonly string[]; suggestion: string | null }) =>
    `the memory of \`${p.device}\` is not known`,
  hint: (p) =>
    p.suggestion === null
      ? `known devices: ${p.known.join(", ")}; or compare \`peak_memory\` with a size in \`GiB\``
      : `did you mean \`${p.suggestion}\`?`,
  explain:
    "Devices are named as their makers do, with the memory where there are several sizes: `A100-80GB`. Their memory is taken as the makers state it, in GB of 10^9 bytes.",
});

export const sweepNotCarriedOut = diagnosticKind({
  code: "sweep/not-carried-out",
  severity: "warning",
  message: (p: { name: string }) =>
    `the sweep \`${p.name}\` is sound, but no command of this version carries out sweeps`,
  hint: () => "`saic run` runs the train alone, once, with the values the program gives",
  explain:
    "A sweep is checked like everything else: its keys, types and ranges. It changes nothing about its train, which runs as without it.",
});

export const sweepOfNothing = diagnosticKind({
  code: "sweep/no-values",
  severity: "error",
  message: (p: { name: string }) => `the sweep \`${p.name}\` varies nothing`,
  hint: () =>
    "give a param or a dotted path of the train a range or a list: `lr: log(1e-5 .. 1e-3)`",
  explain: "A sweep tries values of at least one `param` or member of the train.",
});

export const gridOfRange = diagnosticKind({
  code: "sweep/grid-of-range",
  severity: "error",
  message: (p: { key: string }) => `a grid cannot try every value of \`${p.key}\``,
  hint: () => "give a list or a range of integers, or choose `method: random`",
  explain: "A grid tries every combination of finitely many values.",
});
