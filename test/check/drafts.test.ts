/** Drafts of the systems that are too large to run here: sound, and of the sizes that were published. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../grammar/drafts");
const textOf = (file: string): string =>
  readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");

const parts = ["sam.pipe", "data/landcover.pipe", "data/clips.pipe"].map(
  (file) => [`./${file}`, textOf(file)] as const,
);

function findings(file: string, text: string) {
  const { diagnostics } = analyze(createSource(file, text), memoryHost(new Map(parts)), {
    overrides: [],
    train: null,
    limits: { seed: null, length: null },
    variant: null,
    variants: "all",
    purpose: "check",
  });
  return diagnostics.map(({ code, message }) => ({ code, message }));
}

const classwise = textOf("classwise-sam.pipe");

describe("drafts", () => {
  it.each(["sam.pipe", "clicks.pipe", "sam2-video.pipe", "data/landcover.pipe", "data/clips.pipe"])(
    "%s has no mistake",
    (file) => {
      expect(findings(file, textOf(file))).toStrictEqual([]);
    },
  );

  it("classwise-sam.pipe, its net as large as it is, without its training", () => {
    const net = classwise.replaceAll(/^(?:train|shard) .*?^\}\n/gms, "");
    expect(findings("classwise-sam.pipe", net)).toStrictEqual([]);
  });

  it("classwise-sam.pipe, its training, with a smaller net", () => {
    const smaller = classwise
      .replace("const DEPTH = 32", "const DEPTH = 2")
      .replace("const MOE_FROM = 24", "const MOE_FROM = 1")
      .replace("experts: dim = 126", "experts: dim = 4")
      .replaceAll(/^expect params.*\n/gm, "");
    expect(findings("classwise-sam.pipe", smaller)).toStrictEqual([]);
  });
});
