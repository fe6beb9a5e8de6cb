/** Programs whose blocks are copied where they are applied alike come out as if each were elaborated anew. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type * as alike from "../../compiler/check/alike.js";
import { analyze, type Analysis } from "../../compiler/compile.js";
import { printGraph } from "../../compiler/ir/print.js";
import { printType } from "../../compiler/ir/type.js";
import { printSpan, createSource } from "../../grammar/source.js";
import { shippedPrograms, type Text } from "../../scripts/damaged-programs.js";
import { analyzeProgram, caseFiles, memoryHost, readCases } from "../check/golden.js";

const mode = vi.hoisted(() => ({ isAnew: false }));

vi.mock("../../compiler/check/alike.js", async (original) => {
  const real = await original<typeof alike>();
  const applyAlike: typeof real.applyAlike = (...call) =>
    mode.isAnew ? call[4]() : real.applyAlike(...call);
  return { ...real, applyAlike };
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

function both(analysis: () => Analysis): readonly [copied: unknown, anew: unknown] {
  const copied = seen(analysis());
  mode.isAnew = true;
  try {
    return [copied, seen(analysis())];
  } finally {
    mode.isAnew = false;
  }
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
    const [copied, anew] = both(() => analysisOf(program, purpose));
    expect(copied).toStrictEqual(anew);
  }
});

test.each(readdirSync(systems))("%s, without its graphs", (name) => {
  // Three samples of a prediction show what twenty do, and are elaborated sooner.
  const text = readFileSync(join(systems, name), "utf8").replace("samples: 20", "samples: 3");
  const [copied, anew] = both(() => analysisOf({ name, text }, "check"));
  expect(copied).toStrictEqual(anew);
});

test("programs with a third missing", () => {
  for (const { name, text } of shippedPrograms()) {
    const beginning = { name, text: text.slice(0, (text.length * 2) / 3) };
    const [copied, anew] = both(() => analysisOf(beginning, "check"));
    expect(copied, name).toStrictEqual(anew);
  }
});

test.each(caseFiles())("the cases of %s", (file) => {
  for (const each of readCases(file)) {
    const [copied, anew] = both(() => analyzeProgram(each));
    expect(copied).toStrictEqual(anew);
  }
});
