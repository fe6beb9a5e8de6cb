/** Transforms: chains of known steps on one field, each with its effect on the field's type. */

import type {
  ApplyStep,
  AssignMember,
  DatasetDecl,
  Expr,
  Formal,
  TransformMember,
} from "../../grammar/ast.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { notYetSupported } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { printType, type TensorType } from "../ir/type.js";
import type { DataProgram, TransformOp } from "../plan/data.js";
import { bindArguments } from "./bind.js";
import { type Frame, report } from "./frame.js";
import { settingsOf } from "./read.js";
import { signature } from "./signature.js";

interface TransformKind {
  readonly formals: readonly Formal[];
  readonly make: (settings: ReturnType<typeof settingsOf>) => TransformOp;
  /** A setting outside of its range: its name, what it must be, what it is. */
  readonly problem?: (op: TransformOp, type: TensorType) => Problem | null;
  /** The field's type after the step; `null` when the step does not take it. */
  readonly result: (type: TensorType, op: TransformOp) => TensorType | null;
  readonly takes: string;
}

interface Problem {
  readonly setting: string;
  readonly expected: string;
  readonly found: string;
}

/** A number outside of `low .. high`, both included. */
const outside = (setting: string, value: number, low: number, high: number): Problem | null =>
  value >= low && value <= high
    ? null
    : {
        setting,
        expected: high === Infinity ? `at least ${low}` : `in ${low} .. ${high}`,
        found: String(value),
      };

const isImage = (type: TensorType): boolean =>
  type.shape.length === 3 && (type.dtype === "u8" || type.dtype === "f32");
const sameImage = (type: TensorType): TensorType | null => (isImage(type) ? type : null);
const toFloat = (type: TensorType): TensorType | null =>
  isImage(type) ? { ...type, dtype: "f32" } : null;
const anyImage = "an image, `u8[C, H, W]` or `f32[C, H, W]`";

const transforms: Readonly<Record<string, TransformKind>> = {
  resize: {
    formals: signature("resize(height: int, width: int)"),
    make: (s) => ({ kind: "resize", height: s.number("height"), width: s.number("width") }),
    takes: "an image `u8[C, H, W]`",
    problem: (op) =>
      op.kind === "resize"
        ? (outside("height", op.height, 1, Infinity) ?? outside("width", op.width, 1, Infinity))
        : null,
    result: (type, op) =>
      type.dtype === "u8" && isImage(type) && op.kind === "resize"
        ? { ...type, shape: [type.shape[0] ?? 0, op.height, op.width] }
        : null,
  },
  normalize: {
    formals: signature("normalize(mean: float[], std: float[])"),
    make: (s) => ({ kind: "normalize", mean: s.numbers("mean"), std: s.numbers("std") }),
    takes: anyImage,
    problem(op, type) {
      if (op.kind !== "normalize" || !isImage(type)) return null;
      const [channels] = type.shape;
      for (const setting of ["mean", "std"] as const) {
        const values = op[setting];
        if (values.length !== 1 && values.length !== channels)
          return {
            setting,
            expected: `one number, or one for each of ${String(channels)} channels`,
            found: `${values.length}`,
          };
      }
      return op.std.every((std) => std > 0)
        ? null
        : { setting: "std", expected: "above 0", found: `[${op.std.join(", ")}]` };
    },
    result: toFloat,
  },
  standardize: {
    formals: signature("standardize()"),
    make: () => ({ kind: "standardize" }),
    takes: anyImage,
    result: toFloat,
  },
  hflip: {
    formals: signature("hflip(p: float = 0.5)"),
    make: (s) => ({ kind: "hflip", p: s.number("p") }),
    problem: (op) => (op.kind === "hflip" ? outside("p", op.p, 0, 1) : null),
    takes: anyImage,
    result: sameImage,
  },
  jitter: {
    formals: signature("jitter(brightness: float = 0, contrast: float = 0)"),
    make: (s) => ({
      kind: "jitter",
      brightness: s.number("brightness"),
      contrast: s.number("contrast"),
    }),
    problem: (op) =>
      op.kind === "jitter"
        ? (outside("brightness", op.brightness, 0, 1) ?? outside("contrast", op.contrast, 0, 1))
        : null,
    takes: "an image `u8[C, H, W]`",
    result: (type) => (type.dtype === "u8" ? sameImage(type) : null),
  },
  random_shift: {
    formals: signature("random_shift(pad: int)"),
    make: (s) => ({ kind: "random_shift", pad: s.number("pad") }),
    problem: (op) => (op.kind === "random_shift" ? outside("pad", op.pad, 0, Infinity) : null),
    takes: anyImage,
    result: sameImage,
  },
};

export interface CheckedTransforms {
  readonly steps: DataProgram["transforms"];
  readonly fields: ReadonlyMap<string, TensorType>;
}

/**
 * Applies every transform to the fields' types; `null` when one is wrong. Fields in `broken` have
 * been reported: nothing is said of their transforms.
 */
export function checkTransforms(
  frame: Frame,
  declaration: DatasetDecl,
  types: ReadonlyMap<string, TensorType>,
  broken: ReadonlySet<string>,
): CheckedTransforms | null {
  const fields = new Map(types);
  const steps: DataProgram["transforms"] = [];
  const ordinals = new Map<string, number>();
  let sound = true;
  for (const member of declaration.members)
    if (member.kind === "transform")
      for (const assign of member.assigns) sound = checkAssign(member, assign) && sound;
  return sound ? { steps, fields } : null;

  function checkAssign(member: TransformMember, assign: AssignMember): boolean {
    const split = member.split?.text ?? null;
    if (split !== null && split !== "train" && split !== "val" && split !== "test") {
      report(
        frame,
        unknownName,
        { name: split, suggestion: suggest(split, ["train", "val", "test"]) },
        member.split?.span ?? member.span,
      );
      return false;
    }
    const [name, second] = assign.names;
    if (name === undefined || second !== undefined) {
      report(frame, notYetSupported, { what: "a transform of several fields" }, assign.span);
      return false;
    }
    const chain = chainOf(assign.value);
    if (chain === null || chain.field.name !== name.text) {
      const wanted = `${name.text} = ${name.text} |> step(…)`;
      report(
        frame,
        wrongType,
        { what: "a transform", expected: `\`${wanted}\``, found: "another expression" },
        assign.value.span,
      );
      return false;
    }
    if (broken.has(name.text)) return false;
    if (!fields.has(name.text)) {
      report(
        frame,
        unknownName,
        { name: name.text, suggestion: suggest(name.text, fields.keys()) },
        name.span,
      );
      return false;
    }
    return chain.steps.every((step) => checkStep(split, name.text, step));
  }

  function checkStep(
    split: "train" | "val" | "test" | null,
    field: string,
    step: ApplyStep,
  ): boolean {
    const name = step.callee.kind === "name" ? step.callee.name : "";
    const kind = Object.hasOwn(transforms, name) ? transforms[name] : undefined;
    if (kind === undefined) {
      report(
        frame,
        unknownName,
        { name, suggestion: suggest(name, Object.keys(transforms)) },
        step.callee.span,
      );
      return false;
    }
    const bound = bindArguments(frame, frame, kind.formals, {
      callee: name,
      inputs: [],
      args: step.args ?? [],
      span: step.span,
    });
    if (bound === null) return false;
    const settings = settingsOf(bound);
    const before = fields.get(field);
    if (!settings.isKnown || before === undefined) return false;
    const op = kind.make(settings);
    const problem = kind.problem?.(op, before) ?? null;
    if (problem !== null) {
      const { setting, expected, found } = problem;
      const what = `\`${setting}\` of \`${name}\``;
      report(frame, wrongType, { what, expected, found }, bound.get(setting)?.span ?? step.span);
      return false;
    }
    const after = kind.result(before, op);
    if (after === null) {
      report(
        frame,
        wrongType,
        {
          what: `the input of \`${name}\``,
          expected: kind.takes,
          found: `\`${printType(before)}\``,
        },
        step.span,
      );
      return false;
    }
    if (split !== null && printType(after) !== printType(before)) {
      report(
        frame,
        wrongType,
        {
          what: `\`${field}\` after a transform of one split`,
          expected: `\`${printType(before)}\` still`,
          found: `\`${printType(after)}\``,
        },
        step.span,
      );
      return false;
    }
    const draw = `${field}.${name}`;
    const ordinal = ordinals.get(draw) ?? 0;
    ordinals.set(draw, ordinal + 1);
    fields.set(field, after);
    steps.push({ split, field, op, draw: `${draw}.${ordinal}`, place: printSpan(step.span) });
    return true;
  }
}

/** `x |> a() |> b()` as the field and its steps in order. */
function chainOf(expr: Expr): {
  readonly field: Extract<Expr, { kind: "name" }>;
  readonly steps: readonly ApplyStep[];
} | null {
  if (expr.kind === "name") return { field: expr, steps: [] };
  if (expr.kind !== "pipe" || expr.step.kind !== "apply") return null;
  const inner = chainOf(expr.input);
  return inner === null ? null : { field: inner.field, steps: [...inner.steps, expr.step] };
}
