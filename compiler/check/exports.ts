/** Checks `export` declarations: their train, file and keys, and what they put in and out. */

import type { Declaration, Entry, ExportDecl, Expr } from "../../grammar/ast.js";
import { exportInputMissing, exportInputUnread } from "../../grammar/diagnostics/metrics.js";
import { alreadyDefined, unknownName } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan, type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Graph, NamedValue } from "../ir/graph.js";
import type { Program } from "../modules.js";
import { bindEntries } from "./entries.js";
import { type Frame, report } from "./frame.js";
import type { AppliedModel } from "./model.js";
import type { Prediction } from "./predict.js";
import { settingsOf } from "./read.js";
import { signature } from "./signature.js";
import type { CheckedTrain } from "./train.js";

/** An export whose own text is sound. */
export interface CheckedExport {
  readonly declaration: ExportDecl;
  readonly file: string;
  readonly inputs: Expr | null;
  readonly outputs: Expr | null;
  /** `chosen`: the best where the train keeps one, else the last. */
  readonly weights: "chosen" | "last" | "ema";
  readonly weightsSpan: Span;
  /** `null` keeps the batch symbolic. */
  readonly batch: number | null;
  /** The type in which weights are stored; what is computed with them is computed in f32. */
  readonly precision: "f32" | "bf16" | "f16";
  readonly opset: number;
  /** Whether raw records go in. */
  readonly preprocess: boolean;
  readonly preprocessSpan: Span;
  readonly place: string;
}

const formals = signature(
  "export(inputs = none, outputs = none, weights: best | last | ema | none = none, precision: f32 | bf16 | f16 = f32, opset: int = 18, batch: int | none = none, preprocess: bool = false)",
);

/** Operator sets that exports are written for; from 22 on runtimes lack kernels. */
const opsets = { least: 17, most: 21 } as const;

/** Every run writes a file of this name itself. */
const ownFile = "model.onnx";

/** Every export of the program's root; those whose text is wrong are reported and left out. */
export function readExports(frame: Frame, program: Program): readonly CheckedExport[] {
  const { declarations } = program.root.module;
  const read: CheckedExport[] = [];
  for (const declaration of declarations) {
    if (declaration.kind !== "export") continue;
    const found = readExport(frame, declarations, declaration);
    if (found === null) continue;
    const earlier = read.find(({ file }) => file === found.file);
    if (earlier === undefined) read.push(found);
    else
      report(frame, alreadyDefined, { name: found.file }, declaration.file.span, [
        { span: earlier.declaration.file.span, text: "first written here" },
      ]);
  }
  return read;
}

function readExport(
  frame: Frame,
  declarations: readonly Declaration[],
  declaration: ExportDecl,
): CheckedExport | null {
  const { name, file, entries } = declaration;
  const trains = declarations.flatMap((other) => (other.kind === "train" ? [other.name.text] : []));
  if (!trains.includes(name.text)) {
    const suggestion = suggest(name.text, trains);
    report(frame, unknownName, { name: name.text, suggestion }, name.span);
    return null;
  }
  if (!/^[^/\\]+\.onnx$/.test(file.value) || file.value === ownFile) {
    const expected =
      file.value === ownFile
        ? `another than \`${ownFile}\`, which every run writes`
        : "a file name that ends in `.onnx`";
    report(
      frame,
      wrongType,
      { what: "the file of an export", expected, found: JSON.stringify(file.value) },
      file.span,
    );
    return null;
  }
  // Inputs and outputs are paths, which mean something to a train alone.
  const plain = entries.map((entry) => (isPathKey(entry) ? asPresent(entry) : entry));
  const owner = `the export \`${file.value}\``;
  const bound = bindEntries(frame, { owner, formals }, plain, name.span);
  const settings = bound === null ? null : settingsOf(bound);
  if (settings === null || bound === null || !settings.isKnown) return null;
  const spanOf = (key: string): Span => bound.get(key)?.span ?? declaration.span;
  const batch = settings.meaning("batch").kind === "int" ? settings.number("batch") : null;
  if (batch !== null && batch < 1) {
    const found = String(batch);
    report(frame, wrongType, { what: "`batch`", expected: "at least 1", found }, spanOf("batch"));
    return null;
  }
  const weights = settings.meaning("weights").kind === "none" ? null : settings.text("weights");
  const precision = settings.text("precision");
  const opset = settings.number("opset");
  if (opset < opsets.least || opset > opsets.most) {
    const expected = `a whole number from ${opsets.least} to ${opsets.most}`;
    const found = String(opset);
    report(frame, wrongType, { what: "`opset`", expected, found }, spanOf("opset"));
    return null;
  }
  const value = (key: string): Expr | null =>
    entries.find((entry) => isPathKey(entry) && entry.key[0]?.text === key)?.value ?? null;
  return {
    declaration,
    file: file.value,
    inputs: value("inputs"),
    outputs: value("outputs"),
    weights: weights === "last" || weights === "ema" ? weights : "chosen",
    weightsSpan: spanOf("weights"),
    batch,
    precision: precision === "f16" || precision === "bf16" ? precision : "f32",
    opset,
    preprocess: settings.bool("preprocess"),
    preprocessSpan: spanOf("preprocess"),
    place: printSpan(declaration.span),
  };
}

const isPathKey = ({ key }: Entry): boolean =>
  key.length === 1 && ["inputs", "outputs"].includes(key[0]?.text ?? "");

const asPresent = (entry: Entry): Entry =>
  entry.value === null || entry.value.kind === "broken"
    ? entry
    : { ...entry, value: { kind: "bool", value: true, span: entry.value.span } };

/** What an export writes: the model's outputs unless it names some. `null` after a report. */
export function exportedValues(
  model: AppliedModel,
  predictions: readonly Prediction[],
  { outputs }: CheckedExport,
): readonly NamedValue[] | null {
  const { frame } = model;
  const own = model.outputs.map(({ name, value }) => ({ path: `out.${name}`, name, value }));
  const predicted = predictions.flatMap(({ name, value }) =>
    value.kind === "tensor" ? [{ path: `predict.${name}`, name, value: value.value }] : [],
  );
  if (predicted.length !== predictions.length) return null;
  if (outputs === null) return model.outputs;
  const known = [...own, ...predicted];
  const chosen: NamedValue[] = [];
  let sound = true;
  for (const item of outputs.kind === "list" ? outputs.items : [outputs]) {
    const path = pathOf(item);
    if (path === null) {
      sound = item.kind === "broken" ? sound : wrongPath(frame, item, "out.logits` or `predict.*");
      continue;
    }
    const full = own.some(({ name }) => name === path) ? `out.${path}` : path;
    const isMatch = matcher(full);
    const matched = known.filter((candidate) => isMatch(candidate.path));
    if (matched.length === 0) {
      sound = false;
      const suggestion = suggest(path, [
        ...own.map(({ name }) => name),
        ...known.map((candidate) => candidate.path),
      ]);
      report(frame, unknownName, { name: path, suggestion }, item.span);
    }
    for (const { name, value } of matched) {
      const double = chosen.some((other) => other.name === name);
      if (double) report(frame, alreadyDefined, { name }, item.span);
      sound &&= !double;
      chosen.push({ name, value });
    }
  }
  if (sound && chosen.length === 0)
    report(
      frame,
      wrongType,
      { what: "`outputs`", expected: "at least one", found: "none" },
      outputs.span,
    );
  return sound && chosen.length > 0 ? chosen : null;
}

/** The fields that an exported graph reads, in the order the export gives them; `null` after a report. */
export function exportedInputs(
  frame: Frame,
  train: CheckedTrain,
  { inputs }: CheckedExport,
  graph: Graph,
): readonly string[] | null {
  const needed = graph.inputs.flatMap(({ name }) =>
    name.startsWith("field:") ? [name.slice("field:".length)] : [],
  );
  if (inputs === null) return needed;
  const given: string[] = [];
  let sound = true;
  for (const item of inputs.kind === "list" ? inputs.items : [inputs]) {
    const name = pathOf(item)?.replace(/^field\./, "") ?? null;
    if (name === null) sound = item.kind === "broken" ? sound : wrongPath(frame, item, "image");
    else if (!train.data.fields.has(name)) {
      sound = false;
      const suggestion = suggest(name, train.data.fields.keys());
      report(frame, unknownName, { name, suggestion }, item.span);
    } else if (!needed.includes(name)) {
      sound = false;
      report(frame, exportInputUnread, { input: name }, item.span);
    } else if (given.includes(name)) {
      sound = false;
      report(frame, alreadyDefined, { name }, item.span);
    } else given.push(name);
  }
  const missing = needed.find((name) => !given.includes(name));
  if (sound && missing !== undefined) {
    report(frame, exportInputMissing, { input: missing }, inputs.span);
    return null;
  }
  return sound ? given : null;
}

function wrongPath(frame: Frame, { span }: Expr, example: string): false {
  const expected = `a name such as \`${example}\``;
  report(
    frame,
    wrongType,
    { what: "a name in an export", expected, found: "another expression" },
    span,
  );
  return false;
}

/** `out.logits`, `predict.mc.*` as text. */
function pathOf(expr: Expr): string | null {
  if (expr.kind === "name") return expr.name;
  if (expr.kind !== "member") return null;
  const object = pathOf(expr.object);
  return object === null ? null : `${object}.${expr.member.text}`;
}

/** `*` stands for any one segment, `**` for any number of them. */
function matcher(path: string): (candidate: string) => boolean {
  const pattern = path
    .split(".")
    .map((segment) =>
      segment === "**" ? ".*" : segment.replaceAll(/[^\w*]/g, "\\$&").replaceAll("*", "[^.]*"),
    )
    .join("\\.");
  const expression = new RegExp(`^${pattern}$`);
  return (candidate) => expression.test(candidate);
}
