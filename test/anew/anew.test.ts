/**
 * Programs whose blocks are copied where they are applied alike come out as if each were elaborated
 * anew. The compiler is told not to copy by a mock, so this file has a process of its own.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type * as again from "../../compiler/check/again.js";
import type * as alike from "../../compiler/check/alike.js";
import { analyze, type Analysis } from "../../compiler/compile.js";
import { printGraph } from "../../compiler/ir/print.js";
import { printType } from "../../compiler/ir/type.js";
import { shareSubexpressions } from "../../compiler/passes/share-subexpressions.js";
import { at } from "../../grammar/invariant.js";
import { createSource, printSpan } from "../../grammar/source.js";
import { shippedPrograms, type Text } from "../../scripts/damaged-programs.js";
import { analyzeProgram, caseFiles, memoryHost, programsIn, readCases } from "../check/golden.js";

const mode = vi.hoisted(() => ({ isAnew: false }));

vi.mock("../../compiler/check/alike.js", async (original) => {
  const real = await original<typeof alike>();
  const applyAlike: typeof real.applyAlike = (...call) =>
    mode.isAnew ? call[4]() : real.applyAlike(...call);
  return { ...real, applyAlike };
});

vi.mock("../../compiler/check/again.js", async (original) => {
  const { applyAgain: real } = await original<typeof again>();
  const applyAgain: typeof real = (...call) => (mode.isAnew ? call[4]() : real(...call));
  return { applyAgain };
});

/** What a user can see of an analysis. */
function seen({ diagnostics, uncarried, facts, lowered }: Analysis): unknown {
  const types = facts.map(({ span, type }) => `${printSpan(span)}-${span.end} ${printType(type)}`);
  return {
    diagnostics: [...diagnostics, ...uncarried].map(({ span, labels, ...rest }) => ({
      ...rest,
      span: span === null ? null : printSpan(span),
      labels: labels.map((label) => [printSpan(label.span), label.text]),
    })),
    types: [...new Set(types.filter((text) => !text.startsWith("saic:")))].toSorted(),
    graphs: [...(lowered?.graphs ?? [])].map(([file, graph]) => [
      file,
      printGraph(graph),
      graph.nodes.map(({ op, scope, span }) => [op, scope, span?.source.name, span?.start]),
    ]),
    plan: lowered?.plan ?? null,
  };
}

function both(analysis: () => Analysis): readonly [copied: Analysis, anew: Analysis] {
  const copied = analysis();
  mode.isAnew = true;
  try {
    return [copied, analysis()];
  } finally {
    mode.isAnew = false;
  }
}

function expectSame(analysis: () => Analysis, of?: string): void {
  const [copied, anew] = both(analysis);
  expect(seen(copied), of).toStrictEqual(seen(anew));
}

const systems = join(import.meta.dirname, "../check/systems");

const analysisOf = ({ name, text }: Text, purpose: "check" | "compile"): Analysis =>
  analyze(createSource(name, text), memoryHost(new Map()), {
    overrides: [],
    train: null,
    purpose,
  });

test.each(shippedPrograms())("$name", (program) => {
  for (const purpose of ["check", "compile"] as const) {
    expectSame(() => analysisOf(program, purpose));
  }
});

test.each(readdirSync(systems))("%s, without its graphs", (name) => {
  // Three samples of a prediction show what twenty do, and are elaborated sooner.
  const text = readFileSync(join(systems, name), "utf8").replace("samples: 20", "samples: 3");
  expectSame(() => analysisOf({ name, text }, "check"));
});

test("programs with a third missing", () => {
  for (const { name, text } of shippedPrograms()) {
    const beginning = { name, text: text.slice(0, (text.length * 2) / 3) };
    expectSame(() => analysisOf(beginning, "check"), name);
  }
});

test.each(caseFiles())("the cases of %s", (file) => {
  for (const each of readCases(file)) {
    expectSame(() => analyzeProgram(each));
  }
});

/** A block `Net` with the lines that give its output, and what it trains on. */
const net = (lines: string): string => `
block Net() {
  in  image: f32[B, 3, H, W]
  out logits: f32[B, 3]
  let x = image |> mean(axes: [2, 3])
${lines}
}
`;
const trained = "// with a train of Net() on fixture.Digits";

/** `B0` applies `B1`, and so on to the last, which applies a layer. */
const chain = (letter: string, length: number, last: string): string =>
  Array.from({ length }, (_, i) => {
    const next = i + 1 === length ? last : `${letter}${i + 1}()`;
    return `block ${letter}${i}() { in x: f32[B, C]  out y: f32[B, C]  y = x |> ${next} as in }\n`;
  }).join("");

/** What an application that is alike meets and the first has not, and what both must say of it. */
const differences: readonly (readonly [what: string, codes: readonly string[], text: string])[] = [
  [
    "an instance within is frozen",
    [],
    `
import "./fixture.pipe" as fixture
import { BatchNorm1d, Linear } from "saic:layers"
block Normed() {
  in  x: f32[B, C]
  out y: f32[B, C]
  y = x |> Linear(C) as fc |> BatchNorm1d() as bn
}
${net("  logits = x |> Normed() as a |> Normed() as b |> Normed() as c")}
train t {
  model: Net()
  data: fixture.Digits
  loss { total = fixture.fit(logits, kind) }
  optimizer: fixture.plain(lr: 0.1)
  stage main for 1 epochs { freeze model.b.bn.** }
}
`,
  ],
  [
    "no loss reaches the weights of the second",
    ["train/parameter-not-reached"],
    `
import { Linear } from "saic:layers"
block Two() { in x: f32[B, C]  out y: f32[B, C]  y = x |> Linear(C) as fc1 |> Linear(C) as fc2 }
${net("  logits = x |> Two() as a\n  let _ = x |> Two() as b |> Linear(3) as c |> Linear(3) as d")}
${trained}
`,
  ],
  [
    "a size of records is open where nothing applies the block, and none where weights are counted",
    ["types/mismatch"],
    `
block Scaled() { in x: f32[B, 4]  out y: f32[B, 4]  y = x * B }
expect params(Scaled) == 0
`,
  ],
  [
    "a block within is around it",
    ["names/cyclic-definition"],
    `
import { Linear } from "saic:layers"
block Hold(inner: block) { in x: f32[B, C]  out y: f32[B, C]  y = x |> inner as inner }
block Held() { in x: f32[B, C]  out y: f32[B, C]  y = x |> Hold(inner: Linear(C)) as hold }
block Both() { in x: f32[B, C]  out y: f32[B, C]  y = x |> Held() as a |> Held() as b }
${net("  logits = x |> Both() as both |> Hold(inner: Held()) as c")}
${trained}
`,
  ],
  [
    "the second lies too deep",
    ["block/too-large"],
    `
import { Linear } from "saic:layers"
${chain("B", 30, "Linear(C)")}${chain("A", 35, "B0()")}
${net("  logits = x |> B0() as a |> B0() as b |> A0() as c |> Linear(3) as head")}
${trained}
`,
  ],
];

/** A text analyzed, with what must be found. */
const analyzed = (text: string, codes: readonly string[]) => (): Analysis => {
  const analysis = analyzeProgram(at(programsIn(`// == ${text}`), 0));
  expect([...new Set(analysis.diagnostics.map(({ code }) => code))]).toStrictEqual(codes);
  return analysis;
};

test.each(differences)("%s", (_, codes, text) => {
  expectSame(analyzed(text, codes));
});

/** What is applied again to what it was applied to is computed once, as a pass would see to later. */
const repetitions: readonly (readonly [what: string, text: string])[] = [
  [
    "an instance sees the same tensor with another in between, and the last one moves its states",
    `
import { BatchNorm1d } from "saic:layers"
block Normed() { in x: f32[B, C]  out y: f32[B, C]  y = x |> BatchNorm1d() as bn }
${net(`  let s = Normed()
  let z = 2.0 * x
  logits = (x |> s) + (x |> s) + (z |> s) + (x |> s)`)}
${trained}
`,
  ],
  [
    "an instance taps the same tensor each time",
    `
import "./fixture.pipe" as fixture
block Tapped() {
  in  x: f32[B, C]
  out y: f32[B, C]
  y = 2.0 * x
  tap load = mean(y, axes: [0])
}
block Held() { in x: f32[B, C]  out y: f32[B, C]  y = x |> Tapped() as tapped }
${net(`  let s = Held()
  logits = (x |> fixture.Dense(3) as fc) + (x |> s) + (x |> s) + (x |> s)`)}
train t {
  model: Net()
  data: fixture.Digits
  loss { total = fixture.fit(logits, kind) + 0.1 * average(sum(model.**.load)) }
  optimizer: fixture.plain(lr: 0.1)
  stage main for 1 epochs { }
}
`,
  ],
];

test.each(repetitions)("%s", (_, text) => {
  const graphs = both(analyzed(text, [])).map(({ lowered }) =>
    [...(lowered?.graphs ?? [])].map(([file, graph]) => [
      file,
      printGraph(shareSubexpressions.run(graph)),
    ]),
  );
  expect(graphs[0]).not.toHaveLength(0);
  expect(graphs[0]).toStrictEqual(graphs[1]);
});
