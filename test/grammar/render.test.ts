/** Rendered diagnostics, compared as text. */

import { describe, expect, it } from "vitest";

import { diagnose, diagnosticKind, type Diagnostic } from "../../grammar/diagnostic.js";
import { diagnosticJson, renderDiagnostic } from "../../grammar/render.js";
import { createSource, type SourceFile, type Span } from "../../grammar/source.js";

const differ = diagnosticKind<{ readonly a: number; readonly b: number }>({
  code: "shape/contracted-dims-differ",
  severity: "error",
  message: ({ a, b }) => `cannot contract ${a} with ${b}`,
  hint: ({ a, b }) => `transpose one side, or make ${b} equal to ${a}`,
  explain: "",
});

const mnist = createSource(
  "pipelines/mnist.pipe",
  "\n".repeat(13) + "  let h = x |> matmul(w2)\n}\n",
);

/** The `nth` place of `text`. */
function spanOf(source: SourceFile, text: string, nth = 0): Span {
  let start = -1;
  for (let i = 0; i <= nth; i++) start = source.text.indexOf(text, start + 1);
  return { source, start, end: start + text.length };
}

const plain = (d: Diagnostic): string => renderDiagnostic(d, { color: "never" });

describe("renderDiagnostic", () => {
  it("puts the primary span's label beside the carets and others below", () => {
    const w2 = spanOf(mnist, "w2");
    const labels = [
      { span: w2, text: "`w2` is f32[128, 10]" },
      { span: spanOf(mnist, "x"), text: "this is f32[B, 784]" },
    ];
    expect(plain(diagnose(differ, { a: 784, b: 128 }, w2, { labels }))).toBe(
      `error[shape/contracted-dims-differ]: cannot contract 784 with 128
  ┌─ pipelines/mnist.pipe:14:23
  │
14│   let h = x |> matmul(w2)
  │           -           ^^ \`w2\` is f32[128, 10]
  │           │
  │           this is f32[B, 784]
  = hint: transpose one side, or make 128 equal to 784`,
    );
  });

  it("hangs several labels from right to left", () => {
    const source = createSource("a.pipe", "y = aa + bb + cc\n");
    const labels = ["aa", "bb"].map((text) => ({ span: spanOf(source, text), text: `is ${text}` }));
    expect(plain(diagnose(differ, { a: 1, b: 2 }, spanOf(source, "cc"), { labels }))).toBe(
      `error[shape/contracted-dims-differ]: cannot contract 1 with 2
 ┌─ a.pipe:1:15
 │
1│ y = aa + bb + cc
 │     --   --   ^^
 │     │    │
 │     │    is bb
 │     is aa
 = hint: transpose one side, or make 2 equal to 1`,
    );
  });

  it("shows labels on other lines and in other files", () => {
    const source = createSource("a.pipe", "one\ntwo\nthree\nfour\nfive\n");
    const other = createSource("saic:layers", "block Linear() {\n}\n");
    const labels = [
      { span: spanOf(source, "one"), text: "first here" },
      { span: spanOf(source, "two"), text: "then here" },
      { span: spanOf(other, "Linear"), text: "declared here" },
    ];
    expect(plain(diagnose(differ, { a: 1, b: 2 }, spanOf(source, "five"), { labels }))).toBe(
      `error[shape/contracted-dims-differ]: cannot contract 1 with 2
 ┌─ a.pipe:5:1
 │
1│ one
 │ --- first here
2│ two
 │ --- then here
 ·
5│ five
 │ ^^^^
 ┌─ saic:layers:1:7
 │
1│ block Linear() {
 │       ------ declared here
 = hint: transpose one side, or make 2 equal to 1`,
    );
  });

  it("shows the first and last line of a span over several, with tabs and CRLF", () => {
    const source = createSource("a.pipe", "\tlet y = (a,\r\n\t\tb,\r\n\t\tc)\r\n");
    const span = { source, start: source.text.indexOf("("), end: source.text.indexOf(")") + 1 };
    expect(
      plain(diagnose(differ, { a: 1, b: 2 }, span, { labels: [{ span, text: "here" }] })),
    ).toBe(
      `error[shape/contracted-dims-differ]: cannot contract 1 with 2
 ┌─ a.pipe:1:10
 │
1│     let y = (a,
 │             ^^^
 ·
3│         c)
 │         ^^ here
 = hint: transpose one side, or make 2 equal to 1`,
    );
  });

  it("aligns behind wide characters and shows control characters as pictures", () => {
    const source = createSource("a.pipe", '\u{FEFF}x = "🚀\u0000" + bad\n');
    expect(plain(diagnose(differ, { a: 1, b: 2 }, spanOf(source, "bad")))).toContain(
      '1│ x = "🚀␀" + bad\n │             ^^^\n',
    );
  });

  it("marks an empty span and the end of the file with one caret", () => {
    const source = createSource("a.pipe", "x =");
    const end = { source, start: 3, end: 3 };
    expect(plain(diagnose(differ, { a: 1, b: 2 }, end))).toContain("1│ x =\n │    ^\n");
  });

  it("lets the primary span win where marks overlap", () => {
    const source = createSource("a.pipe", "f(abc)");
    const labels = [{ span: spanOf(source, "f(abc)"), text: "in this call" }];
    expect(plain(diagnose(differ, { a: 1, b: 2 }, spanOf(source, "abc"), { labels }))).toContain(
      "1│ f(abc)\n │ --^^^-\n │ │\n │ in this call\n",
    );
  });

  it("cuts a very long line around its marks", () => {
    const source = createSource("a.pipe", `${"a + ".repeat(500)}bad${" + a".repeat(500)}`);
    const text = plain(diagnose(differ, { a: 1, b: 2 }, spanOf(source, "bad")));
    const [, , , line = "", carets = ""] = text.split("\n");
    expect(line.length).toBeLessThan(200);
    expect(line.slice(carets.indexOf("^"), carets.indexOf("^") + 3)).toBe("bad");
  });

  it("names a place without a span", () => {
    const d = diagnose(differ, { a: 1, b: 2 }, null, { place: "data.csv, record 17" });
    expect(plain(d)).toBe(
      `error[shape/contracted-dims-differ]: cannot contract 1 with 2
 ┌─ data.csv, record 17
 = hint: transpose one side, or make 2 equal to 1`,
    );
  });

  it("colors the same text", () => {
    const d = diagnose(differ, { a: 784, b: 128 }, spanOf(mnist, "w2"));
    const colored = renderDiagnostic(d, { color: "always" });
    expect(colored).toContain("\u001B[1;31m^^\u001B[0m");
    const escape = new RegExp(`${String.fromCodePoint(27)}\\[[0-9;]*m`, "g");
    expect(colored.replace(escape, "")).toBe(plain(d));
  });
});

describe("diagnosticJson", () => {
  it("gives positions, labels and fixes", () => {
    const span = spanOf(mnist, "w2");
    const d = diagnose(differ, { a: 784, b: 128 }, span, {
      labels: [{ span: spanOf(mnist, "x"), text: "here" }],
      fix: { span, text: "w1" },
    });
    const file = "pipelines/mnist.pipe";
    expect(diagnosticJson(d)).toStrictEqual({
      code: "shape/contracted-dims-differ",
      severity: "error",
      message: "cannot contract 784 with 128",
      file,
      line: 14,
      column: 23,
      endLine: 14,
      endColumn: 25,
      place: null,
      hint: "transpose one side, or make 128 equal to 784",
      labels: [{ file, line: 14, column: 11, endLine: 14, endColumn: 12, text: "here" }],
      fix: { file, start: span.start, end: span.end, text: "w1" },
    });
  });

  it("has nulls where there is no span", () => {
    const d = diagnose(differ, { a: 1, b: 2 }, null, { place: "--set lr" });
    expect(diagnosticJson(d)).toMatchObject({
      file: null,
      line: null,
      place: "--set lr",
      fix: null,
    });
  });
});
