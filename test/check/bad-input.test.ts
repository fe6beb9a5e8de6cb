/** Input that no one should write: each gets one finding at its place, quickly, and never a throw. */

import { expect, it } from "vitest";
import { analyze } from "../../compiler/compile.js";
import { createSource } from "../../grammar/source.js";
import { memoryHost } from "./golden.js";

const others = new Map([
  ["./one.pipe", 'import { b } from "./two.pipe"\nconst a = b\n'],
  ["./two.pipe", 'import { a } from "./one.pipe"\nconst b = a\n'],
]);

const findings = (text: string): readonly string[] =>
  analyze(createSource("case.pipe", text), memoryHost(others), {
    overrides: [],
    train: null,
  }).diagnostics.map(({ code, message, span }) => {
    const place = span === null ? "" : span.source.text.slice(span.start, span.end);
    return `${code} at \`${place.slice(0, 30)}\`: ${message}`;
  });

const block = (body: string): string =>
  `block Part(k: int = 1) {\n  in x: f32[B, 8]\n  out y: f32[B, 8]\n${body}\n}\n`;

const dataset = (members: string): string => `
dataset D {
  source: synthetic(shapes, count: 4, size: 16, classes: [ring, cross], seed: 1)
  field kind: label() -> i64[]
  split random { train: 50%  val: 50%  seed: 1 }
  loader { batch: 2 }
  ${members}
}
`;

const deep = 1000;
const nested = (open: string, inner: string, close: string): string =>
  `const a = ${open.repeat(deep)}${inner}${close.repeat(deep)}\n`;

it.each([
  [
    "modules that import each other",
    'import { a } from "./one.pipe"\nconst c = a\n',
    'names/import-cycle at `"./one.pipe"`: modules import each other: ./one.pipe -> ./two.pipe -> ./one.pipe',
  ],
  [
    "a module that is not there",
    'import { a } from "./three.pipe"\nconst c = a\n',
    'names/module-not-found at `"./three.pipe"`: there is no module `./three.pipe`',
  ],
  [
    "five megabytes",
    "const a = 1\n".repeat(440_000),
    "syntax/text-too-large at ``: the file is larger than 4 MiB",
  ],
  [
    "a letter from beyond the basic plane in a name",
    "const 𝒳 = 1\n",
    "syntax/unknown-character at `𝒳`: `𝒳` (U+1D4B3) is not part of the language",
  ],
  [
    "a NUL",
    "const a = \0 1\n",
    "syntax/unknown-character at `\0`: U+0000 is not part of the language",
  ],
  [
    "a thousand parentheses",
    nested("(", "1", ")"),
    "syntax/nesting-too-deep at `(`: more than 40 levels of brackets",
  ],
  [
    "a thousand lists",
    nested("[", "1", "]"),
    "syntax/nesting-too-deep at `[`: more than 40 levels of brackets",
  ],
  [
    "a thousand branches",
    nested("if true { ", "1", " } else { 2 }"),
    "syntax/nesting-too-deep at `{`: more than 40 levels of brackets",
  ],
  [
    "a thousand signs",
    nested("- ", "1", ""),
    "syntax/nesting-too-deep at `-`: more than 500 operators and steps in one expression",
  ],
  [
    "an integer that no number holds",
    block("  weight w: f32[9007199254740993] = 0\n  y = x"),
    "syntax/number-out-of-range at `9007199254740993`: `9007199254740993` cannot be held exactly",
  ],
  [
    "a product beyond every extent",
    "const N = 4_000_000_000 * 4_000_000_000\n",
    "dims/too-large at `4_000_000_000 * 4_000_000_000`: 1.600e+19 is too large to be an extent",
  ],
  [
    "a division by zero",
    "const N = 8 / (4 - 4)\n",
    "dims/division-by-zero at `8 / (4 - 4)`: division by zero",
  ],
  [
    "a dim divided by zero",
    block("  const N = ceil(8 / (k - 1))\n  y = x |> expand(N, 8)"),
    "dims/division-by-zero at `8 / (k - 1)`: division by zero",
  ],
  [
    "a `let` named as a port",
    block("  let x = relu(x)\n  y = x"),
    "names/already-defined at `x`: `x` is already defined",
  ],
  [
    "a `let` named as a setting",
    block("  let k = relu(x)\n  y = k"),
    "names/already-defined at `k`: `k` is already defined",
  ],
  [
    "a block named as an import",
    'import { Linear } from "saic:layers"\nfn Linear(x) = x\n',
    "names/already-defined at `Linear`: `Linear` is already defined",
  ],
  [
    "two sources",
    dataset("source: synthetic(shapes, count: 4, size: 16, classes: [ring], seed: 1)"),
    "names/duplicate-key at `source`: `D` already has `source`",
  ],
  [
    "two fields of one name",
    dataset("field kind: label() -> i64[]"),
    "names/already-defined at `kind`: `kind` is already defined",
  ],
  [
    "a unit of another kind",
    'import { warmup } from "saic:schedules"\nconst s = warmup(5 GiB)\n',
    "types/unit at `5 GiB`: `over` of `warmup` must be a duration in `steps`, `epochs` or `%`, found 5 GiB",
  ],
  [
    "a unit where none belongs",
    dataset("").replace("batch: 2", "batch: 2 epochs"),
    "types/unit at `2 epochs`: `batch` of `loader` must be `int`, found 2 epochs",
  ],
  [
    "a share without its unit",
    dataset("").replace("train: 50%", "train: 50"),
    "types/unit at `50`: `train` of `split` must be a share in `%`, found the integer 50",
  ],
])("%s", (_title, text, finding) => {
  expect(findings(text)).toEqual([finding]);
});

it.each([
  ["line ends of two characters", "const a = 1\r\nconst b = a\r\n"],
  ["a byte order mark", "\uFEFFconst a = 1\n"],
  ["letters from beyond the basic plane in strings and comments", '// 😀\nconst a = "😀𝒳"\n'],
  ["nothing", ""],
  ["blanks alone", " \n\t\n"],
  ["a setting named as a param", "param k: int = 2\n" + block("  y = x * k")],
  ["a function named as an op: the program's own is meant", "fn relu(x) = x + 1\n"],
  ["a name of a comprehension", "const i = 4\nconst a = [for i in 0 .. 3: i]\n"],
])("takes %s", (_title, text) => {
  expect(findings(text)).toEqual([]);
});

it("places findings after wide characters and long line ends exactly", () => {
  const text = '// 😀 𝒳\r\nconst a = "😀"\r\nconst b = missing\r\n';
  const [only] = analyze(createSource("case.pipe", text), memoryHost(others), {
    overrides: [],
    train: null,
  }).diagnostics;
  expect(only?.span?.start).toBe(text.indexOf("missing"));
});
