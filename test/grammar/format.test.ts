/** Formatting changes white space alone, and nothing the second time. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { formatModule, LINE_WIDTH } from "../../grammar/format.js";
import { parseModule } from "../../grammar/parse.js";
import { createSource } from "../../grammar/source.js";
import { randomProgram } from "./random-program.js";
import { SAMPLE } from "./sample.js";
import { show } from "./show-ast.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = ["stdlib", "pipelines", "test/check/systems", "test/grammar/drafts"].flatMap(
  (folder) =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".pipe"))
      .map((file) => `${folder}/${file.replaceAll("\\", "/")}`),
);
const textOf = (file: string): string => readFileSync(root + file, "utf8").replaceAll("\r\n", "\n");

const format = (text: string): string => {
  const { text: formatted, diagnostics } = formatModule(createSource("a.pipe", text));
  expect(diagnostics.map((d) => d.message)).toStrictEqual([]);
  return formatted;
};
const tree = (text: string): string =>
  parseModule(createSource("a.pipe", text)).module.declarations.map(show).join("\n");
const commentsOf = (text: string): readonly string[] =>
  [...text.replaceAll(/"[^"\n]*"/g, "").matchAll(/\/\/[^\n]*/g)].map(([comment]) => comment.trim());

function expectSound(text: string): string {
  const formatted = format(text);
  expect(tree(formatted)).toBe(tree(text));
  expect(format(formatted)).toBe(formatted);
  expect(commentsOf(formatted)).toStrictEqual(commentsOf(text));
  expect(formatted).not.toMatch(/[ \t]\n|\n\n\n|^\n/);
  return formatted;
}

describe("real files", () => {
  it.each(files)("%s parses and is in canonical form", (file) => {
    const text = textOf(file);
    expect(expectSound(text)).toBe(text);
  });

  it("the sample, indented or not, with any line ends", () => {
    const formatted = expectSound(SAMPLE);
    expectSound(SAMPLE.replaceAll(/^ +/gm, ""));
    expect(format(`\u{FEFF}${SAMPLE.replaceAll("\n", "\r\n")}`)).toBe(formatted);
    const long = formatted.split("\n").filter((line) => line.length > LINE_WIDTH);
    expect(long).toStrictEqual([]);
  });
});

describe("random programs", () => {
  it.each(Array.from({ length: 20 }, (_, i) => i))("batch %i of twenty", (batch) => {
    for (let seed = batch * 20; seed < batch * 20 + 20; seed++) expectSound(randomProgram(seed));
  });
});

describe("the style", () => {
  it.each([
    ["const  A=1+2*-3", "const A = 1 + 2 * -3"],
    ["block B( ){in   x :f32[ B,C ]}", "block B() { in x: f32[B, C] }"],
    [
      "block B {\nin x: f32[]\ny=x|>f( 1,k:2, )|>g as a.0}",
      "block B {\n  in x: f32[]\n  y = x |> f(1, k: 2) |> g as a.0\n}",
    ],
    ["mesh m {a:1,b:2}", "mesh m { a: 1, b: 2 }"],
    ["mesh m {\na:1,b:2}", "mesh m {\n  a: 1\n  b: 2\n}"],
    ["mesh m {a:1   b:2}\n\n\n\nmesh n{}", "mesh m { a: 1  b: 2 }\n\nmesh n { }"],
    ["const A = f(\n)", "const A = f()"],
    ["const A = if a\n{ b }\nelse { c }", "const A = if a { b } else { c }"],
    ["const A = if a {\nb }\nelse { c }", "const A = if a {\n  b\n} else {\n  c\n}"],
    ["const A = [ for i in 0..3 if not i:f( i ) ]", "const A = [for i in 0 .. 3 if not i: f(i)]"],
    [
      "const A = x|>rearrange( B (h d)->B h d,h:3 )",
      "const A = x |> rearrange(B (h d) -> B h d, h: 3)",
    ],
    [
      "const A = f(m . ** . b, [...xs,m.{ i }.c])[1 ..]",
      "const A = f(m.**.b, [...xs, m.{i}.c])[1 ..]",
    ],
    ["// a\n\n\n// b\nconst A = 1 // c\n\n// d", "// a\n\n// b\nconst A = 1  // c\n\n// d"],
    ["", ""],
  ])("%j", (text, expected) => {
    expect(expectSound(text)).toBe(expected === "" ? "" : `${expected}\n`);
  });

  it("wraps lists of arguments, chains and sums at the width", () => {
    const names = Array.from({ length: 12 }, (_, i) => `argument_${i}`);
    const wide = `const A = f(${names.join(", ")})`;
    expect(format(wide)).toBe(`const A = f(\n  ${names.join(",\n  ")}\n)\n`);
    expect(format(`const A = ${names.join(" + ")}`)).toBe(`const A = ${names.join("\n  + ")}\n`);
    expect(format(`const A = ${names.join(" |> ")}`)).toBe(`const A = ${names.join("\n  |> ")}\n`);
    const exact = `const A = f(${"x".repeat(LINE_WIDTH - 13)})`;
    expect(format(exact)).toBe(`${exact}\n`);
    expect(format(exact.replace("x", "xx")).split("\n")).toHaveLength(4);
  });

  it("gives a file that does not parse back as it is, with its diagnostics", () => {
    const text = "const  A = (1\nconst   B=2";
    const { text: same, diagnostics } = formatModule(createSource("a.pipe", text));
    expect(same).toBe(text);
    expect(diagnostics.map((d) => d.code)).toStrictEqual(["syntax/missing-closer"]);
  });
});
