/** Layouts of state on a mesh: pieces and bytes of one device, against numbers worked out by hand. */

import { describe, expect, it } from "vitest";
import {
  bytesPerDevice,
  type LayoutPart,
  layoutsOf,
  type PlacementInput,
  type Stacks,
} from "../../compiler/check/placement/layouts.js";
import { meshSize } from "../../compiler/check/placement/mesh.js";
import type { StateEntry } from "../../compiler/plan/schema.js";

const mesh = new Map([
  ["data", 4],
  ["expert", 2],
]);

const entry = (path: string, shape: number[], more: Partial<StateEntry> = {}): StateEntry => ({
  path,
  role: "parameter",
  key: path,
  of: null,
  dtype: "f32",
  shape,
  init: { kind: "constant", value: 0 },
  unused: false,
  place: "",
  ...more,
});

const slot = (of: string, shape: number[], more: Partial<StateEntry> = {}): StateEntry =>
  entry(`${of}/m`, shape, { role: "slot", of, ...more });

/** One rule for everything. */
const layouts = (
  state: readonly StateEntry[],
  parts: readonly LayoutPart[],
  more: Partial<PlacementInput> = {},
) => {
  const paths = new Set(state.filter(({ role }) => role !== "slot").map(({ path }) => path));
  const rules = [{ paths, parts }];
  return layoutsOf({ mesh, rules, state, stacks: new Map(), trainable: [paths], ...more });
};

const experts: Stacks = new Map([["model.experts", { axis: "E", count: 4 }]]);
const leaf = (i: number): StateEntry => entry(`model.experts.${i}.w`, [8, 6]);
const leaves = [leaf(0), leaf(1), leaf(2), leaf(3)];

it("counts the devices of a mesh", () => {
  expect(meshSize(mesh)).toBe(8);
});

describe("what no rule places", () => {
  it("lies whole on every device", () => {
    const { rows, problems } = layouts([entry("model.w", [8, 6]), slot("model.w", [8, 6])], [], {
      rules: [],
    });
    expect(problems).toEqual([]);
    expect(rows.map(({ pieces, bytesPerDevice: bytes }) => [pieces, bytes])).toEqual([
      [1, 192],
      [1, 192],
    ]);
    expect(bytesPerDevice(rows)).toBe(384);
  });
});

describe("split", () => {
  const byRow: LayoutPart = { kind: "split", axis: 0, over: ["data"] };

  it("cuts an axis, and slots with it", () => {
    const { rows } = layouts([entry("model.w", [8, 6]), slot("model.w", [8, 6])], [byRow]);
    expect(rows.map(({ local, pieces }) => [local, pieces])).toEqual([
      [[2, 6], 4],
      [[2, 6], 4],
    ]);
    expect(bytesPerDevice(rows)).toBe((2 * (8 * 6 * 4)) / 4);
  });

  it("takes several mesh axes together", () => {
    const part: LayoutPart = { kind: "split", axis: 0, over: ["data", "expert"] };
    expect(layouts([entry("model.w", [16])], [part]).rows[0]?.local).toEqual([2]);
  });

  it("needs the axis, and an extent that divides", () => {
    const state = [entry("model.b", []), entry("model.w", [6, 8])];
    expect(layouts(state, [byRow]).problems).toMatchObject([
      { kind: "no-axis", axis: 0, entry: { path: "model.b" } },
      { kind: "not-divisible", extent: "the extent 6 at axis 0", devices: 4 },
    ]);
  });

  it("leaves states that a step updates whole", () => {
    const state = [entry("model.mean", [6], { role: "buffer" })];
    expect(layouts(state, [byRow])).toMatchObject({ rows: [{ pieces: 1 }], problems: [] });
  });

  it("cuts a slot of another shape where its blocks end", () => {
    const state = (extent: number): StateEntry[] => [
      entry("model.w", [16, 6]),
      slot("model.w", [extent]),
    ];
    // 96 elements in blocks of 12: each quarter of 24 elements has two of them.
    expect(layouts(state(8), [byRow]).rows[1]).toMatchObject({ local: [2], pieces: 4 });
    // Blocks of 16: a quarter has one and a half.
    expect(layouts(state(6), [byRow]).problems).toMatchObject([{ kind: "slot", pieces: 4 }]);
    // Columns run through all blocks.
    const byColumn: LayoutPart = { kind: "split", axis: 1, over: ["expert"] };
    expect(layouts(state(8), [byColumn]).problems).toMatchObject([{ kind: "slot", pieces: 2 }]);
    // A scalar stays whole.
    expect(layouts(state(1), [byRow]).rows[1]).toMatchObject({ pieces: 1, bytesPerDevice: 4 });
  });
});

describe("split by the axis of each", () => {
  const byLeaf: LayoutPart = { kind: "split", axis: "E", over: ["expert"] };

  it("deals whole leaves, on average a share of each", () => {
    const state = [...leaves, slot("model.experts.0.w", [3], { dtype: "u8" })];
    const { rows, problems } = layouts(state, [byLeaf], { stacks: experts });
    expect(problems).toEqual([]);
    expect(rows[0]).toMatchObject({ local: [8, 6], pieces: 2, bytesPerDevice: 96 });
    // A slot of its own shape goes with its leaf.
    expect(rows[4]).toMatchObject({ local: [3], pieces: 2, bytesPerDevice: 1.5 });
    expect(bytesPerDevice(rows)).toBe((4 * 192) / 2 + 1.5);
  });

  it("goes with a second part over other mesh axes", () => {
    const fsdp: LayoutPart = { kind: "fsdp", over: ["data"], minSize: 0 };
    const { rows } = layouts(leaves, [byLeaf, fsdp], { stacks: experts });
    expect(rows[0]).toMatchObject({ local: [2, 6], pieces: 8, bytesPerDevice: 24 });
  });

  it("needs a number of leaves that divides", () => {
    const part: LayoutPart = { kind: "split", axis: "E", over: ["data", "expert"] };
    expect(layouts(leaves, [part], { stacks: experts }).problems).toMatchObject([
      { kind: "not-divisible", what: "`model.experts`", extent: "4 leaves of the axis `E`" },
    ]);
  });

  it("needs every frozen segment to divide", () => {
    const learning = (count: number) => ({
      stacks: experts,
      trainable: [new Set(leaves.slice(0, count).map(({ path }) => path))],
    });
    expect(layouts(leaves, [byLeaf], learning(2)).problems).toEqual([]);
    expect(layouts(leaves, [byLeaf], learning(3)).problems).toMatchObject([
      { extent: "3 leaves of the axis `E` in one piece (of 4)" },
      { extent: "1 leaf of the axis `E` in one piece (of 4)" },
    ]);
  });

  it("is not found outside of the stack", () => {
    const { problems } = layouts([entry("model.w", [8])], [byLeaf], { stacks: experts });
    expect(problems).toMatchObject([{ kind: "no-axis", axis: "E", known: [] }]);
  });

  it("finds the axis of the innermost stack, and of the ones around it", () => {
    const stacks: Stacks = new Map([
      ["model.groups", { axis: "G", count: 2 }],
      ["model.groups.0.experts", { axis: "E", count: 2 }],
      ["model.groups.1.experts", { axis: "E", count: 2 }],
    ]);
    const state = [0, 1].flatMap((g) =>
      [0, 1].map((e) => entry(`model.groups.${g}.experts.${e}.w`, [4])),
    );
    const outer: LayoutPart = { kind: "split", axis: "G", over: ["expert"] };
    expect(layouts(state, [outer], { stacks }).problems).toEqual([]);
    expect(layouts(state, [byLeaf], { stacks }).problems).toEqual([]);
  });
});

describe("fsdp", () => {
  const fsdp: LayoutPart = { kind: "fsdp", over: ["data"], minSize: 10 };

  it("cuts along the longest axis that divides", () => {
    const state = [entry("model.a", [8, 12]), entry("model.b", [8, 14]), entry("model.c", [8, 8])];
    expect(layouts(state, [fsdp]).rows.map(({ local }) => local)).toEqual([
      [8, 3],
      [2, 14],
      [2, 8],
    ]);
  });

  it("leaves weights below the size whole, and says which others cannot be cut", () => {
    const state = [entry("model.small", [9]), entry("model.odd", [3, 5])];
    const { rows, problems } = layouts(state, [fsdp]);
    expect(rows.map(({ pieces }) => pieces)).toEqual([1, 1]);
    expect(problems).toMatchObject([
      {
        kind: "not-divisible",
        what: "`model.odd`, f32[3, 5],",
        extent: "the extents 3, 5",
        devices: 4,
      },
    ]);
  });
});

it("lets the first rule that matches decide", () => {
  const state = [entry("model.a", [8]), entry("model.b", [8])];
  const part: LayoutPart = { kind: "split", axis: 0, over: ["data"] };
  const rules = [
    { paths: new Set(["model.a"]), parts: [] },
    { paths: new Set(["model.a", "model.b"]), parts: [part] },
  ];
  const { rows } = layouts(state, [], { rules });
  expect(rows.map(({ pieces }) => pieces)).toEqual([1, 4]);
});
