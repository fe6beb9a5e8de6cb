/** Random programs as text, with line breaks and comments wherever the grammar takes them. */

/** A file that parses; the same seed gives the same text. */
export function randomProgram(seed: number): string {
  let state = (seed * 7919 + 17) % 2_147_483_647;
  const below = (n: number): number => (state = (state * 48_271) % 2_147_483_647) % n;
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const some = (most: number, make: () => string): readonly string[] =>
    Array.from({ length: below(most + 1) }, make);
  let comments = 0;
  /** White space inside brackets and between the parts of a value. */
  const gap = (): string => {
    const roll = below(12);
    if (roll === 0) return ` // c${comments++}\n      `;
    if (roll === 1) return `\n  // c${comments++}\n\n`;
    return roll < 4 ? "\n    " : " ";
  };
  const separated = (items: readonly string[]): string => items.join(`,${gap()}`);

  const name = (): string =>
    pick([
      "a",
      "bb",
      "weight",
      "field",
      "long_name_of_a_value",
      "in_features",
      "loss",
      "each",
      "x1",
    ]);
  const literal = (): string =>
    pick(["1", "0.5", "2e-4", "1_000", "70%", "5 epochs", '"te // xt"', "true", "none"]);

  const args = (depth: number): string => {
    const items = some(4, () => (below(2) === 0 ? "" : `${name()}: `) + expr(depth - 1));
    return `(${below(3) === 0 && items.length > 0 ? gap() : ""}${separated(items)}${items.length > 0 && below(4) === 0 ? "," : ""})`;
  };

  function primary(depth: number): string {
    if (depth <= 0) return pick([name, literal])();
    switch (below(11)) {
      case 0:
        return `(${expr(depth - 1)})`;
      case 1:
        return `[${gap()}${separated(["a", ...some(3, () => (below(5) === 0 ? "..." : "") + expr(depth - 1))])}]`;
      case 2:
        return `[for i in 0 .. ${name()}${below(2) === 0 ? "" : ` if i > ${name()}`}: ${expr(depth - 1)}]`;
      case 3:
        return `if ${binary(depth - 1)} ${body(depth)} else ${below(3) === 0 ? `if b ${body(depth)} else ${body(depth)}` : body(depth)}`;
      case 4:
        return `${name()}${args(depth)}`;
      case 5:
        return `(a,${gap()}${name()}: ${expr(depth - 1)})`;
      case 6:
        return `${name()}.${pick(["0", "**", "{i}", "b", "l{i + 1}"])}.${name()}[${expr(depth - 1)}]`;
      case 7:
        return `${pick(["-", "not "])}${primary(0)}`;
      default:
        return pick([name, literal])();
    }
  }

  const binary = (depth: number): string =>
    [primary(depth), ...some(2, () => primary(depth - 1))].reduce(
      (left, right) => `${left} ${pick(["+", "-", "*", "/", "and", "or"])}${gap()}${right}`,
    );

  const path = (): string =>
    below(2) === 0 ? "" : ` as ${pick(["conv1", "_", "down.0", "w_{s}", "layer{i}.0.b"])}`;

  function step(depth: number): string {
    const call = `${name()}${below(3) === 0 ? "" : args(depth - 1)}`;
    const block = `Block${args(depth - 1)}`;
    switch (below(9)) {
      case 0:
        return `repeat n ${block}${path()}`;
      case 1:
        return `repeat (i in 0 .. 3) ${block}${path()}`;
      case 2:
        return `each E ${block}${path()}`;
      case 3:
        return `scan (t in [1, 0], axis: T) ${block}${path()}`;
      case 4:
        return `unused ${block}${path()}`;
      case 5:
        return `rearrange(B (T h) 1 -> B  T h, h: ${literal()})`;
      case 6:
        return "einsum(E K M,M D->E K D)";
      default:
        return call + path();
    }
  }

  function expr(depth: number): string {
    const steps = depth <= 0 ? [] : some(below(3) === 0 ? 3 : 0, () => `${gap()}|> ${step(depth)}`);
    return binary(depth) + steps.join("");
  }

  function body(depth: number): string {
    const lets = depth <= 1 ? [] : some(1, () => `let ${name()} = ${primary(depth - 1)}`);
    return `{${pick([" ", "\n", ` // c${comments++}\n`])}${[...lets, `z + ${primary(depth - 1)}`].join("\n  ")}${pick([" ", "\n"])}}`;
  }

  const type = (): string =>
    pick([
      "f32[B, T = 3, ..., C]",
      "f32[]",
      "int[2] | same",
      "[f32[B,C] ,3]",
      "u8[2 * C, _]",
      "dim",
    ]);
  const guard = (): string => (below(4) === 0 ? ` if ${primary(1)}` : "");

  const between = (): string =>
    pick([
      "\n",
      "\n\n",
      "\n\n\n  ",
      `  // c${comments++}\n`,
      `\n\n// c${comments++}\n`,
      `\n/// d${comments++}\n`,
    ]);
  const braces = (members: readonly string[]): string =>
    `{${between()}${members.map((member) => member + between()).join("")}}`;

  const formals = (): string =>
    `(${separated(some(4, () => `${name()}${below(3) === 0 ? "" : `: ${type()} = ${primary(1)}`}`))})`;
  const entry = (): string => `${name()}${pick(["", ".b", ".0"])}: ${expr(2)}`;
  const assign = (): string => `${name()}${pick(["", ", c"])} = ${expr(3)}`;

  const blockMember = (): string =>
    pick([
      () => `in  x: ${type()}${guard()}`,
      () => `out y :${type()}`,
      () => `weight w: ${type()} = ${primary(1)}${path()}${guard()}`,
      () => `carry h: ${type()} = 0`,
      () => `tap t = ${expr(2)}`,
      () => `let a, _ = ${expr(3)}`,
      () => `const K = ${expr(2)}`,
      () => `n <- ${expr(2)}`,
      assign,
    ])();

  const trainMember = (): string =>
    pick([
      entry,
      () => `loss ${braces(some(3, assign))}`,
      () => "metrics val { f1 = f(a) }",
      () => `stage s for 2 epochs { freeze model.**, a[0 .. 2].b*  lr: 1, b: ${primary(1)} }`,
      () => `group model.{i}.** where size(p) < 3 { lr: ${primary(2)} }`,
      () => `init ${braces(["model.a[i in 1 .. 2].**, b: c", `d.*: ${expr(2)}`])}`,
      () => `predict mc(samples: 2) { p = ${primary(2)} }`,
      () => `objective ${binary(1)}`,
    ])();

  const declaration = (): string =>
    pick([
      () => `import {${separated(["A", ...some(6, () => "long_name_of_import")])}} from "m"`,
      () => `param p: ${type()} = ${primary(1)} in 0 .. 1`,
      () => `const C = ${expr(3)}`,
      () => `fn f${formals()} ${body(3)}`,
      () => `fn g${formals()} = ${expr(3)}`,
      () => `block B${formals()} ${braces(some(5, blockMember))}`,
      () => `train t ${braces(some(4, trainMember))}`,
      () => `metric m better max ${braces(["in x: f32[B]", "sum n: f32[] = x", assign()])}`,
      () =>
        `dataset D ${braces(["fit r = f(x) -> (lo: f32[M])", "split by a { train: 1, val: 2 }"])}`,
      () => "mesh m { data: 4, expert: 2 }",
      () => `shard t on m ${braces(["batch: f(a)", "model.**: [b]"])}`,
      () => `variant "9.6b" of t ${braces([entry(), trainMember()])}`,
      () => `export t as "x.onnx" { outputs: [a.b] }`,
      () => `expect ${binary(2)}`,
    ])();

  return Array.from({ length: 1 + below(3) }, declaration).join(between());
}
