/** Transforms that leave pixels where they are: their settings, what each takes, and the type it gives. */

import { dtypes, isFloat, type TensorType } from "../../ir/type.js";
import { signature } from "../signature.js";
import { atLeast, isPositive, isProbability } from "./data-call.js";
import { gridOf, gridProblem } from "./tile-grid.js";
import {
  anyImage,
  byteImage,
  bytes,
  fits,
  heightOf,
  isImage,
  ordered,
  pairOf,
  type TransformForm,
  widthOf,
} from "./transform-form.js";

const image = (type: TensorType): TensorType | null => (isImage(type) ? type : null);
const toFloat = (type: TensorType): TensorType | null =>
  isImage(type) ? { ...type, dtype: "f32" } : null;

const dtypeNamed = (text: string): TensorType["dtype"] | null =>
  dtypes.find((dtype) => dtype === text) ?? null;

/** By name. */
export const valueTransforms: Readonly<Record<string, TransformForm>> = {
  jitter: {
    formals: signature("jitter(brightness: float = 0, contrast: float = 0)"),
    limits: { brightness: isProbability, contrast: isProbability },
    takes: byteImage,
    result: bytes,
    make: (_type, { settings: s }) => ({
      kind: "jitter",
      brightness: s.number("brightness"),
      contrast: s.number("contrast"),
    }),
  },
  color_jitter: {
    formals: signature(
      "color_jitter(brightness: float = 0, contrast: float = 0, saturation: float = 0, hue: float = 0)",
    ),
    limits: {
      brightness: isProbability,
      contrast: isProbability,
      saturation: isProbability,
      hue: { holds: (value) => value >= 0 && value <= 0.5, expected: "in 0 .. 0.5" },
    },
    takes: "a colored image `u8[3, H, W]`",
    result: (type) => (type.shape.at(-3) === 3 ? bytes(type) : null),
    make: (_type, { settings: s }) => ({
      kind: "color_jitter",
      brightness: s.number("brightness"),
      contrast: s.number("contrast"),
      saturation: s.number("saturation"),
      hue: s.number("hue"),
    }),
  },
  blur: {
    formals: signature("blur(sigma: float, p: float = 1)"),
    limits: { sigma: isPositive, p: isProbability },
    takes: anyImage,
    result: image,
    make: (_type, { settings: s }) => ({
      kind: "blur",
      sigma: s.number("sigma"),
      p: s.number("p"),
    }),
  },
  noise: {
    formals: signature("noise(std: float, p: float = 1)"),
    limits: { std: isPositive, p: isProbability },
    takes: "`u8` or a float type",
    result: (type) => (type.dtype === "u8" || isFloat(type.dtype) ? type : null),
    make: (_type, { settings: s }) => ({ kind: "noise", std: s.number("std"), p: s.number("p") }),
  },
  cutout: {
    formals: signature("cutout(size: int, count: int = 1, p: float = 1, value: float = 0)"),
    limits: { size: atLeast(1), count: atLeast(1), p: isProbability },
    takes: anyImage,
    problem: (type, { settings: s }) =>
      fits("size", s.number("size"), heightOf(type)) ??
      fits("size", s.number("size"), widthOf(type)),
    result: image,
    make: (_type, { settings: s }) => ({
      kind: "cutout",
      size: s.number("size"),
      count: s.number("count"),
      p: s.number("p"),
      value: s.number("value"),
    }),
  },
  scale: {
    formals: signature("scale(by: float[2], p: float = 1)"),
    limits: { p: isProbability, by: isPositive },
    takes: "a float type",
    problem: (_type, { settings }) => ordered("by", settings.numbers("by")),
    result: (type) => (isFloat(type.dtype) ? type : null),
    make: (_type, { settings: s }) => ({
      kind: "scale",
      by: pairOf(s.numbers("by")),
      p: s.number("p"),
    }),
  },
  normalize: {
    formals: signature("normalize(mean: float[], std: float[])"),
    takes: anyImage,
    problem(type, { settings: s }) {
      if (!isImage(type)) return null;
      const channels = type.shape.at(-3);
      for (const setting of ["mean", "std"] as const) {
        const { length } = s.numbers(setting);
        if (length !== 1 && length !== channels)
          return {
            setting,
            expected: `one number, or one for each of ${String(channels)} channels`,
            found: `${length}`,
          };
      }
      return s.numbers("std").every((std) => std > 0)
        ? null
        : { setting: "std", expected: "above 0", found: `[${s.numbers("std").join(", ")}]` };
    },
    result: toFloat,
    make: (_type, { settings: s }) => ({
      kind: "normalize",
      mean: s.numbers("mean"),
      std: s.numbers("std"),
    }),
  },
  standardize: {
    formals: signature("standardize()"),
    takes: anyImage,
    result: toFloat,
    make: () => ({ kind: "standardize" }),
  },
  tile: {
    formals: signature("tile(size: int, overlap: int = 0)"),
    limits: { size: atLeast(1), overlap: atLeast(0) },
    takes: `${anyImage}, of known size`,
    problem: (type, { settings: s }) => gridProblem(type, s.number("size"), s.number("overlap")),
    result(type, { settings: s }) {
      const size = s.number("size");
      const tiles = gridOf(type, size, s.number("overlap"));
      if (tiles === null || !isImage(type)) return null;
      const { shape } = type;
      return { ...type, shape: [...shape.slice(0, -3), tiles, ...shape.slice(-3, -2), size, size] };
    },
    make: (_type, { settings: s }) => ({
      kind: "tile",
      size: s.number("size"),
      overlap: s.number("overlap"),
    }),
  },
  to: {
    formals: signature("to(dtype: f32 | f16 | bf16 | f64 | i32 | i64 | u8)"),
    takes: "any type",
    result(type, { settings: s }) {
      const dtype = dtypeNamed(s.text("dtype"));
      return dtype === null ? null : { ...type, dtype };
    },
    make: (type, { settings: s }) => ({
      kind: "to",
      dtype: dtypeNamed(s.text("dtype")) ?? type.dtype,
    }),
  },
};
