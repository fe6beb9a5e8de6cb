/** The examples in the page of declarations are of the form that they stand for. */

import { describe, expect, it } from "vitest";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";
import {
  blockForms,
  datasetForms,
  declarationForms,
  type Form,
  metricForms,
  optimizerForms,
  stageForms,
  trainForms,
} from "../../scripts/docs/declaration-examples.js";

/** Text around the members of a declaration; a stage is one of a train. */
const around: readonly (readonly [
  string,
  Readonly<Record<string, Form>>,
  (text: string) => string,
])[] = [
  ["declaration", declarationForms, (text) => text],
  ["block", blockForms, (text) => `block X() {\n${text}\n}`],
  ["optimizer", optimizerForms, (text) => `optimizer x() {\n${withInputs(text)}\n}`],
  ["metric", metricForms, (text) => `metric x() {\n${text}\n}`],
  ["dataset", datasetForms, (text) => `dataset X {\n${text}\n}`],
  ["train", trainForms, (text) => `train x {\n${text}\n}`],
  ["stage", stageForms, (text) => `train x {\nstage s for 1 epochs {\n${text}\n}\n}`],
];

const withInputs = (text: string): string => (text.startsWith("in ") ? text : `in p, g\n${text}`);

/** Kinds of all nodes. */
function kindsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(kindsIn);
  if (typeof value !== "object" || value === null || "lineStarts" in value) return [];
  const inner = Object.values(value).flatMap(kindsIn);
  return "kind" in value && typeof value.kind === "string" ? [value.kind, ...inner] : inner;
}

for (const [owner, forms, wrap] of around)
  describe(`forms of ${owner}`, () => {
    it.each(Object.entries(forms))("%s", (kind, { example }) => {
      const { module, diagnostics } = parseModule(createSource("example.pipe", wrap(example)));
      expect(diagnostics).toEqual([]);
      // The inputs of an optimizer are no member of the tree.
      expect(kindsIn(module.declarations)).toContain(kind === "in" ? "optimizer" : kind);
    });
  });
