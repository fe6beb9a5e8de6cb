/** The page of the ops: what each computes, takes and becomes in ONNX. */

import { opAliases } from "../../compiler/check/builtin-names.js";
import type { AttrKind, Op } from "../../compiler/ops/define.js";
import { ops } from "../../compiler/ops/index.js";
import { type Page, pageOf, prose, table } from "./markdown.js";

export function opsPage(): Page {
  const all = [...ops.values()];
  const publicOps = all.filter(({ surface }) => surface === "public");
  const internal = all.filter(({ surface }) => surface === "internal");
  return pageOf("ops", "Ops", "the primitive tensor operations, their gradients and ONNX forms.", [
    "An op is a tensor operation that the compiler knows by itself; everything else is written in the language.",
    "Public ops can be called from a program: `relu(x)` or `x |> relu`.",
    "Internal ops are made by gradient rules and passes.",
    "An op with a function is coarse: `saic compile --functions keep` writes it as a call of a function of domain `saic` whose body is standard ONNX.",
    "Inputs of one class (`float`, `number`, …) must share one dtype; nothing is promoted.",
    "",
    `There are ${publicOps.length} public and ${internal.length} internal ops.`,
    "",
    "## Coverage",
    "",
    ...table(
      ["op", "surface", "gradient", "formulations"],
      all.map((op) => [
        `[\`${op.name}\`](#${op.name})`,
        op.surface,
        op.vjp === null ? "no" : "yes",
        op.body === undefined
          ? op.formulations.map(({ name }) => `\`${name}\``).join(", ")
          : "body",
      ]),
    ),
    "",
    "## Other names",
    "",
    ...[...opAliases].map(([alias, name]) => `- \`${alias}\` is \`${name}\`.`),
    "",
    "## Public ops",
    "",
    ...publicOps.flatMap(section),
    "## Internal ops",
    "",
    ...internal.flatMap(section),
  ]);
}

function section(op: Op): readonly string[] {
  const inputs = Object.entries(op.inputs).map(
    ([name, kind]) => `\`${name}\`: ${kind}${op.variadic === name ? ", any number of them" : ""}`,
  );
  const attrs = Object.entries(op.attrs).map(([name, kind]) => `\`${name}\`: ${attribute(kind)}`);
  return [
    `### \`${op.name}\``,
    "",
    prose(op.summary),
    "",
    `- Inputs: ${inputs.length === 0 ? "none" : inputs.join("; ")}`,
    `- Attributes: ${attrs.length === 0 ? "none" : attrs.join("; ")}`,
    `- Gradient: ${op.vjp === null ? "no" : "yes"}`,
    op.body === undefined
      ? `- ONNX formulations: ${op.formulations.map(formulation).join("; ")}`
      : "- ONNX form: that of the simpler ops it is written in",
    ...(op.coarse === undefined ? [] : [`- Functions: ${functionNames(op.coarse)}`]),
    ...(op.traits === undefined || op.traits.length === 0
      ? []
      : [`- Traits: ${op.traits.join(", ")}`]),
    "",
    `Why it is a primitive: ${prose(op.reason)}`,
    "",
  ];
}

const functionNames = (coarse: NonNullable<Op["coarse"]>): string =>
  (typeof coarse === "string" ? [coarse] : coarse.names).map((name) => `\`${name}\``).join(", ");

const formulation = ({ name, when }: Op["formulations"][number]): string =>
  `\`${name}\`${when === undefined ? "" : " where it applies"}`;

function attribute({ kind, fallback, length, choices }: AttrKind<unknown>): string {
  const type = choices?.map((choice) => `\`${choice}\``).join(" or ") ?? kind;
  const many = length === undefined ? "" : `[${length}]`;
  if (fallback === undefined) return `${type}${many}, required`;
  const all = kind === "axes" && Array.isArray(fallback) && fallback.length === 0;
  return `${type}${many}, default ${all ? "all axes" : `\`${JSON.stringify(fallback)}\``}`;
}
