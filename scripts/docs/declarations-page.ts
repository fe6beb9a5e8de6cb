/** The page of declarations: each with its members, examples and closed keys. */

import { policyForms } from "../../compiler/check/policy-forms.js";
import { stageKeys, trainKeys } from "../../compiler/check/train-keys.js";
import type { Formal } from "../../grammar/ast.js";
import {
  blockForms,
  datasetForms,
  declarationForms,
  type Form,
  metricForms,
  optimizerForms,
  stageForms,
  trainForms,
} from "./declaration-examples.js";
import { fenced, type Page, pageOf, prose, table } from "./markdown.js";
import { checkerSignature } from "./signatures.js";

type Forms = Readonly<Record<string, Form>>;

/** Members by the declaration that holds them. */
export const membersOf: Readonly<Partial<Record<keyof typeof declarationForms, Forms>>> = {
  block: blockForms,
  optimizer: optimizerForms,
  metric: metricForms,
  dataset: datasetForms,
  train: trainForms,
};

export function declarationsPage(root: string): Page {
  const keys = keysOf(root);
  return pageOf(
    "declarations",
    "Declarations",
    "every declaration and member with an example, and the keys each takes.",
    [
      prose(
        "A file is a sequence of declarations in any order; names are known in the whole file. `///` lines above one document it. Keys are closed: an unknown one is an error.",
      ),
      "",
      ...Object.entries(declarationForms).flatMap(([kind, form]) => [
        `## ${kind}`,
        "",
        ...printed(form),
        ...members(membersOf[kind as keyof typeof declarationForms] ?? {}),
        ...(keys[kind] ?? []),
      ]),
    ],
  );
}

const printed = ({ about, example }: Form): readonly string[] => [
  prose(about),
  "",
  ...fenced("text", example),
  "",
];

const members = (forms: Forms): readonly string[] =>
  Object.entries(forms).flatMap(([kind, form]) => [
    `### ${titles[kind] ?? kind}`,
    "",
    ...printed(form),
  ]);

/** The word that a member begins with; those that begin with a name are called by what they do. */
const titles: Readonly<Record<string, string>> = {
  port: "in and out",
  owned: "weight, state and carry",
  assign: "assignment",
  update: "update",
  accumulator: "sum, min and max",
  entry: "key",
};

/** The closed keys by declaration, as the checker declares them. */
function keysOf(root: string): Readonly<Record<string, readonly string[]>> {
  const signed = (name: string): string => `\`${checkerSignature(root, name)}\``;
  const ofData = (name: string): string =>
    `\`${checkerSignature(root, name, "compiler/check/data")}\``;
  return {
    dataset: [
      "### Keys of a split and a loader",
      "",
      `- ${ofData("split")}`,
      `- ${ofData("loader")}`,
      "",
      "Sources, readers and steps of transforms are listed under [data](data.md).",
      "",
    ],
    train: [
      "### In a stage",
      "",
      ...Object.values(stageForms).flatMap((form) => [`- ${inline(form)}`]),
      "",
      "### Keys of a train and of a stage",
      "",
      ...table(
        ["key", "train", "stage", "forms of its value"],
        [...new Set([...trainKeys, ...stageKeys])].map((key) => [
          `\`${key}\``,
          trainKeys.includes(key) ? "yes" : "",
          stageKeys.includes(key) ? "yes" : "",
          formsOf(key),
        ]),
      ),
      "",
    ],
    shard: [
      `Layouts: ${["split", "fsdp", "replicate"].map((name) => layout(root, name)).join(", ")}.`,
      "",
    ],
    sweep: [`Besides the paths it varies: ${signed("sweep")}.`, ""],
    export: [`Keys: ${signed("export")}.`, ""],
  };
}

const inline = ({ about, example }: Form): string => `\`${example}\`: ${about}`;

const layout = (root: string, name: string): string =>
  `\`${checkerSignature(root, name, "compiler/check/placement")}\``;

const formsOf = (key: string): string =>
  Object.entries(policyForms[key] ?? {})
    .map(([name, formals]) => `\`${name}(${formals.map(formalText).join(", ")})\``)
    .join(", ");

const formalText = ({ span }: Formal): string => span.source.text.slice(span.start, span.end);
