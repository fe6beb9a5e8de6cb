/** The page of types: dtypes, setting types, units and quantities. */

import { builtinTypes } from "../../compiler/check/settings.js";
import { dtypeBytes, dtypes, isFloat, isInteger } from "../../compiler/ir/type.js";
import { UNITS } from "../../grammar/tokens.js";
import { type Page, pageOf, prose, table } from "./markdown.js";

const settingTypes: Readonly<Record<(typeof builtinTypes)[number], readonly [string, string]>> = {
  int: ["a whole number", "`3`"],
  float: ["a number; an integer fits", "`1e-3`"],
  bool: ["a truth value", "`true`"],
  string: ["a text", '`"valid"`'],
  path: ["a file or folder, relative to the file that names it", '`"data/frames"`'],
  dim: ["an extent: a whole number, or a symbol of the block", "`64`, `C`"],
  duration: ["a length of time in `steps`, `epochs` or `%`, or `rest`", "`5 epochs`"],
  init: ["how a weight begins", "`normal(0.02)`"],
  weights: ["paths of weights, as `weights[]`", "`[model.head.**]`"],
  block: ["a block with its settings; each application makes new weights", "`Linear(64)`"],
  none: ["no value", "`none`"],
  word: ["any bare word", "`ring`"],
  bytes: ["an amount of memory", "`20 GiB`"],
  percent: ["a share in `%`", "`70%`"],
  dtype: ["a dtype", "`bf16`"],
};

/** What each unit, in its singular form, measures. */
const measures: Readonly<Record<string, string>> = {
  epoch: "a pass over the training records",
  step: "an optimizer update",
  frame: "frames",
  sample: "records",
  second: "time",
  minute: "time",
  hour: "time",
  KiB: "memory, 1024 bytes",
  MiB: "memory, 1024 KiB",
  GiB: "memory, 1024 MiB",
  "%": "a share; of a duration, of its stage",
};

export function typesPage(): Page {
  const code = (text: string): string => `\`${text}\``;
  const units = [...new Set(Object.values(UNITS))];
  const spellings = (unit: string): string =>
    Object.keys(UNITS)
      .filter((spelling) => UNITS[spelling] === unit)
      .map(code)
      .join(", ");
  return pageOf("types", "Types", "dtypes, tensor and setting types, units and quantities.", [
    "## Tensors",
    "",
    prose(
      "`f32[B, 3, H, W]` is a dtype and its dims; `f32[]` is a scalar. A dim is a number, a name, an expression over names, `axis = size` to give the axis a name, or `...` for any leading axes. A name of an `in` type that is no constant is generic: it is solved at each application. No dtype is ever promoted.",
    ),
    "",
    ...table(
      ["dtype", "bytes", "kind"],
      dtypes.map((dtype) => [
        code(dtype),
        String(dtypeBytes(dtype)),
        isFloat(dtype) ? "float" : isInteger(dtype) ? "integer" : "truth value",
      ]),
    ),
    "",
    "## Settings",
    "",
    prose(
      "A formal with a type is a setting: a value of compile time. `|` separates alternatives; a name that is none of these types is a word, such as `pre | post`. `int[2]` is a list of two, which a single value fills, `word[]` a list of any length.",
    ),
    "",
    ...table(
      ["type", "what it holds", "example"],
      builtinTypes.map((name) => [code(name), ...settingTypes[name]]),
    ),
    "",
    "## Units",
    "",
    "A quantity is a number and a unit, written as one: `5 epochs`, `70%`, `200 GiB`.",
    "",
    ...table(
      ["unit", "measures"],
      units.map((unit) => [spellings(unit), measures[unit] ?? unit]),
    ),
  ]);
}
